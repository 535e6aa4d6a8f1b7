"""Taking in one file that a browser sends: stored first, committed later, with a receipt for what was stored."""

from dataclasses import dataclass
from typing import BinaryIO

from django.core import signing
from django.utils.translation import gettext as _

from hub.accounts.models import User
from hub.core.errors import Invalid
from hub.repos.attributes import LargeFileRule
from hub.repos.git.commits import PutBlob, PutFile, Stage
from hub.repos.large_uploads import receive_whole
from hub.repos.models import Repository
from hub.repos.names import check_path
from hub.repos.storage.quotas import require_quota_of_commit

RECEIPT_LIFE = 24 * 3600  # seconds in which an upload can be committed
_SALT = "hub.repos.uploads"


def receive_file(
    *, repo: Repository, user: User, path: str, stream: BinaryIO, length: int, rule: LargeFileRule
) -> PutFile | PutBlob:
    """Store `length` bytes of `stream` for a commit that will put them at `path`; return that operation.

    Large files go to the blob store through one copy buffer; others, of at most MAX_REGULAR_FILE bytes, into a git object.
    Raises PathInvalid, TooLarge, Invalid where the stream ends early, StorageFull, QuotaExceeded.
    """
    check_path(path)
    if rule.is_large(path, length):
        blob = receive_whole(repo=repo, user=user, stream=stream, length=length)
        return PutBlob(path, blob.sha256, blob.size)
    require_quota_of_commit(repo=repo, user=user, new=length)
    content = stream.read(length)
    if len(content) < length:
        raise Invalid(_("The upload ended early, so nothing was stored. Send the file again."))
    stage = Stage(repo)
    put = stage.file(path, content)
    stage.finish()
    return put


@dataclass(frozen=True)
class Receipts:
    """Signs what was stored, for one person and one repository: naming an object is no proof of having sent it."""

    repo: Repository
    user: User

    def issue(self, put: PutFile | PutBlob) -> str:
        """Return a text that stands for the stored content, wherever its owner then puts it in this repository."""
        content = {"sha256": put.sha256, "size": put.size} if isinstance(put, PutBlob) else {"oid": put.oid}
        return signing.dumps([self.repo.pk, self.user.pk, content], salt=_SALT)

    def redeem(self, receipt: str, path: str) -> PutFile | PutBlob:
        """Return the operation that puts the content at `path`. Raises Invalid for a receipt that is old or somebody else's."""
        try:
            repo, user, content = signing.loads(receipt, salt=_SALT, max_age=RECEIPT_LIFE)
        except signing.BadSignature as error:
            raise self._refused(path) from error
        if (repo, user) != (self.repo.pk, self.user.pk):
            raise self._refused(path)
        return PutFile(path, content["oid"]) if "oid" in content else PutBlob(path, content["sha256"], content["size"])

    def _refused(self, path: str) -> Invalid:
        return Invalid(_("The upload of “%(path)s” was too long ago. Send the file again.") % {"path": path[:300]})
