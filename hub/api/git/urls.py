"""Git's addresses, for every kind of repository, with and without `.git`: git-lfs appends it whatever the remote is called."""

from collections.abc import Callable
from typing import Any

from django.urls import URLPattern, path

from hub.api.git import http, lfs, lfs_locks, lfs_transfers
from hub.repos.models import VERSIONED, Kind


def _both(route: str, view: Callable[..., Any]) -> list[URLPattern]:
    """Return the addresses `[{kind}s/]{namespace}/{name}[.git]/{route}`. Models last: a prefix could be a namespace's name."""
    kinds = sorted(VERSIONED, key=lambda kind: kind == Kind.MODEL)
    prefixes = {kind: "" if kind == Kind.MODEL else f"{kind}s/" for kind in kinds}
    return [
        path(f"{prefixes[kind]}<str:namespace>/<str:name>{ending}/{route}", view, {"kind": kind.value})
        for kind in kinds
        for ending in (".git", "")
    ]


urlpatterns = [
    *_both("info/refs", http.info_refs),
    *_both("git-upload-pack", http.upload_pack),
    *_both("git-receive-pack", http.receive_pack),
    *_both("info/lfs/objects/batch", lfs.batch),
    *_both("info/lfs/objects/verify", lfs.verify),
    *_both("info/lfs/objects/<str:oid>", lfs_transfers.object_bytes),
    *_both("info/lfs/objects/<str:oid>/parts", lfs_transfers.complete),
    *_both("info/lfs/objects/<str:oid>/parts/<int:number>", lfs_transfers.part),
    *_both("info/lfs/locks", lfs_locks.locks),
    *_both("info/lfs/locks/verify", lfs_locks.verify),
    *_both("info/lfs/locks/<int:lock_id>/unlock", lfs_locks.unlock),
]
