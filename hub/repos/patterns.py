"""Git's path patterns, matched in time that no pattern can stretch: `.gitattributes` and `.gitignore` are written by strangers.

Source: https://git-scm.com/docs/gitignore, "pattern format"; what it leaves open is as git does it. Git compares bytes, so `?`
is one byte. Stars become atomic groups, which never try again what they have tried, and `**` a walk over sets of places; a
pattern therefore costs no more than its length times that of the path.
"""

import re
from dataclasses import dataclass
from typing import Self

# An ignore or attributes file is a page of patterns; what follows after these lines counts for nothing.
MAX_LINES = 1000
MAX_SEGMENTS = 32  # of one pattern; a longer one matches nothing
_ANY_FOLDERS = None  # `**`, or more stars, as a whole segment

_CLASSES = {
    b"alnum": rb"0-9A-Za-z",
    b"alpha": rb"A-Za-z",
    b"blank": rb" \t",
    b"cntrl": rb"\x00-\x1f\x7f",
    b"digit": rb"0-9",
    b"graph": rb"\x21-\x7e",
    b"lower": rb"a-z",
    b"print": rb"\x20-\x7e",
    b"punct": rb"!-/:-@\[-`{-~",
    b"space": rb" \t\n\r\f\v",
    b"upper": rb"A-Z",
    b"xdigit": rb"0-9A-Fa-f",
}


def split_path(path: str) -> list[bytes]:
    """Return a path as patterns are matched against it."""
    return path.encode("utf-8", "surrogateescape").split(b"/")


def split_lines(content: bytes) -> list[bytes]:
    """Return the lines of an ignore or attributes file, as far as they count."""
    return [
        line.removesuffix(b"\r") for line in content.removeprefix(b"\xef\xbb\xbf").split(b"\n", MAX_LINES)[:MAX_LINES]
    ]


class _Broken(Exception):
    """The pattern is none: it matches nothing."""


@dataclass(frozen=True)
class Pattern:
    """One pattern: a regular expression for each segment of a path, None where a segment is `**`."""

    segments: tuple[re.Pattern[bytes] | None, ...]
    folders_only: bool

    @classmethod
    def parse(cls, text: bytes) -> Self | None:
        """Return the pattern, None for one that matches nothing."""
        bare = text.removesuffix(b"/")
        try:
            segments = [_Segment()]
            at = 0
            while at < len(bare):
                if bare.startswith(b"/", at) or bare.startswith(b"\\/", at):
                    segments.append(_Segment())
                    at += 1 if bare.startswith(b"/", at) else 2
                else:
                    at = segments[-1].read(bare, at)
                if len(segments) > MAX_SEGMENTS:
                    return None
            if b"/" not in bare:
                # Without a slash a name matches in every folder.
                return cls((_ANY_FOLDERS, segments[0].compile()), bare != text) if bare else None
            if bare.startswith(b"/"):
                del segments[0]
            compiled = tuple(_ANY_FOLDERS if segment.is_stars else segment.compile() for segment in segments)
        except _Broken:
            return None
        return cls(compiled, bare != text)

    def matches(self, path: list[bytes]) -> bool:
        """Tell whether the whole path, given by its segments, is what the pattern means."""
        if len(self.segments) == 2 and self.segments[0] is _ANY_FOLDERS and self.segments[1] is not None:
            return self.segments[1].fullmatch(path[-1]) is not None
        places = {0}  # how many segments of the path may be used up by now
        for position, segment in enumerate(self.segments):
            if segment is not _ANY_FOLDERS:
                places = {at + 1 for at in places if at < len(path) and segment.fullmatch(path[at])}
            elif places:
                # At the end `**` means everything inside, so at least one segment.
                inside = position == len(self.segments) - 1
                places = set(range(min(places) + inside, len(path) + 1))
        return len(path) in places


