"""The task of demo workers: claim a request, have the model ready, and write what its engine says where the reader waits.

Whatever happens to the engine, the reader hears of an end: the answer's, or why there is none. What an engine says is passed on
in the shape that was agreed and no other: what broke out of the loader could say anything.
"""

import json
import logging
import time
from functools import cache
from typing import Any

import httpx2
import redis
from celery import signals

from workers import logs, machine
from workers.app import app, connection, hub, presence, scratch_folder, snapshots
from workers.client import HubRefused, JobGone
from workers.contracts import (
    LAST_EVENTS,
    RUN_DEMO,
    Claim,
    Failure,
    FailureCode,
    GenerationSpec,
    Stage,
    StreamEvent,
)
from workers.engines import KINDS
from workers.engines.pool import Key, Pool
from workers.presence import Held, Stopped
from workers.refusals import Refused
from workers.stream import Stream

log = logging.getLogger(__name__)

# Progress is for people who watch: as often as they can follow.
TELL_SECONDS = 0.2
MAX_TEXT = 1 << 20  # characters of one event
# And of a whole answer. A tokenizer's words can be as long as its owner likes, and all streams share the broker's memory.
MAX_CHARACTERS = 1 << 19
MAX_ANSWER = 2000  # labels or fillings
FINISHES = ("stop", "length")


@cache
def pool() -> Pool:
    """The models that this worker holds, in engines of their own."""
    made = Pool(memory=machine.memory_for_models(), scratch=scratch_folder())
    presence().loaded = lambda: [[key.repo, key.commit] for key in made.loaded()]
    signals.worker_shutdown.connect(lambda **_kwargs: made.close(), weak=False)
    return made


# Somebody waits, and has seen the beginning: a request that was lost is asked again by them, not by the broker.
@app.task(name=RUN_DEMO, acks_late=False, reject_on_worker_lost=False)
def run(job: str) -> None:
    """Answer one request."""
    try:
        claim = hub().claim(job)
    except JobGone:
        return  # Cancelled, or another worker's: messages may come twice.
    with logs.under(claim.request_id), presence().hold(claim) as held:
        log.info("request %s: %s", claim.job, claim.spec["task"])
        _Request(claim, held).answer()


