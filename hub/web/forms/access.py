"""What people fill in about access to gated repositories."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from hub.core.errors import HubError
from hub.repos.access_forms import MAX_ANSWER, Asked, Question
from hub.repos.gates import MAX_REASON
from hub.repos.models import Gate
from hub.web.forms.repositories import PLAIN


class AccessForm(forms.Form):
    """The questions of a repository's card."""

    def __init__(self, questions: Sequence[Question], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # By the question, not by its place: where the card has changed meanwhile, no answer is taken for another one's.
        self._names = {question.label: _name_of(question) for question in questions}
        for question in questions:
            self.fields[_name_of(question)] = _field_of(question)

    def answers(self) -> dict[str, str | bool]:
        """Return question -> answer, as the service takes them."""
        return {label: self.cleaned_data[name] for label, name in self._names.items()}

    def explain(self, error: HubError) -> None:
        """Put the service's refusal beside the question that it is about, or above the form."""
        self.add_error(self._names.get(error.field), error.message)


def _name_of(question: Question) -> str:
    return f"answer-{sha256(question.label.encode()).hexdigest()[:12]}"


def _field_of(question: Question) -> forms.Field:
    match question.asks:
        case Asked.CHECKBOX:
            return forms.BooleanField(label=question.label)
        case Asked.DATE:
            # Kept as it is written, which is how browsers send it; the service says what is no date.
            return forms.CharField(label=question.label, widget=forms.DateInput(attrs={"type": "date"}))
        case Asked.COUNTRY | Asked.SELECT:
            return forms.ChoiceField(
                label=question.label, choices=[("", gettext("Choose…")), *question.choices().items()]
            )
        case _:
            return forms.CharField(label=question.label, max_length=MAX_ANSWER)


class GateForm(forms.Form):
    """Who gets the files."""

    gate = forms.ChoiceField(
        label=_("Who gets the files"),
        widget=forms.RadioSelect,
        required=False,
        choices=[
            (Gate.OPEN, _("Everybody who can see the repository")),
            (Gate.AUTO, _("Whoever asks: they tell who they are, and are let in at once")),
            (Gate.MANUAL, _("Whoever you let in: they ask, and you decide about each")),
        ],
    )


class GrantForm(forms.Form):
    """Somebody who is let in without having asked."""

    user = forms.CharField(label=_("User name"), max_length=100, widget=forms.TextInput(attrs=PLAIN))


class DecisionForm(forms.Form):
    """What becomes of a request."""

    decision = forms.ChoiceField(choices=[(name, name) for name in ("accept", "reject", "reopen")])
    reason = forms.CharField(max_length=MAX_REASON, required=False)
