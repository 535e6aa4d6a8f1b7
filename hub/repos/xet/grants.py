"""Leave to send a xorb straight to the store, where clients reach it.

The bytes go as the only part of an upload that the hub itself completes, so nobody can change them any more once they are being
checked. What passes is copied to its place by the store; the hub reads it, and sends nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from hub.accounts.models import Someone
from hub.core.blobs import scratch, store, xorb_key
from hub.core.database import give_back_connection
from hub.core.errors import Conflict
from hub.repos.models import Repository, XorbGrant
from hub.repos.storage.quotas import payer_of
from hub.repos.xet.errors import FormatError, GrantNotFound, GrantsNotOffered, WrongHash
from hub.repos.xet.services import is_stored, keep_xorb, scan_named
from hub.repos.xet.xorb import MAX_BODY, PiecesReader, XorbLayout

# Long enough for the largest xorb on a line of 200 kbit/s.
GRANT_LIFE = timedelta(hours=1)
# Of one account: what it can leave lying in the store without a check, in xorbs of 64 MiB. Clients send a few dozen at once.
MAX_OPEN = 128


@dataclass(frozen=True, slots=True)
class Offer:
    """Where to send the bytes, by PUT and with nothing but their length."""

    grant: UUID
    url: str


def check_offered() -> None:
    """Raise GrantsNotOffered where clients do not reach the store, and send xorbs to the hub."""
    if not store().is_direct:
        raise GrantsNotOffered("This hub takes xorbs itself.")


def offer_grant(*, repository: Repository, user: Someone, name: str, size: int) -> Offer | None:
    """Return where the xorb `name` (hex), of `size` bytes, can be sent to; None where the hub has it already.

    The caller has a Xet token that writes. Raises GrantsNotOffered where the xorb goes to the hub instead, FormatError.
    """
    check_offered()
    if not 0 < size <= MAX_BODY:
        raise FormatError(f"A xorb has 1 to {MAX_BODY} bytes, not {size}.")
    if is_stored(name):
        return None
    assert user.pk is not None
    if _standing().filter(user=user.pk).count() >= MAX_OPEN:
        raise GrantsNotOffered(f"{MAX_OPEN} xorbs of yours are on their way to the store already.")
    give_back_connection()
    upload = store().begin_parts()
    url = store().sign_part(upload, 1, seconds=int(GRANT_LIFE.total_seconds()), length=size)
    assert url is not None
    grant = XorbGrant.objects.create(repository=repository, user_id=user.pk, xorb=name, size=size, parts=upload)
    return Offer(grant.pk, url)


def finish_grant(*, repository: Repository, user: Someone, name: str, grant_id: UUID) -> bool:
    """Check what was sent with a grant and store it as the xorb `name` (hex); return whether it was new.

    Asked again after it was done, it does nothing. Memory: about 2 MiB; a scratch file holds a copy meanwhile.
    Raises GrantNotFound where there is nothing to check: no such grant of theirs, or nothing has come; FormatError, WrongHash.
    """
    grant = _standing().filter(pk=grant_id, xorb=name, repository=repository, user=user.pk).first()
    if grant is None:
        if is_stored(name):
            return False
        raise GrantNotFound("There is no such grant, or it has expired. Ask for a new one.")
    give_back_connection()
    parts = store().parts(grant.parts)
    if not parts:
        raise GrantNotFound("Nothing has come by this grant. Ask for a new one.")
    if [(part.number, part.size) for part in parts] != [(1, grant.size)]:
        _end(grant)
        raise WrongHash(f"The xorb was announced with {grant.size} bytes, and others came. Send it again.")
    try:
        inserted = _take(grant, parts[0].tag)
    except Conflict as error:
        raise GrantNotFound("This grant has just been used. Ask for a new one.") from error
    except (FormatError, WrongHash):
        _end(grant)
        raise
    _end(grant)
    return inserted


def drop_old_grants() -> int:
    """Forget grants that nobody has used in time, with what was sent; return how many."""
    # Some were signed in the last moment, and are being used.
    old = list(XorbGrant.objects.filter(created_at__lt=timezone.now() - 2 * GRANT_LIFE))
    for grant in old:
        _end(grant)
    return len(old)


def _standing() -> QuerySet[XorbGrant]:
    return XorbGrant.objects.filter(created_at__gte=timezone.now() - GRANT_LIFE)


def _end(grant: XorbGrant) -> None:
    store().drop_parts(grant.parts)
    grant.delete()


class _WithFooter(Exception):
    """The bytes are those of the xorb, and a footer follows them, which no client is to be given."""


def _take(grant: XorbGrant, tag: str) -> bool:
    """Check what came by a grant, and have it stored."""
    key = xorb_key(grant.xorb)
    scratch.require_room(grant.size)
    with scratch.scratch_file() as handle:

        def put() -> XorbLayout:
            found: list[XorbLayout] = []

            def check(pieces: Iterable[bytes]) -> None:
                found.append(scan_named(PiecesReader(pieces), grant.size, handle, grant.xorb))
                if found[0].stored_size != grant.size:
                    raise _WithFooter

            try:
                store().join_parts(grant.parts, [tag], key, check)
            except _WithFooter:
                store().put(handle, key)
            return found[0]

        return keep_xorb(name=grant.xorb, payer=payer_of(grant.repository, grant.user), put=put)
