"""Where django-allauth asks this hub: who may sign up, which names are free, how accounts are saved, where links go."""

import logging
import time
from typing import Any

from allauth.account import app_settings
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.internal.flows.reauthentication import get_reauthentication_flows
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.forms import BaseForm
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from hub.accounts import passkeys, second_factor, services
from hub.accounts.errors import LinkExpired, LogInAgain, NameTaken, SecondFactorUnreadable
from hub.accounts.models import OneTimeLink, User
from hub.core import callers, encryption, links

log = logging.getLogger(__name__)

INVITATION_PARAMETER = "invitation"
# One answer for both, so that it does not tell which names and addresses have accounts.
MISMATCH = _lazy("The name or the password is not right. Check both; capitals count in the password.")


class AccountAdapter(DefaultAccountAdapter):
    """The hub's rules in allauth's flows, and its words for what goes wrong in them."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "account_inactive": _lazy("This account is closed. Ask the operator of this hub."),
        "duplicate_email": _lazy("Your account has this address already."),
        "email_password_mismatch": MISMATCH,
        "email_taken": _lazy("An account with this e-mail address exists. Log in, or reset its password."),
        "enter_current_password": _lazy("That is not your current password. Check it and type it again."),
        "incorrect_password": _lazy("That password is not right. Check it and type it again."),
        "too_many_login_attempts": _lazy("Too many tries with a wrong password. Wait five minutes, or reset it."),
        "unverified_primary_email": _lazy("Confirm your primary address first."),
        "username_password_mismatch": MISMATCH,
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return not settings.OIDC_ONLY and self.takes_members(request)

    def takes_members(self, request: HttpRequest) -> bool:
        """Open for all, for nobody, or for whoever came by an invitation (kept in the session until it is spent)."""
        if settings.SIGNUP != "invite":
            return bool(settings.SIGNUP == "open")
        secret = request.GET.get(INVITATION_PARAMETER) or request.session.get(INVITATION_PARAMETER, "")
        try:
            services.open_link(purpose=OneTimeLink.Purpose.INVITATION, secret=secret)
        except LinkExpired:
            request.session.pop(INVITATION_PARAMETER, None)
            return False
        request.session[INVITATION_PARAMETER] = secret
        return True

    def clean_username(self, username: str, shallow: bool = False) -> str:
        """Check the form of the name, and that it is free."""
        name: str = super().clean_username(username, shallow=True)
        if not shallow:
            try:
                services.check_name_free(name)
            except NameTaken as error:
                raise ValidationError(error.message, code="username_taken") from error
        return name

    def save_user(self, request: HttpRequest, user: User, form: BaseForm, commit: bool = True) -> User:
        """Save the account with its namespace, and spend the invitation, all or nothing."""
        user = super().save_user(request, user, form, commit=False)
        # What they sign up in is what they read: their mail comes in it.
        user.language = get_language() or ""
        return self.save_new(request, user) if commit else user

    @transaction.atomic
    def save_new(self, request: HttpRequest, user: User) -> User:
        """Save an account that has its name, with its namespace; spend the invitation where one was needed."""
        services.save_new_user(user=user)
        secret = request.session.pop(INVITATION_PARAMETER, "")
        if settings.SIGNUP == "invite" and secret:
            services.use_link(purpose=OneTimeLink.Purpose.INVITATION, secret=secret, user=user)
        return user

    def get_client_ip(self, request: HttpRequest) -> str:
        return callers.address_of(request) or "unknown"

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """Tell of a change that has been made. It stands, whether or not the mail goes."""
        try:
            super().send_notification_mail(*args, **kwargs)
        except OSError:
            log.exception("A notice of a changed account was not sent")

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """allauth lets through whoever comes in by the provider alone, and so has nothing here to prove it by. A log-in of just
        now shows that it is them: raises LogInAgain without one."""
        request = context.request
        if not get_reauthentication_flows(request.user):
            logged_in = [each["at"] for each in get_authentication_records(request, request.user)]
            if time.time() - max(logged_in, default=0) > app_settings.REAUTHENTICATION_TIMEOUT:
                raise LogInAgain(
                    _("Log out and in again, then come back within five minutes: that shows that it is still you.")
                )
        return bool(super().is_reauthentication_required(app=app, **kwargs))

    def get_email_confirmation_url(self, request: HttpRequest, emailconfirmation: Any) -> str:
        return links.base_url(request) + reverse("account_confirm_email", args=[emailconfirmation.key])

    def get_reset_password_from_key_url(self, key: str) -> str:
        path = reverse("account_reset_password_from_key", kwargs={"uidb36": "UID", "key": "KEY"})
        return links.base_url(self.request) + path.replace("UID-KEY", key)


class SecondFactorAdapter(DefaultMFAAdapter):
    """What apps for codes and passkeys show of this hub, its secrets at rest, and our words for what goes wrong."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": _lazy(
            "That code is not right. Codes change every 30 seconds: type the one that is shown now."
        ),
        "cannot_generate_recovery_codes": _lazy("Recovery codes come with a second factor. Set one up first."),
    }

    def get_totp_label(self, user: User) -> str:
        return user.username

    def get_totp_issuer(self) -> str:
        return f"Grove {self._get_site_name()}"

    def encrypt(self, text: str) -> str:
        return encryption.encrypt(text, purpose=second_factor.PURPOSE)

    def decrypt(self, encrypted_text: str) -> str:
        """Raises SecondFactorUnreadable."""
        try:
            return encryption.decrypt(encrypted_text, purpose=second_factor.PURPOSE)
        except encryption.Unreadable as error:
            log.error("A second factor was encrypted by another GROVE_SECRET_KEY than this hub has")
            raise SecondFactorUnreadable(
                _(
                    "The key of this hub was changed, so it cannot read your second factor. Ask its operator: with the "
                    "earlier key beside the new one it can."
                )
            ) from error

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:  # noqa: A002
        count = Authenticator.objects.filter(user=user, type=type).count()
        return _("Passkey %(number)d") % {"number": count + 1}

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Passkeys belong to the public address of the hub, whatever name a request came by."""
        host = passkeys.host_of(links.base_url(context.request))
        return {"id": host, "name": f"Grove {host}"}

    def get_public_key_credential_user_entity(self, user: User) -> dict[str, Any]:
        entity: dict[str, Any] = super().get_public_key_credential_user_entity(user)
        return {**entity, "name": user.username, "display_name": user.shown_name}
