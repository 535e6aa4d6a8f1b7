"""The task of job workers: claim a job, run its program in a confined child, and tell the hub how it goes and ends.

Whatever happens to the child, the job ends: with a result, with a failure, or given back. What happens to the worker itself is
seen by the hub, which gives the job to another once the lease is over.
"""

import hashlib
import json
import logging
import math
import shutil
import time
from pathlib import Path
from typing import Any

import httpx2

from workers import logs, machine, sandbox
from workers.app import NAME, app, hub, presence, scratch_folder, snapshots
from workers.children import Child, ChildLost
from workers.client import HubRefused, JobGone
from workers.contracts import RUN_JOB, Claim, EvaluationSpec, Failure, FailureCode, JobKind, Stage
from workers.presence import Held, Stopped
from workers.refusals import Refused

log = logging.getLogger(__name__)

# Lines that a child logs reach the hub together, so often.
PASS_ON_SECONDS = 1
# Of a result in JSON.
MAX_RESULT = 64 << 10
MAX_LINES = 500  # of a log, between two reports
MAX_PARAMS = 4 << 10  # of a failure, likewise
PROGRESS = ("done", "total", "perplexity", "left")
METRICS = ("perplexity", "bits_per_byte", "nll", "tokens", "bytes", "documents", "windows")


@app.task(name=RUN_JOB)
def run(job: str) -> None:
    """Run one job to its end, or give it back where the worker ends first."""
    try:
        claim = hub().claim(job)
    except JobGone:
        return  # Somebody else's, or finished: messages may come twice.
    with logs.under(claim.request_id), presence().hold(claim) as held:
        log.info("job %s: %s, attempt %d", claim.job, claim.kind, claim.attempt)
        try:
            _end(claim, held)
        except JobGone:
            log.info("job %s is not this worker's any more", claim.job)


def _end(claim: Claim, held: Held) -> None:
    """Do what the job asks and report what came of it. Raises JobGone."""
    try:
        if claim.kind != JobKind.EVALUATION:
            raise Refused(FailureCode.INTERNAL, detail=f"this worker knows no job of kind {claim.kind}")
        result = evaluate(claim, held)
    except Stopped:
        if presence().leaving.is_set():
            hub().release(claim)
    except Refused as refused:
        log.info("job %s: %s", claim.job, refused.failure)
        hub().finish(claim, failure=refused.failure)
    except JobGone:
        raise
    except Exception as error:
        log.exception("job %s failed", claim.job)
        hub().finish(claim, failure=Failure(FailureCode.INTERNAL, {"detail": type(error).__name__}))
    else:
        hub().finish(claim, result=result)


def evaluate(claim: Claim, held: Held) -> dict[str, Any]:
    """Fetch both snapshots, measure, and return the metrics with the whole record. Raises Refused, Stopped, JobGone."""
    began = time.monotonic()
    if not sandbox.may_load_models():
        raise Refused(FailureCode.INTERNAL, detail="nothing on this worker can confine a model")
    spec = EvaluationSpec.from_json(claim.spec)

    def fetching(done: int, total: int) -> None:
        if held.stopped.is_set():
            raise Stopped
        if time.monotonic() - began > claim.seconds:
            raise Refused(FailureCode.TIMED_OUT, seconds=round(claim.seconds))
        held.progress(Stage.FETCHING, done, total)

    held.progress(Stage.FETCHING)
    with (
        snapshots().open(spec.model, claim.token, fetching) as model,
        snapshots().open(spec.dataset, claim.token, fetching) as dataset,
    ):
        hub().add_events(claim, [f"{NAME}: files are here after {time.monotonic() - began:.1f} s"])
        known = snapshots().sha256_of(spec.model)
        hashes = {file.name: known.get(file.name) or _sha256(file) for file in sorted(model.glob("*.safetensors"))}
        measured = _run_child(claim, held, model, dataset, began)
    about = machine.describe()
    return {
        "metrics": measured["metrics"],
        "record": measured["record"]
        | {
            "model": spec.model.to_json() | {"weights_sha256": hashes},
            "dataset": spec.dataset.to_json(),
            "settings": {
                name: getattr(spec, name) for name in ("config", "split", "column", "context", "stride", "max_tokens")
            },
            "worker": NAME,
            "hardware": about["hardware"],
            "sandbox": about["sandbox"],
            "attempt": claim.attempt,
            "seconds_in_all": round(time.monotonic() - began, 3),
        },
    }


