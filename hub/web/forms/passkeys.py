"""What browsers and people send about passkeys."""

from typing import Any

from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.internal.flows import check_rate_limit
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn import forms as allauth
from django import forms
from django.utils.translation import gettext_lazy as _

from hub.accounts import passkeys
from hub.accounts.errors import PasskeyRefused
from hub.accounts.models import User
from hub.web.forms.accounts import check_needs_no_provider


class _AnswerField(forms.CharField):
    """What the passkey answered, as JSON: written by static/js/passkeys.js."""

    widget = forms.HiddenInput

    def __init__(self) -> None:
        missing = _("Passkeys need JavaScript. Switch it on for this page, or choose another way.")
        super().__init__(max_length=passkeys.MAX_ANSWER, error_messages={"required": missing})


def _name_field(**kwargs: Any) -> forms.CharField:
    help_text = _("For you, to tell it from others: the device or the key ring that it is on.")
    return forms.CharField(label=_("Name"), max_length=passkeys.MAX_NAME, help_text=help_text, **kwargs)


class AddPasskeyForm(forms.Form):
    """A new passkey and what it is called."""

    # A browser has made it by now: it is not refused for want of a name.
    name = _name_field(required=False)
    credential = _AnswerField()

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        self.user = user
        super().__init__(*args, **kwargs)
        self.usual = get_adapter().generate_authenticator_name(user, Authenticator.Type.WEBAUTHN)
        self.fields["name"].initial = self.usual

    def clean_name(self) -> str:
        return self.cleaned_data["name"] or self.usual

    def clean_credential(self) -> dict[str, Any]:
        try:
            return passkeys.check_registration(user=self.user, answer=self.cleaned_data["credential"])
        except PasskeyRefused as error:
            raise forms.ValidationError(error.message) from error


class RenamePasskeyForm(allauth.EditWebAuthnForm):
    """Another name for a passkey."""

    name = _name_field()

    def save(self) -> Authenticator:
        passkeys.rename_passkey(user=self.instance.user, passkey_id=self.instance.pk, name=self.cleaned_data["name"])
        return self.instance


class SecondFactorByPasskeyForm(allauth.AuthenticateWebAuthnForm):
    """The second step of a log-in: the password was right."""

    credential = _AnswerField()
    alone = False

    def clean_credential(self) -> Authenticator:
        # Without somebody whose it has to be, there is nobody whose log-in somebody else could lock.
        forget = check_rate_limit(self.user) if self.user else None
        try:
            passkey = passkeys.check_answer(user=self.user, answer=self.cleaned_data["credential"], alone=self.alone)
        except PasskeyRefused as error:
            raise forms.ValidationError(error.message) from error
        if forget:
            forget()
        return passkey


class ConfirmByPasskeyForm(SecondFactorByPasskeyForm):
    """Before something that a stranger at the keyboard must not do; a key that sits in the machine is touched by anybody."""

    alone = True
    reauthenticated = True


class PasskeyLoginForm(SecondFactorByPasskeyForm):
    """A log-in by the passkey alone."""

    remember = forms.BooleanField(required=False)
    alone = True
    passwordless = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, user=None, **kwargs)

    def clean_credential(self) -> Authenticator:
        passkey = super().clean_credential()
        check_needs_no_provider(passkey.user)
        return passkey
