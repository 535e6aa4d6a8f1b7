"""Pushes: what is pushed is looked at as a whole, then rows and refs come in one transaction.

Each ref of a push is judged by itself, as git does, unless the push is atomic. What is refused leaves nothing behind.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO, cast

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _
from dulwich.objects import Tag

from hub.accounts.models import User
from hub.core.errors import HubError, Unavailable
from hub.repos.errors import BlobMissing, RefExists, ReleaseExists
from hub.repos.git.cache import open_cache, rewrites_of
from hub.repos.git.checking import Inspection, text_of
from hub.repos.git.commits import note_update
from hub.repos.git.errors import PackRefused, PackTooLarge, RefRefused
from hub.repos.git.locks import hold_history, lock_history
from hub.repos.git.packs import Quarantine, quarantine, types_in
from hub.repos.git.program import GitFailed, run
from hub.repos.git.pruning import forget_unreachable
from hub.repos.git.pushed_rows import insert_commits, insert_objects, update_listing
from hub.repos.git.reachable import MAX_TAG_CHAIN
from hub.repos.models import Blob, GitRef, Release, Repository
from hub.repos.models.git import BRANCH_PREFIX, MAIN, TAG_PREFIX, ObjectType, number_of_ref
from hub.repos.names import check_ref_name
from hub.repos.permissions import check_may_delete, check_may_move, may_write
from hub.repos.releases import create_release, delete_tag
from hub.repos.services import check_new_ref, delete_branch
from hub.repos.storage.accounting import hold_blobs
from hub.repos.storage.keys import touch_blobs
from hub.repos.storage.quotas import SMALL, check_held, require_quota

# How often a push is done over because others have moved refs meanwhile.
TRIES = 4


@dataclass
class Command:
    """One line of a push: move `name` from `old` to `new` (None: it is not there). `refused` says why that is not done."""

    name: str
    old: str | None
    new: str | None
    refused: HubError | None = None


@dataclass(frozen=True)
class Target:
    """What a new value of a ref means: its commit, and what an annotated tag says."""

    commit: str
    annotated: bool = False
    message: str = ""


class _Again(Exception):
    """The push has to be looked at once more: a ref was refused, or others have moved on. Rolls back."""


@dataclass
class Push:
    """Somebody's push to a repository.

    writes: the caller may change the repository's content. may_change_pull: whether they may move `refs/pr/N`.
    """

    repo: Repository
    actor: User
    writes: bool
    may_change_pull: Callable[[int], bool]
    commands: list[Command]
    atomic: bool = False

    def carry_out(self, body: BinaryIO | None) -> None:
        """Take in the pack in `body` (None: nothing but deletions), and move what may be moved.

        Refusals of single refs are in their commands. Raises what concerns the whole push: PackRefused, PackTooLarge,
        PathInvalid, BlobMissing, StorageFull, Unavailable.
        """
        self._judge(self._check_alone)
        # All that follows may take as long as the caller's line is slow, and needs no connection meanwhile.
        if not connection.in_atomic_block:
            connection.close()
        with quarantine() as pushed:
            if body is not None:
                pushed.receive(body)
                # It may have come for an hour. What holds now decides, not what held when it began.
                self.writes = self.writes and may_write(self.actor, self.repo)
                self._judge(self._check_alone)
            for _turn in range(len(self.commands) + TRIES):
                with open_cache(self.repo) as cache, suppress(_Again):
                    pushed.cache = cache
                    self._move(pushed)
                    return
        raise Unavailable(_("Others pushed at the same time. Push again."))

    @property
    def accepted(self) -> list[Command]:
        return [command for command in self.commands if command.refused is None]

    def _judge(self, check: Callable[[Command], None]) -> bool:
        """Try what is still accepted; return whether anything of it was refused now."""
        before = len(self.accepted)
        for command in self.accepted:
            try:
                check(command)
            except HubError as error:
                command.refused = error
        if self.atomic and len(self.accepted) < len(self.commands):
            for command in self.accepted:
                command.refused = RefRefused(_("another ref of this atomic push was refused"))
        return len(self.accepted) < before

    # --- what each ref may become ---------------------------------------------------------------------------------------

    def _check_alone(self, command: Command) -> None:
        """Check what can be told from the ref's name. Raises Invalid, RefRefused, RefProtected."""
        if sum(each.name == command.name for each in self.commands) > 1:
            raise RefRefused(_("“%(name)s” comes twice in this push.") % {"name": command.name[:100]})
        if command.old is None and command.new is None:
            raise RefRefused(_("There is no “%(name)s” to delete.") % {"name": command.name[:100]})
        if (number := number_of_ref(command.name)) is not None:
            if command.new is None:
                raise RefRefused(_("The commits of a pull request stay. Close it on its page instead."))
            if command.old is None or not self.may_change_pull(number):
                raise RefRefused(
                    _(
                        "Pull request %(number)s takes commits while it is open, of its author and of those who may write here."
                    )
                    % {"number": number}
                )
            return
        prefix = next((each for each in (BRANCH_PREFIX, TAG_PREFIX) if command.name.startswith(each)), "")
        if not prefix:
            raise RefRefused(_("Only branches (refs/heads/), tags (refs/tags/) and refs/pr/ are kept here."))
        if not self.writes:
            raise RefRefused(_("You may push to your own pull requests only."))
        check_ref_name(command.name.removeprefix(prefix))
        (check_may_move if command.new else check_may_delete)(self.actor, self.repo, command.name)

    def _targets(self, pushed: Quarantine) -> dict[str, Target]:
        """Return what the new values mean, by object id; refuse those that a ref cannot have."""
        names = [
            name for command in self.accepted if command.new for name in (command.new, f"{command.new}^{{commit}}")
        ]
        found = types_in(pushed.folder, names, env=pushed.with_cache) if names else []
        kinds = dict(zip(names, found, strict=True))
        targets: dict[str, Target] = {}

        def resolve(command: Command) -> None:
            if command.new is None:
                return
            (_oid, kind), (commit, peeled) = kinds[command.new], kinds[f"{command.new}^{{commit}}"]
            if kind == "missing":
                raise RefRefused(_("missing necessary objects"))
            if peeled != "commit" or (kind != "commit" and not command.name.startswith(TAG_PREFIX)):
                raise RefRefused(_("Only commits can be here, and tags of commits below refs/tags/."))
            message = _tag_message(pushed, command.new) if kind == "tag" else ""
            targets[command.new] = Target(commit, kind == "tag", message)

        if self._judge(resolve):
            raise _Again
        return targets

    def _forced(self, pushed: Quarantine, targets: dict[str, Target]) -> set[str]:
        """Return the names of the refs that lose commits, or a tag; refuse it where rules forbid it."""
        forced: set[str] = set()

        def compare(command: Command) -> None:
            if command.old is None or command.old == command.new:
                return
            if command.new is None or not _is_ancestor(pushed, command.old, targets[command.new].commit):
                forced.add(command.name)
                check_may_move(self.actor, self.repo, command.name, takes_away=True)
            tag = command.name.removeprefix(TAG_PREFIX)
            if command.new and tag != command.name and Release.objects.filter(repository=self.repo, tag=tag).exists():
                raise ReleaseExists(
                    _(
                        "“%(tag)s” is released, so it stays where it is. Delete the release first, or choose another tag."
                    )
                    % {"tag": tag}
                )

        if self._judge(compare):
            raise _Again
        return forced

    # --- rows and refs --------------------------------------------------------------------------------------------------

    def _move(self, pushed: Quarantine) -> None:
        targets = self._targets(pushed)
        forced = self._forced(pushed, targets)
        if not self.accepted:
            return
        tips = list(targets)
        wanted = pushed.new_objects(tips) if tips else set()
        _refuse_large_files(pushed, tips, wanted)
        size = sum(pushed.objects[oid][1] for oid in wanted)
        if size > SMALL:
            require_quota(repo=self.repo, user=self.actor, new=size)
        with transaction.atomic():
            (lock_history if forced else hold_history)(self.repo)
            rewrites = Repository.objects.filter(pk=self.repo.pk).values_list("rewrites", flat=True).first()
            if rewrites != rewrites_of(pushed.cache):
                # What the push builds on may be gone.
                raise _Again
            inspection = Inspection(pushed)
            insert_objects(self.repo.store_id, _inspected(inspection, pushed.contents(wanted) if wanted else ()))
            inspection.finish()
            refs = self._lock_refs()
            blobs = _usable_blobs(self.repo, self.actor, inspection, pushed, tips)
            insert_commits(self.repo, self.actor, inspection.commits)
            added = hold_blobs(repo=self.repo, sha256s=(blob.sha256 for blob in blobs))
            for command in self.accepted:
                if command.name == MAIN and command.new and command.new != command.old:
                    update_listing(self.repo, pushed, command.old, command.new)
            try:
                with transaction.atomic():
                    self._set_refs(refs, targets)
            except IntegrityError as error:
                raise _Again from error
            if forced:
                forget_unreachable(self.repo)
            if added:
                check_held(self.repo)

    def _lock_refs(self) -> dict[str, GitRef]:
        """Lock the refs of this push, in the order of their names; refuse those that are not as the caller thinks."""
        names = [command.name for command in self.accepted]
        rows = GitRef.objects.select_for_update().filter(repository=self.repo, name__in=names).order_by("name")
        refs = {ref.name: ref for ref in rows}
        gone = {command.name for command in self.accepted if command.new is None}
        others = set(GitRef.objects.filter(repository=self.repo).values_list("name", flat=True)) - gone

        def check(command: Command) -> None:
            there = refs[command.name].oid if command.name in refs else None
            if there != command.old:
                raise RefExists(_("“%(name)s” has moved meanwhile. Fetch, then push again.") % {"name": command.name})
            if command.old is None:
                check_new_ref(command.name, others)
            others.add(command.name)

        if self._judge(check):
            raise _Again
        return refs

    def _set_refs(self, refs: dict[str, GitRef], targets: dict[str, Target]) -> None:
        for command in sorted(self.accepted, key=lambda each: (each.new is None, each.name)):
            if command.new is None:
                if command.name.startswith(BRANCH_PREFIX):
                    delete_branch(repo=self.repo, actor=self.actor, name=command.name.removeprefix(BRANCH_PREFIX))
                else:
                    delete_tag(repo=self.repo, actor=self.actor, name=command.name.removeprefix(TAG_PREFIX))
                continue
            if command.new == command.old:
                continue
            target = targets[command.new]
            ref = refs.get(command.name) or GitRef(repository=self.repo, name=command.name)
            old = ref.commit or None
            ref.oid, ref.peeled = command.new, target.commit if target.annotated else None
            ref.message = target.message
            ref.save()
            note_update(repo=self.repo, name=ref.name, old=old, new=target.commit, actor=self.actor)
            if target.message and command.old is None:
                tag = command.name.removeprefix(TAG_PREFIX)
                create_release(repo=self.repo, actor=self.actor, tag=tag, notes=target.message)


