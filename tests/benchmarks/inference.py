"""Engines for causal language models, against a pipeline that answers one after the other and against `transformers serve`.

    python -m tests.benchmarks.inference [--quick] [--json FILE]

A Llama of 54 million random weights, prompts of about 32 tokens, 64 new tokens, greedy; in the mixed row 8, 32, 64 or 128 of
them, at concurrency 16. All peers answer the same requests in turns, in processes of their own. Figures are tokens per second,
medians of the rounds. The rows named "engine" call the engine directly, without a hub in between.
"""

import json
import os
import socket
import statistics
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from tests import live
from tests.benchmarks.harness import Figure, run
from tests.waiting import wait_until
from tests.workers.conftest import PYTHON, in_worker, key_of, make_pool, request_name, spec_of
from workers import sandbox
from workers.engines.engine import Engine

# (prompt, new tokens) of each request, and how many run at once -> tokens made
Requests = list[tuple[str, int]]
Answer = Callable[[Requests, int], int]
PROMPT = "Models grow in families: a base model, its fine-tunes, adapters, merges. Request number {}"


def measure(quick: bool) -> Iterator[Figure]:
    new = 16 if quick else 64
    rounds = 1 if quick else 3
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="grove-bench-")))
        in_worker("tests.workers.models", str(folder), "large")
        ours = stack.enter_context(engine(folder))
        pipeline = stack.enter_context(sequential(folder / "large"))
        serve = stack.enter_context(transformers_serve(folder / "large"))
        for at_once, count, aims in ((1, 4, (0.8, 0.8)), (8, 16, (3, 0.8)), (32, 32, (8, 0.8))):
            requests = [(PROMPT.format(number), new) for number in range(count)]
            # The pipeline has no more to win from more requests.
            ways = {
                "engine": partial(ours, requests, at_once),
                "pipeline": partial(pipeline, requests[:4], 1),
                "serve": partial(serve, requests, at_once),
            }
            speeds = in_turns(ways, rounds)
            for other, aim in zip(("pipeline", "serve"), aims, strict=True):
                yield figure(f"engine, {at_once} at once", speeds["engine"], speeds[other], NAMES[other], aim)
        mixed = [(PROMPT.format(number), max(2, (8, 32, 64, 128)[number % 4] * new // 64)) for number in range(48)]
        speeds = in_turns({"engine": partial(ours, mixed, 16), "serve": partial(serve, mixed, 16)}, rounds)
        yield figure("engine, mixed lengths, 16 at once", speeds["engine"], speeds["serve"], NAMES["serve"], 0.8)
        requests = [(PROMPT.format(number), new) for number in range(16)]
        bare = stack.enter_context(engine(folder, "none"))
        speeds = in_turns({"confined": partial(ours, requests, 8), "bare": partial(bare, requests, 8)}, rounds + 2)
        yield figure("engine in the sandbox, 8 at once", speeds["confined"], speeds["bare"], "without", 0.95)


NAMES = {"pipeline": "pipeline, one after the other", "serve": "transformers serve --continuous-batching"}


def in_turns(ways: dict[str, Callable[[], int]], rounds: int) -> dict[str, float]:
    """Tokens per second of each way, the median of rounds in which they take turns, after one to warm up."""
    speeds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name, way in ways.items():
            begun = time.perf_counter()
            made = way()
            if turn:
                speeds[name].append(made / (time.perf_counter() - begun))
    return {name: statistics.median(found) for name, found in speeds.items()}


def figure(name: str, ours: float, other: float, other_name: str, aim: float) -> Figure:
    return Figure(
        name=name, ours=ours, other=other, other_name=other_name, ratio=ours / other, unit="tokens/s", aim=aim
    )


@contextmanager
def engine(folder: Path, confinement: sandbox.Name | None = None) -> Iterator[Answer]:
    """Our engine, called as a worker's task calls it."""
    with tempfile.TemporaryDirectory(prefix="grove-bench-") as scratch:
        pool = make_pool(Path(scratch), confinement=confinement)
        try:
            with pool.open(folder / "large", key_of("large")) as opened:
                yield lambda requests, at_once: through(opened, requests, at_once)
        finally:
            pool.close()


def through(opened: Engine, requests: Requests, at_once: int) -> int:
    def one(request: tuple[str, int]) -> int:
        prompt, new = request
        *_, done = opened.submit(spec_of("large", prompt, seconds=600, max_new_tokens=new), request_name())
        assert done["type"] == "done", done
        return int(done["completion_tokens"])

    with ThreadPoolExecutor(at_once) as threads:
        return sum(threads.map(one, requests))


@contextmanager
def sequential(model: Path) -> Iterator[Answer]:
    """A pipeline in a process of its own; `at_once` means nothing to it."""
    command = [PYTHON, "-m", "tests.workers.sequential", str(model)]
    with subprocess.Popen(
        command, cwd=live.BASE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            while process.stdout.readline().strip() != "ready":
                assert process.poll() is None

            def answer(requests: Requests, at_once: int) -> int:
                print(json.dumps(requests), file=process.stdin, flush=True)
                assert process.stdout is not None
                return int(process.stdout.readline())

            yield answer
        finally:
            process.kill()


@contextmanager
def transformers_serve(model: Path) -> Iterator[Answer]:
    """transformers' own server, asked over HTTP for streams, as a worker's task is."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    program = PYTHON.parent / "transformers"
    command = [program, "serve", str(model), "--continuous-batching", "--host", "127.0.0.1", "--port", str(port)]
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
    log = model.parent / "serve.log"
    with log.open("wb") as output, subprocess.Popen(command, env=env, stdout=output, stderr=output) as process:
        try:
            wait_until(lambda: process.poll() is not None or _answers(f"{url}/health"), 120)
            assert process.poll() is None, log.read_text()[-2000:]

            def one(request: tuple[str, int]) -> int:
                prompt, new = request
                body = {"model": str(model), "prompt": prompt, "max_tokens": new, "temperature": 0.0, "stream": False}
                asked = urllib.request.Request(  # noqa: S310
                    f"{url}/v1/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
                )
                with urllib.request.urlopen(asked, timeout=600) as answer:  # noqa: S310
                    return int(json.load(answer)["usage"]["completion_tokens"])

            def answer(requests: Requests, at_once: int) -> int:
                with ThreadPoolExecutor(at_once) as threads:
                    return sum(threads.map(one, requests))

            yield answer
        finally:
            process.kill()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except OSError:
        return False


if __name__ == "__main__":
    run(__doc__, measure)
