"""What accounts hear from the libraries that sign people in."""

from typing import Any

from allauth.account.signals import password_changed, password_reset, password_set
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.signals import user_logged_in
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from django.http import HttpRequest

from hub.accounts import sessions
from hub.accounts.models import User
from hub.core.models import record


@receiver([post_save, post_delete], sender=Authenticator)
def keep_second_factor(instance: Authenticator, **_kwargs: Any) -> None:
    """Keep `second_factor` in step, in the transaction that changes the authenticators. Recovery codes alone are none."""
    factors = Authenticator.objects.filter(user=instance.user_id).exclude(type=Authenticator.Type.RECOVERY_CODES)
    has, user = factors.exists(), User.objects.filter(pk=instance.user_id).first()
    if user is not None and user.second_factor != has:
        User.objects.filter(pk=user.pk).update(second_factor=has)
        record(actor=user, verb="second-factor.add" if has else "second-factor.remove", target=user.username)


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
def note_session(request: HttpRequest, user: User, **_kwargs: Any) -> None:
    sessions.note_session(request, user)


@receiver([password_changed, password_set])
def end_other_sessions(request: HttpRequest, user: User, **_kwargs: Any) -> None:
    """A password that was changed may have been known to somebody else: their browsers go, the one that changed it stays."""
    sessions.end_sessions(user=user, but=request.session.session_key)
    sessions.note_session(request, user)


@receiver(password_reset)
def end_sessions(user: User, **_kwargs: Any) -> None:
    sessions.end_sessions(user=user)
