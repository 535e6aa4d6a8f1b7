"""How tools and applications get tokens of somebody, renew them and lose them.

A tool without a browser asks, and shows a code; somebody who is logged in compares the code and decides; the tool, which keeps
asking meanwhile, gets its tokens. An application with a browser gets a code to trade (`applications` has the consent). Either
way the tokens belong to one `SignIn`, which people see in their settings and can end.
"""

import logging
import secrets
from dataclasses import dataclass
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import Exists, Max, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from hub.accounts.errors import CodeNotFound
from hub.accounts.models import (
    AccessToken,
    Application,
    AuthorizationCode,
    DeviceRequest,
    RefreshToken,
    Right,
    SignIn,
    User,
    digest_of,
)
from hub.accounts.services import TOKEN_PREFIX
from hub.core.models import record
from hub.core.throttles import check_rate

log = logging.getLogger(__name__)

# A tool's token is renewed by the tool itself once a day of its life is left, so it lives for more than that.
TOOL_LIFE = timedelta(days=30)
APPLICATION_LIFE = timedelta(hours=8)
REFRESH_LIFE = timedelta(days=90)
# An answer can be lost on its way. Within this time the same refresh token may be used again, if its successor was not.
REFRESH_GRACE = timedelta(seconds=60)
CODE_LIFE = timedelta(minutes=2)
DEVICE_LIFE = timedelta(minutes=15)
DEVICE_INTERVAL = 5  # seconds between two questions of a tool
LONGEST_DEVICE_INTERVAL = 300
# Consonants alone: no words come of them, and none is taken for a digit.
CODE_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
CODE_LENGTH = 8
# One person's wrong codes, and one address's questions for new codes; seconds.
GUESSES, ASKS, WINDOW = 10, 60, 600
KEEP_DAYS = 7  # what is over and kept, so that a second use is noticed

REFRESH_PREFIX = "grove_refresh_"


# --- a tool asks, somebody decides ------------------------------------------------------------------------------------


def ask_by_device(
    *, application: Application, rights: list[str], device_code: str, agent: str, address: str
) -> DeviceRequest:
    """Note that a tool waits for somebody to let it in. Raises TooMany for an address that asks all the time."""
    check_rate("device-ask", address, limit=ASKS, seconds=WINDOW)
    while True:
        try:
            with transaction.atomic():
                return DeviceRequest.objects.create(
                    digest=digest_of(device_code),
                    user_code="".join(secrets.choice(CODE_LETTERS) for _letter in range(CODE_LENGTH)),
                    application=application,
                    rights=rights,
                    agent=agent[:200],
                    address=address,
                    expires_at=timezone.now() + DEVICE_LIFE,
                    interval=DEVICE_INTERVAL,
                )
        except IntegrityError:
            log.info("A code that waits already was drawn again")


def find_device_request(*, user: User, code: str) -> DeviceRequest:
    """Return what waits under a code, however it is typed. Raises CodeNotFound, and TooMany for somebody who guesses."""
    letters = "".join(letter for letter in code.upper() if letter in CODE_LETTERS)[: CODE_LENGTH + 1]
    waiting = DeviceRequest.objects.filter(state=DeviceRequest.State.WAITING, expires_at__gt=timezone.now())
    found = waiting.filter(user_code=letters).select_related("application").first()
    # Right ones do not count, yet none is looked at by somebody who has guessed too often.
    check_rate("device-guess", user.pk, limit=GUESSES, seconds=WINDOW, cost=0 if found else 1)
    if found is None:
        raise CodeNotFound(
            _("No tool waits under this code. Check it letter by letter; after 15 minutes the tool has to ask again."),
            field="code",
        )
    return found


@transaction.atomic
def approve_device(*, user: User, code: str, rights: list[str]) -> DeviceRequest:
    """Let the tool in that waits under the code, with these of the rights that it asked for. Raises CodeNotFound, TooMany."""
    return _decide(user, code, DeviceRequest.State.APPROVED, rights)


