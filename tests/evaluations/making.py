"""Models, datasets and evaluations for tests, the worker's part done by hand through its services."""

import json
import struct
from itertools import count
from typing import Any

from hub.accounts.models import User
from hub.evaluations.models import Run
from hub.evaluations.plans import Settings
from hub.evaluations.services import submit_evaluation
from hub.jobs import services as jobs
from hub.jobs.models import Worker
from hub.repos.models import Kind, Repository, Visibility
from tests.factories import make_repo, make_user
from tests.web.repos import commit_files
from workers.contracts import Failure, WorkerKind

_numbers = count(1)
CONFIG = {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "n_positions": 512}


def safetensors() -> bytes:
    header = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(4)


def make_model(owner: User | None = None, *, visibility: str = Visibility.PUBLIC, **config: Any) -> Repository:
    repo = make_repo(owner, visibility=visibility)
    commit_files(repo, {"config.json": json.dumps({**CONFIG, **config}), "model.safetensors": safetensors()})
    return repo


def make_dataset(owner: User | None = None, *, visibility: str = Visibility.PUBLIC, **files: str) -> Repository:
    repo = make_repo(owner, kind=Kind.DATASET, visibility=visibility)
    commit_files(repo, files or {"test.jsonl": '{"text": "A tree."}\n', "train.jsonl": '{"text": "Two trees."}\n'})
    return repo


def make_run(
    user: User | None = None, model: Repository | None = None, dataset: Repository | None = None, **asked: Any
) -> Run:
    """Submit an evaluation; `again` and settings."""
    again = asked.pop("again", False)
    return submit_evaluation(
        user=user or make_user(),
        model=model or make_model(),
        dataset=dataset or make_dataset(),
        asked=Settings(**asked),
        again=again,
    )


def measured(bits: float = 1.5, **metrics: Any) -> dict[str, Any]:
    """What a worker reports."""
    numbers = {"perplexity": 20.0, "bits_per_byte": bits, "bits_per_byte_margin": 0.01, "nll": 3.0, "tokens": 1000}
    about = {"bytes": 4000, "documents": 10, "windows": 5}
    record = {
        "definition": "perplexity-1",
        "parameters": 1234,
        "model": {"name": "x", "commit": "y"},
        "dtype": "float32",
    }
    return {"metrics": {**numbers, **about, **metrics}, "record": record}


def claim(run: Run) -> Worker:
    """Let a worker begin with it."""
    worker = jobs.create_worker(name=f"evaluator-{next(_numbers)}", kind=WorkerKind.JOB)[0]
    jobs.claim_job(worker=worker, job_id=str(run.job_id))
    return worker


def finish(run: Run, bits: float = 1.5, *, failure: Failure | None = None, **metrics: Any) -> Run:
    """Let a worker measure it, or fail."""
    worker = claim(run)
    run.job.refresh_from_db()
    jobs.finish_job(
        worker=worker,
        job_id=str(run.job_id),
        attempt=run.job.attempt,
        result=None if failure else measured(bits, **metrics),
        failure=failure,
    )
    return Run.objects.with_names().get(pk=run.pk)
