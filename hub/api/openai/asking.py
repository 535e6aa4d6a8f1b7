"""One request to a model, from the API: started, waited for, and stopped when the caller hangs up."""

from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest

from hub.api.openai.edge import caller
from hub.core.streaming import Streamed
from hub.inference.services import start_demo, stop_demo
from hub.inference.streams import Event, events_of
from hub.jobs.failures import refusal
from hub.jobs.models import Job
from hub.jobs.services import Asker
from hub.repos.git.files import resolve_revision
from hub.repos.models import GitCommit, Repository
from workers.contracts import Failure, Sampling, StreamEvent, Task

# What only tells how far it is; the answer begins with the first event of another type.
_BEFORE = frozenset({StreamEvent.PROGRESS, "queued"})


@dataclass
class Answer:
    """What has come so far. texts, finishes: one a sequence. result: for the tasks with one answer."""

    texts: list[str] = field(default_factory=list)
    finishes: list[str] = field(default_factory=list)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    result: Any = None

    def take(self, event: Event) -> None:
        """Add an event. Raises the refusal that a failed one stands for."""
        data = event.data
        match event.type:
            case StreamEvent.FAILED:
                raise refusal(Failure.from_json(data))
            case StreamEvent.TOKEN | StreamEvent.TEXT:
                self.add(data["sequence"], data["text"])
            case StreamEvent.RESULT:
                self.result = data["result"]
                self.note(data)
            case StreamEvent.DONE:
                # A request that was stopped from elsewhere has what had come until then.
                self.finishes = ["stop" if finish == "cancelled" else finish for finish in data["finish"]]
                self.note(data)

    def add(self, sequence: int, text: str) -> None:
        while len(self.texts) <= sequence:
            self.texts.append("")
        self.texts[sequence] += text

    def note(self, data: dict[str, Any]) -> None:
        self.prompt_tokens = int(data.get("prompt_tokens") or 0)
        self.completion_tokens = int(data.get("completion_tokens") or 0)
        self.seconds = float(data.get("seconds") or 0)

    def finish(self, sequence: int) -> str:
        return self.finishes[sequence] if sequence < len(self.finishes) else "stop"

    @property
    def usage(self) -> dict[str, int]:
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.prompt_tokens + self.completion_tokens,
        }


@dataclass
class Asking:
    """A request that a worker answers: the job, the commit, and its events as they come."""

    job: Job
    commit: GitCommit
    streamed: Streamed[Event]

    def whole(self, sequences: int) -> Answer:
        """Wait for all of it. Raises what a failure stands for, and CallerGone."""
        answer = Answer(texts=[""] * sequences)
        try:
            while True:
                event = self.streamed.next()
                assert event is not None
                answer.take(event)
        except StopIteration:
            return answer
        finally:
            self.streamed.close()

    def begun(self) -> list[Event]:
        """Wait for the beginning of the answer, so that what goes wrong before it is still a status code; return it."""
        try:
            while True:
                event = self.streamed.next()
                assert event is not None
                if event.type not in _BEFORE:
                    # Raises for a failure; what is counted here is thrown away.
                    Answer().take(event)
                    return [event]
        except StopIteration:
            return []
        except BaseException:
            self.streamed.close()
            raise


def ask(
    request: HttpRequest,
    repo: Repository,
    revision: str,
    task: Task,
    inputs: Any,
    *,
    sampling: Sampling | None = None,
    top_k: int | None = None,
    pieces: bool = False,
) -> Asking:
    """Start a request; the caller may read `repo`. Raises what `start_demo` raises, RevisionNotFound, Unavailable."""
    user = caller(request)
    commit = resolve_revision(repo, revision)
    job = start_demo(
        asker=Asker(user),
        repo=repo,
        commit=commit,
        task=task,
        inputs=inputs,
        sampling=sampling,
        top_k=top_k,
        pieces=pieces,
    )
    try:
        streamed = Streamed(
            request,
            lambda: events_of(str(job.pk)),
            on_gone=lambda: stop_demo(job=job),
            is_last=lambda event: event.last,
        )
    except BaseException:
        stop_demo(job=job)
        raise
    return Asking(job, commit, streamed)