def _run_child(claim: Claim, held: Held, model: Path, dataset: Path, began: float) -> dict[str, Any]:
    """Run the program and pass on what it says. Raises Refused, Stopped, JobGone."""
    scratch = scratch_folder() / f"{claim.job}-{claim.attempt}"
    memory = machine.memory_for_models()
    held.progress(Stage.STARTING)
    program = ["workers.evaluation", str(model), str(dataset), json.dumps(claim.spec), str(memory)]
    child = sandbox.start(program, readable=[model, dataset], scratch=scratch, memory=memory)
    held.on_stop(child.kill)
    try:
        return _listen(claim, held, child, until=began + claim.seconds)
    except ChildLost as lost:
        if held.stopped.is_set():
            raise Stopped from lost
        raise _refusal_of(lost, memory) from lost
    finally:
        child.kill()
        child.channel.close()
        shutil.rmtree(scratch, ignore_errors=True)


def _listen(claim: Claim, held: Held, child: Child, *, until: float) -> dict[str, Any]:
    """Return the child's result. Raises Refused for what it refuses, and where its time is over; ChildLost, JobGone."""
    lines: list[str] = []
    passed_on = time.monotonic()
    while True:
        now = time.monotonic()
        if now >= until:
            raise Refused(FailureCode.TIMED_OUT, seconds=round(claim.seconds))
        if lines and now - passed_on >= PASS_ON_SECONDS:
            _pass_on(claim, lines)
            lines, passed_on = [], time.monotonic()
        said = child.receive(min(PASS_ON_SECONDS, until - now))
        match said:
            case {"type": "log", "text": str(text)} if len(lines) < MAX_LINES:
                lines.append(text[:1000])
            case {"type": "progress", "stage": stage, **more}:
                numbers = {name: float(str(more[name])) for name in PROGRESS if name in more}
                if all(map(math.isfinite, numbers.values())):
                    held.progress(Stage(stage), **numbers)
            case {"type": "result", "result": result}:
                _pass_on(claim, lines)
                return _checked(result)
            case {"type": "failed", "failure": failure}:
                _pass_on(claim, lines)
                raise Refused(FailureCode(failure["code"]), **_short(failure["params"]))


def _pass_on(claim: Claim, lines: list[str]) -> None:
    """Send lines to the hub; those that it does not take are lost, and the job goes on. Raises JobGone."""
    try:
        if lines:
            hub().add_events(claim, lines)
    except (httpx2.TransportError, HubRefused) as error:
        log.warning("%d lines of job %s were lost: %s", len(lines), claim.job, error)


def _refusal_of(lost: ChildLost, memory: int) -> Refused:
    if lost.reason == "memory":
        return Refused(FailureCode.TOO_LARGE, needed=memory + 1, available=memory)
    return Refused(FailureCode.INTERNAL, detail=f"the program ended: {lost}"[:300])


def _checked(result: Any) -> dict[str, Any]:
    """Return what the child calls its result, if it is one: a model that has broken out of the loader could say anything."""
    metrics = result.get("metrics") if isinstance(result, dict) else None
    record = result.get("record") if isinstance(result, dict) else None
    none = Refused(FailureCode.INTERNAL, detail="the program's result is none")
    if not isinstance(metrics, dict) or not isinstance(record, dict) or not isinstance(record.get("versions"), dict):
        raise none
    # The hub shows and compares these as numbers, beside those of others.
    margin = metrics.get("bits_per_byte_margin")
    numbers = [*(metrics.get(name) for name in METRICS), record.get("parameters"), record.get("seconds")]
    if not all(map(_is_number, numbers)) or not (margin is None or _is_number(margin)):
        raise none
    text = json.dumps(result)
    if len(text) > MAX_RESULT or "\\u0000" in text:
        raise none
    return {"metrics": {name: metrics.get(name) for name in (*METRICS, "bits_per_byte_margin")}, "record": record}


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < 1e300


def _short(params: dict[str, Any]) -> dict[str, Any]:
    if len(json.dumps(params)) > MAX_PARAMS:
        raise ValueError("a failure with so much to say is none of the program's")
    return params


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
