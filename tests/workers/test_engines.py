"""What engines answer, compared with transformers itself, alone and under load."""

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.workers.conftest import Ask, in_worker, key_of, request_name, spec_of, text_of
from workers.contracts import Task
from workers.engines.pool import Pool
from workers.engines.text import StopTexts

PROMPTS = ["The hub keeps", "一个模型可以", "Models grow in families: a base", " a", "模型 and 数据集 of café"]
MESSAGES = [{"role": "user", "content": "What is a hub? 你好"}]


@pytest.fixture(scope="module")
def busy(pool: Pool, models: Path) -> Any:
    """`with busy(model):` keeps ten other requests of all sorts in the model's batch."""

    class Busy:
        def __init__(self, name: str) -> None:
            self.name = name
            self.over = threading.Event()
            self.threads = [threading.Thread(target=self.work, args=(number,)) for number in range(10)]

        def work(self, number: int) -> None:
            with pool.open(models / self.name, key_of(self.name)) as engine:
                while not self.over.is_set():
                    wanted = {
                        "strategy": "sample",
                        "temperature": 0.3 + number / 5,
                        "top_k": number * 3,
                        "seed": number,
                    }
                    spec = spec_of(
                        self.name, PROMPTS[number % 5] * (1 + number), max_new_tokens=7 * number + 1, **wanted
                    )
                    assert list(engine.submit(spec, request_name()))[-1]["type"] == "done"

        def __enter__(self) -> None:
            for thread in self.threads:
                thread.start()
            time.sleep(0.2)

        def __exit__(self, *_: object) -> None:
            self.over.set()
            for thread in self.threads:
                thread.join()

    return Busy


@pytest.mark.parametrize("name", ["gpt2", "llama-chat", "state-space"])
def test_greedy_is_what_generate_gives(ask: Ask, models: Path, busy: Any, name: str) -> None:
    wanted = in_worker(
        "tests.workers.reference", str(models / name), given=[{"greedy": prompt, "new": 60} for prompt in PROMPTS]
    )
    with busy(name), ThreadPoolExecutor(len(PROMPTS)) as threads:
        answers = list(threads.map(lambda prompt: ask(name, prompt, max_new_tokens=60), PROMPTS))
    for (text,), events in zip(wanted, answers, strict=True):
        # transformers ends a text in the middle of a character as the engine does: with the mark for one.
        assert text_of(events) == text
        assert [event["type"] for event in events[:-1]] == ["token"] * (len(events) - 1)
        assert events[-1]["completion_tokens"] == 60 or events[-1]["finish"] == ["stop"]


def test_chat_goes_through_the_template(ask: Ask, models: Path) -> None:
    (wanted,) = in_worker("tests.workers.reference", str(models / "llama-chat"), given=[{"chat": MESSAGES, "new": 40}])
    events = ask("llama-chat", MESSAGES, Task.CHAT, max_new_tokens=40)
    assert [text_of(events)] == wanted
    assert events[-1]["prompt_tokens"] > 10


def test_beams_are_what_generate_gives(ask: Ask, models: Path, busy: Any) -> None:
    (wanted,) = in_worker(
        "tests.workers.reference", str(models / "gpt2"), given=[{"beams": PROMPTS[0], "new": 30, "number": 3}]
    )
    with busy("gpt2"):
        events = ask("gpt2", PROMPTS[0], strategy="beam", beams=4, sequences=3, max_new_tokens=30)
    assert [event["type"] for event in events] == ["text", "text", "text", "done"]
    assert [event["text"] for event in events[:3]] == wanted
    assert len(events[-1]["finish"]) == 3


@pytest.mark.parametrize("name", ["gpt2", "llama-chat", "state-space"])
def test_seed_gives_the_same_text_whatever_else_runs(ask: Ask, busy: Any, name: str) -> None:
    wanted: dict[str, Any] = {
        "strategy": "sample",
        "temperature": 0.9,
        "top_p": 0.9,
        "max_new_tokens": 50,
        "sequences": 2,
    }
    alone = ask(name, PROMPTS[2], seed=11, **wanted)
    with busy(name):
        loaded = [ask(name, PROMPTS[2], seed=11, **wanted) for _ in range(3)]
    for events in loaded:
        assert [text_of(events, 0), text_of(events, 1)] == [text_of(alone, 0), text_of(alone, 1)]
    assert text_of(alone, 0) != text_of(alone, 1)
    assert text_of(ask(name, PROMPTS[2], seed=12, **wanted)) != text_of(alone)
    assert text_of(ask(name, PROMPTS[2], **wanted)) != text_of(ask(name, PROMPTS[2], **wanted))


