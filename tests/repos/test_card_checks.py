"""What is said of a card: errors and warnings name the field, the line and the way out."""

import pytest

from hub.repos.card_checks import MAX_ISSUES, check_card
from hub.repos.models import VERSIONED
from tests.repos.test_cards import GOOD


def said(yaml: str, kind: str = "model") -> tuple[list[str], list[str]]:
    """Return the fields of errors and warnings."""
    errors, warnings = check_card(f"---\n{yaml}\n---\n", kind)
    assert all(str(issue) and "%(" not in str(issue) for issue in errors + warnings)
    return [issue.field for issue in errors], [issue.field for issue in warnings]


def test_issues_name_field_line_and_way_out() -> None:
    card = (
        "---\nlicense: mitt\npipeline_tag: text-generating\nlanguage: english\ntags: {a: b}\nbase_model: 'a b'\n---\n"
    )
    errors, warnings = check_card(card, "model")
    assert [(issue.field, issue.line) for issue in errors] == [
        ("tags", 5),
        ("license", 2),
        ("language", 4),
    ]
    assert [(issue.field, issue.line) for issue in warnings] == [("base_model", 6), ("pipeline_tag", 3)]
    assert "mitt" in str(errors[1]) and "“other”" in str(errors[1])
    assert check_card(GOOD, "model") == ([], [])
    assert check_card("no metadata", "model")[1]
    assert check_card("---\na: [\n---\n", "model")[0][0].line > 0


@pytest.mark.parametrize(
    ("yaml", "errors", "warnings"),
    [
        ("license: Apache-2.0", [], []),
        ("license: [mit, cc-by-4.0]", [], []),
        ("license: other", [], ["license"]),
        ("license: other\nlicense_name: ours\nlicense_link: LICENSE", [], []),
        ("license: 5", ["license", "license"], []),
        ("language: [en, zh-Hant, pt_BR, code, multilingual, yue]", [], []),
        ("language: [zz, zh]", ["language"], []),
        ("language: qqq", [], ["language"]),
        ("language: English", ["language"], []),
        ("pipeline_tag: [a, b]", ["pipeline_tag"], []),
        ("task_categories: [text-generation, nonsense]", [], ["task_categories"]),
        ("task_ids: [language-modeling, Not This]", [], ["task_ids"]),
        ("datasets: [ada/notes, 'a b', squad]", [], ["datasets"]),
        ("base_model: /tmp/tiny", [], ["base_model"]),
        ("base_model_relation: cousin", ["base_model_relation"], []),
        ("size_categories: 5K", [], ["size_categories"]),
        ("tags: [a, 1]", ["tags"], []),
        ("unknown_field: {anything: [1]}", [], []),
    ],
)
def test_fields_of_every_kind(yaml: str, errors: list[str], warnings: list[str]) -> None:
    assert said(yaml) == (errors, warnings)


@pytest.mark.parametrize(
    ("yaml", "errors"),
    [
        ("model-index: tiny", ["model-index"]),
        ("model-index: [{results: []}]", ["model-index[0].name"]),
        ("model-index: [{name: a}]", []),
        ("model-index: [{name: a, results: {}}]", ["model-index[0].results"]),
        ("model-index: [{name: a, results: [5]}]", ["model-index[0].results[0]"]),
        (
            "model-index: [{name: a, results: [{task: {}}]}]",
            ["model-index[0].results[0].task.type", "model-index[0].results[0].metrics"],
        ),
        (
            "model-index: [{name: a, results: [{task: {type: x}, dataset: {type: y, name: 5}, metrics: [{type: z}, 7]}]}]",
            [
                "model-index[0].results[0].dataset.name",
                "model-index[0].results[0].metrics[0].value",
                "model-index[0].results[0].metrics[1].type",
            ],
        ),
    ],
)
def test_results_of_a_model(yaml: str, errors: list[str]) -> None:
    assert said(yaml) == (errors, [])
    assert said(yaml, "dataset") == ([], [])


def test_parts_of_a_dataset() -> None:
    assert said("configs: [{config_name: a, data_files: a.csv}]", "dataset") == ([], [])
    assert said("configs: {a: b}", "dataset") == (["configs"], [])
    fields = ["configs[1].config_name", "configs[2].config_name"]
    assert said("configs: [{config_name: a}, {config_name: a}, {config_name: 5}]", "dataset") == (fields, [])


def test_settings_of_a_space() -> None:
    good = "title: T\nemoji: 🌱\ncolorFrom: red\ncolorTo: gray\nsdk: gradio\nsdk_version: '4.44.0'\napp_file: app.py"
    assert said(good, "space") == ([], [])
    assert said("title: T", "space") == ([], ["sdk"])
    bad = {
        "sdk": "rails",
        "colorFrom": "mauve",
        "sdk_version": "4.10",
        "app_port": "70000",
        "app_file": "../x",
        "pinned": "'yes'",
        "short_description": "x" * 61,
    }
    yaml = "\n".join(f"{field}: {value}" for field, value in bad.items())
    assert said(yaml, "space")[0] == list(bad)
    assert said(yaml) == ([], [])


def test_a_card_full_of_faults_is_told_in_part() -> None:
    for kind in VERSIONED:
        errors, warnings = check_card(f"---\nlanguage: [{', '.join(f'x{n}y' for n in range(99))}]\n---\n", kind)
        assert len(errors) == MAX_ISSUES
        assert len(warnings) <= MAX_ISSUES
