"""What accounts hear from the libraries that sign people in, and before the site starts."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.signals import (
    email_added,
    email_changed,
    email_removed,
    password_changed,
    password_reset,
    password_set,
)
from allauth.core import context
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authentication_failed, authenticator_used
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.signals import user_logged_in
from django.core.cache import cache
from django.db import transaction
from django.db.models.signals import post_delete, post_save
from django.dispatch import Signal, receiver
from django.http import HttpRequest

from hub.accounts import second_factor, sessions
from hub.accounts.models import User
from hub.core.errors import TooMany
from hub.core.models import record
from hub.core.signals import prepared
from hub.core.throttles import check_rate

WRONG_CODES = 4  # in a day, that somebody may type who has the wrong phone in their hand
DAY = 86400  # seconds


@receiver(prepared)
def encrypt_secrets(**_kwargs: Any) -> None:
    second_factor.encrypt_secrets()


@receiver([post_save, post_delete], sender=Authenticator)
@transaction.atomic
def keep_second_factor(instance: Authenticator, created: bool | None = None, **_kwargs: Any) -> None:
    """Keep `second_factor` in step, in the transaction that changes the authenticators. Recovery codes alone are none, and go
    with the last of the others."""
    if created is False:
        return
    # One after the other: of two that go at the same moment, each would see the other still there.
    user = User.objects.select_for_update(no_key=True).filter(pk=instance.user_id).first()
    if user is None:
        return
    # Without a request it is the operator's shell.
    actor = user if context.request is not None else None
    if instance.type == Authenticator.Type.RECOVERY_CODES:
        if created:
            record(actor=actor, verb="second-factor.codes", target=user.username)
        return
    verb = "second-factor.add" if created else "second-factor.remove"
    record(actor=actor, verb=verb, target=user.username, kind=instance.type)
    has = Authenticator.objects.filter(user=user).exclude(type=Authenticator.Type.RECOVERY_CODES).exists()
    if user.second_factor != has:
        User.objects.filter(pk=user.pk).update(second_factor=has)
    if not has:
        Authenticator.objects.filter(user=user).delete()


@receiver(authenticator_used)
def tell_of_used_code(user: User, authenticator: Authenticator, **_kwargs: Any) -> None:
    """A recovery code lies in a drawer until its owner needs it, or somebody else has found it."""
    if authenticator.type == Authenticator.Type.RECOVERY_CODES:
        record(actor=user, verb="second-factor.code-used", target=user.username)
        get_adapter().send_notification_mail("mfa/email/recovery_code_used", user)


@receiver(authentication_failed)
def warn_of_guesses(user: User, reauthentication: bool = False, **_kwargs: Any) -> None:
    """Tell somebody, once in a day, that codes are guessed at: the password must have been right before."""
    if reauthentication:
        return
    try:
        check_rate("wrong-codes", user.pk, limit=WRONG_CODES, seconds=DAY)
    except TooMany:
        if cache.add(f"wrong-codes-told:{user.pk}", 1, timeout=DAY):
            get_adapter().send_notification_mail("mfa/email/wrong_codes", user)


@receiver(post_save, sender=SocialAccount)
def record_connection(instance: SocialAccount, created: bool, **_kwargs: Any) -> None:
    if created:
        user = instance.user
        record(actor=user, verb="sso.connect", target=user.username, provider=instance.provider)


@receiver(post_delete, sender=SocialAccount)
def record_disconnection(instance: SocialAccount, **_kwargs: Any) -> None:
    # It also goes with its user, who then did nothing.
    user = User.objects.filter(pk=instance.user_id).first()
    if user is not None:
        record(actor=user, verb="sso.disconnect", target=user.username, provider=instance.provider)


@receiver(user_logged_in)
def note_log_in(request: HttpRequest, user: User, **_kwargs: Any) -> None:
    sessions.note_log_in(request, user)


@receiver([password_changed, password_set])
def end_other_sessions(request: HttpRequest, user: User, **_kwargs: Any) -> None:
    """A password that was changed may have been known to somebody else: their browsers go, the one that changed it stays."""
    record(actor=user, verb="password.change", target=user.username)
    sessions.end_sessions(user=user, but=request.session.session_key)
    sessions.note_log_in(request, user)


@receiver(password_reset)
def end_sessions(user: User, **_kwargs: Any) -> None:
    record(actor=user, verb="password.reset", target=user.username)
    sessions.end_sessions(user=user)


@receiver([email_added, email_removed, email_changed])
def record_addresses(user: User, signal: Signal, **_kwargs: Any) -> None:
    """Which address it was stays out of a record that nobody can change."""
    verb = {email_added: "email.add", email_removed: "email.remove", email_changed: "email.primary"}[signal]
    record(actor=user, verb=verb, target=user.username)
