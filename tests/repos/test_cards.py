"""Cards: what is read from the YAML of a README, what is refused, and what is said about it."""

import json

import pytest

from hub.repos.cards import MAX_YAML, parse
from tests.computing import timed

GOOD = """---
license: Apache-2.0
language:
- en
- no
pipeline_tag: text-generation
library_name: transformers
tags: [tiny, tiny, 中文]
datasets: ada/notes
base_model: ada/base
base_model_relation: finetune
date: 2024-02-30
model-index:
- name: x
  results: [{metrics: [{type: a, value: .inf}, {type: b, value: 1.5}, {type: c, value: yes}]}]
---
# Tiny
"""


def test_a_card_is_read() -> None:
    card = parse(GOOD)
    assert card.errors == []
    assert card.body == "# Tiny\n"
    assert (card.task, card.library, card.license) == ("text-generation", "transformers", "apache-2.0")
    assert card.languages == ["en", "no"]
    assert card.tags == ["tiny", "中文"]
    assert (card.datasets, card.base_models, card.base_relation) == (["ada/notes"], ["ada/base"], "finetune")
    assert card.metadata["date"] == "2024-02-30"
    assert card.metadata["model-index"][0]["results"][0]["metrics"][2]["value"] == "yes"
    assert [m["value"] for m in card.metadata["model-index"][0]["results"][0]["metrics"]] == [".inf", 1.5, "yes"]
    json.dumps(card.metadata, allow_nan=False)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "# Only text\n",
        "text\n---\nlicense: mit\n---\n",
        "---\n---\nbody",
        "---\n\n---\nbody",
        "--- not\nyaml",
        "---\nopen",
    ],
)
def test_a_card_without_metadata_is_all_text(content: str) -> None:
    card = parse(content)
    assert (card.metadata, card.errors) == ({}, [])


def test_line_ends_and_marks_of_other_systems() -> None:
    card = parse("\ufeff---\r\nlicense: mit\r\n---\r\nbody")
    assert (card.license, card.body) == ("mit", "body")


@pytest.mark.parametrize(
    ("yaml", "line"),
    [
        ("a: [1", 3),
        ("a: 1\na: 2", 3),
        ("a: &x [1]\nb: *x", 3),
        ("a: &a [x,x]\nb: &b [*a,*a]", 3),
        ("- a\n- b", 2),
        ("a: " + "[" * 50 + "]" * 50, 2),
        ("a: {" * 50, 2),
        ("a:\n" + "- 1\n" * 30_000, 0),
        ("a: '" + "x" * MAX_YAML + "'", 2),
        ("a: \x07", 0),
        ("\tlicense: mit", 2),
    ],
)
def test_refused_yaml_says_where(yaml: str, line: int) -> None:
    card, taken = timed(lambda: parse(f"---\n{yaml}\n---\nbody"), 10)
    assert taken < 10
    assert card.metadata == {}
    assert card.body == "body"
    assert len(card.errors) == 1
    if line:
        assert card.errors[0].line == line


@pytest.mark.parametrize(
    "yaml",
    [
        "a: !!python/object/apply:os.system ['true']",
        'a: "\\0 \\ud800"',
        "? [1, 2]\n: x",
        "1: 2\nnull: 3",
        "a: !!binary aGk=\nb: !!set {x, y}\nc: !!timestamp 2024-01-01",
        "a: 99999999999999999999999999\nb: 1e999\nc: .nan\nd: 0x10\ne: 1_000",
        "<<: {a: 1}",
    ],
)
def test_odd_values_become_storable(yaml: str) -> None:
    card = parse(f"---\n{yaml}\n---\n")
    stored = json.dumps(card.metadata, allow_nan=False, ensure_ascii=False)
    assert "\0" not in stored
    stored.encode()


@pytest.mark.parametrize("value", ["[[mit]]", "{a: b}", "12", "true", "null", "[null, {a: b}, 3]"])
def test_accessors_take_any_type(value: str) -> None:
    names = ("license", "language", "tags", "datasets", "base_model", "pipeline_tag", "library_name", "pretty_name")
    card = parse("---\n" + "".join(f"{name}: {value}\n" for name in names) + "---\n")
    assert all(isinstance(word, str) for word in [*card.tags, *card.languages, *card.datasets, *card.base_models])
    assert isinstance(card.license + card.task + card.library + card.title + card.license_link, str)


def test_link_of_a_licence_is_a_page_or_a_file() -> None:
    for link in ("https://example.org/l", "LICENSE.md"):
        assert parse(f"---\nlicense_link: {link}\n---\n").license_link == link
    assert parse("---\nlicense_link: javascript:alert(1)\n---\n").license_link == ""
