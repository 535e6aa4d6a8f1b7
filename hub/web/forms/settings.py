"""What people say of themselves, and the keys that they hand out."""

from datetime import datetime, timedelta

from django import forms
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hub.accounts.models import Scope


class ProfileForm(forms.Form):
    """The public side of an account, and the language of the pages."""

    display_name = forms.CharField(
        label=_("Display name"),
        max_length=80,
        required=False,
        help_text=_("In any script. Without one, your user name is shown."),
    )
    bio = forms.CharField(
        label=_("About you"), max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 4, "maxlength": 500})
    )
    website = forms.URLField(label=_("Website"), max_length=200, required=False, assume_scheme="https")
    language = forms.ChoiceField(label=_("Language of the pages"), choices=settings.LANGUAGES)


class TokenForm(forms.Form):
    """A new access token."""

    LIVES = (
        ("30", _("30 days")),
        ("90", _("90 days")),
        ("365", _("One year")),
        ("0", _("No expiry")),
    )

    name = forms.CharField(
        label=_("Name"), max_length=80, help_text=_("Where you will use it, such as “laptop” or “training server”.")
    )
    scope = forms.ChoiceField(
        label=_("Scope"),
        widget=forms.RadioSelect,
        initial=Scope.READ,
        choices=[
            (Scope.READ, _("Read: download what you may see, private repositories included")),
            (Scope.WRITE, _("Write: also create, upload, change and delete in your name")),
        ],
    )
    life = forms.ChoiceField(label=_("Valid for"), choices=LIVES, initial="90")

    def expires_at(self) -> datetime | None:
        """Return when the token ends, None for never."""
        days = int(self.cleaned_data["life"])
        return timezone.now() + timedelta(days=days) if days else None


class InvitationForm(forms.Form):
    """A link for one new person."""

    note = forms.CharField(
        label=_("Whom it is for"),
        max_length=120,
        required=False,
        help_text=_("Only you and other administrators see it."),
    )
