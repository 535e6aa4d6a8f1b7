"""What a hostile model, or an engine that one has taken over, says to its worker: refused in time, and nobody else suffers."""

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.computing import timed
from tests.workers.conftest import in_worker, key_of, make_pool, request_name, spec_of
from workers.channel import Channel, ChannelClosed
from workers.contracts import FailureCode, Task
from workers.engines import CAUSAL
from workers.engines.estimate import estimate
from workers.refusals import Refused

SPOKEN = [
    b"[" * 100_000,
    b'{"count": Infinity}',
    b'{"score": 1e999}',
    b'{"text": "\\ud800"}',
    b'{"count": ' + b"9" * 5000 + b"}",
    b"[]",
    b"\xff",
]


@pytest.mark.parametrize("line", SPOKEN, ids=lambda line: repr(line[:20]))
def test_a_child_that_speaks_nonsense_is_heard_no_more(line: bytes) -> None:
    ours, theirs = socket.socketpair()
    channel = Channel(ours.detach())
    with theirs:
        theirs.sendall(b'{"said": 1}\n' + line + b"\n")
        assert channel.receive(5) == {"said": 1}
        with pytest.raises(ChannelClosed):
            channel.receive(5)
    channel.close()


def test_a_refusal_holds_only_what_a_report_can() -> None:
    refused = Refused(FailureCode.UNSUPPORTED_ARCHITECTURE, architecture="a\0b\ud800c", tokens=3)
    assert refused.failure.params == {"architecture": "a\ufffdb?c", "tokens": 3}


def weights(folder: Path, shape: list[Any], config: dict[str, Any] | None = None) -> Path:
    header = json.dumps({"w": {"dtype": "F32", "shape": shape, "data_offsets": [0, 4]}}).encode()
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    (folder / "config.json").write_text(json.dumps(config or {}))
    return folder


SHAPES = [[10**4000] * 2000, [-1], [1.5], [float("inf")], [True], [2**40, 2**40], [1] * 1000, ["1"]]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: repr(shape[0])[:10])
def test_a_shape_that_no_tensor_has_is_refused_at_once(tmp_path: Path, shape: list[Any]) -> None:
    folder = weights(tmp_path, shape)

    def refused() -> FailureCode:
        with pytest.raises(Refused) as refused:
            estimate(folder, CAUSAL)
        return refused.value.failure.code

    code, taken = timed(refused, 2)
    assert code == FailureCode.BROKEN_MODEL
    assert taken < 2


def test_a_configuration_with_endless_numbers_is_refused(tmp_path: Path) -> None:
    names = ("num_attention_heads", "hidden_size", "num_hidden_layers", "max_position_embeddings")
    for name in names:
        config = {**dict.fromkeys(names, 8), name: 10**4000}
        with pytest.raises(Refused) as refused:
            estimate(weights(tmp_path, [1], config), CAUSAL)
        assert refused.value.failure.code == FailureCode.BROKEN_MODEL


def test_headers_beyond_what_models_have_are_not_read(tmp_path: Path) -> None:
    header = b"{" + b" " * (9 << 20) + b"}"
    (tmp_path / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(Refused) as refused:
        estimate(tmp_path, CAUSAL)
    assert refused.value.failure.code == FailureCode.BROKEN_MODEL


def test_an_index_may_list_anything(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    for name in ([], {}, None, 1, "../model.safetensors", "/etc/x.safetensors"):
        (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"w": name}}))
        with pytest.raises(Refused) as refused:
            estimate(tmp_path, CAUSAL)
        assert refused.value.failure.code == FailureCode.BROKEN_MODEL


def test_weights_that_are_no_numbers_fail_their_own_request(models: Path, tmp_path: Path) -> None:
    for file in (models / "classifier").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    content = bytearray((tmp_path / "model.safetensors").read_bytes())
    length = int.from_bytes(content[:8], "little")
    begin, end = json.loads(content[8 : 8 + length])["classifier.bias"]["data_offsets"]
    content[8 + length + begin : 8 + length + end] = b"\xff" * (end - begin)
    (tmp_path / "model.safetensors").write_bytes(content)
    pool = make_pool(tmp_path / "scratch")
    with pool.open(tmp_path, key_of("nan", Task.TEXT_CLASSIFICATION)) as engine:
        events = list(engine.submit(spec_of("nan", "Hello", Task.TEXT_CLASSIFICATION), request_name()))
        assert [(event["type"], event.get("code")) for event in events] == [("failed", "broken-model")]
        assert engine.alive()
    pool.close()


def test_a_pattern_that_backtracks_without_end_fails_its_own_request(models: Path, tmp_path: Path) -> None:
    for file in (models / "gpt2").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    tokenizer = json.loads((tmp_path / "tokenizer.json").read_text())
    split = {"type": "Split", "pattern": {"Regex": "(x+x+)+y"}, "behavior": "Isolated", "invert": False}
    (tmp_path / "tokenizer.json").write_text(json.dumps({**tokenizer, "pre_tokenizer": split}))
    pool = make_pool(tmp_path / "scratch")
    with pool.open(tmp_path, key_of("pattern")) as engine:
        ended = list(engine.submit(spec_of("pattern", "x" * 60), request_name()))
        assert (ended[-1]["type"], ended[-1].get("code")) == ("failed", "broken-tokenizer")
        assert list(engine.submit(spec_of("pattern", "The", max_new_tokens=2), request_name()))[-1]["type"] == "done"
    pool.close()


def test_only_a_result_that_pages_can_show_reaches_the_hub() -> None:
    numbers = ("perplexity", "bits_per_byte", "nll", "tokens", "bytes", "documents", "windows")
    good: dict[str, Any] = {
        "metrics": dict.fromkeys(numbers, 1.5) | {"bits_per_byte_margin": None},
        "record": {"versions": {}, "parameters": 3, "seconds": 1.0},
    }
    odd = [
        ("metrics", "perplexity", "a"),
        ("metrics", "bits_per_byte_margin", "abc"),
        ("metrics", "nll", True),
        ("metrics", "nll", 10**400),
        ("metrics", "nll", float("nan")),
        ("record", "versions", []),
        ("record", "parameters", "x"),
        ("record", "seconds", None),
        ("record", "more", "\0"),
        ("record", "more", "y" * 70_000),
    ]
    wrong: list[Any] = [{**good, part: {**good[part], name: value}} for part, name, value in odd]
    wrong += [None, [], {**good, "record": []}, {**good, "metrics": None}]
    assert in_worker("tests.workers.results", given=[good, *wrong]) == [True] + [False] * len(wrong)
