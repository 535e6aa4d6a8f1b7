"""Which files are kept outside git: what `.gitattributes` says by name, and everything above the size limit."""

from dataclasses import dataclass, field
from typing import Self

from django.conf import settings

from hub.repos.errors import EntryNotFound
from hub.repos.git.files import find_file, read_file
from hub.repos.models import GitCommit, Repository
from hub.repos.patterns import MAX_LINES, Pattern

ATTRIBUTES_FILE = ".gitattributes"
# An attributes file is a page of patterns. One that is larger is no such thing, and matching it would cost too much.
MAX_ATTRIBUTES_BYTES = 100_000


@dataclass(frozen=True)
class LargeFileRule:
    """The rule of one revision, from the `.gitattributes` of its root. The last line that matches a path decides."""

    lines: list[tuple[Pattern, bool]] = field(default_factory=list)

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """Read an attributes file; lines that set nothing about `filter`, or are broken, count for nothing."""
        lines = []
        for line in content[:MAX_ATTRIBUTES_BYTES].decode("utf-8", "replace").splitlines():
            pattern, *attributes = line.split() or ["#"]
            verdicts = [a for a in attributes if a.lstrip("-!").partition("=")[0] == "filter"]
            # Unlike an ignore file, an attributes file knows no negation.
            if pattern.startswith(("#", "!")) or not verdicts:
                continue
            # An attribute is a file's; a pattern for folders gives it to none.
            compiled = Pattern.parse(pattern)
            if compiled is not None and not compiled.folders_only:
                lines.append((compiled, verdicts[-1] == "filter=lfs"))
        return cls(lines[:MAX_LINES])

    @classmethod
    def at(cls, repo: Repository, commit: GitCommit) -> Self:
        """Return the rule in force at `commit`."""
        try:
            file = find_file(repo, commit, ATTRIBUTES_FILE)
        except EntryNotFound:
            return cls()
        return cls() if file.sha256 else cls.parse(read_file(repo, file))

    def is_large(self, path: str, size: int) -> bool:
        """Tell whether a file of `size` bytes at `path` belongs into the blob store, with a pointer in git."""
        if path == ATTRIBUTES_FILE or size == 0:
            return False
        return size > settings.MAX_REGULAR_FILE or self._named_large(path)

    def _named_large(self, path: str) -> bool:
        segments = path.split("/")
        for pattern, large in reversed(self.lines):
            if pattern.matches(segments):
                return large
        return False
