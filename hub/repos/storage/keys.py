"""How content that is deleted and content that is registered keep out of each other's way.

A row of Blob or Xorb promises that its bytes are in the store. Two rules keep that promise:

* **Whoever sends content** puts the bytes into the store first, and then, in one transaction: `share_key`, look whether the
  store still has it (`put_again_if_gone`, or `stat`), write the row with its marks cleared, and whatever refers to it.
  Between the first step and the second, nobody knew whose the bytes were, and they may have gone.
* **Whoever relies on content that is there**, because a commit, a claim or another repository names it, or because a tool is
  told that it need not send it, calls `touch_blobs` or `touch_xorbs` in the transaction that refers to it, before it does, and
  goes on with what that returns. The rows stay until the transaction ends; by then the reference is there for all to see.
  Rows are locked in the order of their names; refs and repositories are locked before them.

Deletion goes the other way, and first takes the row: it marks what nothing refers to (`unreferenced_at`), condemns it once its
grace is over (`condemned_at`), and a pass later, in one transaction, locks the row FOR UPDATE, looks once more that it is still
condemned and unreferred to, and deletes it. Only then, in a transaction of its own, `delete_unnamed` takes the key for itself,
sees that no row names it, and deletes the bytes. Killed between the two, it leaves bytes without a row, which are collected
like those of an upload that died; never a row without bytes.
"""

from collections.abc import Iterable
from typing import IO

from django.db import connection, transaction
from django.utils import timezone

from hub.core import locks
from hub.core.blobs import store
from hub.repos.models import Blob, Xorb
from hub.repos.storage.deletion_pause import may_delete

_LFS = "lfs/"
_XORBS = "xorbs/"
# The marks of deletion of a row that is relied on.
UNMARKED: dict[str, None] = {"unreferenced_at": None, "condemned_at": None}


def share_key(key: str) -> None:
    """Keep what lies under `key` from being deleted until the caller's transaction ends. Others may share it, too."""
    locks.share(f"content {key}")


def lock_key(key: str) -> None:
    """Have `key` alone until the caller's transaction ends. Not after `share_key`."""
    locks.lock(f"content {key}")


def put_again_if_gone(handle: IO[bytes], key: str) -> None:
    """See that the store still has what was put under `key`, which the caller shares, and put it again where it has not."""
    if store().stat(key) is None:
        store().put(handle, key)


def touch_blobs(sha256s: Iterable[str]) -> set[str]:
    """Keep these blobs from being deleted until the caller's transaction ends, and take the marks of deletion off.

    Returns those that are there. Many may touch the same blobs at the same time. One query, three where some were marked.
    """
    marks = _lock(Blob, sha256s, "KEY SHARE")
    marked = [name for name, unreferenced_at in marks.items() if unreferenced_at is not None]
    if marked:
        there = _lock(Blob, marked, "NO KEY UPDATE")
        Blob.objects.filter(pk__in=there).update(**UNMARKED)
    return set(marks)


def touch_xorbs(hashes: Iterable[str]) -> set[str]:
    """Do for xorbs what `touch_blobs` does, and note that a client was told of them just now. Two queries."""
    there = set(_lock(Xorb, hashes, "NO KEY UPDATE"))
    if there:
        Xorb.objects.filter(pk__in=there).update(last_touched_at=timezone.now(), **UNMARKED)
    return there


def _lock(model: type[Blob] | type[Xorb], names: Iterable[str], strength: str) -> dict[str, int | None]:
    """Lock rows in one order, so that those who lock the same ones wait for each other instead of deadlocking; return
    name -> unreferenced_at of those that are there."""
    assert connection.in_atomic_block
    table, name = model._meta.db_table, model._meta.pk.column
    # Django knows no KEY SHARE.
    statement = f"SELECT {name}, unreferenced_at FROM {table} WHERE {name} = ANY(%s) ORDER BY {name} FOR {strength}"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(statement, [[bytes.fromhex(each) for each in names]])
        return {bytes(found).hex(): unreferenced_at for found, unreferenced_at in cursor.fetchall()}


@transaction.atomic
def delete_unnamed(key: str, *, older_than: float | None = None) -> int:
    """Delete what lies under `key` unless a row names it, or a backup is being made; return how many bytes that were.

    older_than: leave alone what came to the store after this moment (unix seconds by the store's clock).
    """
    if not may_delete():
        return 0
    lock_key(key)
    if _is_named(key):
        return 0
    found = store().stat(key)
    if found is None or (older_than is not None and found.modified > older_than):
        return 0
    store().delete(key)
    return found.size


def _is_named(key: str) -> bool:
    name = key.rsplit("/", 1)[-1]
    if key.startswith(_XORBS):
        return Xorb.objects.filter(pk=name).exists()
    assert key.startswith(_LFS)
    return Blob.objects.filter(pk=name, whole=True).exists()
