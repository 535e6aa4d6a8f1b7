"""What a commit changed, file by file, as lines to show. Bounded: a diff is for reading."""

import difflib
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from django.utils.translation import gettext as _

from hub.repos.git.commits import content_facts
from hub.repos.git.history import Change
from hub.repos.git.objects import Entry, read_objects
from hub.repos.models import Repository

MAX_BYTES = 512 * 1024  # of one side; a larger file is named with its sizes
MAX_COMPARED = 4000  # lines of one side, without what both sides begin and end with
MAX_SHOWN = 2000  # lines of one file's diff
MAX_FILES = 200  # files of one commit whose lines are compared
MAX_TOTAL = 4 * 1024 * 1024  # bytes of one commit that are compared
MAX_LINE = 2000  # characters of a line that are shown
CONTEXT = 3  # unchanged lines around a change


class State(StrEnum):
    """Why a file's lines are shown or are not."""

    TEXT = "text"
    BINARY = "binary"
    LARGE = "large"  # content outside git, or too long to compare


@dataclass(frozen=True)
class Line:
    """One line of a hunk. kind: " ", "+", "-", or "\\\\" for a remark on the line before it.

    The numbers count from 1; None on the side where the line is not.
    """

    kind: str
    old: int | None
    new: int | None
    text: str


@dataclass(frozen=True)
class Hunk:
    """Changed lines with their surroundings; `header` is the `@@ -1,3 +1,4 @@` of unified diffs."""

    header: str
    lines: list[Line]


@dataclass(frozen=True)
class FileDiff:
    """One changed file. Sizes are bytes of the content, None on the side where the file is not.

    `truncated`: there are more hunks than are here; `added` and `removed` count all lines. The sha256s name large content.
    source: the path that it was moved from, "" otherwise.
    """

    path: str
    state: State
    old_size: int | None
    new_size: int | None
    hunks: list[Hunk]
    added: int = 0
    removed: int = 0
    truncated: bool = False
    mode_changed: bool = False
    old_sha256: str | None = None
    new_sha256: str | None = None
    source: str = ""

    @property
    def status(self) -> str:
        return "added" if self.old_size is None else "deleted" if self.new_size is None else "modified"


def diff_changes(repo: Repository, changes: Iterable[Change]) -> list[FileDiff]:
    """Return the diffs of a commit's changes, in their order. Four queries, however many files."""
    changes = list(changes)
    old = {c.path: c.old for c in changes if c.old is not None}
    new = {c.path: c.new for c in changes if c.new is not None}
    old_facts, new_facts = content_facts(repo.store_id, old), content_facts(repo.store_id, new)
    contents = _contents(repo, changes, [old_facts, new_facts])
    diffs = []
    for change in changes:
        old_size, old_sha = old_facts.get(change.path, (None, None))
        new_size, new_sha = new_facts.get(change.path, (None, None))
        mode_changed = change.old is not None and change.new is not None and change.old.mode != change.new.mode
        before, after = _side(change.old, contents), _side(change.new, contents)
        if old_sha or new_sha or before is None or after is None:
            state, shown = State.LARGE, None
        else:
            shown = diff_texts(before, after)
            state = State.TEXT if shown else State.BINARY if b"\0" in before[:8192] + after[:8192] else State.LARGE
        diffs.append(
            FileDiff(
                change.path,
                state,
                old_size,
                new_size,
                shown.hunks if shown else [],
                shown.added if shown else 0,
                shown.removed if shown else 0,
                shown.truncated if shown else False,
                mode_changed,
                old_sha,
                new_sha,
                change.source,
            )
        )
    return diffs


def unified(diffs: Iterable[FileDiff], *, limit: int) -> str:
    """Return diffs as the text that `git diff` prints, of at most `limit` characters. What is left out is said in lines that
    patch programs take for remarks."""
    text: list[str] = []
    room = limit
    for diff in diffs:
        piece = "\n".join(_unified(diff)) + "\n"
        if len(piece) > room:
            text.append(f"# {diff.path} and what follows are left out: the diff is too long.\n")
            break
        text.append(piece)
        room -= len(piece)
    return "".join(text)


def _unified(diff: FileDiff) -> Iterator[str]:
    yield f"diff --git a/{diff.path} b/{diff.path}"
    if diff.status == "added":
        yield "new file mode 100644"
    elif diff.status == "deleted":
        yield "deleted file mode 100644"
    if diff.state != State.TEXT:
        yield f"Binary files a/{diff.path} and b/{diff.path} differ"
        return
    if diff.hunks:
        yield "--- /dev/null" if diff.status == "added" else f"--- a/{diff.path}"
        yield "+++ /dev/null" if diff.status == "deleted" else f"+++ b/{diff.path}"
    for hunk in diff.hunks:
        yield hunk.header
        yield from (f"{line.kind}{line.text}" if line.kind != "\\" else f"\\ {line.text}" for line in hunk.lines)
    if diff.truncated:
        yield f"# The rest of {diff.path} is left out."


