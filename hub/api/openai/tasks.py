"""The task calls below `/models/{owner}/{name}`, as `InferenceClient(base_url=...)` makes them: text generation (whole, and
streamed as text-generation-inference does), text classification, fill-mask. The model decides which of them it is."""

from typing import Any

from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.utils import translation

from hub.api.bodies import read_object
from hub.api.openai.asking import Answer, ask
from hub.api.openai.edge import caller, model_of, task_view
from hub.core.errors import HubError, Invalid
from hub.core.streaming import EventStream, event_response, sse
from hub.inference.errors import BadParameter
from hub.inference.offers import offer_of
from hub.inference.sampling import DEFAULT_NEW_TOKENS, MAX_NEW_TOKENS, check_sampling, check_top_k
from hub.inference.services import check_offer
from hub.inference.streams import Event
from hub.jobs.presence import worker_state
from hub.repos.git.files import resolve_revision
from hub.repos.models import Repository
from workers.contracts import Sampling, StreamEvent, Task, WorkerKind

# Their name -> ours.
_SAMPLING = {
    "max_new_tokens": "max_new_tokens",
    "temperature": "temperature",
    "top_k": "top_k",
    "top_p": "top_p",
    "num_beams": "beams",
    "num_return_sequences": "sequences",
    "seed": "seed",
    "stop": "stop",
}
_OURS = {ours: theirs for theirs, ours in _SAMPLING.items()}
# Parameter -> the values that ask for nothing. Any other changes the answer in a way that demos do not offer.
_IDLE: dict[str, tuple[Any, ...]] = {
    "repetition_penalty": (1,),
    "frequency_penalty": (0,),
    "typical_p": (1,),
    "best_of": (1,),
    "top_n_tokens": (0,),
    "truncate": (),
    "watermark": (False,),
    "decoder_input_details": (False,),
    "grammar": (),
    "adapter_id": (),
}
_SHORTEST_DEFAULT = 16


@task_view("POST")
def run(request: HttpRequest, namespace: str, name: str) -> HttpResponseBase:
    """POST /models/{owner}/{name}[?revision=]: `{"inputs", "parameters", "stream"}`."""
    caller(request)
    body = read_object(request)
    # `options` (use the cache, wait for the model) is what older clients send; there is one way here.
    if unknown := next(iter(body.keys() - {"inputs", "parameters", "stream", "options"}), None):
        raise Invalid(f"{unknown} is not known here. The body holds inputs, parameters and stream.", field=unknown)
    parameters = {} if body.get("parameters") is None else body["parameters"]
    if not isinstance(parameters, dict):
        raise Invalid("parameters is an object.", field="parameters")
    given = {key: value for key, value in parameters.items() if value is not None}
    inputs = body.get("inputs")
    if not isinstance(inputs, str):
        raise Invalid("inputs is one text. Send several texts in several calls.", field="inputs")
    repo = _model(request, namespace, name)
    revision = request.GET.get("revision", "main")
    offer = offer_of(repo, resolve_revision(repo, revision))
    check_offer(offer)
    if Task.TEXT_GENERATION in offer.tasks:
        return _generate(request, repo, revision, inputs, given, bool(body.get("stream")), offer.context)
    if body.get("stream"):
        raise BadParameter("Only text generation streams. Leave stream out.", field="stream")
    return _label(request, repo, revision, offer.tasks[0], inputs, given)


@task_view("GET")
def info(request: HttpRequest, namespace: str, name: str) -> HttpResponseBase:
    """GET /models/{owner}/{name}/info: what is there to run, and within which limits."""
    repo = _model(request, namespace, name)
    commit = resolve_revision(repo, request.GET.get("revision", "main"))
    offer = offer_of(repo, commit)
    check_offer(offer)
    return JsonResponse(
        {
            "model_id": repo.full_name,
            "model_sha": commit.oid,
            "model_pipeline_tag": offer.tasks[-1],
            "tasks": offer.tasks,
            "max_total_tokens": offer.context,
            "max_new_tokens": MAX_NEW_TOKENS,
        }
    )


@task_view("GET")
def health(request: HttpRequest, namespace: str, name: str) -> HttpResponseBase:
    """GET /models/{owner}/{name}/health: 200 while a worker is here that could run it."""
    _model(request, namespace, name)
    state = worker_state(WorkerKind.DEMO)
    return JsonResponse({"status": state}, status=200 if state == "present" else 503)


def _model(request: HttpRequest, namespace: str, name: str) -> Repository:
    return model_of(request.user, f"{namespace}/{name}")


def _known(given: dict[str, Any], known: set[str]) -> None:
    """Raise BadParameter for what would be silently dropped."""
    for name, value in given.items():
        if name in known or (name in _IDLE and value in _IDLE[name]):
            continue
        raise BadParameter(f"{name} is not offered for this task by this hub's workers. Leave it out.", field=name)


# --- text generation ----------------------------------------------------------------------------------------------------


