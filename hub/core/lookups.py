"""How the database compares, where the ORM's own way would not use our indexes."""

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import CharField, lookups
from django.db.models.sql.compiler import SQLCompiler


@CharField.register_lookup
class InAnyCase(lookups.IExact):
    """`iexact` by lower case, as our unique names are indexed; the ORM's own compares upper case, for which the database would
    read every row."""

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, list[Any]]:
        column, before = compiler.compile(self.lhs)
        value, after = self.process_rhs(compiler, connection)
        return f"LOWER({column}) = LOWER({value})", [*before, *after]
