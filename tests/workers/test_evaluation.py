"""The program that measures perplexity, confined as in a worker: its numbers, and what it refuses."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.workers.conftest import COMMIT, PYTHON, in_worker
from workers import sandbox
from workers.contracts import EvaluationSpec, FailureCode, Snapshot

MEMORY = 8 << 30
ENGLISH = (Path(__file__).parent.parent.parent / "CONTRIBUTING.md").read_text().split("\n\n")
CHINESE = ["一棵树长在路边。", "", "它的影子很长，鸟在里面唱歌；🌲 没有人听见。", None, "后来下雨了。" * 30]
HARD = ["A café\u0301, naïve — ½ of it.  Two  spaces,\ttabs\n", "ends with a space ", "日本語とEnglish混ざる"] * 20

Measure = Callable[..., dict[str, Any]]


@pytest.fixture
def measure(models: Path, tmp_path: Path) -> Measure:
    """`measure(model, rows, **settings)` returns the last message of the program; the others are under "said"."""

    def measure(
        model: str, rows: list[Any] | None = None, *, data: Path | None = None, memory: int = MEMORY, **settings: Any
    ) -> dict[str, Any]:
        folder = data or tmp_path / "data"
        if rows is not None:
            folder.mkdir(exist_ok=True)
            (folder / "test.jsonl").write_text("".join(json.dumps({"text": row}) + "\n" for row in rows))
        spec = EvaluationSpec(
            Snapshot("model", f"ada/{model}", COMMIT),
            Snapshot("dataset", "ada/data", COMMIT),
            **{"context": 64, "stride": 32, **settings},
        )
        program = ["workers.evaluation", str(models / model), str(folder), json.dumps(spec.to_json()), str(memory)]
        child = sandbox.start(
            program, readable=[models / model, folder], scratch=tmp_path / "scratch", memory=MEMORY, python=PYTHON
        )
        said = []
        try:
            while True:
                message = child.receive(120)
                assert message is not None
                if message["type"] in ("result", "failed"):
                    return {**message, "said": said}
                said.append(message)
        finally:
            child.kill()
            child.channel.close()

    return measure


@pytest.mark.parametrize(
    ("model", "rows", "settings"),
    [
        ("gpt2", ENGLISH, {}),
        ("gpt2", CHINESE, {"context": 50, "stride": 7}),
        ("gpt2", ENGLISH, {"stride": 64, "max_tokens": 1000}),
        ("llama-chat", HARD, {"context": 256, "stride": 100}),
        ("state-space", ENGLISH[:9], {"context": 1024, "stride": 512}),
    ],
)
def test_the_numbers_are_those_of_a_computation_by_hand(
    measure: Measure, models: Path, model: str, rows: list[str], settings: dict[str, int]
) -> None:
    found = measure(model, rows, **settings)
    assert found["type"] == "result", found
    given = {"rows": rows, "context": 64, "stride": 32, "max_tokens": EvaluationSpec.max_tokens, **settings}
    by_hand = in_worker("tests.workers.by_hand", str(models / model), given=given)
    metrics = found["result"]["metrics"]
    for name, expected in by_hand.items():
        assert metrics[name] == pytest.approx(expected, rel=1e-4), name
    assert (metrics["tokens"], metrics["bytes"]) == (by_hand["tokens"], by_hand["bytes"])
    if "max_tokens" not in settings:
        assert metrics["documents"] == sum(row is not None for row in rows)
    assert 0 < metrics["bits_per_byte_margin"] < metrics["bits_per_byte"]


def test_the_same_twice_to_the_last_digit_with_progress_and_log(measure: Measure) -> None:
    one, two = measure("gpt2", ENGLISH), measure("gpt2", ENGLISH, seed=7)
    assert one["result"]["metrics"] == two["result"]["metrics"]
    assert one["result"]["record"]["text_sha256"] == two["result"]["record"]["text_sha256"]
    record = one["result"]["record"]
    assert (record["dtype"], record["all_rows"], record["architecture"]) == ("float32", True, "GPT2LMHeadModel")
    assert {"torch", "transformers", "datasets", "tokenizers", "safetensors"} <= record["versions"].keys()
    windows = one["result"]["metrics"]["windows"]
    told = [message for message in one["said"] if message["type"] == "progress"]
    assert told[0]["stage"] == "loading"
    last = told[-1]
    assert (last["stage"], last["done"], last["total"]) == ("running", windows, windows)
    assert last["perplexity"] == pytest.approx(one["result"]["metrics"]["perplexity"], abs=1e-3)
    assert any("rows" in message["text"] for message in one["said"] if message["type"] == "log")


def test_a_limit_of_tokens_reads_no_further_than_it_must(measure: Measure) -> None:
    short = measure("gpt2", ENGLISH * 50, max_tokens=100)["result"]
    assert short["metrics"]["tokens"] == 99
    assert short["metrics"]["documents"] < len(ENGLISH)
    assert short["record"]["all_rows"] is False


def test_one_window_has_no_margin(measure: Measure) -> None:
    metrics = measure("gpt2", ["A hub."])["result"]["metrics"]
    assert (metrics["windows"], metrics["bits_per_byte_margin"]) == (1, None)


FULL = pytest.mark.full


@pytest.mark.parametrize(
    ("model", "settings", "code", "params"),
    [
        ("gpt2", {"split": "nope"}, FailureCode.BAD_DATASET, {"problem": "no-split", "there": ["test"]}),
        pytest.param(
            "gpt2", {"column": "nope"}, FailureCode.BAD_DATASET, {"problem": "no-column", "there": ["text"]}, marks=FULL
        ),
        pytest.param(
            "gpt2", {"config": "nope"}, FailureCode.BAD_DATASET, {"problem": "no-config", "wanted": "nope"}, marks=FULL
        ),
        ("gpt2", {"rows": ["", None]}, FailureCode.BAD_DATASET, {"problem": "empty"}),
        pytest.param(
            "gpt2", {"rows": [1, 2]}, FailureCode.BAD_DATASET, {"problem": "not-text", "found": "int"}, marks=FULL
        ),
        ("gpt2", {"context": 1000}, FailureCode.BAD_PARAMETER, {"field": "context"}),
        ("gpt2", {"memory": 1 << 20}, FailureCode.TOO_LARGE, {"available": 1 << 20}),
        ("mask", {}, FailureCode.UNSUPPORTED_ARCHITECTURE, {"architecture": "BertForMaskedLM"}),
        pytest.param("classifier", {}, FailureCode.UNSUPPORTED_ARCHITECTURE, {}, marks=FULL),
        pytest.param(
            "unsupported", {}, FailureCode.UNSUPPORTED_ARCHITECTURE, {"architecture": "grove-unheard-of"}, marks=FULL
        ),
        ("remote-code", {}, FailureCode.REMOTE_CODE, {}),
        ("broken-tokenizer", {}, FailureCode.BROKEN_TOKENIZER, {}),
        ("broken-weights", {}, FailureCode.BROKEN_MODEL, {}),
        pytest.param("missing-weights", {}, FailureCode.BROKEN_MODEL, {}, marks=FULL),
        pytest.param("large-words", {}, FailureCode.BROKEN_TOKENIZER, {}, marks=FULL),
    ],
)
def test_what_cannot_be_measured_is_refused_by_name(
    measure: Measure, models: Path, model: str, settings: dict[str, Any], code: FailureCode, params: dict[str, Any]
) -> None:
    found = measure(model, **{"rows": ENGLISH, **settings})
    assert found["type"] == "failed", found
    assert found["failure"]["code"] == code
    assert params.items() <= found["failure"]["params"].items()
    assert not (models / "remote-code" / "it-ran").exists()


def test_a_model_that_sees_what_it_is_to_foretell_is_refused(measure: Measure, models: Path) -> None:
    """A masked model that calls itself a causal one reads both ways."""
    two_ways = models / "two-ways"
    if not two_ways.exists():
        two_ways.mkdir()
        for file in (models / "mask").iterdir():
            (two_ways / file.name).write_bytes(file.read_bytes())
        config = json.loads((two_ways / "config.json").read_text())
        (two_ways / "config.json").write_text(json.dumps({**config, "architectures": ["BertLMHeadModel"]}))
    found = measure("two-ways", ENGLISH)
    assert found["failure"]["code"] == FailureCode.UNSUPPORTED_ARCHITECTURE


def test_files_that_are_no_data(measure: Measure, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "test.parquet").write_bytes(b"PAR1 and nothing else")
    found = measure("gpt2", data=broken)
    assert (found["failure"]["code"], found["failure"]["params"]["problem"]) == (FailureCode.BAD_DATASET, "unreadable")
