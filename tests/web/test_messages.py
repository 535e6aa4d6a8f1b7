"""The Chinese messages are complete, in step with the code, and keep every placeholder."""

import re

import pytest
from babel.messages.catalog import Catalog, Message

from hub.core.extraction import extract_messages, read_catalogue

# %(name)s and %s of Python, {name} of the scripts.
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w+\}")
# Half-width punctuation straight after Chinese reads as a slip.
HALF_WIDTH = re.compile(r"[\u4e00-\u9fff][,;:!?(]|[\u4e00-\u9fff]\.(\s|$)")
UPDATE = "run `manage.py update_messages`, then translate what is missing"


@pytest.fixture(scope="module")
def kept() -> Catalog:
    return read_catalogue("zh_Hans")


def texts(value: str | tuple[str, ...] | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def messages(catalogue: Catalog) -> dict[tuple[str | None, object], Message]:
    return {(message.context, message.id): message for message in catalogue if message.id}


def test_the_catalogue_is_in_step_with_the_code(kept: Catalog) -> None:
    wanted, there = messages(extract_messages()).keys(), messages(kept).keys()
    assert not wanted - there, UPDATE
    assert not there - wanted, UPDATE


def test_every_message_is_translated(kept: Catalog) -> None:
    missing = [message.id for message in messages(kept).values() if not all(texts(message.string)) or message.fuzzy]
    assert not missing, UPDATE


def test_translations_keep_the_placeholders(kept: Catalog) -> None:
    for message in messages(kept).values():
        # A plural has one form in Chinese, and it holds the number.
        source = texts(message.id)[-1]
        for text in texts(message.string):
            assert sorted(PLACEHOLDER.findall(text)) == sorted(PLACEHOLDER.findall(source)), source


def test_chinese_has_chinese_punctuation(kept: Catalog) -> None:
    for message in messages(kept).values():
        for text in texts(message.string):
            assert not HALF_WIDTH.search(text), text
