"""What the Xet endpoints are opened with: tokens for calls, and signed addresses for bytes.

Both are signed with the hub's secret and stored nowhere. They say who asks and for which
repository; whether they may is checked again at each use (`access`).
"""

import time
from dataclasses import dataclass
from typing import Literal, NamedTuple

from django.conf import settings
from django.core import signing
from django.utils.crypto import constant_time_compare, salted_hmac

from hub.accounts.models import Someone
from hub.repos.errors import LinkRefused
from hub.repos.models import Repository
from hub.repos.xet.errors import TokenInvalid

Scope = Literal["read", "write"]

TOKEN_SECONDS = 3600
# Long enough for the 256 MB that a client asks for at a time; on a slower line it asks again.
LINK_SECONDS = 900

_FOR_TOKENS = "hub.repos.xet.token"
_FOR_LINKS = "hub.repos.xet.link"


class Holder(NamedTuple):
    """Whom something signed was given to. ``user``: None for nobody in particular. ``access_token`` is the hub token that
    they came with; revoking that ends this."""

    repository: int
    user: int | None
    access_token: int | None


@dataclass(frozen=True, slots=True)
class XetToken:
    """Claims of a token."""

    holder: Holder
    scope: Scope
    expires_at: int  # unix seconds

    def __str__(self) -> str:
        return signing.dumps([*self.holder, self.scope, self.expires_at], salt=_FOR_TOKENS)


def issue_token(*, repository: Repository, user: Someone, scope: Scope) -> XetToken:
    """Return a token for `user` (or nobody) on `repository`. Its text is `str(token)`."""
    return XetToken(holder_of(repository, user), scope, expires_at=int(time.time()) + TOKEN_SECONDS)


def holder_of(repository: Repository, user: Someone) -> Holder:
    acting = getattr(user, "acting_token", None)
    return Holder(repository.pk, user.pk, acting.pk if acting else None)


def token_answer(base_url: str, token: XetToken) -> tuple[dict[str, str | int], dict[str, str]]:
    """Return body and headers of a token route: one half of the clients reads each.

    `base_url`: scheme and host of the hub as the caller reaches it.
    """
    cas_url = f"{base_url}/xet" + (f"/g{settings.XET_GENERATION}" if settings.XET_GENERATION else "")
    text = str(token)
    body: dict[str, str | int] = {"casUrl": cas_url, "accessToken": text, "exp": token.expires_at}
    headers = {
        "X-Xet-Cas-Url": cas_url,
        "X-Xet-Access-Token": text,
        "X-Xet-Token-Expiration": str(token.expires_at),
    }
    return body, headers


def read_token(text: str) -> XetToken:
    """Return the claims of a token. Raises TokenInvalid if it is forged or expired."""
    try:
        *holder, scope, expires_at = signing.loads(text, salt=_FOR_TOKENS)
    except signing.BadSignature as error:
        raise TokenInvalid("This Xet token is not valid here. Ask for a new one.") from error
    token = XetToken(Holder(*holder), scope, expires_at)
    if token.expires_at <= time.time():
        raise TokenInvalid("This Xet token has expired. Ask for a new one.")
    return token


class StoredRange(NamedTuple):
    """A run of chunks of a stored xorb: chunk numbers end-exclusive, byte offsets end-exclusive."""

    xorb: str
    first_chunk: int
    end_chunk: int
    start: int
    end: int


def sign_range(wanted: StoredRange, holder: Holder) -> str:
    """Return the query string that opens exactly these bytes to `holder`, for LINK_SECONDS."""
    expires_at = int(time.time()) + LINK_SECONDS
    return (
        f"chunks={wanted.first_chunk}-{wanted.end_chunk}&bytes={wanted.start}-{wanted.end}"
        f"&for={'-'.join(str(number or 0) for number in holder)}"
        f"&expires={expires_at}&signature={_signature(wanted, holder, expires_at)}"
    )


def read_range(xorb: str, query: dict[str, str]) -> tuple[StoredRange, Holder]:
    """Return what a signed query string opens, and to whom. Raises LinkRefused if it is forged or expired."""
    try:
        chunks = [int(number) for number in query["chunks"].split("-")]
        offsets = [int(number) for number in query["bytes"].split("-")]
        wanted = StoredRange(xorb, *chunks, *offsets)
        repository, user, access_token = (int(number) for number in query["for"].split("-"))
        holder = Holder(repository, user or None, access_token or None)
        expires_at = int(query["expires"])
        signature = query["signature"]
    except (KeyError, ValueError, TypeError) as error:
        raise LinkRefused("This address is not complete. Ask for the file's reconstruction.") from error
    if not constant_time_compare(signature, _signature(wanted, holder, expires_at)):
        raise LinkRefused("This address was not signed by this hub.")
    if expires_at <= time.time():
        raise LinkRefused("This address has expired. Ask for the file's reconstruction again.")
    return wanted, holder


def _signature(wanted: StoredRange, holder: Holder, expires_at: int) -> str:
    text = ":".join(map(str, (*wanted, *holder, expires_at)))
    return salted_hmac(_FOR_LINKS, text, algorithm="sha256").hexdigest()
