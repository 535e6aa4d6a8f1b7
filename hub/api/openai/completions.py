"""`/chat/completions` and `/completions`, whole and streamed, in OpenAI's shapes
(https://platform.openai.com/docs/api-reference/chat and .../completions)."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.utils import translation

from hub.api.bodies import read_object
from hub.api.openai.asking import Answer, Asking, ask
from hub.api.openai.bodies import (
    CHAT_TOKENS,
    COMPLETION_TOKENS,
    SHORTEST_DEFAULT,
    Wanted,
    name_of,
    read_messages,
    read_prompt,
    read_wanted,
)
from hub.api.openai.edge import caller, error_object, model_of, openai_view
from hub.core.errors import HubError
from hub.core.streaming import EventStream, event_response, sse
from hub.inference.offers import offer_of
from hub.inference.streams import Event
from hub.repos.git.files import resolve_revision
from hub.repos.models import Repository
from workers.contracts import StreamEvent, Task

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Form:
    """How one of the two calls spells its answers."""

    prefix: str
    whole: str
    chunk: str
    choice: Callable[[str], dict[str, Any]]
    delta: Callable[[str], dict[str, Any]]
    opening: dict[str, Any] | None = None  # of each sequence, before its first piece
    closing: dict[str, Any] | None = None  # of each sequence, with its finish reason


_CHAT = _Form(
    "chatcmpl",
    "chat.completion",
    "chat.completion.chunk",
    lambda text: {"message": {"role": "assistant", "content": text, "refusal": None}},
    lambda text: {"delta": {"content": text}},
    opening={"delta": {"role": "assistant", "content": ""}},
    closing={"delta": {}},
)
_TEXT = _Form(
    "cmpl",
    "text_completion",
    "text_completion",
    lambda text: {"text": text},
    lambda text: {"text": text},
    closing={"text": ""},
)


@openai_view("POST")
def chat(request: HttpRequest, namespace: str = "", name: str = "") -> HttpResponseBase:
    """POST /v1/chat/completions and /models/{owner}/{name}/v1/chat/completions, where the address names the model."""
    body = read_object(request)
    repo, revision = _model(request, body, namespace, name)
    wanted = _wanted(request, body, repo, revision, CHAT_TOKENS)
    return _answer(request, repo, wanted, Task.CHAT, read_messages(body), _CHAT)


@openai_view("POST")
def completions(request: HttpRequest, namespace: str = "", name: str = "") -> HttpResponseBase:
    """POST /v1/completions and /models/{owner}/{name}/v1/completions."""
    body = read_object(request)
    repo, revision = _model(request, body, namespace, name)
    wanted = _wanted(request, body, repo, revision, COMPLETION_TOKENS)
    return _answer(request, repo, wanted, Task.TEXT_GENERATION, read_prompt(body), _TEXT)


def _model(request: HttpRequest, body: dict[str, Any], namespace: str, name: str) -> tuple[Repository, str]:
    full_name, revision = (f"{namespace}/{name}", "main") if name else name_of(body.get("model"))
    return model_of(caller(request), full_name), revision


def _wanted(request: HttpRequest, body: dict[str, Any], repo: Repository, revision: str, tokens: int) -> Wanted:
    """Return what is asked for; without a length, one that leaves the model's context room for the prompt."""
    context = offer_of(repo, resolve_revision(repo, revision)).context
    tokens = min(tokens, max(SHORTEST_DEFAULT, context // 2)) if context else tokens
    return read_wanted(body, default_tokens=tokens, model=repo.full_name, revision=revision)


def _answer(
    request: HttpRequest, repo: Repository, wanted: Wanted, task: Task, inputs: Any, form: _Form
) -> HttpResponseBase:
    asking = ask(request, repo, wanted.revision, task, inputs, sampling=wanted.sampling, pieces=wanted.stream)
    sequences = wanted.sampling.sequences
    if not wanted.stream:
        answer = asking.whole(sequences)
        choices = [
            {"index": n, **form.choice(text), "logprobs": None, "finish_reason": answer.finish(n)}
            for n, text in enumerate(answer.texts)
        ]
        return JsonResponse({**_frame(asking, wanted, form, form.whole), "choices": choices, "usage": answer.usage})
    begun = asking.begun()
    chunks = _Chunks(_frame(asking, wanted, form, form.chunk), form, sequences, wanted.include_usage)
    return event_response(EventStream(asking.streamed, chunks.render, first=begun))


def _frame(asking: Asking, wanted: Wanted, form: _Form, kind: str) -> dict[str, Any]:
    return {
        "id": f"{form.prefix}-{asking.job.pk.hex}",
        "object": kind,
        "created": int(asking.job.created_at.timestamp()),
        "model": wanted.model,
        # The commit that answered.
        "system_fingerprint": asking.commit.oid,
    }


class _Chunks:
    """Makes server-sent events of a demo's events."""

    def __init__(self, frame: dict[str, Any], form: _Form, sequences: int, include_usage: bool) -> None:
        self.frame = {**frame, "usage": None} if include_usage else frame
        self.form = form
        self.sequences = sequences
        self.include_usage = include_usage
        self.answer = Answer()
        self.opened = False

    def render(self, event: Event) -> bytes:
        try:
            with translation.override("en"):
                self.answer.take(event)
        except HubError as refused:
            return sse({"error": error_object(refused)}) + sse("[DONE]")
        return b"".join(sse(chunk) for chunk in self._chunks(event)) + (sse("[DONE]") if event.last else b"")

    def _chunks(self, event: Event) -> Iterator[dict[str, Any]]:
        if event.type in (StreamEvent.TOKEN, StreamEvent.TEXT, StreamEvent.DONE) and not self.opened:
            self.opened = True
            if self.form.opening is not None:
                yield from (self._chunk(n, self.form.opening) for n in range(self.sequences))
        if event.type in (StreamEvent.TOKEN, StreamEvent.TEXT) and event.data["text"]:
            yield self._chunk(event.data["sequence"], self.form.delta(event.data["text"]))
        if event.type == StreamEvent.DONE:
            for n in range(self.sequences):
                yield self._chunk(n, self.form.closing or {}, self.answer.finish(n))
            if self.include_usage:
                yield {**self.frame, "choices": [], "usage": self.answer.usage}

    def _chunk(self, sequence: int, part: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        return {
            **self.frame,
            "choices": [{"index": sequence, **part, "logprobs": None, "finish_reason": finish}],
        }
