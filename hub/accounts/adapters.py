"""Where django-allauth asks this hub: who may sign up, which names are free, how accounts are saved, where links go."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.forms import BaseForm
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _lazy

from hub.accounts import services
from hub.accounts.errors import LinkExpired, NameTaken
from hub.accounts.models import OneTimeLink, User
from hub.core import links

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
        if not commit:
            return user
        with transaction.atomic():
            services.save_new_user(user=user)
            if settings.SIGNUP == "invite":
                secret = request.session.pop(INVITATION_PARAMETER, "")
                services.use_link(purpose=OneTimeLink.Purpose.INVITATION, secret=secret, user=user)
        return user

    def get_email_confirmation_url(self, request: HttpRequest, emailconfirmation: Any) -> str:
        return links.base_url(request) + reverse("account_confirm_email", args=[emailconfirmation.key])

    def get_reset_password_from_key_url(self, key: str) -> str:
        path = reverse("account_reset_password_from_key", kwargs={"uidb36": "UID", "key": "KEY"})
        return links.base_url(self.request) + path.replace("UID-KEY", key)
