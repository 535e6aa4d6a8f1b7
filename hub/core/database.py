"""Talking to Postgres in its own binary form, where very many rows or large bodies go to and fro."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import connection


@contextmanager
def binary_cursor() -> Iterator[psycopg.Cursor]:
    """Open a cursor on Django's own connection, in its transaction, which sends bytes as bytes.

    Through Django's cursors, and so through the ORM, they would be written out in hex, several times over. Rows come back as
    bytes where the query is executed with `binary=True`. Raises Django's database errors.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        yield cursor


def give_back_connection() -> None:
    """Let other requests have this thread's connection to the database, until the next query takes one again.

    Whoever sends or reads slowly holds a thread, not a connection, of which a process has far fewer. Inside a transaction it
    does nothing.
    """
    if not connection.in_atomic_block:
        connection.close()
