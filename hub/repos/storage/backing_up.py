"""Copying a hub into a folder while it works: the database first, then the content that the database names.

Content never changes and rows come after bytes, so what a dump names is in the store when it is made; deletions wait until it
is copied (`deletion_pause`). Content that a later backup names again is not copied again.
"""

import errno
import os
import shutil
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from hub.core.blobs import BlobMissing, lfs_key, store, xorb_key
from hub.core.blobs.scratch import flush_folder
from hub.core.errors import Conflict, HubError, StorageFull
from hub.repos.models import StorageRun
from hub.repos.storage import dumping
from hub.repos.storage.deletion_pause import deletions_paused
from hub.repos.storage.generations import (
    CONTENT,
    DUMP,
    SECRETS,
    Entry,
    Generation,
    Manifest,
    drop_old,
    generations,
    has_its_name,
    sha256_of,
)

Say = Callable[[str], object]

# Content that is copied at once: an S3 store takes a while to begin with each.
_AT_ONCE = 8
_BATCH = 512
# Missing content that a manifest names one by one.
_NAMED = 1000
_ROWS = """
SELECT 0, encode(sha256, 'hex'), size FROM repos_blob WHERE whole
UNION ALL SELECT 1, encode(hash, 'hex'), stored_size FROM repos_xorb ORDER BY 1, 2
"""


@dataclass(frozen=True)
class Options:
    """keep: how many backups stay in the folder (0: all). verify: compare content with its name, what was copied earlier too.
    hard_links: share the files of a store on the same disk. secrets: copy the keys that sign sessions, links and id tokens."""

    keep: int = 0
    verify: bool = False
    hard_links: bool = False
    secrets: bool = False


class BackupFailed(HubError):
    """A backup or a restore has not come to its end."""

    code = "BackupFailed"


def back_up(target: Path, options: Options, say: Say) -> Manifest:
    """Make one backup of this hub in the folder `target`. Raises HubError; then the folder holds no new backup.

    Where the store lacks content that the database names, the backup is made without it and names it in `missing`.
    """
    begun = timezone.now()
    try:
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BackupFailed(f"{target} cannot be written: {error.strerror}.") from error
    generation = Generation(target / begun.strftime("%Y-%m-%dT%H-%M-%SZ"))
    try:
        generation.folder.mkdir(mode=0o700)
    except FileExistsError:
        raise Conflict(f"Another backup to {target} began in this second. Let it end first.") from None
    except OSError as error:
        raise BackupFailed(f"{target} cannot be written: {error.strerror}.") from error
    run = StorageRun.objects.create(task=StorageRun.Task.BACKUP)
    try:
        with _room_in(target), deletions_paused() as holder:
            # Those that were killed: nobody else has the lock.
            killed = StorageRun.objects.filter(task=StorageRun.Task.BACKUP, finished_at=None).exclude(pk=run.pk)
            killed.update(finished_at=timezone.now(), damages=["It was cut off, and is no backup."])
            say("Dumping the database.")
            dumped_by = _dump(generation, holder)
            if options.secrets:
                _copy_secrets(generation)
            copy = _Copy(target, options, say)
            copy.all_of(generation)
            # One call for all files, however many.
            os.sync()
            manifest = _manifest(generation, begun.isoformat(), dumped_by, copy, options)
            generation.write_manifest(manifest)
            flush_folder(target)
    except BaseException as error:
        shutil.rmtree(generation.folder, ignore_errors=True)
        run.damages = [str(error) or type(error).__name__]
        run.finished_at = timezone.now()
        run.save()
        raise
    if options.keep:
        dropped, freed = drop_old(target, options.keep)
        say(f"Dropped {dropped} earlier backups, and {freed} bytes of content that no other names.")
    run.counts = {**manifest.counts, "backups": sum(each.is_whole for each in generations(target))}
    run.damages = [f"{key}: it is not in the store." for key in manifest.missing[:100]]
    run.finished_at = timezone.now()
    run.save()
    return manifest


def _dump(generation: Generation, holder: BaseDatabaseWrapper) -> int:
    """Dump the database and write down what content it names, both as of one moment; return the version of the program."""
    with holder.cursor() as cursor:
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        cursor.execute("SELECT pg_export_snapshot()")
        major = dumping.dump(holder, cursor.fetchone()[0], generation.dump)
        generation.write_entries(_named_content(holder))
        # A transaction of hours would keep the database from tidying up.
        cursor.execute("COMMIT")
    return major


