"""What people fill in to come in. allauth does the work; the words are ours."""

from typing import Any

from allauth.account import forms as allauth
from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from hub.accounts.models import User
from hub.accounts.names import MAX_NAMESPACE


def password_field(*, label: Any, new: bool, help_text: Any = "") -> forms.CharField:
    autocomplete = "new-password" if new else "current-password"
    widget = forms.PasswordInput(attrs={"autocomplete": autocomplete})
    return forms.CharField(label=label, strip=False, widget=widget, help_text=help_text)


def _plain(form: forms.BaseForm) -> None:
    """Take allauth's placeholders away: a label says it once, and stays when somebody types."""
    for field in form.fields.values():
        field.widget.attrs.pop("placeholder", None)


def check_needs_no_provider(user: User) -> None:
    """Refuse, where people come in by the provider alone, whoever does not administer the hub."""
    if settings.OIDC_ONLY and not user.is_staff:
        raise forms.ValidationError(
            _("This hub lets people in by %(name)s alone.") % {"name": settings.OIDC_NAME}, code="single_sign_on"
        )


class LoginForm(allauth.LoginForm):
    """Name or e-mail address, and password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _plain(self)
        self.fields["login"].label = _("User name or e-mail address")
        self.fields["login"].widget.attrs.update(autocomplete="username", autocapitalize="none", spellcheck="false")
        self.fields["password"].label = _("Password")
        self.fields["password"].help_text = ""
        self.fields["remember"].label = _("Stay logged in on this device")

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean()
        # Once the password is known to be right: before, the answer would tell who administers the hub.
        if getattr(self, "user", None) is not None:
            check_needs_no_provider(self.user)
        return cleaned


class SignupForm(allauth.SignupForm):
    """Name, e-mail address, password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _plain(self)
        name = self.fields["username"]
        name.label = _("User name")
        name.help_text = _(
            "Letters a to z, digits and single hyphens. It stands in the address of all that you publish."
        )
        name.widget.attrs.update(autocapitalize="none", spellcheck="false", maxlength=MAX_NAMESPACE)
        self.fields["email"].label = _("E-mail address")
        self.fields["email"].help_text = _("Only for you: for resetting your password. It is never shown.")
        self.fields["password1"].label = _("Password")
        self.fields["password1"].help_text = _("At least 10 characters, not only digits, not a common one.")


class ResetPasswordForm(allauth.ResetPasswordForm):
    """The e-mail address that the link goes to."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _plain(self)
        self.fields["email"].label = _("E-mail address")


class NewPasswordForm(allauth.ResetPasswordKeyForm):
    """A new password after a reset. Asked once: browsers show what is typed and keep it."""

    password2 = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _plain(self)
        self.fields["password1"].label = _("New password")
        self.fields["password1"].help_text = _("At least 10 characters, not only digits, not a common one.")


class ChangePasswordForm(allauth.ChangePasswordForm):
    """The current password and a new one."""

    password2 = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _plain(self)
        self.fields["oldpassword"].label = _("Current password")
        self.fields["oldpassword"].help_text = ""
        self.fields["password1"].label = _("New password")
        self.fields["password1"].help_text = _("At least 10 characters, not only digits, not a common one.")


class AddEmailForm(allauth.AddEmailForm):
    """One more e-mail address."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _plain(self)
        self.fields["email"].label = _("Another e-mail address")


class SetupForm(forms.Form):
    """The first administrator."""

    name = forms.CharField(
        label=_("User name"),
        max_length=MAX_NAMESPACE,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}),
        help_text=_("Letters a to z, digits and single hyphens. It stands in the address of all that you publish."),
    )
    email = forms.EmailField(label=_("E-mail address"), widget=forms.EmailInput(attrs={"autocomplete": "email"}))
    password = password_field(
        label=_("Password"), new=True, help_text=_("At least 10 characters, not only digits, not a common one.")
    )
