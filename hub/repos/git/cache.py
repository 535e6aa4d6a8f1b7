"""Bare repositories on this machine's disk, made from the rows, for git to serve fetches from. They can go at any time.

    {data}/git-cache/{repository}/{rewrites}.git     the repository; `in-use` in it is locked by whoever reads it
    {data}/git-cache/{repository}/lock               locked by whoever changes anything beside it
    {data}/git-cache/{repository}/tmp-*              under construction, or being deleted

A cache holds only what the refs reach, since git gives away any object that it finds. What history has lost is in the caches
of an earlier count of rewrites, and those are not opened again. `packed-refs` is written last and in one step: it says which
refs the cache is complete for, so a killed process leaves nothing that would be taken for more than it is.
"""

import fcntl
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

from django.conf import settings
from django.utils.translation import gettext as _

from hub.core.blobs.scratch import require_room, room_for_bytes
from hub.core.errors import Unavailable
from hub.repos.git.pack_writing import all_objects, pack_of
from hub.repos.git.program import GitFailed, environment, make_bare, run, running
from hub.repos.git.reachable import reachable_objects, tips_of
from hub.repos.models import GitRef, Repository

LOCK_SECONDS = 120  # how long one request waits for another that makes the cache
FILL_SECONDS = 1800
MAX_PACKS = 24  # above which they are made one
SWEEP_SECONDS = 600
UNUSED_SECONDS = 7 * 24 * 3600


class _Refs(NamedTuple):
    """The refs of a repository at one moment, in the form of git's `packed-refs`."""

    rewrites: int
    tips: set[str]
    commits: list[bytes]
    text: bytes


@contextmanager
def open_cache(repo: Repository) -> Iterator[Path]:
    """Hold the bare repository of `repo`, in step with its refs as they are now, for as long as the block reads it.

    Raises Unavailable where others keep it busy for too long, StorageFull.
    """
    reader = _open_ready(repo) or _synchronized(repo)
    try:
        yield reader.folder
    finally:
        reader.handle.close()


def rewrites_of(cache: Path) -> int:
    """Return the count of rewrites that a cache belongs to."""
    return int(cache.stem)


class _Reader(NamedTuple):
    """A cache that is not deleted while `handle` is open."""

    folder: Path
    handle: BinaryIO


def _open_ready(repo: Repository) -> _Reader | None:
    """Return the cache if it is there and in step already."""
    refs = _refs_of(repo)
    reader = _hold(_folder_of(repo) / f"{refs.rewrites}.git")
    if reader and _text_in(reader.folder) != refs.text:
        reader.handle.close()
        return None
    return reader


def _synchronized(repo: Repository) -> _Reader:
    """Make the cache or bring it into step, one process at a time."""
    folder = _folder_of(repo)
    with room_for_bytes():
        folder.mkdir(parents=True, exist_ok=True)
    for last in (False, True):
        with _locked(folder / "lock"):
            for leftover in folder.glob("tmp-*"):
                shutil.rmtree(leftover, ignore_errors=True)
            refs = _refs_of(repo)
            cache = folder / f"{refs.rewrites}.git"
            try:
                if not cache.is_dir():
                    _build(repo, cache, refs)
                elif _text_in(cache) != refs.text:
                    _advance(repo, cache, refs)
                reader = _hold(cache)
                assert reader is not None, "only who holds the lock deletes"
            except GitFailed as error:
                # Damaged, or rewritten while it was read: once more from nothing.
                _discard(cache)
                if last:
                    raise Unavailable(_("The hub cannot read this repository just now. Try again.")) from error
                continue
        _sweep()
        return reader
    raise AssertionError("the last turn returns or raises")


# --- filling ------------------------------------------------------------------------------------------------------------


def _refs_of(repo: Repository) -> _Refs:
    # One statement, so that refs and count belong together.
    rows = list(
        GitRef.objects.filter(repository=repo)
        .values_list("name", "oid", "peeled", "repository__rewrites")
        .order_by("name")
    )
    lines = [b"# pack-refs with: peeled fully-peeled sorted \n"]
    for name, oid, peeled, _rewrites in rows:
        lines.append(f"{oid} {name}\n".encode())
        if peeled:
            lines.append(f"^{peeled}\n".encode())
    return _Refs(
        rewrites=rows[0][3] if rows else repo.rewrites,
        tips={oid for _name, oid, _peeled, _rewrites in rows},
        commits=[bytes.fromhex(peeled or oid) for _name, oid, peeled, _rewrites in rows],
        text=b"".join(lines),
    )


