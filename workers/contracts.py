"""What the hub and the workers agree on: names, states and shapes. Pure Python, imported by both sides.

A broker message carries a job's id and nothing else. The worker claims the job over HTTP and gets a `Claim`; what it has to
say while it works are stream events (demos) or reports (jobs); it ends with a result or a `Failure`.
"""

import re
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

# Every key of the workers' broker, queues and streams alike, starts with this: the workers' broker user reaches no other.
KEY_PREFIX = "worker:"
RUN_DEMO = "workers.tasks.demo.run"
RUN_JOB = "workers.tasks.job.run"
HEARTBEAT_SECONDS = 2
# A job whose worker has not been heard of for so long is given to another.
LEASE_SECONDS = 15
# Where weights in safetensors lie in a repository: whole, or in the shards that the index names.
WEIGHTS, WEIGHTS_INDEX = "model.safetensors", "model.safetensors.index.json"
# Chunks of a stream stay readable for so long after the last of them was written.
STREAM_SECONDS = 600
# And for so long after its end: a reader that lost its connection comes back at once.
ENDED_SECONDS = 60


# Lines of every log of the hub and its workers, and what stands in them where no request is the cause.
LOG_FORMAT = "%(levelname)s %(name)s [%(request_id)s] %(message)s"
NO_REQUEST = "-"
REQUEST_ID_HEADER = "X-Request-Id"
# In the environment: a file that a process without an address touches while it is well, for whoever watches over it.
ALIVE_FILE = "GROVE_ALIVE_FILE"


class WorkerKind(StrEnum):
    """Demo workers answer people who wait; job workers run what takes long, one at a time."""

    DEMO = "demo"
    JOB = "job"


class JobKind(StrEnum):
    """What a job does."""

    INFERENCE = "inference"
    EVALUATION = "evaluation"


class Task(StrEnum):
    """What a demo asks of a model."""

    TEXT_GENERATION = "text-generation"
    CHAT = "chat"
    TEXT_CLASSIFICATION = "text-classification"
    FILL_MASK = "fill-mask"


class FailureCode(StrEnum):
    """Why a job did not end well. The hub has the sentence for each, in both languages; `params` fill it."""

    NO_SAFETENSORS = "no-safetensors"
    REMOTE_CODE = "remote-code"
    TOO_LARGE = "too-large"  # needed, available: bytes
    UNSUPPORTED_ARCHITECTURE = "unsupported-architecture"  # architecture
    BROKEN_MODEL = "broken-model"  # detail
    BROKEN_TOKENIZER = "broken-tokenizer"  # detail
    NO_CHAT_TEMPLATE = "no-chat-template"
    BAD_CHAT_TEMPLATE = "bad-chat-template"  # detail
    NO_MASK = "no-mask"  # mask: the token that the text must hold
    PROMPT_TOO_LONG = "prompt-too-long"  # tokens, wanted, context: numbers of tokens
    BAD_PARAMETER = "bad-parameter"  # field, detail
    BAD_DATASET = "bad-dataset"  # detail
    BUSY = "busy"  # retry_after: seconds
    FILES_UNAVAILABLE = "files-unavailable"  # detail
    WORKER_LOST = "worker-lost"
    TIMED_OUT = "timed-out"  # seconds
    INTERNAL = "internal"  # detail


# Failures that the caller cannot mend by asking for something else: trying again may help.
TEMPORARY = frozenset(
    {
        FailureCode.BUSY,
        FailureCode.FILES_UNAVAILABLE,
        FailureCode.WORKER_LOST,
        FailureCode.TIMED_OUT,
        FailureCode.INTERNAL,
    }
)


class Stage(StrEnum):
    """What a job waits for before it does what was asked."""

    FETCHING = "fetching"  # done, total: bytes
    STARTING = "starting"
    LOADING = "loading"
    RUNNING = "running"  # done, total: in the job's own unit


# How the names of architectures end that foretell the next token.
CAUSAL_ENDINGS = ("ForCausalLM", "LMHeadModel")
# Files that the datasets library makes rows of; workers fetch these of a dataset, and its card.
DATA_FILES = re.compile(r"(?i).+\.(parquet|jsonl?|csv|tsv|txt)(\.gz|\.zst|\.xz|\.bz2)?")


@dataclass(frozen=True)
class Failure:
    """A refusal or a mishap, by code. `params` hold what the sentence for people needs; short, never a stack trace."""

    code: FailureCode
    params: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, given: dict[str, Any]) -> "Failure":
        return cls(FailureCode(given["code"]), dict(given.get("params") or {}))


