"""Queries that are asked with nearly every request, put together once.

To turn a query of the ORM into SQL takes several times as long as to have it answered. A `Statement` keeps the SQL, never what
it found: each asking goes to the database with the values of the moment. It is for the few queries of nearly every request;
all others are asked as Django documents it.

It leans on what Django does not document, as Django's own ModelIterable uses it: the compiler with its `select`, `klass_info`,
`annotation_col_map` and `get_converters`, and `get_related_populators`. All of that is in `_Kept`, and held to what the ORM
finds by tests/core/test_statements.py, which tells after an update of Django whether it is still so.
"""

from collections.abc import Callable
from datetime import date
from functools import cached_property
from typing import Any, Generic, TypeVar

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Expression, Field, Model, QuerySet
from django.db.models.query import get_related_populators
from django.db.models.sql.compiler import SQLCompiler

M = TypeVar("M", bound=Model)


class Given(Expression):
    """Stands in a query for a value that comes with each asking, and is of the kind that `field` holds. None equals nothing."""

    def __init__(self, name: str, field: "Field[Any, Any]") -> None:
        super().__init__(output_field=field)
        self.name = name

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Any:
        return "%s", [self]

    def value_in(self, values: dict[str, Any]) -> Any:
        """Return the value that came for it, as the database takes it."""
        return self.output_field.get_db_prep_value(values[self.name], connection)


class Statement(Generic[M]):
    """A query for models, with those that `select_related` names and with annotations.

    query: makes it, with a `Given` for each value that differs between two askings; called when it is first asked in a process.
    Nothing else of it may change with time or with who asks: a moment is refused by TypeError, `Now()` is the database's.
    """

    def __init__(self, query: Callable[[], "QuerySet[M]"]) -> None:
        self._query = query

    @cached_property
    def _kept(self) -> "_Kept[M]":
        return _Kept(self._query())

    def all(self, **values: Any) -> list[M]:
        """Return what the query finds with these values. One query."""
        return self._kept.ask(values)

    def first(self, **values: Any) -> M | None:
        """Return the first of what it finds, None where there is none. One query."""
        return next(iter(self.all(**values)), None)


class _Kept(Generic[M]):
    """The SQL of a query, and how its rows become models: what ModelIterable finds out each time."""

    def __init__(self, queryset: "QuerySet[M]") -> None:
        compiler = queryset.query.get_compiler(connection=connection)
        self.sql, self.parameters = compiler.as_sql()
        if any(isinstance(parameter, date) for parameter in self.parameters):
            raise TypeError(f"The moment at which a statement was put together would be kept in it: {self.sql}")
        info = compiler.klass_info
        first, last = info["select_fields"][0], info["select_fields"][-1] + 1
        self.model: type[M] = info["model"]
        self.columns = slice(first, last)
        self.names = [column.target.attname for column, *_ in compiler.select[first:last]]
        self.annotations = list(compiler.annotation_col_map.items())
        self.related = get_related_populators(info, compiler.select, connection.alias)  # type: ignore[call-arg]
        self.converters = [
            (place, converters, column)
            for place, (converters, column) in compiler.get_converters(
                [column for column, *_ in compiler.select]
            ).items()
        ]

    def ask(self, values: dict[str, Any]) -> list[M]:
        parameters = [p.value_in(values) if isinstance(p, Given) else p for p in self.parameters]
        with connection.cursor() as cursor:
            cursor.execute(self.sql, parameters)
            rows = cursor.fetchall()
        return [self._model(list(row)) for row in rows]

    def _model(self, row: list[Any]) -> M:
        for place, converters, column in self.converters:
            for convert in converters:
                row[place] = convert(row[place], column, connection)
        found = self.model.from_db(connection.alias, self.names, row[self.columns])
        for populator in self.related:
            populator.populate(row, found)
        for name, place in self.annotations:
            setattr(found, name, row[place])
        return found
