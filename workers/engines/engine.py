"""One engine, seen from the worker: requests go in, each one's events come out of an iterator of its own."""

import contextlib
import queue
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from workers.children import Child, ChildLost
from workers.contracts import LAST_EVENTS, Failure, FailureCode, GenerationSpec, StreamEvent
from workers.engines.estimate import Estimate
from workers.refusals import Refused

# To load: for what every engine needs, and by the bytes of its weights. One model is loaded at a time, so the others wait.
LOAD_SECONDS, LOAD_BYTES_A_SECOND = 120, 10 << 20
_PING_SECONDS = 5
# An engine with requests that says nothing for so long hangs, and is ended.
_SILENT_SECONDS = 60
_RETRY_SECONDS = 5


class Engine:
    """A loaded model. Any thread may submit and cancel; the events of a request are read by one."""

    def __init__(self, child: Child, needed: int, longest_queue: int) -> None:
        self.needed = needed
        self.facts: dict[str, Any] = {}
        self._child = child
        self._longest_queue = longest_queue
        self._requests: dict[str, queue.SimpleQueue[dict[str, Any] | None]] = {}
        self._counted: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._over: Failure | None = None

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def busy(self) -> int:
        """How many requests it answers or has waiting."""
        return len(self._requests)

    def alive(self) -> bool:
        return self._over is None and self._child.alive()

    def rss(self) -> int:
        """Bytes of memory that it holds now."""
        return self._child.rss()

    def tokens(self) -> int:
        """Tokens that it has computed so far. Asks it; 0 where it does not answer within ten seconds."""
        with contextlib.suppress(ChildLost, queue.Empty):
            self._child.send({"do": "count"})
            return self._counted.get(timeout=10)
        return 0

    def submit(self, spec: GenerationSpec, request: str) -> Iterator[dict[str, Any]]:
        """Hand over a request at once; iterate over its events (`contracts.StreamEvent`) until the last.

        request: a name for it, of the caller's making. The last event is done, result or failed, whatever happens: a deadline
        that passes cancels it and fails it as timed-out, an engine that ends fails it too. Closing the iterator cancels it.
        Raises Refused: busy, where as many wait as may.
        """
        answers: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        with self._lock:
            if self._over is not None:
                raise Refused(self._over.code, **self._over.params)
            if len(self._requests) >= self._longest_queue:
                raise Refused(FailureCode.BUSY, retry_after=_RETRY_SECONDS)
            self._requests[request] = answers
        message = {
            "do": "run",
            "id": request,
            "task": str(spec.task),
            "inputs": spec.inputs,
            "sampling": spec.sampling.to_json() if spec.sampling else None,
            "pieces": spec.pieces,
            "top_k": spec.top_k,
        }
        # Where it cannot be sent, the thread that reads finds the engine gone and fails the request.
        with contextlib.suppress(ChildLost):
            self._child.send(message)
        return self._events(request, answers, spec.deadline)

    def cancel(self, request: str) -> None:
        """Stop a request within a token. Its iterator ends without a last event, unless that was on its way already."""
        with self._lock:
            answers = self._requests.pop(request, None)
        if answers is None:
            return
        with contextlib.suppress(ChildLost):
            self._child.send({"do": "cancel", "id": request})
        answers.put(None)

    def close(self) -> None:
        """End the engine; requests in flight fail."""
        self._child.kill()

    # --- the pool's part ------------------------------------------------------------------------------------------------

    def load(self, folder: Path, estimate: Estimate, on_progress: Callable[[int, int], None]) -> None:
        """Let it load, and start reading from it. Raises Refused where it cannot be loaded; the engine has ended then."""
        given = {
            "folder": str(folder),
            "dtype": estimate.dtype,
            "context": estimate.context,
            "kv_tokens": estimate.kv_tokens,
        }
        seconds = round(LOAD_SECONDS + estimate.weights / LOAD_BYTES_A_SECOND)
        until = time.monotonic() + seconds
        try:
            self._child.send({"do": "load", **given})
            while True:
                message = self._child.receive(max(0.0, until - time.monotonic()))
                if message is None:
                    raise Refused(FailureCode.TIMED_OUT, seconds=seconds)
                if failure := message.get("failed"):
                    failed = Failure.from_json(failure)
                    raise Refused(failed.code, **failed.params)
                if loading := message.get("loading"):
                    on_progress(int(loading["done"]), int(loading["total"]))
                elif "ready" in message:
                    self.facts = message["ready"]
                    break
        except ChildLost as lost:
            failure = self._failure_of(lost)
            self._clean()
            if lost.reason == "ended" and not lost.by_signal:  # What it was given to load ended it.
                failure = Failure(FailureCode.BROKEN_MODEL, {"detail": lost.detail})
            raise Refused(failure.code, **failure.params) from None
        except (Refused, ValueError, LookupError, TypeError, AttributeError) as error:
            self._child.kill()
            self._clean()
            if isinstance(error, Refused):
                raise
            raise Refused(FailureCode.INTERNAL, detail="the engine spoke nonsense") from error
        threading.Thread(target=self._read, name=f"engine-{self.pid}", daemon=True).start()

    def _read(self) -> None:
        heard = asked = time.monotonic()
        while True:
            try:
                message = self._child.receive(1)
                now = time.monotonic()
                if message is not None:
                    heard = now
                    if "count" in message:
                        self._counted.put(int(message["count"]))
                    for request, event in message.get("events", ()):
                        self._deliver(request, event)
                elif self._requests and now - heard > _SILENT_SECONDS:
                    self._child.kill("silent")
                elif now - asked > _PING_SECONDS:
                    asked = now
                    self._child.send({"do": "ping"})
            except (ChildLost, ValueError, LookupError, TypeError, AttributeError) as error:
                lost = error if isinstance(error, ChildLost) else ChildLost("nonsense")
                break
        self._child.kill()
        failure = self._failure_of(lost)
        with self._lock:
            self._over = failure
            waiting = list(self._requests.values())
            self._requests.clear()
        for answers in waiting:
            answers.put(_failed(failure))
        self._clean()

    def _deliver(self, request: str, event: dict[str, Any]) -> None:
        with self._lock:
            answers = self._requests.get(request)
            if answers is not None and event["type"] in LAST_EVENTS:
                del self._requests[request]
        if answers is not None:
            answers.put(event)

    def _events(
        self, request: str, answers: "queue.SimpleQueue[dict[str, Any] | None]", deadline: float
    ) -> Iterator[dict[str, Any]]:
        begun = time.time()
        try:
            while True:
                try:
                    event = answers.get(timeout=max(0.0, deadline - time.time()))
                except queue.Empty:
                    yield _failed(Failure(FailureCode.TIMED_OUT, {"seconds": round(deadline - begun, 1)}))
                    return
                if event is None:
                    return
                yield event
                if event["type"] in LAST_EVENTS:
                    return
        finally:
            self.cancel(request)

    def _failure_of(self, lost: ChildLost) -> Failure:
        if lost.reason == "memory":
            return Failure(FailureCode.TOO_LARGE, {"needed": self._child.held, "available": self._child.limits.memory})
        if lost.reason == "killed" or lost.by_signal:
            return Failure(FailureCode.WORKER_LOST)
        # What it was given to run ended it: the same request ends the next one, too.
        details = {"scratch": "it wrote too much to disk", "silent": "it did not answer any more"}
        return Failure(FailureCode.BROKEN_MODEL, {"detail": details.get(lost.reason, lost.detail)[:300]})

    def _clean(self) -> None:
        self._child.channel.close()
        shutil.rmtree(self._child.scratch, ignore_errors=True)


def _failed(failure: Failure) -> dict[str, Any]:
    return {"type": str(StreamEvent.FAILED), **failure.to_json()}
