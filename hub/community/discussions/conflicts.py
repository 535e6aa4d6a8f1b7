"""What both sides of a pull request have changed in ways that do not go together, as people look at it to settle it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from hub.accounts.models import Someone
from hub.community.discussions.computing import computing_for
from hub.community.discussions.standing import Standing
from hub.core.errors import TooMany, Unavailable
from hub.repos.git.line_merging import MARKS
from hub.repos.git.merging import compare_lines
from hub.repos.models import Repository

# What the marks in a text call the two sides, as names of branches.
NAMES = ("pull-request", "branch")
MAX_HUNKS = 20  # of one file that are shown
MAX_LINES = 40  # of each side of a hunk
MAX_LINE = 500  # characters of a line


@dataclass(frozen=True)
class Part:
    """The lines that one side has in a hunk; `more`: how many are not here."""

    lines: list[str]
    more: int


@dataclass(frozen=True)
class Hunk:
    """Lines that both have changed: what the pull request has there, what both began with, what the branch has."""

    own: Part
    before: Part
    base: Part


@dataclass(frozen=True)
class Dispute:
    """A text in conflict. text: all of it with git's marks, each of `marks` signs; None where it is no UTF-8. more: hunks that
    are not here."""

    text: str | None
    marks: int = MARKS
    hunks: list[Hunk] = field(default_factory=list)
    more: int = 0

    @property
    def signs(self) -> list[str]:
        """What the lines begin with that mark the beginning, the middle and the end of a conflict."""
        return [sign * self.marks for sign in "<=>"]


def disputes_of(repo: Repository, standing: Standing, reader: Someone) -> dict[str, Dispute]:
    """Return path -> the dispute about it, for those conflicts that are about lines of text.

    Raises TooMany for a reader who had much computed; whoever is not logged in, and all of these together, then get none.
    """
    if standing.head is None or standing.target is None:
        return {}
    try:
        with computing_for(reader):
            # In the direction in which it is settled: the branch comes into the pull request.
            lines = compare_lines(repo, standing.head, standing.target, names=NAMES, explain=True).lines
    except (TooMany, Unavailable):
        if reader.is_authenticated:
            raise
        return {}
    found = {}
    for path, marked in lines.marked.items():
        try:
            text = marked.decode()
        except UnicodeDecodeError:
            text = None
        explained = lines.explained.get(path, b"")
        ends = explained.count(b"\n" + b">" * lines.marks + b" ")
        hunks = list(islice(_hunks(explained, lines.marks), MAX_HUNKS))
        found[path] = Dispute(text, lines.marks, hunks, max(0, ends - len(hunks)))
    return found


def _hunks(content: bytes, marks: int) -> Iterator[Hunk]:
    """Read the hunks out of a text with marks that no other line of it looks like."""
    begins = {sign * marks for sign in (b"<", b"|", b"=", b">")}
    sides: list[list[bytes]] = []
    for line in content.split(b"\n"):
        if line[:marks] not in begins or line[marks : marks + 1] not in (b"", b" ", b"\r"):
            if sides:
                sides[-1].append(line)
        elif line[:1] == b"<":
            sides = [[]]
        elif line[:1] == b">":
            if len(sides) == 3:
                yield Hunk(*map(_part, sides))
            sides = []
        elif sides:
            sides.append([])


def _part(lines: list[bytes]) -> Part:
    # A character has four bytes at most: one more than are shown tells that there are more.
    begun = [line[: 4 * (MAX_LINE + 1)].decode("utf-8", "replace").rstrip("\r") for line in lines[:MAX_LINES]]
    shown = [text if len(text) <= MAX_LINE else text[:MAX_LINE] + "…" for text in begun]
    return Part(shown, max(0, len(lines) - MAX_LINES))