@transaction.atomic
def deny_device(*, user: User, code: str) -> DeviceRequest:
    """Turn the tool away that waits under the code. Raises CodeNotFound, TooMany."""
    return _decide(user, code, DeviceRequest.State.DENIED, [])


def _decide(user: User, code: str, state: DeviceRequest.State, rights: list[str]) -> DeviceRequest:
    found = find_device_request(user=user, code=code)
    asked = DeviceRequest.objects.select_for_update(of=("self",)).select_related("application").get(pk=found.pk)
    if asked.state != DeviceRequest.State.WAITING:
        raise CodeNotFound(_("Somebody has decided about this code already."), field="code")
    asked.state, asked.user = state, user
    asked.rights = [right for right in asked.rights if right in rights]
    asked.save(update_fields=["state", "user", "rights"])
    record(actor=user, verb=f"device.{state}", target=user.username, name=asked.application.name, address=asked.address)
    return asked


def poll_device(*, device_code: str) -> DeviceRequest | None:
    """Return what a tool asked, locked, for the caller's transaction, and note that it asks again.

    A tool that asks too soon has to wait longer from then on; `asked_too_soon` says so of the row as it was returned.
    """
    asked = (
        DeviceRequest.objects.select_for_update(of=("self",))
        .select_related("application", "user")
        .filter(digest=digest_of(device_code))
        .first()
    )
    if asked is None:
        return None
    longer = DEVICE_INTERVAL if asked.asked_too_soon else 0
    interval = min(asked.interval + longer, LONGEST_DEVICE_INTERVAL)
    DeviceRequest.objects.filter(pk=asked.pk).update(asked_at=timezone.now(), interval=interval)
    return asked


# --- tokens -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Issued:
    """New tokens. seconds: how long the access token lives. refresh: empty where none is given."""

    access: str
    refresh: str
    seconds: int


@transaction.atomic
def open_sign_in(*, user: User, application: Application, rights: list[str], agent: str, address: str) -> SignIn:
    """Make the sign-in that the tokens of a tool or an application will belong to."""
    sign_in = SignIn.objects.create(
        user=user, application=application, rights=rights, agent=agent[:200], address=address
    )
    record(actor=user, verb="sign-in.open", target=user.username, name=application.name, rights=rights)
    return sign_in


@transaction.atomic
def issue_tokens(*, sign_in: SignIn, rights: list[str], issued: Issued) -> AccessToken:
    """Keep the digests of new tokens of a sign-in. rights: of the access token, no more than the sign-in's."""
    now = timezone.now()
    if issued.refresh:
        RefreshToken.objects.create(sign_in=sign_in, digest=digest_of(issued.refresh), expires_at=now + REFRESH_LIFE)
    return AccessToken.objects.create(
        user=sign_in.user,
        name=sign_in.application.name,
        scope=Right.scope_of(rights),
        digest=digest_of(issued.access),
        hint=issued.access[-4:],
        expires_at=now + timedelta(seconds=issued.seconds),
        sign_in=sign_in,
    )


def new_access_secret() -> str:
    return TOKEN_PREFIX + secrets.token_urlsafe(30)


def new_refresh_secret() -> str:
    return REFRESH_PREFIX + secrets.token_urlsafe(40)


def use_refresh_token(*, secret: str, application: Application) -> RefreshToken | None:
    """Spend a refresh token, in the caller's transaction; None where it renews nothing.

    A second use, by whomever, ends the sign-in: one of the two who hold it has stolen it, and nobody can tell which.
    """
    token = (
        RefreshToken.objects.select_for_update(of=("self",))
        .select_related("sign_in__user", "sign_in__application")
        .filter(digest=digest_of(secret), sign_in__application=application)
        .first()
    )
    now = timezone.now()
    if token is None or token.expires_at <= now or token.sign_in.ended_at or not token.sign_in.user.is_active:
        return None
    successors = token.sign_in.refresh_tokens.filter(pk__gt=token.pk)
    if token.used_at is not None:
        lost = now - token.used_at < REFRESH_GRACE and not successors.filter(used_at__isnull=False).exists()
        if not lost:
            log.warning("A refresh token of %s was used twice; its sign-in ends", token.sign_in)
            _end(token.sign_in, "sign-in.reused")
            return None
        successors.update(used_at=now)
    else:
        RefreshToken.objects.filter(pk=token.pk).update(used_at=now)
    return token