def _build(repo: Repository, cache: Path, refs: _Refs) -> None:
    """Make a cache of all that the refs reach."""
    temporary = cache.parent / f"tmp-{uuid.uuid4().hex}"
    try:
        with room_for_bytes():
            make_bare(temporary)
            (temporary / "in-use").touch()
        _add_pack(repo.store_id, temporary, all_objects(repo.store_id))
        _write_refs(temporary, refs)
        # Leaves out what no ref reaches, finds the differences between versions, and makes the index that serves clones.
        _pack_together(temporary)
        temporary.rename(cache)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    for other in cache.parent.glob("*.git"):
        if other != cache:
            _delete_unused(other)


def _advance(repo: Repository, cache: Path, refs: _Refs) -> None:
    """Bring a cache into step with refs that have moved on."""
    for leftover in cache.glob("objects/pack/tmp_*"):
        leftover.unlink(missing_ok=True)
    known = _text_in(cache).splitlines()
    before = [bytes.fromhex(line.lstrip(b"^")[:40].decode("ascii")) for line in known if line[:1] != b"#"]
    missing = {oid for batch in reachable_objects(repo.store_id, refs.commits, before) for oid in batch}
    missing.update(tips_of(repo).tags)
    if missing:
        _add_pack(repo.store_id, cache, sorted(missing))
    if _lost(cache, refs):
        raise GitFailed("history was taken away")
    _write_refs(cache, refs)
    if len(list(cache.glob("objects/pack/*.pack"))) > MAX_PACKS:
        _pack_together(cache)


def _pack_together(cache: Path) -> None:
    run(cache, "repack", "-a", "-d", "-b", "-q", seconds=FILL_SECONDS)
    # It also writes what only dumb transports read.
    (cache / "info" / "refs").unlink(missing_ok=True)


def _write_refs(cache: Path, refs: _Refs) -> None:
    with room_for_bytes():
        temporary = cache / "packed-refs.new"
        with temporary.open("wb") as handle:
            handle.write(refs.text)
            handle.flush()
            os.fsync(handle.fileno())
        temporary.replace(cache / "packed-refs")


def _text_in(cache: Path) -> bytes:
    try:
        return (cache / "packed-refs").read_bytes()
    except FileNotFoundError:
        return b""


def _lost(cache: Path, refs: _Refs) -> bool:
    """Tell whether the cache holds what it was given for refs that are gone, and that no ref reaches now."""
    gone = {oid for oid in tips_in(cache) if oid not in refs.tips}
    if not gone:
        return False
    lines = [f"{oid}\n".encode() for oid in gone] + [f"^{oid}\n".encode() for oid in refs.tips]
    return bool(run(cache, "rev-list", "--objects", "--stdin", lines=lines, seconds=FILL_SECONDS))


def tips_in(cache: Path) -> list[str]:
    """Return what the refs of a cache name."""
    return [line[:40].decode("ascii") for line in _text_in(cache).splitlines() if line[:1] not in b"#^"]


def _add_pack(store_id: int, cache: Path, oids: list[bytes]) -> None:
    """Give the cache these objects."""
    require_room(0)
    with running(cache, "index-pack", "--stdin", stdin=-1, seconds=FILL_SECONDS) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            for piece in pack_of(store_id, oids):
                process.stdin.write(piece)
            process.stdin.close()
        except BrokenPipeError:
            pass
        process.stdout.read()
        complaint = process.stderr.read()[-300:].decode("utf-8", "replace")
        if process.wait():
            raise GitFailed(complaint)


# --- locks and room -----------------------------------------------------------------------------------------------------


def _root() -> Path:
    return Path(settings.DATA_DIR) / "git-cache"


def _folder_of(repo: Repository) -> Path:
    return _root() / str(repo.pk)


