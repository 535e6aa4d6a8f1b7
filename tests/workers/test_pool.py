"""The pool: who is let in, who goes, and what becomes of requests when an engine does."""

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.waiting import SECONDS, wait_until
from tests.workers.conftest import Ask, key_of, make_pool, request_name, spec_of, text_of
from workers import sandbox
from workers.children import _watchdog, with_descendants
from workers.contracts import FailureCode, Task
from workers.engines import CAUSAL
from workers.engines.estimate import estimate
from workers.engines.pool import Pool
from workers.refusals import Refused


def complete(pool: Pool, models: Path, name: str) -> list[dict[str, Any]]:
    with pool.open(models / name, key_of(name)) as engine:
        return list(engine.submit(spec_of(name, "The hub", max_new_tokens=4), request_name()))


@pytest.mark.parametrize(
    ("name", "code", "params"),
    [
        ("no-safetensors", FailureCode.NO_SAFETENSORS, {}),
        ("remote-code", FailureCode.REMOTE_CODE, {}),
        ("unsupported", FailureCode.UNSUPPORTED_ARCHITECTURE, {"architecture": "UnheardOfModel"}),
        ("classifier", FailureCode.UNSUPPORTED_ARCHITECTURE, {"architecture": "BertForSequenceClassification"}),
        ("broken-tokenizer", FailureCode.BROKEN_TOKENIZER, None),
        ("broken-weights", FailureCode.BROKEN_MODEL, None),
        ("missing-weights", FailureCode.BROKEN_MODEL, None),
    ],
)
def test_models_that_are_not_loaded(pool: Pool, models: Path, name: str, code: FailureCode, params: Any) -> None:
    with pytest.raises(Refused) as refused:
        complete(pool, models, name)
    assert refused.value.failure.code == code
    assert refused.value.failure.params == params if params is not None else refused.value.failure.params["detail"]
    assert not (models / name / "it-ran").exists()
    # Again, and at once, without a new engine.
    before = os.times().children_user
    with pytest.raises(Refused) as again:
        complete(pool, models, name)
    assert again.value.failure == refused.value.failure
    assert os.times().children_user - before < 0.5
    # The worker lives.
    assert complete(pool, models, "gpt2")[-1]["type"] == "done"


