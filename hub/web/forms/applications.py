"""Tools and applications: a code, a decision, and what an application says of itself."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from hub.accounts.models import Application, Right


class CodeForm(forms.Form):
    """The code that a tool shows."""

    code = forms.CharField(
        label=_("Code"),
        max_length=32,
        help_text=_("Eight letters, as the tool shows them."),
        widget=forms.TextInput(
            attrs={
                "autocomplete": "off",
                "autocapitalize": "characters",
                "spellcheck": "false",
                "class": "mono",
                "placeholder": "XXXX-XXXX",
            }
        ),
    )


class DecisionForm(forms.Form):
    """How much a tool may do."""

    scope = forms.ChoiceField(label=_("It may"), widget=forms.RadioSelect)

    def __init__(self, *args: Any, rights: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._asked = rights
        choices = [(Right.READ, _("Read: download what you may see, private repositories included"))]
        if Right.WRITE in rights:
            choices.append((Right.WRITE, _("Write: also create, upload, change and delete in your name")))
        scope = self.fields["scope"]
        assert isinstance(scope, forms.ChoiceField)
        scope.choices, scope.initial = choices, choices[-1][0]

    def rights(self) -> list[str]:
        """Return the rights to give, of those that were asked for."""
        return [right for right in self._asked if right != Right.WRITE or self.cleaned_data["scope"] == Right.WRITE]


class ApplicationForm(forms.Form):
    """What an application says of itself, and what it may ask for."""

    name = forms.CharField(label=_("Name"), max_length=80, help_text=_("People decide by it whether to let it in."))
    homepage = forms.URLField(label=_("Website"), max_length=200, required=False, assume_scheme="https")
    redirect_uris = forms.CharField(
        label=_("Addresses for answers"),
        max_length=5500,
        help_text=_("One in a line, as the application sends it, to the letter."),
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "class": "mono"}),
    )
    rights = forms.MultipleChoiceField(
        label=_("It may ask to"),
        required=False,
        choices=[(right.value, right.label) for right in Right if right != Right.OPENID],
        widget=forms.CheckboxSelectMultiple,
        initial=[Right.PROFILE.value],
    )

    def clean_redirect_uris(self) -> list[str]:
        return [line.strip() for line in self.cleaned_data["redirect_uris"].splitlines() if line.strip()]

    @staticmethod
    def saying(application: Application) -> dict[str, Any]:
        """Return the form's initial values for an application that is there."""
        return {
            "name": application.name,
            "homepage": application.homepage,
            "redirect_uris": "\n".join(application.redirect_uris),
            "rights": application.rights,
        }


class NewApplicationForm(ApplicationForm):
    """Whether it can keep a secret is settled once."""

    confidential = forms.TypedChoiceField(
        label=_("Kind"),
        widget=forms.RadioSelect,
        coerce=lambda value: value == "yes",
        initial="yes",
        choices=[
            ("yes", _("On a server: it keeps a secret")),
            ("no", _("In a browser or on people's machines: it keeps none, and proves itself by PKCE")),
        ],
    )