@pytest.mark.parametrize(
    ("temperature", "top_k", "top_p"), [(0.7, 0, 0.6), (1.5, 6, 1.0), (1.0, 8, 0.7), (2.0, 0, 0.02), (0.8, 0, 1.0)]
)
def test_tokens_are_drawn_as_often_as_they_should_be(
    ask: Ask, models: Path, temperature: float, top_k: int, top_p: float
) -> None:
    draws = 400
    question = {"first": PROMPTS[2], "temperature": temperature, "top_k": top_k or 10_000, "top_p": top_p}
    (shares,) = in_worker("tests.workers.reference", str(models / "gpt2"), given=[question])
    # Tokens of no certain text of their own (half a character) fall together.
    expected: Counter[str] = Counter()
    for text, share in shares:
        expected[text] += share
    wanted = {"strategy": "sample", "temperature": temperature, "top_k": top_k, "top_p": top_p, "max_new_tokens": 1}
    with ThreadPoolExecutor(32) as threads:
        answers = list(threads.map(lambda seed: ask("gpt2", PROMPTS[2], seed=seed, **wanted), range(draws)))
    drawn = Counter(text_of(events) for events in answers)
    assert set(drawn) <= set(expected)
    for text, share in expected.most_common(5):
        # Four standard deviations of a count.
        assert abs(drawn[text] - draws * share) <= 4 * (draws * share * (1 - share)) ** 0.5 + 1, (text, share)


def test_stop_text_ends_before_it(ask: Ask) -> None:
    whole = text_of(ask("gpt2", PROMPTS[0], max_new_tokens=60))
    stop = whole[20:23]
    at = whole.index(stop)
    events = ask("gpt2", PROMPTS[0], max_new_tokens=60, stop=("never there", stop))
    assert text_of(events) == whole[:at]
    assert events[-1]["finish"] == ["stop"]
    assert events[-1]["completion_tokens"] < 60
    (beams, done) = ask("gpt2", PROMPTS[0], max_new_tokens=30, strategy="beam", beams=2, stop=("提", "e", "a"))
    assert not {"提", "e", "a"} & set(beams["text"])
    assert done["finish"] == ["stop"]


@pytest.mark.parametrize("name", ["gpt2", "state-space"])
def test_text_that_is_wanted_whole_is_the_same_text(ask: Ask, name: str) -> None:
    wanted = {"max_new_tokens": 40, "strategy": "sample", "seed": 5, "sequences": 2}
    in_pieces = ask(name, PROMPTS[0], **wanted)
    *whole, done = ask(name, PROMPTS[0], pieces=False, **wanted)
    assert [event["type"] for event in whole] == ["text"] * 2
    for event in whole:
        assert event["text"] == text_of(in_pieces, event["sequence"])
    assert done["completion_tokens"] == in_pieces[-1]["completion_tokens"]
    stop = whole[0]["text"][10:13]
    (text, done) = ask(name, PROMPTS[0], pieces=False, **{**wanted, "sequences": 1, "stop": (stop,)})
    first = text_of(in_pieces, 0)
    assert text["text"] == first[: first.index(stop)] and done["finish"] == ["stop"]


def test_stop_texts_hold_back_no_more_than_they_must() -> None:
    stops = StopTexts(("END", "\n\n"))
    assert [stops.push(piece) for piece in ["a", "bE", "N", "x", "\n", "c\n", "\nd", "e"]] == [
        "a",
        "b",
        "",
        "ENx",
        "",
        "\nc",
        "",
        "",
    ]
    assert stops.met
    last = StopTexts(("END",))
    assert last.push("abEN") + last.push("", last=True) == "abEN"
    assert not last.met


def test_no_piece_holds_half_a_character(ask: Ask) -> None:
    # Seeds under which a text has whole Chinese characters that came as several tokens.
    for seed in range(6):
        for name in ("gpt2", "llama-chat"):
            events = ask(name, PROMPTS[1], strategy="sample", temperature=1.5, seed=seed, max_new_tokens=80)
            pieces = [event["text"] for event in events if event["type"] == "token"]
            again = ask(name, PROMPTS[1], strategy="sample", temperature=1.5, seed=seed, max_new_tokens=80)
            assert "".join(pieces) == text_of(again)
            assert all(pieces)
            assert any("一" <= sign <= "鿿" for sign in "".join(pieces))


def test_new_tokens_end_where_the_context_does(ask: Ask) -> None:
    events = ask("gpt2", "The hub " * 80, max_new_tokens=500)
    done = events[-1]
    assert done["prompt_tokens"] + done["completion_tokens"] == 256
    assert done["finish"] == ["length"]


