"""Git's path patterns, matched in time that no pattern can stretch: `.gitattributes` and `.gitignore` are written by strangers.

Source: https://git-scm.com/docs/gitignore, "pattern format". Stars become atomic groups, which never try again what they
have tried, and `**` a walk over sets of places; a pattern therefore costs no more than its length times that of the path.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

# An ignore or attributes file is a page of patterns; what follows after these lines counts for nothing.
MAX_LINES = 1000
MAX_SEGMENTS = 32  # of one pattern; a longer one matches nothing
_TOKEN = re.compile(r"\\(.)|(\*+)|(\?)|(\[[!^]?\]?[^\]]*\])|(.)", re.DOTALL)
_ANY_FOLDERS = None  # `**` as a whole segment


@dataclass(frozen=True)
class Pattern:
    """One pattern: a regular expression for each segment of a path, None where a segment is `**`."""

    segments: tuple[re.Pattern[str] | None, ...]
    folders_only: bool

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return the pattern, None for one that matches nothing."""
        bare = text.rstrip("/")
        parts = bare.split("/")
        if not bare or len(parts) > MAX_SEGMENTS:
            return None
        if len(parts) == 1:
            parts = ["**", *parts]  # without a slash a name matches in every folder
        elif not parts[0]:
            del parts[0]
        try:
            segments = tuple(_ANY_FOLDERS if part == "**" else _compile(part) for part in parts)
        except re.error:
            return None
        return cls(segments, folders_only=bare != text)

    def matches(self, path: list[str]) -> bool:
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


class IgnoreRules:
    """The lines of an ignore file: the last one that matches decides, and what is in an ignored folder is ignored."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._rules: list[tuple[Pattern, bool]] = []
        for line in list(lines)[:MAX_LINES]:
            text = line.rstrip()
            ignored = not text.startswith("!")
            pattern = None if text.startswith("#") else Pattern.parse(text if ignored else text[1:])
            if pattern is not None:
                self._rules.append((pattern, ignored))

    def ignores(self, path: str) -> bool:
        """Tell whether the file at `path` is ignored."""
        segments = path.split("/")
        return any(
            self._verdict(segments[:depth], is_folder=depth < len(segments)) for depth in range(1, len(segments) + 1)
        )

    def _verdict(self, segments: list[str], *, is_folder: bool) -> bool:
        for pattern, ignored in reversed(self._rules):
            if (is_folder or not pattern.folders_only) and pattern.matches(segments):
                return ignored
        return False


def _compile(glob: str) -> re.Pattern[str]:
    """Return what matches one segment. The pieces between stars have a fixed length, so the first place is the right one."""
    pieces = [""]
    for escaped, stars, single, chosen, plain in _TOKEN.findall(glob):
        if stars:
            pieces.append("")
        elif single:
            pieces[-1] += "."
        elif chosen:
            negated = chosen[1] in "!^"
            inside = chosen[2 if negated else 1 : -1].replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
            inside = re.sub(r"([&|~^])", r"\\\1", inside)
            pieces[-1] += f"[{'^' * negated}{inside}]"
        else:
            pieces[-1] += re.escape(escaped or plain)
    first, *others = pieces
    if not others:
        return re.compile(first, re.DOTALL)
    middle = "".join(f"(?>.*?{piece})" for piece in others[:-1] if piece)
    return re.compile(f"{first}{middle}.*{others[-1]}", re.DOTALL)
