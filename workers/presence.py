"""What a worker is for the hub while it runs: its start, its heartbeat, and the jobs that it holds."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import redis

from workers.client import Hub, HubRefused
from workers.contracts import HEARTBEAT_SECONDS, Claim, Stage, stops_key
from workers.environment import note_alive

log = logging.getLogger(__name__)


class Stopped(Exception):
    """What was held is not to go on: it was cancelled, it is another worker's by now, or this worker ends."""


class Held:
    """A job that this worker runs. `stopped` is set once it is not to go on: it was cancelled, or given to another."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self.stopped = threading.Event()
        self._progress: dict[str, Any] | None = None
        self._on_stop: list[Callable[[], None]] = []
        self._lock = threading.Lock()

    def progress(self, stage: Stage, done: float = 0, total: float = 0, **more: Any) -> None:
        """Say how far it is; the next heartbeat carries it to the hub."""
        self._progress = {"stage": stage, "done": done, "total": total, **more}

    def on_stop(self, call: Callable[[], None]) -> None:
        """Call this once when the job is to stop, at once if it is already."""
        with self._lock:
            if not self.stopped.is_set():
                self._on_stop.append(call)
                return
        call()

    def stop(self) -> None:
        with self._lock:
            if self.stopped.is_set():
                return
            self.stopped.set()
            calls = list(self._on_stop)
        for call in calls:
            try:
                call()
            except Exception:
                log.exception("job %s could not be stopped", self.claim.job)

    def to_json(self) -> dict[str, Any]:
        said = {"job": self.claim.job, "attempt": self.claim.attempt}
        return said | ({"progress": self._progress} if self._progress is not None else {})


class Presence:
    """Keeps the hub told of this worker, from `begin` on, in two threads of its own."""

    def __init__(self, hub: Hub, connection: redis.Redis, name: str) -> None:
        self.leaving = threading.Event()  # the worker is asked to end: what can be given back is given back
        self.loaded: Callable[[], list[list[str]]] = list
        self._hub = hub
        self._connection = connection
        self._stops = stops_key(name)
        self._held: dict[str, Held] = {}

    def begin(self, about: dict[str, Any]) -> None:
        """Announce the worker, waiting for the hub if need be; from then on it is live."""
        self._hub.start(about)
        for work in (self._beat, self._listen):
            threading.Thread(target=work, name=work.__name__, daemon=True).start()

    @contextlib.contextmanager
    def hold(self, claim: Claim) -> Iterator[Held]:
        """Renew the lease of a job, and listen for its stop, for the length of the block."""
        held = self._held[claim.job] = Held(claim)
        try:
            yield held
        finally:
            self._held.pop(claim.job, None)

    def leave(self) -> None:
        """Stop what runs, because the worker ends."""
        self.leaving.set()
        for held in list(self._held.values()):
            held.stop()

    def _beat(self) -> None:
        while True:
            time.sleep(HEARTBEAT_SECONDS)
            held = list(self._held.values())
            try:
                stop = self._hub.heartbeat([job.to_json() for job in held], self.loaded())
                note_alive()
            except (httpx2.TransportError, HubRefused) as error:
                log.warning("the hub did not take the heartbeat: %s", error)
                continue
            except Exception:
                log.exception("the heartbeat failed")
                continue
            for job in held:
                if job.claim.job in stop:
                    job.stop()

    def _listen(self) -> None:
        """Hear at once what to stop; the heartbeat's answer says it again for what was lost here."""
        while True:
            try:
                # (key, value), in bytes: the connection decodes nothing.
                heard: Any = self._connection.blpop([self._stops], timeout=30)
            except redis.RedisError as error:
                log.warning("no stops are heard: %s", error)
                time.sleep(HEARTBEAT_SECONDS)
                continue
            if heard and (held := self._held.get(heard[1].decode())):
                held.stop()