@dataclass(frozen=True)
class Snapshot:
    """One commit of a repository, as a worker fetches it."""

    kind: str  # model or dataset
    name: str  # owner/name
    commit: str  # 40 hex digits

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Claim:
    """What a worker gets when it claims a job.

    attempt: from 1; every report carries it, so that a worker which lost the job cannot speak for it any more.
    token: reads the repositories of `spec` for as long as this attempt runs, and nothing else.
    spec: by kind, see `GenerationSpec` and `EvaluationSpec`.
    seconds: how long the job may take.
    request_id: of the request that asked for it; what the worker logs and asks for it carries that.
    """

    job: str
    kind: JobKind
    attempt: int
    token: str
    seconds: float
    spec: dict[str, Any]
    request_id: str = NO_REQUEST

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, given: dict[str, Any]) -> "Claim":
        return cls(**{**given, "kind": JobKind(given["kind"])})


@dataclass(frozen=True)
class Sampling:
    """How a continuation is chosen. The hub has checked that the values do not contradict each other.

    strategy: greedy, sample or beam. temperature (> 0), top_p (0 to 1] and top_k (0: all) count for `sample` only, beams
    (>= 2) for `beam` only. sequences: how many continuations, at most `beams` of them under `beam`, 1 under `greedy`.
    seed: with the same model, prompt and parameters it gives the same text; None takes a fresh one.
    stop: texts before which a continuation ends.
    """

    strategy: str = "sample"
    max_new_tokens: int = 128
    temperature: float = 0.8
    top_p: float = 0.95
    top_k: int = 0
    beams: int = 4
    sequences: int = 1
    seed: int | None = None
    stop: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, given: dict[str, Any]) -> "Sampling":
        return cls(**{**given, "stop": tuple(given.get("stop") or ())})


@dataclass(frozen=True)
class GenerationSpec:
    """One request to a demo.

    inputs: a text (text-generation, text-classification, fill-mask), or messages `[{"role", "content"}]` (chat).
    sampling: for text-generation and chat. pieces: whether the text is wanted as it comes (token events), or once it is whole
    (text events), which costs everybody less. top_k: how many labels or fillings, for the other two; None is all labels, or
    five fillings.
    deadline: seconds since the epoch after which nobody waits for the answer.
    """

    model: Snapshot
    task: Task
    inputs: Any
    deadline: float
    sampling: Sampling | None = None
    top_k: int | None = None
    pieces: bool = True

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, given: dict[str, Any]) -> "GenerationSpec":
        return cls(
            model=Snapshot(**given["model"]),
            task=Task(given["task"]),
            inputs=given["inputs"],
            deadline=given["deadline"],
            sampling=Sampling.from_json(given["sampling"]) if given.get("sampling") else None,
            top_k=given.get("top_k"),
            pieces=given.get("pieces", True),
        )


@dataclass(frozen=True)
class EvaluationSpec:
    """Perplexity of a causal language model on the text column of one split.

    split, column: as the `datasets` library names them; config: its configuration name, empty for the default.
    context, stride: tokens of one window, and how far the next begins after it; context 0 takes the model's own, at most
    1024. max_tokens: tokens of the text that are scored at most, from its beginning.
    """

    model: Snapshot
    dataset: Snapshot
    config: str = ""
    split: str = "test"
    column: str = "text"
    context: int = 0
    stride: int = 512
    max_tokens: int = 262_144
    seed: int = 0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, given: dict[str, Any]) -> "EvaluationSpec":
        return cls(**{**given, "model": Snapshot(**given["model"]), "dataset": Snapshot(**given["dataset"])})


class StreamEvent(StrEnum):
    """The `type` of an event of a demo's stream; each is a JSON object in the field `e` of a stream entry.

    progress: stage, done, total. token: sequence (from 0), text (a piece; pieces join to the continuation).
    text: sequence, text (the whole, where it cannot come in pieces or need not). result: result, for tasks with one answer.
    done: finish (list of "stop" or "length", one a sequence), prompt_tokens, completion_tokens, seconds.
    failed: code, params, as in `Failure`. The last event of a stream is done, result or failed.
    """

    PROGRESS = "progress"
    TOKEN = "token"  # noqa: S105 (a piece of text)
    TEXT = "text"
    RESULT = "result"
    DONE = "done"
    FAILED = "failed"


LAST_EVENTS = frozenset({StreamEvent.RESULT, StreamEvent.DONE, StreamEvent.FAILED})


def stream_key(job: str) -> str:
    """Return the key of the stream that a demo's events are written to."""
    return f"{KEY_PREFIX}stream:{job}"


def stops_key(worker: str) -> str:
    """Return the key of the list on which a worker is told, at once, which of its jobs to stop."""
    return f"{KEY_PREFIX}stops:{worker}"


def queue_of(kind: WorkerKind, worker: str = "") -> str:
    """Return the queue that every worker of a kind reads, or the one of a single worker."""
    return f"{kind}.{worker}" if worker else str(kind)
