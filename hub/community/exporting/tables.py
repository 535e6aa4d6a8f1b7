"""The files of an export, row by row, and what each app has to add."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Exists, F, OuterRef, QuerySet

from hub.accounts.models import User
from hub.repos.models import Repository

CHUNK = 500  # rows in memory


@dataclass(frozen=True)
class Table:
    """One file, `<name>.jsonl`. text: what it holds, in a line. covers: the fields by which its rows name the person, as
    `app.Model.field`. Nothing is read before `rows` are iterated."""

    name: str
    text: str
    rows: Iterable[dict[str, Any]]
    covers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Part:
    """What one app exports. left_out: why not, in a sentence, of each field that names a person and that no table covers."""

    tables: list[Table]
    left_out: Mapping[str, str] = field(default_factory=dict)


def plain(rows: Any, *fields: str) -> Iterator[dict[str, Any]]:
    """Return these fields of the rows."""
    yield from rows.order_by("pk").values(*fields).iterator(CHUNK)


def of_repositories(
    user: User, rows: QuerySet[Any], paths: str | Mapping[str, str], *fields: str, **more: Any
) -> Iterator[dict[str, Any]]:
    """Return these fields of the rows, and the repositories that they belong to as `kind owner/name`: null where `user` may not
    know of one any more. paths: from a row to its repository, or several, by the names that they get."""
    named = {"repository": paths} if isinstance(paths, str) else paths
    readable = Repository.objects.visible_to(user)
    shown = dict(more)
    for name, path in named.items():
        shown |= {
            f"_{name}": Exists(readable.filter(pk=OuterRef(path))),
            f"_{name}_owner": F(f"{path}__namespace__name"),
            f"_{name}_name": F(f"{path}__name"),
            f"_{name}_kind": F(f"{path}__kind"),
        }
    for row in rows.annotate(**shown).order_by("pk").values(*fields, *shown).iterator(CHUNK):
        told = {}
        for name in named:
            known, owner, last, kind = (row.pop(f"_{name}{part}") for part in ("", "_owner", "_name", "_kind"))
            told[name] = f"{kind} {owner}/{last}" if known else None
        yield {**told, **row}
