"""What is read of JSON bodies: text and numbers that can be stored, and nothing else."""

import pytest

from hub.api.bodies import parse_object
from hub.core.errors import Invalid

UNSTORABLE = [
    b'{"a": NaN}',
    b'{"a": -Infinity}',
    b'{"a": 1e999}',
    b'{"a": "\xed\xa0\x80"}',  # half a surrogate pair, written as UTF-8 does not write it
    b'{"a": "\\ud800"}',
    b'{"a": "\\u0000"}',
    '{"a": "\\u0000"}'.encode("utf-16"),
    b"[" * 100_000,
    b'{"a": ' + b"9" * 5000 + b"}",
]


@pytest.mark.parametrize("content", UNSTORABLE, ids=lambda content: repr(content[:20]))
def test_what_the_database_cannot_keep_is_refused(content):
    with pytest.raises(Invalid):
        parse_object(content)


def test_other_numbers_and_texts_are_read_as_they_are():
    assert parse_object('\ufeff{"a": [1.5, -2, "\\ud83c\\udf33 林"]}'.encode()) == {"a": [1.5, -2, "🌳 林"]}
