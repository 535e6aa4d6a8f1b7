"""Which files are kept outside git: what `.gitattributes` says by name, and everything above the size limit."""

import re
from dataclasses import dataclass, field
from typing import Self

from django.conf import settings

from hub.repos.errors import EntryNotFound
from hub.repos.git.files import find_file, read_file
from hub.repos.models import GitCommit, Repository
from hub.repos.patterns import Pattern, split_lines, split_path

ATTRIBUTES_FILE = ".gitattributes"
# An attributes file is a page of patterns. One that is larger is no such thing, and matching it would cost too much.
MAX_ATTRIBUTES_BYTES = 100_000
MAX_LINE = 2048  # bytes; git leaves longer lines out
# Each may stand for another one, and so on down to the last. Those after them count for nothing.
MAX_MACROS = 50
_BLANKS = re.compile(rb"[ \t\r\n]+")
_NAME = re.compile(rb"[A-Za-z0-9_.][-A-Za-z0-9_.]*")
_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*)"(.*)', re.DOTALL)
_ESCAPE = re.compile(rb"\\([0-3][0-7]{2}|.)", re.DOTALL)
_ESCAPED = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
_MACRO = b"[attr]"


# What is stored outside git by name; every other file above settings.MAX_REGULAR_FILE is, too.
LARGE_PATTERNS = """
*.7z *.arrow *.avro *.bin *.bz2 *.ckpt *.ftz *.gguf *.gz *.h5 *.joblib *.keras *.lz4 *.mlmodel *.model *.msgpack *.npy
*.npz *.onnx *.ot *.parquet *.pb *.pickle *.pkl *.pt *.pth *.rar *.safetensors saved_model/**/* *.tar.* *.tar *.tflite
*.tgz *.wasm *.xz *.zip *.zst *tfevents* *.mds *.flac *.mp3 *.ogg *.wav *.mp4 *.webm
""".split()


def initial_attributes() -> bytes:
    """Return the `.gitattributes` of a new repository: which names are large files."""
    return "".join(f"{pattern} filter=lfs diff=lfs merge=lfs -text\n" for pattern in LARGE_PATTERNS).encode()


def read_attributes(repo: Repository, commit: GitCommit) -> bytes:
    """Return the `.gitattributes` of a commit's root, b"" where there is none, or large content in its place."""
    try:
        file = find_file(repo, commit, ATTRIBUTES_FILE)
    except EntryNotFound:
        return b""
    return b"" if file.sha256 else read_file(repo, file)


@dataclass(frozen=True)
class LargeFileRule:
    """The rule of one revision, from the `.gitattributes` of its root. The last line that matches a path decides."""

    # Each pattern with what it sets of `filter` and of macros, and what each macro stands for.
    lines: list[tuple[Pattern, list[bytes]]] = field(default_factory=list)
    macros: dict[bytes, list[bytes]] = field(default_factory=dict)

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """Read an attributes file; lines that set nothing about `filter`, or are broken, count for nothing."""
        found = [
            line
            for text in split_lines(content[:MAX_ATTRIBUTES_BYTES])
            if len(text) < MAX_LINE and (line := _read_line(text.strip(b" \t\r")))
        ]
        defined = [(name.removeprefix(_MACRO), attributes) for name, attributes in found if name.startswith(_MACRO)]
        macros = dict(defined[:MAX_MACROS])
        lines = []
        for pattern, attributes in found:
            telling = [each for each in attributes if (name := _name_of(each)) == b"filter" or name in macros]
            compiled = Pattern.parse(pattern) if telling and not pattern.startswith(_MACRO) else None
            # An attribute is a file's; a pattern for folders gives it to none.
            if compiled is not None and not compiled.folders_only:
                lines.append((compiled, telling))
        return cls(lines, macros)

    @classmethod
    def at(cls, repo: Repository, commit: GitCommit) -> Self:
        """Return the rule in force at `commit`."""
        return cls.parse(read_attributes(repo, commit))

    def is_large(self, path: str, size: int) -> bool:
        """Tell whether a file of `size` bytes at `path` belongs into the blob store, with a pointer in git."""
        if path == ATTRIBUTES_FILE or size == 0:
            return False
        return size > settings.MAX_REGULAR_FILE or self._named_large(path)

    def _named_large(self, path: str) -> bool:
        segments = split_path(path)
        decided: set[bytes] = set()
        for pattern, attributes in reversed(self.lines):
            if pattern.matches(segments) and (large := self._verdict(attributes, decided)) is not None:
                return large
        return False

    def _verdict(self, attributes: list[bytes], decided: set[bytes]) -> bool | None:
        """Tell whether attributes say `filter=lfs`, None where they leave it open. The last word on each name counts.

        decided: macros on which a word has fallen; only one that is set stands for anything.
        """
        for attribute in reversed(attributes):
            name = _name_of(attribute)
            if name == b"filter":
                return attribute == b"filter=lfs"
            if name in self.macros and name not in decided:
                decided.add(name)
                large = self._verdict(self.macros[name], decided) if attribute == name else None
                if large is not None:
                    return large
        return None


def _read_line(line: bytes) -> tuple[bytes, list[bytes]] | None:
    """Return the pattern of a line, or `[attr]` and the name of a macro, and the attributes; None for one that says nothing."""
    if quoted := _QUOTED.fullmatch(line):
        pattern = _ESCAPE.sub(_unescaped, quoted[1])
        rest = quoted[2].strip(b" \t\r\n")
    else:
        pattern, *words = _BLANKS.split(line, maxsplit=1)
        rest = words[0] if words else b""
    attributes = _BLANKS.split(rest) if rest else []
    # Unlike an ignore file, an attributes file knows no negation; one name that is none spoils its line.
    if not pattern or pattern.startswith((b"#", b"!")) or not all(map(_is_attribute, attributes)):
        return None
    return pattern, attributes


def _unescaped(found: re.Match[bytes]) -> bytes:
    code = found[1]
    return bytes([int(code, 8)]) if len(code) == 3 else _ESCAPED.get(code, code)


def _is_attribute(text: bytes) -> bool:
    return _NAME.fullmatch(_name_of(text)) is not None


def _name_of(attribute: bytes) -> bytes:
    return attribute[1:] if attribute[:1] in (b"-", b"!") else attribute.partition(b"=")[0]
