"""Cards: the YAML at the start of a README and the text below it. Reading never fails; it says what is wrong, and where.

The YAML is read as the client family's own parser does (YAML 1.2): `no` is a language, a date stays text. Every limit is
on what a file may ask for: size, depth, and no aliases, by which a few lines unfold to gigabytes. What its values mean is
checked in `card_checks.py`.
"""

import math
import re
from dataclasses import dataclass, field
from typing import Any

import yaml
from django.utils.translation import gettext as _

from hub.core.text import UNSTORABLE
from hub.repos.errors import EntryNotFound
from hub.repos.git.files import find_file, read_file
from hub.repos.models import GitCommit, Repository
from hub.repos.vocabulary import BASE_RELATIONS

CARD_FILE = "README.md"
MAX_CARD_FILE = 1024 * 1024  # bytes; a longer README is not read as a card
MAX_YAML = 128 * 1024  # characters
MAX_DEPTH = 20
MAX_NODES = 20_000
MAX_VALUES = 100  # of one list field that is taken into account
MAX_WORD = 160  # characters of a tag, a licence, a name

_FRONT = re.compile(r"\ufeff?(?:[ \t]*\r?\n)*---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)
REPO_ID = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)?")


@dataclass(frozen=True)
class Issue:
    """What is wrong with a card. `line` counts from 1 in the whole file; 0 where no line is to blame."""

    message: str
    field: str = ""
    line: int = 0

    def __str__(self) -> str:
        return (
            _("Line %(line)d: %(message)s") % {"line": self.line, "message": self.message}
            if self.line
            else self.message
        )


@dataclass(frozen=True)
class Card:
    """A README. `metadata` holds JSON values only; `errors` says why it is empty where it could not be read."""

    metadata: dict[str, Any] = field(default_factory=dict)
    body: str = ""
    errors: list[Issue] = field(default_factory=list)
    lines: dict[str, int] = field(default_factory=dict)  # field -> line in the file

    @property
    def task(self) -> str:
        """The model's task, or a dataset's first."""
        return _first(self.metadata.get("pipeline_tag")) or _first(self.metadata.get("task_categories"))

    @property
    def tasks(self) -> list[str]:
        return _unique([self.task, *words(self.metadata.get("task_categories"))])

    @property
    def library(self) -> str:
        return _first(self.metadata.get("library_name")).lower()[:MAX_WORD]

    @property
    def license(self) -> str:
        """The licence's id, lower case; what `other` means is in `license_name` and `license_link`."""
        return _first(self.metadata.get("license")).lower()[:MAX_WORD]

    @property
    def license_name(self) -> str:
        return _first(self.metadata.get("license_name"))

    @property
    def license_link(self) -> str:
        """A file of the repository, or a page; never another scheme."""
        link = _first(self.metadata.get("license_link"))
        return link if link.startswith(("https://", "http://")) or ":" not in link else ""

    @property
    def languages(self) -> list[str]:
        return words(self.metadata.get("language")) or words(self.metadata.get("languages"))

    @property
    def tags(self) -> list[str]:
        return words(self.metadata.get("tags"))

    @property
    def datasets(self) -> list[str]:
        return [name for name in words(self.metadata.get("datasets")) if REPO_ID.fullmatch(name)]

    @property
    def models(self) -> list[str]:
        """The models that a space says it uses."""
        return [name for name in words(self.metadata.get("models")) if REPO_ID.fullmatch(name)]

    @property
    def sdk(self) -> str:
        """What a space is made with: gradio, docker, static."""
        return _first(self.metadata.get("sdk")).lower()[:MAX_WORD]

    @property
    def base_models(self) -> list[str]:
        return [name for name in words(self.metadata.get("base_model")) if REPO_ID.fullmatch(name)]

    @property
    def base_relation(self) -> str:
        """How it comes from its base models: finetune, adapter, merge, quantized; "" where the card does not say."""
        relation = _first(self.metadata.get("base_model_relation")).lower()
        return relation if relation in BASE_RELATIONS else ""

    @property
    def title(self) -> str:
        return _first(self.metadata.get("pretty_name")) or _first(self.metadata.get("model_name"))