def _inspected(
    inspection: Inspection, objects: Iterable[tuple[str, ObjectType, bytes]]
) -> Iterator[tuple[str, ObjectType, bytes]]:
    for oid, kind, content in objects:
        inspection.look_at(oid, kind, content)
        yield oid, kind, content


def _is_ancestor(pushed: Quarantine, old: str, new: str) -> bool:
    arguments = ("rev-list", "--max-count=1", "--stdin")
    lines = [f"{old}^{{commit}}\n^{new}\n".encode()]
    try:
        return not run(pushed.folder, *arguments, lines=lines, env=pushed.with_cache)
    except GitFailed:
        # The caller names an old value that is not there; locked rows will tell.
        return False


def _tag_message(pushed: Quarantine, oid: str) -> str:
    """Return what an annotated tag says, without its signature. Raises PackRefused for a chain of too many tags."""
    message, depth = None, 0
    kind = "tag"
    while kind == "tag":
        content = run(pushed.folder, "cat-file", "tag", oid, env=pushed.with_cache, seconds=60)
        tag = cast(Tag, Tag.from_raw_string(ObjectType.TAG, content))
        message = text_of(tag.message or b"") if message is None else message
        kind, oid = tag.object[0].type_name.decode("ascii"), tag.object[1].decode("ascii")
        depth += 1
        if depth > MAX_TAG_CHAIN:
            raise PackRefused(_("This tag is one of tags of tags, more than %(max)d deep.") % {"max": MAX_TAG_CHAIN})
    return (message or "").strip()


