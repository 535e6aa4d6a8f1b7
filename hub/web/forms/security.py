"""What people fill in for the second factor, and to come in by another provider."""

from typing import Any

from allauth.core.internal.cryptokit import normalize_user_code
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base import forms as base
from allauth.mfa.models import Authenticator
from allauth.mfa.totp import forms as totp
from allauth.socialaccount import forms as social
from django import forms
from django.core.cache import cache
from django.utils.translation import gettext_lazy as _

from hub.accounts import passkeys
from hub.accounts.names import MAX_NAMESPACE

# For how long a code may be good, with those before and after it; seconds.
CODE_LIFE = 120


def _code(field: forms.Field, help_text: Any) -> None:
    field.label, field.help_text = _("Code"), help_text
    field.widget.attrs.pop("placeholder", None)
    field.widget.attrs.update(
        autocomplete="one-time-code", autocapitalize="none", spellcheck="false", autofocus=True, maxlength=32
    )
    field.widget.attrs["class"] = "mono"


class _OnceForm(base.BaseAuthenticateForm):
    """A code of the app, which is good once for as long as it is good, or one of the recovery codes."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        app = Authenticator.objects.filter(user=self.user, type=Authenticator.Type.TOTP).exists()
        either = _("Of the app on your phone, or one of your recovery codes.")
        _code(self.fields["code"], either if app else _("One of your recovery codes."))

    def clean_code(self) -> str:
        code: str = super().clean_code()
        used = f"second-factor:{self.user.pk}:{normalize_user_code(code)}"
        # Of two at the same moment, one is the first: recovery codes, too, are read, then marked.
        if not cache.add(used, 1, timeout=CODE_LIFE):
            raise get_adapter().validation_error("incorrect_code")
        return code


class SecondFactorForm(_OnceForm, base.AuthenticateForm):
    """The second step of a log-in."""


class ConfirmByCodeForm(_OnceForm, base.ReauthenticateForm):
    """Before something that a stranger at the keyboard must not do."""


class ActivateForm(totp.ActivateTOTPForm):
    """The first code, which shows that the app has the secret."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _code(self.fields["code"], _("The six digits that the app shows now."))


class RemoveAppForm(totp.DeactivateTOTPForm):
    """Nothing to fill in. last: whether no other second factor is left then."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.last = not passkeys.passkeys_of(self.authenticator.user)


class SingleSignOnSignupForm(social.SignupForm):
    """The name, where the one that they have at the provider is taken or is no name here, and the address."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs.pop("placeholder", None)
        name = self.fields["username"]
        name.label = _("User name")
        name.help_text = _(
            "Letters a to z, digits and single hyphens. It stands in the address of all that you publish."
        )
        name.widget.attrs.update(autocapitalize="none", spellcheck="false", maxlength=MAX_NAMESPACE)
        self.fields["email"].label = _("E-mail address")
        self.fields["email"].help_text = _("Only for you: for resetting your password. It is never shown.")
