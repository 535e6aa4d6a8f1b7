"""Who may do what through a Xet token. Asked at each call, so that lost rights end with the next one."""

from dataclasses import dataclass

from django.contrib.auth.models import AnonymousUser
from django.db.models import Exists, OuterRef, Q, QuerySet

from hub.accounts.models import Someone
from hub.accounts.services import user_of_grant
from hub.repos.models import BlobClaim, RepoBlob, Repository, XetFile
from hub.repos.permissions import check_may_fetch, may_propose
from hub.repos.xet.errors import ContentNotFound, TokenInvalid, TokenReadOnly
from hub.repos.xet.tokens import Holder, read_token


@dataclass(frozen=True, slots=True)
class Access:
    """A caller and the repository that the token was made for."""

    repository: Repository
    user: Someone
    writes: bool


def authorize(text: str, *, write: bool) -> Access:
    """Return what the token `text` opens now. Whoever may propose changes uploads as well: what they send is theirs alone
    until a commit that they may make names it.

    Raises TokenInvalid, TokenReadOnly, GatedRepo, and ContentNotFound where the repository is gone or hidden.
    """
    token = read_token(text)
    user, repository = open_for(token.holder)
    if write and (token.scope != "write" or not may_propose(user, repository)):
        raise TokenReadOnly("This Xet token reads; uploading takes a token with the write scope.")
    return Access(repository, user, writes=token.scope == "write")


def open_for(holder: Holder) -> tuple[Someone, Repository]:
    """Return who holds something signed and the repository, while they may fetch its files.

    Raises TokenInvalid, GatedRepo, and ContentNotFound where the repository is gone or hidden.
    """
    user = AnonymousUser() if holder.user is None else user_of_grant(holder.user, holder.access_token)
    if user is None:
        raise TokenInvalid("The account or the access token behind this Xet token is no longer active.")
    repository = Repository.objects.visible_to(user).filter(pk=holder.repository).first()
    if repository is None:
        raise ContentNotFound("The repository of this Xet token is not there any more.")
    check_may_fetch(user, repository)
    return user, repository


def get_file_for_read(access: Access, file_hash: str) -> XetFile:
    """Return a file that the token's repository holds. Raises ContentNotFound.

    A write token also sees what its user has uploaded for the repository and not committed yet.
    """
    file = files_held_by(access).filter(pk=file_hash).first()
    if file is None:
        raise ContentNotFound("There is no such file in the repository of this Xet token.")
    return file


def files_held_by(access: Access) -> QuerySet[XetFile]:
    """Files of the token's repository, and fresh claims of the caller's here."""
    return XetFile.objects.filter(_held_by(access))


def files_known_to(access: Access) -> QuerySet[XetFile]:
    """Files that the caller may know of: those in any repository whose files they may fetch, and fresh claims here."""
    readable = RepoBlob.objects.filter(
        blob=OuterRef("sha256"), repository__in=Repository.objects.readable_by(access.user)
    )
    return XetFile.objects.filter(Q(Exists(readable)) | _held_by(access))


def _held_by(access: Access) -> Q:
    # Correlated, so that the few files in question are looked up one by one, however many the hub holds.
    held = Q(Exists(RepoBlob.objects.filter(blob=OuterRef("sha256"), repository=access.repository)))
    if access.writes:
        claims = BlobClaim.objects.standing(access.repository, access.user).filter(blob=OuterRef("sha256"))
        held |= Q(Exists(claims))
    return held
