"""The engines of a worker: an LRU of loaded models within a memory limit.

    pool = Pool(memory=8 << 30, scratch=folder)
    with pool.open(snapshot_folder, Key("ada/sprout", commit, CAUSAL), on_progress) as engine:
        for event in engine.submit(spec, job):
            ...

Threads use it side by side. An engine that somebody has open is never evicted; one model is loaded at a time; a model that
could not be loaded is refused with the same words for a minute; one that nobody has used for a while is let go.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from workers import sandbox
from workers.contracts import TEMPORARY, Failure, FailureCode
from workers.engines.engine import Engine
from workers.engines.estimate import Estimate, estimate
from workers.refusals import Refused

FAILED_SECONDS = 60
# How long a model waits for memory that engines in use hold before the caller is told to come back.
PATIENCE_SECONDS = 10
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Key:
    """One model as it is loaded. kind: of `workers.engines.KINDS`; dtype: of `estimate.DTYPES`, or auto."""

    repo: str
    commit: str
    kind: str
    dtype: str = "auto"


@dataclass
class _Entry:
    estimate: Estimate
    engine: Engine | None = None
    users: int = 0
    used: float = field(default_factory=time.monotonic)
    listeners: list[Progress] = field(default_factory=list)


class Pool:
    """Loaded models. memory: bytes for all of them. scratch: a folder for the engines' own.

    idle_seconds: a model that nobody has open for so long is let go. longest_queue: requests of one model at a time.
    threads: of one engine; all cores where it is None. confinement, python: as `sandbox.start` takes them.
    """

    def __init__(
        self,
        *,
        memory: int,
        scratch: Path,
        idle_seconds: float = 300,
        longest_queue: int = 64,
        threads: int | None = None,
        confinement: sandbox.Name | None = None,
        python: Path | None = None,
    ) -> None:
        self._memory = memory
        self._scratch = scratch
        self._idle_seconds = idle_seconds
        self._longest_queue = longest_queue
        self._threads = threads or len(os.sched_getaffinity(0))
        self._confinement = confinement
        self._python = python
        self._accelerated = any(Path("/dev").glob("nvidia[0-9]*"))
        self._entries: dict[Key, _Entry] = {}
        self._failed: dict[Key, tuple[float, Failure]] = {}
        self._changed = threading.Condition()
        self._loading = threading.Lock()
        self._closed = threading.Event()
        threading.Thread(target=self._let_go, name="engine-pool", daemon=True).start()

    @contextmanager
    def open(self, folder: Path, key: Key, on_progress: Progress | None = None) -> Iterator[Engine]:
        """Give the engine of a model, loaded from `folder` if need be, and keep it loaded until the block ends.

        on_progress: called with (done, total) weights while it loads, from another caller's thread if that one loads it.
        Raises Refused: no-safetensors, remote-code, unsupported-architecture, broken-model, broken-tokenizer, too-large, busy
        (memory is held by models in use; retry_after), internal (the engine ended, or nothing confines engines here).
        """
        entry = self._enter(folder, key, on_progress)
        try:
            assert entry.engine is not None
            yield entry.engine
        finally:
            with self._changed:
                entry.users -= 1
                entry.used = time.monotonic()
                self._changed.notify_all()

    def loaded(self) -> list[Key]:
        """Return the models that are ready, the one used last at the end."""
        with self._changed:
            ready = [(entry.used, key) for key, entry in self._entries.items() if entry.engine and entry.engine.alive()]
        return [key for _, key in sorted(ready, key=lambda pair: pair[0])]

    def close(self) -> None:
        """End all engines; requests in flight fail."""
        self._closed.set()
        with self._changed:
            entries, self._entries = list(self._entries.values()), {}
        for entry in entries:
            if entry.engine is not None:
                entry.engine.close()

    def _enter(self, folder: Path, key: Key, on_progress: Progress | None) -> _Entry:
        """Return the entry of a ready engine, with one more user."""
        with self._changed:
            while True:
                self._refuse_failed(key)
                entry = self._entries.get(key)
                if entry is None:
                    break
                if entry.engine is None:
                    # Another caller loads it.
                    if on_progress is not None and on_progress not in entry.listeners:
                        entry.listeners.append(on_progress)
                    self._changed.wait()
                elif entry.engine.alive():
                    entry.users += 1
                    return entry
                else:
                    del self._entries[key]
            entry = _Entry(
                self._estimate(folder, key), users=1, listeners=[on_progress] if on_progress is not None else []
            )
            self._entries[key] = entry
        try:
            with self._loading:
                self._make_room(entry)
                engine = self._load(folder, key, entry)
        except BaseException as error:
            with self._changed:
                self._entries.pop(key, None)
                if isinstance(error, Refused) and error.failure.code not in TEMPORARY:
                    self._failed[key] = (time.monotonic() + FAILED_SECONDS, error.failure)
                self._changed.notify_all()
            raise
        with self._changed:
            entry.engine = engine
            entry.listeners.clear()
            self._changed.notify_all()
        return entry

    def _refuse_failed(self, key: Key) -> None:
        self._failed = {key: (until, why) for key, (until, why) in self._failed.items() if until > time.monotonic()}
        if key in self._failed:
            failure = self._failed[key][1]
            raise Refused(failure.code, **failure.params)

    def _estimate(self, folder: Path, key: Key) -> Estimate:
        found = estimate(folder, key.kind, key.dtype, accelerated=self._accelerated)
        if found.needed > self._memory:
            raise Refused(FailureCode.TOO_LARGE, needed=found.needed, available=self._memory)
        return found

    def _make_room(self, wanted: _Entry) -> None:
        """Evict what has been idle longest until there is room. Raises Refused: busy."""
        until = time.monotonic() + PATIENCE_SECONDS
        with self._changed:
            while True:
                self._drop_dead()
                others = [(key, entry) for key, entry in self._entries.items() if entry.engine is not None]
                if sum(entry.estimate.needed for _, entry in others) + wanted.estimate.needed <= self._memory:
                    return
                idle = sorted((pair for pair in others if not pair[1].users), key=lambda pair: pair[1].used)
                if idle:
                    self._end(idle[0][0])
                elif not self._changed.wait(until - time.monotonic()) and time.monotonic() >= until:
                    raise Refused(FailureCode.BUSY, retry_after=PATIENCE_SECONDS)

    def _load(self, folder: Path, key: Key, entry: _Entry) -> Engine:
        if not sandbox.may_load_models():
            raise Refused(FailureCode.INTERNAL, detail="nothing on this machine confines what loads a model")
        scratch = self._scratch / f"engine-{uuid4().hex[:12]}"
        child = sandbox.start(
            ["workers.engines", key.kind],
            readable=[folder],
            scratch=scratch,
            env={"OMP_NUM_THREADS": str(self._threads)},
            # The estimate decides who is let in; an engine that needs half as much again is no longer the one estimated.
            memory=entry.estimate.needed * 3 // 2,
            scratch_limit=64 << 20,
            confinement=self._confinement,
            python=self._python,
        )
        engine = Engine(child, entry.estimate.needed, self._longest_queue)

        def tell(done: int, total: int) -> None:
            with self._changed:
                listeners = list(entry.listeners)
            for listener in listeners:
                listener(done, total)

        try:
            engine.load(folder.resolve(), entry.estimate, tell)
        except BaseException:
            engine.close()
            raise
        return engine

    def _let_go(self) -> None:
        """In a thread: end what nobody has used for a while."""
        while not self._closed.wait(min(1.0, self._idle_seconds / 2)):
            with self._changed:
                self._drop_dead()
                before = time.monotonic() - self._idle_seconds
                for key, entry in list(self._entries.items()):
                    if entry.engine is not None and not entry.users and entry.used < before:
                        self._end(key)

    def _drop_dead(self) -> None:
        for key, entry in list(self._entries.items()):
            if entry.engine is not None and not entry.engine.alive():
                del self._entries[key]
                self._changed.notify_all()

    def _end(self, key: Key) -> None:
        engine = self._entries.pop(key).engine
        assert engine is not None
        engine.close()
        self._changed.notify_all()
