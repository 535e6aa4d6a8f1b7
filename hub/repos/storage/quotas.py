"""How much each user and each organization may keep here, and saying so before bytes are sent.

What is held counts (`accounting`), and what was sent, or announced in parts, and is not committed yet. It counts for the owner
of the repository that it was sent to; what somebody sends to a repository that is not theirs, to propose it, counts for
themselves until a commit takes it. Many uploads at once may each be let through; the commit asks again, one at a time.
"""

from collections.abc import Collection, Iterable
from itertools import islice

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from hub.accounts.models import Membership, Namespace, Someone, User
from hub.core import locks
from hub.core.amounts import bytesize
from hub.core.errors import Forbidden
from hub.core.models import record
from hub.repos.models import BlobClaim, LargeUpload, RepoBlob, Repository, XetFile, XetFileXorb, Xorb
from hub.repos.models.blobs import CLAIM_LIFE
from hub.repos.storage.accounting import usage_in
from hub.repos.storage.content_garbage import REMEMBERED

# Bytes that one commit may add to a full namespace: a card can still be written, and what is kept elsewhere be told.
SMALL = 1024 * 1024
_FILES_AT_ONCE = 1000


class QuotaExceeded(Forbidden):
    """There is no room for it in what its owner may keep here."""

    code = "QuotaExceeded"


def quota_of(namespace: Namespace) -> int:
    """Return the bytes that a namespace may hold, 0 where there is no limit."""
    if namespace.storage_quota is not None:
        return namespace.storage_quota
    return settings.QUOTA_USER if namespace.user_id else settings.QUOTA_ORGANIZATION


def pending_in(namespace: Namespace, *, besides: Collection[str] = ()) -> int:
    """Return the bytes that count for a namespace and that no commit has taken yet, less the content `besides`. Two queries."""
    theirs = Q(repository__namespace=namespace, user__in=_people(namespace))
    if namespace.user_id:
        joined = Membership.objects.filter(user=namespace.user_id).values("organization")
        elsewhere = Q(user=namespace.user_id) & ~Q(repository__namespace__organization__in=joined)
        theirs |= elsewhere & ~Q(repository__namespace=namespace)
    since = timezone.now() - CLAIM_LIFE
    held = RepoBlob.objects.filter(repository=OuterRef("repository"), blob=OuterRef("blob"))
    claimed = BlobClaim.objects.filter(theirs, ~Exists(held), created_at__gte=since).exclude(blob__in=list(besides))
    claims = claimed.order_by().values("repository", "blob", "blob__size").distinct()
    begun = LargeUpload.objects.filter(theirs, created_at__gte=since).exclude(sha256__in=list(besides))
    announced = begun.aggregate(total=Sum("size"))["total"]
    return sum(claim["blob__size"] for claim in claims) + (announced or 0)


def require_quota(*, repo: Repository, user: Someone, new: int, besides: Collection[str] = ()) -> None:
    """Refuse `new` bytes that `user` would send to a repository and that do not fit into what they may keep.

    besides: the sha256s of what these bytes are, as far as known, which may count already. Asked before bytes are sent.
    Raises QuotaExceeded.
    """
    _require(payer_of(repo, user), new, besides)


def require_quota_of_commit(*, repo: Repository, user: Someone, new: int) -> None:
    """Refuse a commit that will bring `new` bytes, as far as their names tell. What was sent for it before is part of them.

    Raises QuotaExceeded.
    """
    namespace = payer_of(repo, user)
    if namespace is not None and new > SMALL and (quota := quota_of(namespace)):
        held = usage_in(namespace).held
        if held + new > quota:
            raise _exceeded(namespace, held, quota, new)