def _named_content(holder: BaseDatabaseWrapper) -> Iterator[Entry]:
    """Yield what the rows name, in the order of keys. Memory: some rows."""
    with holder.connection.cursor(name="content") as rows:
        rows.itersize = 10_000
        rows.execute(_ROWS)
        for kind, name, size in rows:
            yield Entry(xorb_key(name) if kind else lfs_key(name), size)


class _Copy:
    """Content into the folder, as far as it is not there."""

    def __init__(self, target: Path, options: Options, say: Say) -> None:
        self._target = target
        self._options = options
        self._say = say
        self.counts: Counter[str] = Counter(content=0, copied=0, bytes=0, missing=0)
        self.missing: list[str] = []

    def all_of(self, generation: Generation) -> None:
        self._say("Copying content.")
        entries = generation.entries()
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            while batch := list(islice(entries, _BATCH)):
                for entry, copied in zip(batch, pool.map(self._one, batch), strict=True):
                    self.counts["content"] += 1
                    if copied is None:
                        self.counts["missing"] += 1
                        self.missing += [entry.key] if len(self.missing) < _NAMED else []
                    elif copied:
                        self.counts["copied"] += 1
                        self.counts["bytes"] += entry.size
                self._say(f"{self.counts['content']} looked at, {self.counts['copied']} copied.")

    def _one(self, entry: Entry) -> bool | None:
        """Have one file in the folder; return whether it was copied, None where the store does not have it as it should be."""
        path = self._target / entry.key
        if path.exists() and path.stat().st_size == entry.size and self._is_well(entry, path):
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.part")
        try:
            self._fetch(entry.key, draft)
        except BlobMissing:
            return None
        if draft.stat().st_size != entry.size or not self._is_well(entry, draft):
            draft.unlink()
            return None
        draft.replace(path)
        return True

    def _is_well(self, entry: Entry, path: Path) -> bool:
        return not self._options.verify or has_its_name(entry.key, path)

    def _fetch(self, key: str, draft: Path) -> None:
        draft.unlink(missing_ok=True)
        source = store().open_file(key)
        if source is None:
            with draft.open("wb") as out:
                for piece in store().read(key):
                    out.write(piece)
            return
        with source:
            if self._options.hard_links:
                try:
                    draft.hardlink_to(source.name)
                except OSError as error:
                    if error.errno == errno.EXDEV:
                        raise BackupFailed(
                            f"{self._target} is on another disk than the store: leave out --hard-links."
                        ) from error
                    raise
                return
            with draft.open("wb") as out:
                shutil.copyfileobj(source, out, 1024 * 1024)


def _copy_secrets(generation: Generation) -> None:
    """Copy the keys of this hub. Whoever reads them can sign in as anybody."""
    folder = generation.folder / SECRETS
    folder.mkdir(mode=0o700)
    data = Path(settings.DATA_DIR)
    for name, value in (("secret_key", settings.SECRET_KEY), ("oidc_key.pem", settings.OIDC_KEY)):
        path = folder / name
        path.touch(mode=0o600)
        kept = data / name
        path.write_text(value or (kept.read_text() if kept.exists() else ""))


def _manifest(generation: Generation, begun_at: str, dumped_by: int, copy: _Copy, options: Options) -> Manifest:
    applied = MigrationRecorder.Migration.objects.order_by("app", "name").values_list("app", "name")
    return Manifest(
        hub_version=hub_version(),
        begun_at=begun_at,
        finished_at=timezone.now().isoformat(),
        postgres=dumping.server_major(),
        dumped_by=dumped_by,
        migrations=[list(each) for each in applied],
        dump_size=(generation.folder / DUMP).stat().st_size,
        dump_sha256=sha256_of(generation.folder / DUMP),
        content_sha256=sha256_of(generation.folder / CONTENT),
        counts=dict(copy.counts),
        missing=copy.missing,
        secrets=options.secrets,
    )


def hub_version() -> str:
    try:
        return str(tomllib.loads((Path(settings.BASE_DIR) / "pyproject.toml").read_text())["project"]["version"])
    except (OSError, KeyError):
        return "unknown"


@contextmanager
def _room_in(target: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, dumping.DumpFailed) as error:
        full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "No space left" in str(error)
        if full:
            raise StorageFull(
                f"There is no room in {target}, so no backup was made. What was copied stays for the next."
            ) from error
        if isinstance(error, OSError):
            raise BackupFailed(f"{target} cannot be written: {error}.") from error
        raise
