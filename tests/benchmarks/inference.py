"""Engines for causal language models, against a pipeline that answers one after the other and against `transformers serve`.

    python -m tests.benchmarks.inference [--quick] [--json FILE]

A Llama of 54 million random weights, prompts of about 32 tokens, 64 new tokens, greedy; in the mixed row 8, 32, 64 or 128 of
them, at concurrency 16. All peers answer the same requests in turns, in processes of their own. Figures are tokens per second,
medians of the rounds. The rows named "engine" call the engine directly, without a hub in between; those named "hub" ask a whole
hub with its worker over HTTP, by OpenAI's calls and with a token, as anybody would.

The time to the first token is told in milliseconds, of one request after the other: `ours` is what the whole hub adds to the
engine called directly, `other` how much that may be.
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
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx2 as httpx

from tests import live
from tests.benchmarks.harness import Figure, run
from tests.clients.conftest import make_client
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
        site = stack.enter_context(a_hub(folder))
        requests = [(PROMPT.format(number), new) for number in range(32)]
        ways = {"hub": partial(site.answer, requests, 32), "pipeline": partial(pipeline, requests[:4], 1)}
        speeds = in_turns(ways, rounds)
        yield figure("hub, 32 at once", speeds["hub"], speeds["pipeline"], NAMES["pipeline"], 6)
        yield added_to_the_first_token(folder, site, 10 if quick else 40)
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
        pool = make_pool(Path(scratch), confinement=confinement, threads=None)
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


@dataclass
class Site:
    """A whole hub with its worker, and the model on it."""

    http: httpx.Client
    model: str

    def answer(self, requests: Requests, at_once: int) -> int:
        with ThreadPoolExecutor(at_once) as threads:
            return sum(threads.map(self._one, requests))

    def first_token(self, prompt: str) -> float:
        """Milliseconds from asking to the first token that arrives."""
        asked = {"model": self.model, "prompt": prompt, "max_tokens": 2, "temperature": 0, "stream": True}
        begun, found = time.perf_counter(), 0.0
        with self.http.stream("POST", "/v1/completions", json=asked) as answer:
            for line in answer.iter_lines():
                if not found and line.startswith("data: {"):
                    found = (time.perf_counter() - begun) * 1000
        return found

    def _one(self, request: tuple[str, int]) -> int:
        prompt, new = request
        asked = {"model": self.model, "prompt": prompt, "max_tokens": new, "temperature": 0}
        answer = self.http.post("/v1/completions", json=asked)
        assert answer.is_success, answer.text
        return int(answer.json()["usage"]["completion_tokens"])


@contextmanager
def a_hub(folder: Path) -> Iterator[Site]:
    """Start a hub, upload the model to it, and let its worker load it."""
    with live.running(folder / "hub", GROVE_WORKERS="on") as instance:
        instance.wait_for_workers()
        client = make_client(instance, folder / "home")
        client.home.mkdir()
        client.run("hf", "upload", f"{client.name}/large", str(folder / "large"), ".", HF_HUB_DISABLE_XET="1")
        headers = {"Authorization": f"Bearer {client.token}"}
        with httpx.Client(base_url=instance.url, headers=headers, timeout=600, trust_env=False) as http:
            site = Site(http, f"{client.name}/large")
            site.answer([("Grove", 1)], 1)
            yield site
    live.remove(folder / "hub")


def added_to_the_first_token(folder: Path, site: Site, count: int) -> Figure:
    with tempfile.TemporaryDirectory(prefix="grove-bench-") as scratch:
        pool = make_pool(Path(scratch), threads=None)
        try:
            with pool.open(folder / "large", key_of("large")) as opened:
                ours, direct = [], []
                for number in range(count + 3):
                    prompt = PROMPT.format(number)
                    begun = time.perf_counter()
                    events = opened.submit(spec_of("large", prompt, max_new_tokens=2), request_name())
                    next(iter(events))
                    direct.append((time.perf_counter() - begun) * 1000)
                    list(events)
                    ours.append(site.first_token(prompt))
        finally:
            pool.close()
    added = statistics.median(ours[3:]) - statistics.median(direct[3:])
    return Figure(
        name="hub, added to the first token", ours=added, other=60, other_name="allowed", ratio=60 / max(added, 1),
        unit="ms", aim=1,
    )  # fmt: skip


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except OSError:
        return False


if __name__ == "__main__":
    run(__doc__, measure)