@transaction.atomic
def end_sign_in(*, user: User, sign_in_id: int) -> None:
    """Close all tokens of one of the user's sign-ins; doing it twice changes nothing."""
    sign_in = SignIn.objects.select_for_update().filter(pk=sign_in_id, user=user, ended_at__isnull=True).first()
    if sign_in is not None:
        _end(sign_in, "sign-in.end")


def _end(sign_in: SignIn, verb: str) -> None:
    now = timezone.now()
    SignIn.objects.filter(pk=sign_in.pk).update(ended_at=now)
    sign_in.access_tokens.filter(revoked_at__isnull=True).update(revoked_at=now)
    sign_in.refresh_tokens.filter(used_at__isnull=True).update(used_at=now)
    record(actor=sign_in.user, verb=verb, target=sign_in.user.username, name=str(sign_in.application))


def sign_ins_of(user: User) -> QuerySet[SignIn]:
    """Those that still hold something good, newest first, each with `last_used_at`."""
    now = timezone.now()
    access = AccessToken.objects.filter(sign_in=OuterRef("pk"), expires_at__gt=now, revoked_at__isnull=True)
    refresh = RefreshToken.objects.filter(sign_in=OuterRef("pk"), expires_at__gt=now, used_at__isnull=True)
    live = user.sign_ins.filter(Q(Exists(access)) | Q(Exists(refresh)), ended_at__isnull=True)
    used = live.annotate(last_used_at=Max("access_tokens__last_used_at"))
    return used.select_related("application").order_by("-created_at")


# --- codes of applications --------------------------------------------------------------------------------------------


@transaction.atomic
def save_code(
    *,
    code: str,
    user: User,
    application: Application,
    redirect_uri: str,
    rights: list[str],
    nonce: str,
    challenge: str,
    auth_time: int,
) -> None:
    """Keep what an application may trade for tokens, once and soon."""
    AuthorizationCode.objects.create(
        digest=digest_of(code),
        user=user,
        application=application,
        redirect_uri=redirect_uri,
        rights=rights,
        nonce=nonce,
        challenge=challenge,
        auth_time=auth_time,
        expires_at=timezone.now() + CODE_LIFE,
    )


def find_code(*, code: str, application: Application) -> AuthorizationCode | None:
    """Return the code, locked, for the caller's transaction; None where it is over. Used again, it ends what came of it."""
    found = (
        AuthorizationCode.objects.select_for_update(of=("self",))
        .select_related("user", "application", "sign_in__user", "sign_in__application")
        .filter(digest=digest_of(code), application=application)
        .first()
    )
    if found is None:
        return None
    if found.sign_in is not None:
        log.warning("A code of %s was used twice; its sign-in ends", found.application)
        if found.sign_in.ended_at is None:
            _end(found.sign_in, "sign-in.reused")
        return None
    return found if found.expires_at > timezone.now() and found.user.is_active else None


def spend(given: AuthorizationCode | DeviceRequest, opened: SignIn) -> None:
    """Note, in the caller's transaction, what came of a locked code or question, which now gets nothing more."""
    if isinstance(given, AuthorizationCode):
        AuthorizationCode.objects.filter(pk=given.pk).update(sign_in=opened)
    else:
        DeviceRequest.objects.filter(pk=given.pk).update(state=DeviceRequest.State.SPENT)


def prune() -> int:
    """Delete questions, codes and tokens of tools that were over a week ago; returns how many rows. Can run twice."""
    before = timezone.now() - timedelta(days=KEEP_DAYS)
    gone = DeviceRequest.objects.filter(expires_at__lt=before).delete()[0]
    gone += AuthorizationCode.objects.filter(expires_at__lt=before).delete()[0]
    gone += RefreshToken.objects.filter(expires_at__lt=before).delete()[0]
    gone += AccessToken.objects.filter(sign_in__isnull=False, expires_at__lt=before).delete()[0]
    return gone
