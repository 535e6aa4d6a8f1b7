"""Locks on files, as git-lfs has them: somebody works on a file that cannot be merged, and asks others not to.

A lock is a request and no barrier: git-lfs asks for the locks before it pushes and refuses there, on the machine of whoever
pushes. The hub takes every commit that may be made, since other tools know nothing of locks. A lock is on a path, whatever the
branch.
"""

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from hub.accounts.models import User
from hub.core.errors import Invalid
from hub.core.text import MAX_ID
from hub.repos.errors import FileLocked, LockNotFound, NotWritable
from hub.repos.models import LargeFileLock, Repository
from hub.repos.names import check_path
from hub.repos.permissions import may_administer

MAX_LOCKS = 10_000  # of one repository


def lock_file(*, repo: Repository, user: User, path: str) -> LargeFileLock:
    """Lock a path for `user`, whether there is a file or not. The caller has passed get_repo_for_write.

    Raises PathInvalid, FileLocked with the lock that is there, Invalid above MAX_LOCKS.
    """
    check_path(path)
    if LargeFileLock.objects.filter(repository=repo).count() >= MAX_LOCKS:
        raise Invalid(
            _("A repository has at most %(max)d locks. Unlock files that are done with.") % {"max": MAX_LOCKS},
            field="path",
        )
    try:
        with transaction.atomic():
            return LargeFileLock.objects.create(repository=repo, path=path, owner=user)
    except IntegrityError as error:
        there = LargeFileLock.objects.select_related("owner").filter(repository=repo, path=path).first()
        if there is None:
            raise
        raise FileLocked(
            _("“%(path)s” is locked by %(owner)s.") % {"path": path, "owner": there.owner.username}, lock=there
        ) from error


@transaction.atomic
def unlock_file(*, repo: Repository, user: User, lock_id: int, force: bool = False) -> LargeFileLock:
    """Take a lock away; return what it was. `force` takes away somebody else's, for administrators of the repository.

    The caller has passed get_repo_for_write. Raises LockNotFound, NotWritable.
    """
    locks = LargeFileLock.objects.select_for_update(of=["self"]).select_related("owner").filter(repository=repo)
    lock = locks.filter(pk=lock_id).first() if lock_id <= MAX_ID else None
    if lock is None:
        raise LockNotFound(_("There is no such lock. Somebody may have taken it away already."))
    if lock.owner_id != user.pk and not (force and may_administer(user, repo)):
        raise NotWritable(
            _(
                "“%(path)s” is locked by %(owner)s. Ask them to unlock it, or an administrator of the repository to force it."
            )
            % {"path": lock.path, "owner": lock.owner.username}
        )
    LargeFileLock.objects.filter(pk=lock.pk).delete()
    return lock