@pytest.mark.parametrize("name", ["slow", "state-space"])
def test_cancelled_request_costs_no_more_time(pool: Pool, models: Path, name: str) -> None:
    with pool.open(models / name, key_of(name)) as engine:
        before, request = engine.tokens(), request_name()
        events = engine.submit(spec_of(name, PROMPTS[0], max_new_tokens=1900), request)
        assert [next(events)["type"] for _ in range(3)] == ["token"] * 3
        engine.cancel(request)
        # What was on its way, and no last event.
        assert all(event["type"] == "token" for event in events)
        assert engine.busy == 0
        # Steps are counted in their order, so once the next request is answered, all that came before it is counted.
        assert list(engine.submit(spec_of(name, PROMPTS[0], max_new_tokens=2), request_name()))[-1]["type"] == "done"
        computed = engine.tokens()
        assert computed - before < 1800
        # Without the cancel it would go on for seconds.
        time.sleep(0.3)
        assert engine.tokens() == computed


def test_closing_the_iterator_cancels(pool: Pool, models: Path) -> None:
    with pool.open(models / "slow", key_of("slow")) as engine:
        events = engine.submit(spec_of("slow", PROMPTS[0], max_new_tokens=1900), request_name())
        next(events)
        events.close()  # type: ignore[attr-defined]
        assert engine.busy == 0


def test_beam_search_is_cancelled(pool: Pool, models: Path) -> None:
    with pool.open(models / "slow", key_of("slow")) as engine:
        request = request_name()
        events = engine.submit(spec_of("slow", PROMPTS[0], strategy="beam", max_new_tokens=1900), request)
        time.sleep(0.5)
        engine.cancel(request)
        assert list(events) == []
        begun = time.monotonic()
        again = list(engine.submit(spec_of("slow", PROMPTS[0], strategy="beam", max_new_tokens=2), request_name()))
        assert [event["type"] for event in again] == ["text", "done"]
        assert time.monotonic() - begun < 60


def test_classifier_says_what_the_pipeline_says(ask: Ask, models: Path) -> None:
    texts = [f"{prompt} {number}" for number, prompt in enumerate(PROMPTS * 8)]
    wanted = in_worker(
        "tests.workers.reference", str(models / "classifier"), given=[{"labels": text} for text in texts]
    )
    with ThreadPoolExecutor(len(texts)) as threads:
        answers = list(threads.map(lambda text: ask("classifier", text, Task.TEXT_CLASSIFICATION), texts))
    for given, (event,) in zip(wanted, answers, strict=True):
        assert event["type"] == "result"
        assert [one["label"] for one in event["result"]] == [one["label"] for one in given]
        assert [one["score"] for one in event["result"]] == pytest.approx([one["score"] for one in given], abs=1e-5)
    (event,) = ask("classifier", texts[0], Task.TEXT_CLASSIFICATION, top_k=1)
    assert len(event["result"]) == 1


def test_mask_is_filled_as_the_pipeline_fills_it(ask: Ask, models: Path) -> None:
    texts = [f"{prompt} <mask> hub" for prompt in PROMPTS]
    wanted = in_worker("tests.workers.reference", str(models / "mask"), given=[{"fill": text} for text in texts])
    for text, given in zip(texts, wanted, strict=True):
        (event,) = ask("mask", text, Task.FILL_MASK)
        for mine, theirs in zip(event["result"], given, strict=True):
            assert mine["score"] == pytest.approx(theirs["score"], abs=1e-5)
            assert {**mine, "score": 0} == {**theirs, "score": 0}


@pytest.mark.parametrize(
    ("name", "inputs", "task", "code", "params"),
    [
        ("gpt2", MESSAGES, Task.CHAT, "no-chat-template", {}),
        ("broken-template", MESSAGES, Task.CHAT, "bad-chat-template", {"detail"}),
        ("endless-template", MESSAGES, Task.CHAT, "bad-chat-template", {"detail"}),
        ("gpt2", "The hub " * 300, Task.TEXT_GENERATION, "prompt-too-long", {"tokens", "wanted", "context"}),
        ("state-space", "The hub " * 3000, Task.TEXT_GENERATION, "prompt-too-long", {"tokens", "wanted", "context"}),
        ("gpt2", ["no text"], Task.TEXT_GENERATION, "bad-parameter", {"field", "detail"}),
        (
            "large-words",
            "每个仓库都有说明卡片 settings of the contributor",
            Task.TEXT_GENERATION,
            "broken-tokenizer",
            {"detail"},
        ),
        ("mask", "no mask here", Task.FILL_MASK, "no-mask", {"mask"}),
        ("mask", "<mask> and <mask>", Task.FILL_MASK, "bad-parameter", {"field", "detail"}),
        ("classifier", "The hub " * 300, Task.TEXT_CLASSIFICATION, "prompt-too-long", {"tokens", "wanted", "context"}),
    ],
)
def test_refused_requests(ask: Ask, name: str, inputs: Any, task: Task, code: str, params: set[str]) -> None:
    (event,) = ask(name, inputs, task)
    assert (event["type"], event["code"], set(event["params"])) == ("failed", code, set(params))
