"""Leaving the hub."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

KEEP, ERASE = "keep", "erase"


class DeleteAccountForm(forms.Form):
    """What is to become of what somebody said and owns, and their name as a sign that they mean it."""

    contributions = forms.ChoiceField(
        label=_("What you wrote"),
        widget=forms.RadioSelect,
        initial=KEEP,
        choices=[
            (KEEP, _("Keep it, as of a deleted user")),
            (ERASE, _("Take it away: comments become empty lines, reviews and pictures go")),
        ],
    )
    with_repositories = forms.BooleanField(label=_("Delete these repositories with my account"), required=False)
    confirm = forms.CharField(
        label=_("Your user name, to confirm"),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, name: str, owns: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.name = name
        if not owns:
            del self.fields["with_repositories"]

    def clean_confirm(self) -> str:
        typed: str = self.cleaned_data["confirm"].strip()
        if typed != self.name:
            raise forms.ValidationError(_("That is not your user name. Nothing was deleted."), code="name")
        return typed