def _contents(
    repo: Repository, changes: list[Change], facts: list[dict[str, tuple[int, str | None]]]
) -> dict[str, bytes]:
    """Read the objects that are small enough to compare, until a commit's share is used up."""
    wanted: set[str] = set()
    left = MAX_TOTAL
    for change in changes[:MAX_FILES]:
        for entry, known in zip((change.old, change.new), facts, strict=True):
            size, sha256 = known.get(change.path, (0, None))
            if entry is not None and sha256 is None and size <= min(MAX_BYTES, left):
                wanted.add(entry.oid)
                left -= size
    return read_objects(repo.store_id, wanted)


def _side(entry: Entry | None, contents: dict[str, bytes]) -> bytes | None:
    return b"" if entry is None else contents.get(entry.oid)


@dataclass(frozen=True)
class TextDiff:
    """The hunks of two texts; `added` and `removed` count all changed lines, shown or not."""

    hunks: list[Hunk]
    added: int
    removed: int
    truncated: bool


def diff_texts(before: bytes, after: bytes) -> TextDiff | None:
    """Compare two files line by line. None where either is not UTF-8 text, or they differ in too many lines to compare."""
    if b"\0" in before or b"\0" in after:
        return None
    try:
        old, new = _split(before), _split(after)
    except UnicodeDecodeError:
        return None
    # What both begin and end with costs nothing this way, and most edits of a long file are short.
    start = _common(old, new)
    end = _common(reversed(old[start:]), reversed(new[start:]))
    old_part, new_part = old[start : len(old) - end], new[start : len(new) - end]
    if max(len(old_part), len(new_part)) > MAX_COMPARED and old_part and new_part:
        return None
    codes: list[_Code] = [
        (tag, i1 + start, i2 + start, j1 + start, j2 + start)
        for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, old_part, new_part).get_opcodes()
    ]
    changed = [code for code in codes if code[0] != "equal"]
    added, removed = sum(c[4] - c[3] for c in changed), sum(c[2] - c[1] for c in changed)
    hunks: list[Hunk] = []
    room = MAX_SHOWN
    for group in _groups(changed):
        lines = list(_hunk_lines(group, old, new, room))
        room -= len(lines)
        hunks.append(Hunk(_header(group, len(old)), lines))
        if room <= 0:
            break
    return TextDiff(
        hunks, added, removed, truncated=sum(ln.kind in "+-" for h in hunks for ln in h.lines) < added + removed
    )


_Code = tuple[str, int, int, int, int]


def _common(one: Iterable[str], other: Iterable[str]) -> int:
    same = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        same += 1
    return same


def _groups(changed: list[_Code]) -> Iterator[list[_Code]]:
    """Yield the changes that share a hunk: those whose surroundings touch."""
    group: list[_Code] = []
    for code in changed:
        if group and code[1] - group[-1][2] > 2 * CONTEXT:
            yield group
            group = []
        group.append(code)
    if group:
        yield group


def _hunk_lines(group: list[_Code], old: list[str], new: list[str], room: int) -> Iterator[Line]:
    """Yield at most `room` lines of one hunk."""
    i, j = max(group[0][1] - CONTEXT, 0), group[0][3] - min(CONTEXT, group[0][1])
    last = min(group[-1][2] + CONTEXT, len(old))
    for _tag, i1, i2, j1, j2 in [*group, ("equal", last, last, 0, 0)]:
        for step in range(i1 - i):
            if (room := room - 1) < 0:
                return
            yield Line(" ", i + step + 1, j + step + 1, _shown(old[i + step]))
        for number in range(i1, i2):
            if (room := room - 1) < 0:
                return
            yield Line("-", number + 1, None, _shown(old[number]))
            yield from _remark(old[number])
        for number in range(j1, j2):
            if (room := room - 1) < 0:
                return
            yield Line("+", None, number + 1, _shown(new[number]))
            yield from _remark(new[number])
        i, j = i2, j2


def _header(group: list[_Code], old_length: int) -> str:
    before = min(CONTEXT, group[0][1])
    i1, j1 = group[0][1] - before, group[0][3] - before
    after = min(CONTEXT, old_length - group[-1][2])
    old_lines, new_lines = group[-1][2] + after - i1, group[-1][4] + after - j1
    return f"@@ -{i1 + (old_lines > 0)},{old_lines} +{j1 + (new_lines > 0)},{new_lines} @@"


def _split(content: bytes) -> list[str]:
    """Return the lines with their ends. Only line feeds end a line, as for git."""
    return list(io.StringIO(content.decode(), newline="\n"))


def _shown(line: str) -> str:
    text = line.removesuffix("\n").removesuffix("\r")
    return text if len(text) <= MAX_LINE else text[:MAX_LINE] + "…"


def _remark(line: str) -> Iterator[Line]:
    if not line.endswith("\n"):
        yield Line("\\", None, None, _("There is no line break at the end of the file."))