def _hold(cache: Path) -> _Reader | None:
    """Keep a cache from being deleted; None where there is none."""
    try:
        handle = (cache / "in-use").open("rb")
    except FileNotFoundError:
        return None
    fcntl.flock(handle, fcntl.LOCK_SH)
    # It may have been deleted, or made anew, between these two steps.
    with suppress(FileNotFoundError):
        if os.path.samestat(os.fstat(handle.fileno()), os.stat(cache / "in-use")):
            os.utime(cache / "in-use")
            return _Reader(cache, handle)
    handle.close()
    return None


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock of one repository's caches. It ends with the process that holds it, however that ends."""
    with path.open("ab") as handle:
        deadline = time.monotonic() + LOCK_SECONDS
        while not _lock(handle):
            if time.monotonic() > deadline:
                raise Unavailable(
                    _("This repository is being made ready for git. Try again in a minute."), retry_after=60
                )
            time.sleep(0.02)
        yield


def _lock(handle: BinaryIO) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _discard(cache: Path) -> None:
    """Take a cache away at once. Who reads it just now fails and asks again."""
    with suppress(FileNotFoundError):
        temporary = cache.parent / f"tmp-{uuid.uuid4().hex}"
        cache.rename(temporary)
        shutil.rmtree(temporary, ignore_errors=True)


def _delete_unused(cache: Path) -> bool:
    """Delete a cache that nobody reads. The caller holds the lock of its folder."""
    try:
        handle = (cache / "in-use").open("rb")
    except FileNotFoundError:
        return False
    with handle:
        if unused := _lock(handle):
            _discard(cache)
        return unused


def _sweep() -> None:
    """Delete the caches that were not used for longest, down to the size that all of them may have. Now and then only."""
    root = _root()
    marker = root / "swept"
    with suppress(FileNotFoundError):
        if time.time() - marker.stat().st_mtime < SWEEP_SECONDS:
            return
    marker.touch()
    found = sorted((_last_use(cache), _bytes_in(cache), cache) for cache in root.glob("*/*.git"))
    total = sum(size for _used, size, _cache in found)
    for used, size, cache in found:
        if total <= settings.GIT_CACHE_BYTES and used > time.time() - UNUSED_SECONDS:
            continue
        with suppress(Unavailable, OSError), _locked(cache.parent / "lock"):
            if _delete_unused(cache):
                total -= size


def delete_caches_of_deleted() -> int:
    """Delete the caches, on this machine, of repositories that there are no more; return of how many."""
    folders = {int(path.name): path for path in _root().glob("*") if path.name.isdecimal()}
    there = set(Repository.objects.filter(pk__in=list(folders)).values_list("pk", flat=True))
    deleted = 0
    for pk in folders.keys() - there:
        # Whoever reads one of them does so to its end.
        with suppress(Unavailable, OSError), _locked(folders[pk] / "lock"):
            if all(_delete_unused(cache) for cache in folders[pk].glob("*.git")):
                shutil.rmtree(folders[pk], ignore_errors=True)
                deleted += 1
    return deleted


def _last_use(cache: Path) -> float:
    with suppress(FileNotFoundError):
        return (cache / "in-use").stat().st_mtime
    return 0.0


def _bytes_in(cache: Path) -> int:
    sizes = 0
    for path in cache.glob("objects/pack/*"):
        with suppress(FileNotFoundError):
            sizes += path.stat().st_size
    return sizes


def upload_pack_environment(protocol: str) -> dict[str, str]:
    """Return the environment for `git upload-pack` on a cache. protocol: the caller's Git-Protocol header."""
    # The cache holds nothing that may not be fetched, so any object may be asked for by its id, as partial clones do.
    config = {
        "uploadpack__allowFilter": "true",
        "uploadpack__allowAnySHA1InWant": "true",
        # A filter by a file's patterns would run them over the whole history.
        "uploadpackfilter__sparse:oid__allow": "false",
        "uploadpack__keepAlive": "5",
        "transfer__advertiseSID": "false",
    }
    return environment(**config) | ({"GIT_PROTOCOL": protocol} if protocol else {})