class _Request:
    def __init__(self, claim: Claim, held: Held) -> None:
        self.claim = claim
        self.held = held
        self.spec = GenerationSpec.from_json(claim.spec)
        self.stream = Stream(connection(), claim.job)
        self.told_at = 0.0
        self.written = 0

    def answer(self) -> None:
        """Do what is asked, end the stream, then report to the hub: nobody waits for the report."""
        result, failure = None, None
        try:
            result = self._answer()
        except Stopped:
            if not presence().leaving.is_set():
                return  # The hub has ended the job, and with it the stream.
            failure = Failure(FailureCode.WORKER_LOST)
        except Refused as refused:
            failure = refused.failure
        except redis.RedisError as error:
            log.warning("the answer to %s could not be written: %s", self.claim.job, error)
            failure = Failure(FailureCode.INTERNAL, {"detail": "the answer could not be passed on"})
        except Exception as error:
            log.exception("request %s failed", self.claim.job)
            failure = Failure(FailureCode.INTERNAL, {"detail": type(error).__name__})
        if failure is not None:
            self._write_end(failure)
        try:
            hub().finish(self.claim, result=result, failure=failure)
        except JobGone:
            log.info("request %s had ended already", self.claim.job)
        except (HubRefused, httpx2.TransportError) as error:
            log.warning("the end of request %s was not reported: %s", self.claim.job, error)

    def _answer(self) -> dict[str, Any]:
        """Write the events of the answer; returns what is kept of it, never its text. Raises Refused, Stopped."""
        model = self.spec.model
        with snapshots().open(model, self.claim.token, self._fetching) as folder:
            key = Key(model.name, model.commit, KINDS[self.spec.task])
            if key not in pool().loaded():
                self._tell(Stage.STARTING)
            with pool().open(folder, key, self._loading) as engine:
                self._go_on()
                events = engine.submit(self.spec, self.claim.job)
                self.held.on_stop(lambda: engine.cancel(self.claim.job))
                self.held.progress(Stage.RUNNING)
                for said in events:
                    event = checked(said, self.spec)
                    if event["type"] == StreamEvent.FAILED:
                        failed = Failure.from_json(event)
                        raise Refused(failed.code, **failed.params)
                    self._weigh(event)
                    self.stream.write(event)
                    if event["type"] in LAST_EVENTS:
                        return {
                            "commit": model.commit,
                            **{k: v for k, v in event.items() if k not in ("type", "result")},
                        }
        raise Stopped

    def _fetching(self, done: int, total: int) -> None:
        self._go_on()
        self._tell(Stage.FETCHING, done, total)

    def _loading(self, done: int, total: int) -> None:
        # Called from whichever thread loads the model, for all who wait for it: an error here would be that one's.
        try:
            self._tell(Stage.LOADING, done, total)
        except redis.RedisError as error:
            log.warning("progress of %s was lost: %s", self.claim.job, error)

    def _tell(self, stage: Stage, done: int = 0, total: int = 0) -> None:
        now = time.monotonic()
        if 0 < done < total and now - self.told_at < TELL_SECONDS:
            return
        self.told_at = now
        self.held.progress(stage, done, total)
        self.stream.write({"type": StreamEvent.PROGRESS, "stage": stage, "done": done, "total": total})

    def _weigh(self, event: dict[str, Any]) -> None:
        """Raise Refused where the answer has become longer than any is."""
        self.written += len(event.get("text", "")) + (len(json.dumps(event["result"])) if "result" in event else 0)
        if self.written > MAX_CHARACTERS:
            raise Refused(FailureCode.BROKEN_MODEL, detail="its answer is too long to be passed on")

    def _go_on(self) -> None:
        if self.held.stopped.is_set():
            raise Stopped

    def _write_end(self, failure: Failure) -> None:
        try:
            self.stream.write({"type": StreamEvent.FAILED, **failure.to_json()})
        except redis.RedisError as error:
            # The hub writes it when it hears of the end, or the reader looks at the row.
            log.warning("the stream of %s was not ended: %s", self.claim.job, error)


def checked(said: dict[str, Any], spec: GenerationSpec) -> dict[str, Any]:
    """Return an engine's event with its known fields alone. Raises Refused where it is none."""
    match said:
        case {"type": StreamEvent.TOKEN | StreamEvent.TEXT as kind, "sequence": int(sequence), "text": str(text)} if (
            spec.sampling and 0 <= sequence < spec.sampling.sequences and len(text) <= MAX_TEXT
        ):
            return {"type": kind, "sequence": sequence, "text": text}
        case {"type": StreamEvent.DONE, "finish": list(finish)} if (
            spec.sampling and len(finish) == spec.sampling.sequences and all(word in FINISHES for word in finish)
        ):
            return {"type": StreamEvent.DONE, "finish": finish, **_counts(said)}
        case {"type": StreamEvent.RESULT, "result": list(result)} if len(result) <= MAX_ANSWER:
            return {"type": StreamEvent.RESULT, "result": [_row(row) for row in result], **_counts(said)}
        case {"type": StreamEvent.FAILED, "code": str(), "params": dict(params)} if len(str(params)) <= 4000:
            return {"type": StreamEvent.FAILED, **Failure.from_json(said).to_json()}
    raise Refused(FailureCode.INTERNAL, detail="the engine spoke nonsense")


def _row(row: Any) -> dict[str, Any]:
    """Return a label or a filling: short texts and numbers by name."""
    if not isinstance(row, dict) or len(str(row)) > MAX_TEXT:
        raise Refused(FailureCode.INTERNAL, detail="the engine spoke nonsense")
    known = ("label", "score", "token", "token_str", "sequence")
    return {name: row[name] for name in known if isinstance(row.get(name), str | int | float)}


def _counts(said: dict[str, Any]) -> dict[str, Any]:
    names = ("prompt_tokens", "completion_tokens", "seconds")
    return {name: said[name] for name in names if isinstance(said.get(name), int | float)}