def _generate(
    request: HttpRequest,
    repo: Repository,
    revision: str,
    inputs: str,
    given: dict[str, Any],
    stream: bool,
    context: int | None,
) -> HttpResponseBase:
    if "stop_sequences" in given:
        given = {"stop": given["stop_sequences"], **given}
    _known(given, {*_SAMPLING, "stop_sequences", "do_sample", "return_full_text", "details"})
    sampling = _sampling(given, context)
    if stream and sampling.sequences > 1:
        raise BadParameter("A stream has one sequence. Ask for one, or do not stream.", field="num_return_sequences")
    asking = ask(request, repo, revision, Task.TEXT_GENERATION, inputs, sampling=sampling, pieces=stream)
    before = inputs if given.get("return_full_text") else ""
    if stream:
        pieces = _Pieces(before, sampling)
        return event_response(EventStream(asking.streamed, pieces.render, first=asking.begun()))
    answer = asking.whole(sampling.sequences)
    texts = [
        {
            "generated_text": before + text,
            **({"details": _details(answer, n, sampling)} if given.get("details") else {}),
        }
        for n, text in enumerate(answer.texts)
    ]
    response = JsonResponse(texts, safe=False)
    response["X-Repo-Commit"] = asking.commit.oid
    return response


def _sampling(given: dict[str, Any], context: int | None) -> Sampling:
    """Return the sampling; where nothing is said of it, the likeliest token is taken, as other servers of these calls do."""
    do_sample = given.get("do_sample")
    if do_sample is not None and not isinstance(do_sample, bool):
        raise BadParameter("do_sample is true or false.", field="do_sample")
    beams = given.get("num_beams")
    if do_sample and beams not in (None, 1):
        raise BadParameter("Beam search draws nothing here. Leave do_sample or num_beams out.", field="num_beams")
    drawn = do_sample or (do_sample is None and given.keys() & {"temperature", "top_k", "top_p"})
    strategy = "beam" if beams not in (None, 1) else "sample" if drawn else "greedy"
    asked = {ours: given[theirs] for theirs, ours in _SAMPLING.items() if theirs in given}
    if strategy != "beam":
        asked.pop("beams", None)
    if strategy == "sample":
        asked = {"temperature": 1.0, "top_p": 1.0, **asked}
    default = min(DEFAULT_NEW_TOKENS, max(_SHORTEST_DEFAULT, context // 2)) if context else DEFAULT_NEW_TOKENS
    return check_sampling({"max_new_tokens": default, **asked, "strategy": strategy}, _OURS)


def _details(answer: Answer, sequence: int, sampling: Sampling) -> dict[str, Any]:
    # An answer ends at the model's own end or at a stop text; which of the two, only the second kind of caller asks.
    stopped = "stop_sequence" if sampling.stop else "eos_token"
    return {
        "finish_reason": "length" if answer.finish(sequence) == "length" else stopped,
        "generated_tokens": answer.completion_tokens,
        "input_length": answer.prompt_tokens,
        "seed": sampling.seed,
        "prefill": [],
        "tokens": [],
    }


class _Pieces:
    """Makes text-generation-inference's events of a demo's events: `data:` without a space, one piece each."""

    def __init__(self, before: str, sampling: Sampling) -> None:
        self.before = before
        self.sampling = sampling
        self.answer = Answer(texts=[""])
        self.count = 0

    def render(self, event: Event) -> bytes:
        try:
            with translation.override("en"):
                self.answer.take(event)
        except HubError as refused:
            return self._event({"error": refused.message, "error_type": refused.code})
        if event.type in (StreamEvent.TOKEN, StreamEvent.TEXT) and event.data["text"]:
            return self._piece(event.data["text"])
        if event.type == StreamEvent.DONE:
            details = _details(self.answer, 0, self.sampling)
            # The last event carries the whole, beside a piece that is empty.
            return self._piece("", generated_text=self.before + self.answer.texts[0], details=details)
        return b""

    def _piece(self, text: str, *, generated_text: str | None = None, details: dict[str, Any] | None = None) -> bytes:
        self.count += 1
        # Which number a piece has in the vocabulary, and how likely it was, the engine does not tell.
        token = {"id": 0, "text": text, "logprob": None, "special": not text}
        return self._event({"index": self.count, "token": token, "generated_text": generated_text, "details": details})

    def _event(self, data: dict[str, Any]) -> bytes:
        return b"data:" + sse(data).removeprefix(b"data: ")


# --- one answer ---------------------------------------------------------------------------------------------------------


def _label(
    request: HttpRequest, repo: Repository, revision: str, task: Task, inputs: str, given: dict[str, Any]
) -> HttpResponseBase:
    _known(given, {"top_k"})
    asking = ask(request, repo, revision, task, inputs, top_k=check_top_k(given.get("top_k")))
    result = asking.whole(0).result
    # One list for each text: the client unpacks the first.
    response = JsonResponse([result] if task == Task.TEXT_CLASSIFICATION else result, safe=False)
    response["X-Repo-Commit"] = asking.commit.oid
    return response
