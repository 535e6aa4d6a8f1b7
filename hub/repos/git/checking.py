"""What must hold of every object that is pushed: form, names, and that each entry is what it says.

Git's own checks are made for a repository that has everything at hand; these are ours, for new objects beside known ones.
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

from django.conf import settings
from django.utils.translation import gettext as _
from dulwich.errors import ObjectFormatException
from dulwich.objects import Commit, Tag

from hub.repos.errors import PathInvalid
from hub.repos.git.errors import PackRefused, PackTooLarge
from hub.repos.git.objects import EMPTY_TREE, MAX_POINTER_BYTES, parse_pointer
from hub.repos.git.packs import Quarantine, read_from, types_in
from hub.repos.models.git import ObjectType
from hub.repos.names import MAX_PATH_BYTES, check_path

# What new objects may refer to without being pushed along with it, and folders within folders, of one push.
MAX_REFERENCES = 2_000_000
MAX_PARENTS = 100
_ENTRY = re.compile(rb"([0-7]{1,7}) ([^\0]+)\0(.{20})", re.DOTALL)
_MODES = {b"100644": "blob", b"100755": "blob", b"120000": "blob", b"40000": "tree"}
_KEPT_NAMES = 100_000


@dataclass(frozen=True)
class _Folder:
    """What a tree holds: how many files directly, the longest of their names in bytes, and its folders with name lengths."""

    files: int
    longest: int
    folders: list[tuple[int, bytes]]


@dataclass
class Inspection:
    """Looks at the new objects of a push, one after the other, then at what they refer to.

    commits: oid -> the commits among them, tags likewise; pointers: oid -> (sha256, size) of large files.
    """

    pushed: Quarantine
    commits: dict[str, Commit] = field(default_factory=dict)
    tags: dict[str, Tag] = field(default_factory=dict)
    pointers: dict[str, tuple[str, int]] = field(default_factory=dict)
    _outside: dict[str, str] = field(default_factory=dict)
    _folders: dict[bytes, _Folder] = field(default_factory=dict)
    _names: set[bytes] = field(default_factory=set)
    _references: int = 0

    def look_at(self, oid: str, kind: ObjectType, content: bytes) -> None:
        """Check one new object by itself. Raises PackRefused, PackTooLarge."""
        match kind:
            case ObjectType.TREE:
                self._folders[bytes.fromhex(oid)] = self._folder(oid, content, checked=True)
            case ObjectType.BLOB:
                if len(content) <= MAX_POINTER_BYTES and (pointer := parse_pointer(content)):
                    self.pointers[oid] = pointer
            case ObjectType.COMMIT:
                self.commits[oid] = self._commit(oid, content)
            case ObjectType.TAG:
                self.tags[oid] = self._tag(oid, content)

    def finish(self) -> None:
        """Check what the objects refer to, and what they amount to. Raises PackRefused, PackTooLarge."""
        names = list(self._outside)
        for (oid, found), name in zip(types_in(self.pushed.cache, names), names, strict=True):
            if found == "missing":
                raise PackRefused(
                    _("The push refers to the object %(oid)s, which is neither in it nor in this repository.")
                    % {"oid": name[:10]}
                )
            if found != self._outside[oid]:
                raise self._mistaken(name, found)
        self._measure()

    # --- single objects -------------------------------------------------------------------------------------------------

    def _commit(self, oid: str, content: bytes) -> Commit:
        commit = cast(Commit, Commit.from_raw_string(ObjectType.COMMIT, content))
        with _well_formed("commit", oid):
            commit.check()
            for moment in (commit.commit_time, commit.author_time):
                datetime.fromtimestamp(moment, UTC)
            if len(commit.parents) > MAX_PARENTS:
                raise ObjectFormatException(f"more than {MAX_PARENTS} parents")
        self._refer(commit.tree.decode("ascii"), "tree")
        for parent in commit.parents:
            self._refer(parent.decode("ascii"), "commit")
        return commit

    def _tag(self, oid: str, content: bytes) -> Tag:
        tag = cast(Tag, Tag.from_raw_string(ObjectType.TAG, content))
        with _well_formed("tag", oid):
            tag.check()
        kind, target = tag.object
        self._refer(target.decode("ascii"), kind.type_name.decode("ascii"))
        return tag

    def _folder(self, oid: str, content: bytes, *, checked: bool) -> _Folder:
        """Read a tree; one that is new is checked, too."""
        files, longest, place, last = 0, 0, 0, b""
        folders: list[tuple[int, bytes]] = []
        names: set[bytes] = set()
        while found := _ENTRY.match(content, place):
            mode, name, target = found.groups()
            place = found.end()
            kind = _MODES.get(mode, "")
            if checked:
                key = self._check_entry(oid, mode, name)
                if key <= last or name in names:
                    raise PackRefused(
                        _("The tree %(oid)s is out of order, or has a name twice. Run “git fsck”.") % {"oid": oid[:10]}
                    )
                last = key
                names.add(name)
                self._refer(target.hex(), kind)
            if kind == "tree":
                folders.append((len(name), target))
            else:
                files += 1
                longest = max(longest, len(name))
        if checked and place != len(content):
            raise PackRefused(_("The tree %(oid)s is damaged. Run “git fsck”.") % {"oid": oid[:10]})
        self._count(len(folders))
        return _Folder(files, longest, folders)

    def _check_entry(self, oid: str, mode: bytes, name: bytes) -> bytes:
        """Check one line of a tree; return what the next one must come after. Git sorts a folder as if it ended in a slash."""
        shown = {"oid": oid[:10], "name": name[:100].decode("utf-8", "replace")}
        if mode == b"160000":
            raise PackRefused(
                _("“%(name)s” is a submodule, and this hub stores none. Take it out of the history, or add its files.")
                % shown
            )
        if mode not in _MODES:
            raise PackRefused(
                _("“%(name)s” in the tree %(oid)s has the mode %(mode)s, which is no file, link or folder.")
                % (shown | {"mode": mode.decode()})
            )
        if name not in self._names:
            try:
                check_path(name.decode())
            except UnicodeDecodeError as error:
                raise PathInvalid(
                    _("The name “%(name)s” is not UTF-8. Rename the file.") % shown, field="path"
                ) from error
            if b"/" in name:
                raise PathInvalid(_("The name “%(name)s” holds a slash.") % shown, field="path")
            if len(self._names) >= _KEPT_NAMES:
                self._names.clear()
            self._names.add(name)
        return name + b"/" if mode == b"40000" else name

    def _refer(self, oid: str, kind: str) -> None:
        """Note that a new object says there is a `kind` of that id."""
        there = self.pushed.objects.get(oid)
        if there is None:
            if oid == EMPTY_TREE and kind == "tree":
                return
            if self._outside.setdefault(oid, kind) != kind:
                raise self._mistaken(oid, self._outside[oid])
            self._count(0)
        elif there[0].name.lower() != kind:
            raise self._mistaken(oid, there[0].name.lower())

    def _count(self, more: int) -> None:
        self._references += more
        if self._references + len(self._outside) > MAX_REFERENCES:
            raise PackTooLarge(_("This push refers to too many objects. Push the history in several steps."))

    def _mistaken(self, oid: str, found: str) -> PackRefused:
        return PackRefused(
            _("The push takes the %(found)s %(oid)s for something else. Run “git fsck”.")
            % {"found": found, "oid": oid[:10]}
        )

    # --- what it amounts to ---------------------------------------------------------------------------------------------

    def _measure(self) -> None:
        """Count the files of each new version: few trees can spell more files than anybody could list."""
        self._load_known_folders()
        known: dict[bytes, tuple[int, int]] = {bytes.fromhex(EMPTY_TREE): (0, 0)}
        for oid, commit in self.commits.items():
            files, longest = self._total(bytes.fromhex(commit.tree.decode("ascii")), known)
            if files > settings.MAX_TREE_FILES:
                raise PackTooLarge(
                    _("The commit %(oid)s holds more than %(max)d files.")
                    % {"oid": oid[:10], "max": settings.MAX_TREE_FILES}
                )
            if longest > MAX_PATH_BYTES:
                raise PathInvalid(
                    _("The commit %(oid)s has a path of more than %(max)d bytes.")
                    % {"oid": oid[:10], "max": MAX_PATH_BYTES},
                    field="path",
                )

    def _load_known_folders(self) -> None:
        """Read those folders that the repository had before, down to the last one below each."""
        level = {bytes.fromhex(oid) for oid, kind in self._outside.items() if kind == "tree"}
        while level := level - self._folders.keys():
            deeper: set[bytes] = set()
            for oid, _kind, content in read_from(self.pushed.cache, [each.hex() for each in level]):
                folder = self._folder(oid, content, checked=False)
                self._folders[bytes.fromhex(oid)] = folder
                deeper.update(target for _length, target in folder.folders)
            level = deeper

    def _total(self, root: bytes, known: dict[bytes, tuple[int, int]]) -> tuple[int, int]:
        """Return the files in and below a folder, and the longest path there in bytes."""
        waiting = [root]
        while waiting:
            oid = waiting[-1]
            folder = self._folders.get(oid)
            if oid in known or folder is None:
                known.setdefault(oid, (0, 0))
                waiting.pop()
                continue
            if inner := [target for _length, target in folder.folders if target not in known]:
                waiting += inner
                continue
            files, longest = folder.files, folder.longest
            for length, target in folder.folders:
                below = known[target]
                files += below[0]
                longest = max(longest, length + 1 + below[1])
            known[oid] = files, longest
        return known[root]


class _well_formed:  # noqa: N801 - reads like the sentence that it is
    """Say in our words what is wrong with the form of an object."""

    def __init__(self, kind: str, oid: str) -> None:
        self._kind, self._oid = kind, oid

    def __enter__(self) -> None:
        return None

    def __exit__(self, _type: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, ObjectFormatException | ValueError | OverflowError | OSError | AssertionError | TypeError):
            raise PackRefused(
                _("The %(kind)s %(oid)s is not well formed: %(reason)s. Run “git fsck”.")
                % {"kind": self._kind, "oid": self._oid[:10], "reason": str(error)[:200]}
            ) from error


def message_of(commit: Commit) -> tuple[str, str]:
    """Return title and description of a commit, as text that can be stored."""
    text = text_of(commit.message, commit.encoding)
    title, _newline, rest = text.strip().partition("\n")
    return title.strip(), rest.strip()


def person_of(line: bytes, encoding: bytes | None) -> tuple[str, str]:
    """Return name and e-mail address of an author line."""
    name, _sign, rest = text_of(line, encoding).partition("<")
    return name.strip(), rest.partition(">")[0].strip()


def text_of(content: bytes, encoding: bytes | None = None) -> str:
    """Return what people wrote, as text that can be stored."""
    try:
        text = content.decode((encoding or b"utf-8").decode("ascii"), "replace")
    except (LookupError, UnicodeDecodeError, ValueError):
        text = content.decode("utf-8", "replace")
    return "".join(c for c in text if c != "\0" and not "\ud800" <= c <= "\udfff")
