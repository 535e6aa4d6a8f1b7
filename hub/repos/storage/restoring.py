"""Making a hub of a backup: everything is looked at first, then content, then the database."""

import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone
from redis.exceptions import RedisError

from hub.accounts.models import User
from hub.core.blobs import scratch, store
from hub.core.blobs.files import FileStore
from hub.core.errors import Conflict, Invalid
from hub.repos.fsck import Check
from hub.repos.models import Blob, Repository, StorageRun
from hub.repos.storage import dumping
from hub.repos.storage.deletion_pause import deletions_paused
from hub.repos.storage.generations import (
    CONTENT,
    SECRETS,
    Entry,
    Generation,
    Manifest,
    generations,
    has_its_name,
    sha256_of,
)

Say = Callable[[str], object]

_SAID_EVERY = 1000  # files
_NAMED = 10


@dataclass(frozen=True)
class Options:
    """name: which backup of several, the newest by default. force: replace what this hub has. verify: compare content with its
    name. secrets: take over the keys of the hub that was backed up."""

    name: str = ""
    force: bool = False
    verify: bool = False
    secrets: bool = False


def restore(source: Path, options: Options, say: Say) -> tuple[Counter[str], list[str]]:
    """Make this hub the one that was backed up; return what an fsck has looked at, and what it says is damaged.

    Raises HubError. Until the database is replaced, which is the last step, this hub has lost nothing.
    """
    generation = _chosen(source, options.name)
    manifest = generation.manifest()
    _require_place(options)
    _require_known(manifest)
    _require_whole(source, generation, manifest, options, say)
    store().prepare()
    with deletions_paused():
        copied = _copy_content(source, generation, say)
        say(f"{copied} files of content copied. Filling the database.")
        if options.secrets:
            _take_secrets(generation, manifest)
        dumping.fill(generation.dump, manifest.dumped_by)
        _make_current(say)
    say("Checking what is there now.")
    check = Check()
    repositories = Repository.objects.select_related("namespace").order_by("pk").iterator(chunk_size=100)
    damages = [damage for repo in repositories for damage in check.repository(repo)]
    return check.counts, damages + list(check.all_content())


def _chosen(source: Path, name: str) -> Generation:
    found = generations(source)
    if name:
        found = [each for each in found if each.name == name]
    whole = [each for each in found if each.is_whole]
    if not whole:
        halves = f" What began at {found[-1].name} did not come to its end." if found else ""
        raise Invalid(f"There is no backup{f' {name}' if name else ''} in {source}.{halves}")
    return whole[-1]


def _require_place(options: Options) -> None:
    if options.force or "repos_repository" not in connection.introspection.table_names():
        return
    if User.objects.exists() or Repository.objects.exists() or Blob.objects.exists():
        raise Conflict(
            "This hub has accounts or repositories, which a restore would replace. Restore into a new one (GROVE_DATA, "
            "DATABASE_URL, S3_BUCKET), or say --force to lose what this one has."
        )


def _require_known(manifest: Manifest) -> None:
    known = set(MigrationLoader(None).disk_migrations)
    ours = {app for app, _name in known}
    unknown = [f"{app}.{name}" for app, name in manifest.migrations if (app, name) not in known and app in ours]
    if unknown:
        raise Invalid(
            f"The backup was made by a newer Grove ({manifest.hub_version}): this one does not know {', '.join(unknown[:3])}. "
            "Restore it with that version or a newer one."
        )


def _require_whole(source: Path, generation: Generation, manifest: Manifest, options: Options, say: Say) -> None:
    """Raise Invalid where anything of the backup is missing or damaged, before anything here is touched."""
    say(f"Looking at the backup {generation.name}.")
    if not generation.dump.exists() or generation.dump.stat().st_size != manifest.dump_size:
        raise Invalid(f"{generation.dump} does not have its {manifest.dump_size} bytes: the backup is damaged.")
    for path, expected in (
        (generation.dump, manifest.dump_sha256),
        (generation.folder / CONTENT, manifest.content_sha256),
    ):
        if sha256_of(path) != expected:
            raise Invalid(f"{path} does not have the sha256 that it had: the backup is damaged.")
    dumping.check_dump(generation.dump, manifest.dumped_by)
    missing = set(manifest.missing)
    wrong = [
        entry.key
        for entry in generation.entries()
        if not _is_there(source, entry, options) and entry.key not in missing
    ]
    if wrong and not options.force:
        named = ", ".join(wrong[:_NAMED])
        raise Invalid(
            f"{len(wrong)} files of content are not in the backup as they should be: {named}. Use another backup, or say "
            "--force to restore without them; they will not be served."
        )


def _is_there(source: Path, entry: Entry, options: Options) -> bool:
    path = source / entry.key
    if not path.is_file() or path.stat().st_size != entry.size:
        return False
    return not options.verify or has_its_name(entry.key, path)


def _copy_content(source: Path, generation: Generation, say: Say) -> int:
    """Put content into the store, as far as it is not there; return how much was."""
    copied = 0
    for number, entry in enumerate(generation.entries(), start=1):
        path = source / entry.key
        there = store().stat(entry.key)
        if (there is None or there.size != entry.size) and path.is_file():
            _put(path, entry.key)
            copied += 1
        if number % _SAID_EVERY == 0:
            say(f"{number} files of content looked at, {copied} copied.")
    return copied


def _put(path: Path, key: str) -> None:
    with path.open("rb") as source:
        if not isinstance(store(), FileStore):
            store().put(source, key)
            return
        # Files of the store are scratch files of its own disk first.
        scratch.require_room(path.stat().st_size)
        with scratch.scratch_file() as handle, scratch.room_for_bytes():
            shutil.copyfileobj(source, handle, 1024 * 1024)
            handle.flush()
            store().put(handle, key)


def _take_secrets(generation: Generation, manifest: Manifest) -> None:
    if not manifest.secrets:
        raise Invalid("The backup has no secrets: it was made without --with-secrets. Leave that out here, too.")
    for path in sorted((generation.folder / SECRETS).iterdir()):
        target = Path(settings.DATA_DIR) / path.name
        draft = target.with_name(f"{target.name}.restored")
        draft.touch(mode=0o600)
        draft.write_text(path.read_text())
        draft.replace(target)


def _make_current(say: Say) -> None:
    """Bring the database up to date, and forget what was built from another."""
    connection.close()
    ContentType.objects.clear_cache()
    call_command("migrate", interactive=False, verbosity=0)
    # The backup that this was, and whatever else was under way with it.
    StorageRun.objects.filter(finished_at=None).update(finished_at=timezone.now())
    try:
        cache.clear()
    except RedisError:
        say(
            "The cache does not answer, so it was not emptied. Empty it before the hub starts, if it is one that was in use."
        )
    caches = Path(settings.DATA_DIR) / "git-cache"
    if caches.exists():
        old = caches.with_name("git-cache.old")
        shutil.rmtree(old, ignore_errors=True)
        caches.rename(old)
        shutil.rmtree(old, ignore_errors=True)