def require_quota_of_files(*, repo: Repository, user: Someone, files: Iterable[tuple[str, int]]) -> None:
    """Refuse Xet files, given as (hash, bytes), that do not fit. What the repository holds, or was sent, counts already.

    Raises QuotaExceeded. Memory: a thousand files.
    """
    namespace = payer_of(repo, user)
    if namespace is None or not quota_of(namespace):
        return
    claimed = BlobClaim.objects.filter(repository=repo, created_at__gte=timezone.now() - CLAIM_LIFE).values("blob")
    held = RepoBlob.objects.filter(repository=repo).values("blob")
    known = XetFile.objects.filter(Q(sha256__in=held) | Q(sha256__in=claimed))
    new, left = 0, iter(files)
    while sizes := dict(islice(left, _FILES_AT_ONCE)):
        there = set(known.filter(pk__in=list(sizes)).values_list("pk", flat=True))
        new += sum(size for name, size in sizes.items() if name not in there)
    _require(namespace, new)


def require_quota_of_xorb(*, repo: Repository, user: Someone, name: str, size: int) -> None:
    """Refuse the xorb `name` of `size` stored bytes whose sender has sent too many already that no file was made of.

    What heals a damaged one takes no more room. Raises QuotaExceeded.
    """
    namespace = payer_of(repo, user)
    if namespace is None or not quota_of(namespace) or Xorb.objects.filter(pk=name, damaged_at__isnull=False).exists():
        return
    used = XetFileXorb.objects.filter(xorb=OuterRef("pk"))
    since = timezone.now() - REMEMBERED
    loose = Xorb.objects.filter(~Exists(used), payer=namespace, created_at__gte=since)
    _require(namespace, size + (loose.aggregate(total=Sum("stored_size"))["total"] or 0))


def require_quota_of(*, namespace: Namespace, new: int) -> None:
    """Refuse a new repository of `new` bytes that would not fit. Raises QuotaExceeded."""
    _require(namespace, new)


def _require(namespace: Namespace | None, new: int, besides: Collection[str] = ()) -> None:
    if namespace is None or not (quota := quota_of(namespace)):
        return
    used = usage_in(namespace).held + pending_in(namespace, besides=besides)
    if new and used + new > quota:
        raise _exceeded(namespace, used, quota, new)


def check_held(repo: Repository) -> None:
    """Refuse what the caller's transaction has let a repository hold where its owner now holds too much.

    The last thing that a transaction does: others of this owner wait for its end. Raises QuotaExceeded.
    """
    namespace = repo.namespace
    if not (quota := quota_of(namespace)):
        return
    locks.lock(f"quota of {namespace.pk}")
    held = usage_in(namespace).held
    if held > quota:
        raise _exceeded(namespace, held, quota, 0)


@transaction.atomic
def set_quota(*, namespace: Namespace, actor: User | None, quota: int | None) -> None:
    """Let a namespace hold `quota` bytes; 0: without limit, None: what everybody may. For administrators."""
    namespace.storage_quota = quota
    namespace.save(update_fields=["storage_quota"])
    record(actor=actor, verb="namespace.quota", target=namespace.name, quota=quota)


def _people(namespace: Namespace) -> list[int]:
    if namespace.user_id:
        return [namespace.user_id]
    members = Membership.objects.filter(organization=namespace.organization_id)
    return list(members.values_list("user", flat=True))


def payer_of(repo: Repository, user: Someone) -> Namespace | None:
    """Return whose room an upload takes: the owner's of the repository, if the user is among their people; else the user's.

    None where nobody sends it: the hub itself cuts into chunks what it has.
    """
    if not isinstance(user, User):
        return None
    return repo.namespace if user.pk in _people(repo.namespace) else user.namespace


def _exceeded(namespace: Namespace, used: int, quota: int, new: int) -> QuotaExceeded:
    values = {
        "name": namespace.name,
        "used": bytesize(used),
        "quota": bytesize(quota),
        "new": bytesize(new),
    }
    if new:
        text = _("“%(name)s” uses %(used)s of its %(quota)s of storage, so %(new)s more do not fit.")
    else:
        text = _("“%(name)s” would use %(used)s, and has %(quota)s of storage.")
    way_out = _(
        "Delete large files or repositories that are not needed any more, or ask this hub's administrator for more room."
    )
    return QuotaExceeded(f"{text % values} {way_out}")