def test_header_names_a_tensor_twice(models: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    one = '"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}'
    header = f"{{{one},{one}}}".encode()
    (tmp_path / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    with pytest.raises(Refused) as refused:
        estimate(tmp_path, CAUSAL)
    assert refused.value.failure.code == FailureCode.BROKEN_MODEL


def test_too_large_is_said_before_anything_is_loaded(models: Path, tmp_path: Path) -> None:
    needed = estimate(models / "gpt2", CAUSAL).needed
    pool = make_pool(tmp_path, memory=needed - 1)
    with pytest.raises(Refused) as refused:
        complete(pool, models, "gpt2")
    assert (refused.value.failure.code, refused.value.failure.params) == (
        FailureCode.TOO_LARGE,
        {"needed": needed, "available": needed - 1},
    )


def test_estimate_holds_what_an_engine_takes(pool: Pool, models: Path) -> None:
    found = estimate(models / "slow", CAUSAL)
    assert found.weights == pytest.approx((models / "slow" / "model.safetensors").stat().st_size, rel=0.01)
    with pool.open(models / "slow", key_of("slow")) as engine, ThreadPoolExecutor(16) as threads:
        specs = [spec_of("slow", "The hub", max_new_tokens=40) for _ in range(16)]
        list(threads.map(lambda spec: list(engine.submit(spec, request_name())), specs))
        assert found.weights < engine.rss() < found.needed


def test_idle_model_makes_room(models: Path, tmp_path: Path) -> None:
    room = estimate(models / "gpt2", CAUSAL).needed + estimate(models / "llama-chat", CAUSAL).needed
    pool = make_pool(tmp_path, memory=room)
    for name in ("gpt2", "llama-chat", "gpt2"):
        complete(pool, models, name)
    assert pool.loaded() == [key_of("llama-chat"), key_of("gpt2")]
    complete(pool, models, "broken-template")
    assert pool.loaded() == [key_of("gpt2"), key_of("broken-template")]
    wait_until(lambda: len(list(tmp_path.glob("engine-*"))) == 2)
    pool.close()


def test_model_in_use_stays(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.engines.pool.PATIENCE_SECONDS", 1)
    pool = make_pool(tmp_path, memory=estimate(models / "gpt2", CAUSAL).needed + (50 << 20))
    with pool.open(models / "gpt2", key_of("gpt2")) as engine:
        with pytest.raises(Refused) as refused:
            complete(pool, models, "llama-chat")
        assert refused.value.failure.code == FailureCode.BUSY
        assert refused.value.failure.params["retry_after"] > 0
        assert engine.alive()
    # Once it is let go the other gets in, without anybody asking again.
    assert complete(pool, models, "llama-chat")[-1]["type"] == "done"
    pool.close()


def test_one_engine_for_all_who_ask_at_once(models: Path, tmp_path: Path) -> None:
    pool = make_pool(tmp_path)
    told: list[tuple[int, int]] = []
    pids = set()

    def work(number: int) -> str:
        with pool.open(models / "gpt2", key_of("gpt2"), lambda done, total: told.append((done, total))) as engine:
            pids.add(engine.pid)
            return text_of(list(engine.submit(spec_of("gpt2", "The hub", max_new_tokens=8), request_name())))

    with ThreadPoolExecutor(8) as threads:
        texts = set(threads.map(work, range(8)))
    assert len(pids) == len(texts) == 1
    assert told[-1][0] == told[-1][1] > 10
    pool.close()


def test_unused_model_is_let_go(models: Path, tmp_path: Path) -> None:
    pool = make_pool(tmp_path, idle_seconds=0.3)
    complete(pool, models, "gpt2")
    wait_until(lambda: pool.loaded() == [] and not list(tmp_path.glob("engine-*")))
    assert complete(pool, models, "gpt2")[-1]["type"] == "done"
    pool.close()


def test_full_queue_says_busy(models: Path, tmp_path: Path) -> None:
    pool = make_pool(tmp_path, longest_queue=2)
    with pool.open(models / "slow", key_of("slow")) as engine:
        first = [engine.submit(spec_of("slow", "The hub", max_new_tokens=900), request_name()) for _ in range(2)]
        with pytest.raises(Refused) as refused:
            engine.submit(spec_of("slow", "The hub"), request_name())
        assert refused.value.failure.code == FailureCode.BUSY
        next(first[0])
        first[0].close()  # type: ignore[attr-defined]
        assert list(engine.submit(spec_of("slow", "The hub", max_new_tokens=2), request_name()))[-1]["type"] == "done"
    pool.close()


def test_deadline(pool: Pool, models: Path) -> None:
    with pool.open(models / "slow", key_of("slow")) as engine:
        asked = time.monotonic()
        list(engine.submit(spec_of("slow", "The hub", max_new_tokens=1), request_name()))
        # Time enough for the first words, and not for all.
        seconds = 0.5 + 5 * (time.monotonic() - asked)
        events = list(engine.submit(spec_of("slow", "The hub", seconds=seconds, max_new_tokens=3000), request_name()))
        assert (events[-1]["type"], events[-1]["code"]) == ("failed", "timed-out")
        assert events[0]["type"] == "token"
        assert engine.busy == 0


@pytest.mark.parametrize("way", ["bubblewrap", "landlock"])
def test_killed_engine_fails_its_requests_and_the_next_gets_a_new_one(
    models: Path, tmp_path: Path, way: sandbox.Name
) -> None:
    pool = make_pool(tmp_path, confinement=way)
    begun: set[int] = set()
    ended: list[dict[str, Any]] = []
    with pool.open(models / "slow", key_of("slow")) as engine:
        first = engine.pid
        assert engine.facts["batched"]

        def work() -> None:
            for event in engine.submit(spec_of("slow", "The hub", max_new_tokens=3000), request_name()):
                begun.add(threading.get_ident())
                if event["type"] == "failed":
                    ended.append(event)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(begun) == engine.busy == 4)
        os.kill(with_descendants(first)[-1], signal.SIGKILL)
        for thread in threads:
            thread.join(SECONDS)
    assert [event["code"] for event in ended] == ["worker-lost"] * 4
    with pool.open(models / "slow", key_of("slow")) as engine:
        assert engine.pid != first
        assert list(engine.submit(spec_of("slow", "The hub", max_new_tokens=2), request_name()))[-1]["type"] == "done"
    pool.close()


def test_engine_killed_while_it_loads(models: Path, tmp_path: Path) -> None:
    pool = make_pool(tmp_path)

    def kill(done: int, total: int) -> None:
        for child in _watchdog()._children:
            if child.scratch.is_relative_to(tmp_path):
                os.kill(with_descendants(child.pid)[-1], signal.SIGKILL)

    with pytest.raises(Refused) as refused, pool.open(models / "gpt2", key_of("gpt2"), kill):
        pass
    assert refused.value.failure.code == FailureCode.WORKER_LOST
    # Nothing is held against the model.
    assert complete(pool, models, "gpt2")[-1]["type"] == "done"
    pool.close()


def test_engine_out_of_memory(ask: Ask) -> None:
    (event,) = ask("huge-template", [{"role": "user", "content": "Hello"}], Task.CHAT)
    assert (event["type"], event["code"]) == ("failed", "too-large")
    assert event["params"]["needed"] > event["params"]["available"]


def test_no_model_is_loaded_unconfined(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "probe", lambda: sandbox.Confinement("none"))
    pool = make_pool(tmp_path)
    with pytest.raises(Refused) as refused:
        complete(pool, models, "gpt2")
    assert "confines" in refused.value.failure.params["detail"]
    monkeypatch.setenv("GROVE_UNSAFE_ENGINES", "1")
    assert complete(pool, models, "gpt2")[-1]["type"] == "done"
    pool.close()