def parse(content: str) -> Card:
    """Read a README. A text without front matter is all body; broken front matter gives errors and no metadata."""
    found = _FRONT.match(content)
    if not found:
        return Card(body=content.removeprefix("\ufeff"))
    body = content[found.end() :]
    first_line = content.count("\n", 0, found.start(1)) + 1
    try:
        root = _compose(found[1])
        if root is None:
            return Card(body=body)
        if not isinstance(root, yaml.MappingNode):
            raise _Refused(_("The metadata is a list of “name: value” lines."), root.start_mark.line)
        metadata, lines = {}, {}
        for key, value in root.value:
            name = str(_value(key))
            if name in metadata:
                raise _Refused(_("“%(field)s” stands here twice.") % {"field": name[:80]}, key.start_mark.line)
            metadata[name] = _value(value)
            lines[name] = key.start_mark.line + first_line
    except _Refused as refusal:
        return Card(body=body, errors=[Issue(refusal.message, line=refusal.line + first_line)])
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = _("This is not valid YAML: %(problem)s.") % {
            "problem": error.problem or error.context or _("it ends too early")
        }
        return Card(body=body, errors=[Issue(said, line=mark.line + first_line if mark else 0)])
    except yaml.YAMLError:
        return Card(
            body=body, errors=[Issue(_("The metadata holds characters that YAML does not allow."), line=first_line)]
        )
    return Card(metadata, body, [], lines)


def card_at(repo: Repository, commit: GitCommit) -> Card:
    """Return the card at a commit; an empty one where there is no README, or one that is too long to be a card."""
    try:
        file = find_file(repo, commit, CARD_FILE)
    except EntryNotFound:
        return Card()
    if file.sha256 or file.size > MAX_CARD_FILE:
        return Card()
    return parse(read_file(repo, file).decode("utf-8", "replace"))


# --- values ---------------------------------------------------------------------------------------------------


def words(value: Any) -> list[str]:
    """Return the texts of a field that may be one text or a list: trimmed, once each, bounded."""
    given = value if isinstance(value, list) else [value]
    texts = [str(v) for v in given[: 4 * MAX_VALUES] if isinstance(v, str | int | float) and not isinstance(v, bool)]
    return _unique(" ".join(text.split()) for text in texts)[:MAX_VALUES]


def _first(value: Any) -> str:
    return next(iter(words(value)), "")


def _unique(values: Any) -> list[str]:
    return [value for value in dict.fromkeys(values) if 0 < len(value) <= MAX_WORD]


# --- YAML -----------------------------------------------------------------------------------------------------


class _Refused(Exception):
    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


class _Loader(yaml.SafeLoader):
    """Composes nodes with YAML 1.2's plain words, and refuses aliases, depth and number beyond the limits."""

    yaml_implicit_resolvers: dict[str, Any] = {}

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = self._count = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        line = self.peek_event().start_mark.line
        if self.check_event(yaml.AliasEvent):
            raise _Refused(_("Aliases (*name) are not taken here. Write the value out."), line)
        self._depth, self._count = self._depth + 1, self._count + 1
        if self._depth > MAX_DEPTH or self._count > MAX_NODES:
            raise _Refused(
                _("The metadata is nested more than %(depth)d deep, or has more than %(count)d values.")
                % {"depth": MAX_DEPTH, "count": MAX_NODES},
                line,
            )
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


_PLAIN = {
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "int": (r"[-+]?[0-9]{1,18}", "-+0123456789"),
    "float": (r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]{1,3})?", "-+.0123456789"),
}
for _tag, (_pattern, _starts) in _PLAIN.items():
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), list(_starts))


def _compose(text: str) -> yaml.Node | None:
    if len(text) > MAX_YAML:
        raise _Refused(_("The metadata has more than %(max)d kB.") % {"max": MAX_YAML // 1024}, 0)
    loader = _Loader(text)
    try:
        return loader.get_single_node()
    finally:
        loader.dispose()


def _value(node: yaml.Node) -> Any:
    """Return a node as a JSON value that the database can store. Unknown tags leave the text as it is written."""
    if isinstance(node, yaml.SequenceNode):
        return [_value(item) for item in node.value]
    if isinstance(node, yaml.MappingNode):
        return {str(_value(key)): _value(value) for key, value in node.value}
    text = UNSTORABLE.sub("\ufffd", str(node.value))
    match node.tag.rpartition(":")[2]:
        case "bool":
            return text.lower() == "true"
        case "null":
            return None
        case "int" if re.fullmatch(r"[-+]?[0-9]{1,18}", text):
            return int(text)
        case "float":
            try:
                number = float(text)
            except ValueError:
                return text
            return number if math.isfinite(number) else text
        case _:
            return text