class _Segment:
    """One segment of a pattern while it is read: what stands between its stars, as regular expressions of fixed length."""

    def __init__(self) -> None:
        self._pieces = [b""]
        self._stars = 0

    @property
    def is_stars(self) -> bool:
        return self._stars > 1 and not any(self._pieces)

    def read(self, text: bytes, at: int) -> int:
        """Take the next token of `text`; return where it ends. Raises _Broken."""
        token = text[at : at + 1]
        if token == b"*":
            self._stars += 1
            self._pieces.append(b"")
            return at + 1
        if token == b"[":
            piece, at = _read_class(text, at + 1)
            self._pieces[-1] += piece
            return at
        char, escaped, at = _read_char(text, at)
        self._pieces[-1] += b"." if char == b"?" and not escaped else re.escape(char)
        return at

    def compile(self) -> re.Pattern[bytes]:
        """Return what matches the segment. The pieces have fixed lengths, so the first place that fits is the right one."""
        first, *others = self._pieces
        if not others:
            return re.compile(first, re.DOTALL)
        middle = b"".join(b"(?>.*?" + piece + b")" for piece in others[:-1] if piece)
        return re.compile(first + middle + b".*" + others[-1], re.DOTALL)


def _read_class(text: bytes, at: int) -> tuple[bytes, int]:
    """Return what matches one byte of the class whose inside begins at `at`, and where it ends. Raises _Broken."""
    negated = text[at : at + 1] in (b"!", b"^")
    at += negated
    inside = b""
    before = b""  # what a range may begin with
    first = True
    while first or text[at : at + 1] != b"]":
        first = False
        char, escaped, at = _read_char(text, at)
        if char == b"-" and not escaped and before and text[at : at + 1] not in (b"", b"]"):
            end, _escaped, at = _read_char(text, at)
            if before <= end:
                inside += re.escape(before) + b"-" + re.escape(end)
            before = b""
        elif char == b"[" and not escaped and text[at : at + 1] == b":":
            close = text.find(b"]", at + 1)
            if close < 0:
                raise _Broken
            if close > at + 1 and text[close - 1 : close] == b":":
                if text[at + 1 : close - 1] not in _CLASSES:
                    raise _Broken
                inside += _CLASSES[text[at + 1 : close - 1]]
                before, at = b"", close + 1
            else:
                inside += rb"\["
                before = char
        else:
            inside += re.escape(char)
            before = char
    at += 1
    if not inside:
        # A range that ends before it begins holds nothing.
        return (b"." if negated else b"(?!)."), at
    return b"[" + b"^" * negated + inside + b"]", at


def _read_char(text: bytes, at: int) -> tuple[bytes, bool, int]:
    """Return the byte at `at`, whether a backslash stands before it, and where it ends. Raises _Broken where there is none."""
    escaped = text[at : at + 1] == b"\\"
    at += escaped
    if at >= len(text):
        raise _Broken
    return text[at : at + 1], escaped, at + 1


class IgnoreRules:
    """The lines of an ignore file: the last one that matches decides, and what is in an ignored folder is ignored."""

    def __init__(self, text: str = "") -> None:
        self._rules: list[tuple[Pattern, bool]] = []
        for line in split_lines(text.encode("utf-8", "surrogateescape")):
            if line.startswith(b"#"):
                continue
            line = _without_blanks(line)
            pattern = Pattern.parse(line.removeprefix(b"!"))
            if pattern is not None:
                self._rules.append((pattern, not line.startswith(b"!")))

    def ignores(self, path: str) -> bool:
        """Tell whether the file at `path` is ignored."""
        segments = split_path(path)
        return any(
            self._verdict(segments[:depth], is_folder=depth < len(segments)) for depth in range(1, len(segments) + 1)
        )

    def _verdict(self, segments: list[bytes], *, is_folder: bool) -> bool:
        for pattern, ignored in reversed(self._rules):
            if (is_folder or not pattern.folders_only) and pattern.matches(segments):
                return ignored
        return False


def _without_blanks(line: bytes) -> bytes:
    """Return a line of an ignore file without the blanks at its end, but for one that is escaped."""
    bare = line.rstrip(b" ")
    backslashes = len(bare) - len(bare.rstrip(b"\\"))
    return bare + b" " if backslashes % 2 and bare != line else bare
