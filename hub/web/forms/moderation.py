"""What people report, and what moderators decide."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hub.moderation.models import MAX_REASON, MAX_TEXT, ActionKind, Ground
from hub.web.forms.repositories import PLAIN

# What a button says, where the choice of a form says what was done.
COMMANDS = {
    ActionKind.HIDE: _("Hide it"),
    ActionKind.UNHIDE: _("Show it again"),
    ActionKind.LOCK: _("Lock the discussion"),
    ActionKind.UNLOCK: _("Unlock the discussion"),
    ActionKind.WARN: _("Warn whoever is responsible"),
    ActionKind.SUSPEND: _("Suspend the account"),
    ActionKind.LIFT: _("Lift the suspension"),
    ActionKind.TAKE_DOWN: _("Take it down"),
    ActionKind.RESTORE: _("Put it back"),
    ActionKind.DISMISS: _("Dismiss: nothing is wrong"),
}
READY_REASONS = (
    _("This is advertising that has nothing to do with this hub."),
    _("This insults or threatens people."),
    _("These files run code that does harm on the machine that loads them."),
    _("The licence of this content does not allow it to be here."),
    _("This holds personal data of people who have not agreed."),
    _("This pretends to be somebody else’s."),
    _("This needs a gate, or a warning in its card, before it can be here."),
    _("This breaks the law where this hub is run."),
)


class ReportForm(forms.Form):
    """Why something should not be here."""

    ground = forms.ChoiceField(label=_("What is wrong"), widget=forms.RadioSelect, choices=Ground.choices)
    text = forms.CharField(
        label=_("What the moderators should know"),
        max_length=MAX_TEXT,
        required=False,
        widget=forms.Textarea(attrs={"rows": 5, "maxlength": MAX_TEXT}),
        help_text=_("Where to look, what it does, whose rights it breaks. Links help."),
    )


class ActionForm(forms.Form):
    """What a moderator does about a case."""

    LIVES = (
        ("1", _("One day")),
        ("7", _("One week")),
        ("30", _("30 days")),
        ("365", _("One year")),
        ("0", _("Until it is lifted")),
    )

    kind = forms.ChoiceField(label=_("What to do"), widget=forms.RadioSelect)
    days = forms.ChoiceField(label=_("How long a suspension lasts"), choices=LIVES, initial="7", required=False)
    ready = forms.ChoiceField(label=_("A ready reason"), required=False)
    reason = forms.CharField(
        label=_("Reason in your words"),
        max_length=MAX_REASON,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "maxlength": MAX_REASON}),
        help_text=_("Whom it concerns reads it, and of a public repository that is taken down, everybody."),
    )
    note = forms.CharField(
        label=_("Note for moderators"),
        max_length=MAX_TEXT,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "maxlength": MAX_TEXT}),
    )
    close = forms.BooleanField(label=_("This settles the case; tell those who reported it"), required=False)

    def __init__(self, *args: Any, possible: Sequence[ActionKind], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["kind"].choices = [(kind, COMMANDS[kind]) for kind in possible]  # type: ignore[attr-defined]
        ready = [("", _("None")), *((str(text), text) for text in READY_REASONS)]
        self.fields["ready"].choices = ready  # type: ignore[attr-defined]
        self.fields["close"].initial = True
        if ActionKind.SUSPEND not in possible:
            del self.fields["days"]

    @property
    def public_reason(self) -> str:
        return " ".join(part for part in (self.cleaned_data["ready"], self.cleaned_data["reason"]) if part)

    @property
    def ends_at(self) -> datetime | None:
        days = int(self.cleaned_data.get("days") or 0)
        return timezone.now() + timedelta(days=days) if days else None


class AppealForm(forms.Form):
    """Why a decision was wrong."""

    text = forms.CharField(
        label=_("Why it should be looked at again"),
        max_length=MAX_TEXT,
        widget=forms.Textarea(attrs={"rows": 4, "maxlength": MAX_TEXT}),
    )


class AnswerForm(forms.Form):
    """What becomes of an appeal."""

    decision = forms.ChoiceField(choices=[("grant", ""), ("reject", "")])
    answer = forms.CharField(max_length=MAX_REASON)


class LogForm(forms.Form):
    """Which acts of the record to show."""

    actor = forms.CharField(label=_("Who"), max_length=100, required=False, widget=forms.TextInput(attrs=PLAIN))
    verb = forms.CharField(label=_("Act"), max_length=64, required=False, widget=forms.TextInput(attrs=PLAIN))
    target = forms.CharField(label=_("To what"), max_length=256, required=False, widget=forms.TextInput(attrs=PLAIN))
    since = forms.DateField(label=_("From"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label=_("To"), required=False, widget=forms.DateInput(attrs={"type": "date"}))


class BlockForm(forms.Form):
    """Somebody to block, or to hear from again."""

    name = forms.CharField(label=_("User name"), max_length=100, widget=forms.TextInput(attrs=PLAIN))