def _refuse_large_files(pushed: Quarantine, tips: list[str], wanted: set[str]) -> None:
    limit = settings.MAX_REGULAR_FILE
    sizes = ((oid, *pushed.objects[oid]) for oid in wanted)
    large = {oid for oid, kind, size in sizes if kind == ObjectType.BLOB and size > limit}
    if large:
        paths = ", ".join(f"“{path}”" for path in pushed.paths_of(tips, large))
        raise PackTooLarge(
            _(
                "Files above %(max)d MiB are kept by git LFS, not in git: %(paths)s. Run “git lfs migrate import "
                "--above=%(max)dmb”, then push again."
            )
            % {"max": limit // 1024**2, "paths": paths}
        )


def _usable_blobs(
    repo: Repository, actor: User, inspection: Inspection, pushed: Quarantine, tips: list[str]
) -> list[Blob]:
    """Return the large files that new pointers name. Raises BlobMissing for those that the pusher has not sent."""
    named = sorted({sha256 for sha256, _size in inspection.pointers.values()})
    usable: dict[str, Blob] = {}
    for start in range(0, len(named), 1000):
        there = touch_blobs(named[start : start + 1000])
        found = Blob.objects.usable_in(repo, actor).filter(pk__in=there)
        usable |= {blob.sha256: blob for blob in found}
    missing = {
        oid
        for oid, (sha256, size) in inspection.pointers.items()
        if sha256 not in usable or usable[sha256].size != size
    }
    if missing:
        paths = ", ".join(f"“{path}”" for path in pushed.paths_of(tips, missing))
        raise BlobMissing(
            _("This hub has not been sent the content of %(paths)s. Run “git lfs push --all origin”, then push again.")
            % {"paths": paths}
        )
    return list(usable.values())
