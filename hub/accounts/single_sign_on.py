"""What happens to whom the provider has signed in: which account they get, and that nobody gets another's."""

from typing import Any

from allauth.account.adapter import get_adapter as get_account_adapter
from allauth.account.models import EmailAddress
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialAccount, SocialLogin
from allauth.socialaccount.providers.base import AuthProcess
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.forms import BaseForm
from django.http import HttpRequest
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from hub.accounts.models import User


class SingleSignOnAdapter(DefaultSocialAccountAdapter):
    """The hub's rules in allauth's flow."""

    error_messages = {
        **DefaultSocialAccountAdapter.error_messages,
        "email_taken": _lazy(
            "An account here has this address. Log in to it by its password, then connect it to %s under Settings, Security."
        ),
        "no_password": _lazy(
            "This is your only way in. Set a password first, by “Forgot your password?” at the log-in."
        ),
        "no_verified_email": _lazy("Confirm an e-mail address first: without one nobody could reset your password."),
    }

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Send whoever has an account here by another way to its log-in: that they share an address proves nothing."""
        if sociallogin.is_existing or sociallogin.state.get("process") == AuthProcess.CONNECT:
            return
        for address in sociallogin.email_addresses:
            if User.objects.filter(email__iexact=address.email).exists():
                messages.warning(request, self.error_messages["email_taken"] % settings.OIDC_NAME)
                raise ImmediateHttpResponse(redirect("account_login"))

    def authenticate_by_email(self, sociallogin: SocialLogin) -> tuple[User, str] | None:
        """Return the account with an address that both sides know to be its owner's; None for every other.

        An address that only one side has confirmed may have been written there by somebody else, in wait for its owner.
        """
        for address in sociallogin.email_addresses:
            known = (
                EmailAddress.objects.filter(email__iexact=address.email, verified=True).select_related("user").first()
            )
            if address.verified and known is not None and known.user.is_active:
                return known.user, address.email
        return None

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        if settings.OIDC_SIGNUP == "same":
            return bool(get_account_adapter(request).takes_members(request))
        return bool(settings.OIDC_SIGNUP == "on")

    def is_auto_signup_allowed(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        """Whether nothing has to be asked: the name that they have there is good, and free, here."""
        try:
            get_account_adapter(request).clean_username(sociallogin.user.username)
        except ValidationError:
            return False
        return bool(sociallogin.email_addresses)

    def populate_user(self, request: HttpRequest, sociallogin: SocialLogin, data: dict[str, Any]) -> User:
        user: User = super().populate_user(request, sociallogin, data)
        user.display_name = str(data.get("name") or "")[:80]
        return user

    @transaction.atomic
    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: BaseForm | None = None) -> User:
        """Save the account with its namespace and its connection to the provider, all or nothing."""
        user: User = sociallogin.user
        user.set_unusable_password()
        if form is not None:
            get_account_adapter().save_user(request, user, form)
        else:
            get_account_adapter().save_new(request, user)
        sociallogin.save(request)
        return user

    def validate_disconnect(self, account: SocialAccount, accounts: Any) -> None:
        if settings.OIDC_ONLY and not account.user.is_staff:
            raise ValidationError(_("This hub lets people in by %(name)s alone.") % {"name": settings.OIDC_NAME})

    def get_connect_redirect_url(self, request: HttpRequest, socialaccount: SocialAccount) -> str:
        return reverse("mfa_index")
