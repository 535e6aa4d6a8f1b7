"""Causal language models: all requests share one batch, which they join and leave token by token.

The batch is transformers' own continuous batching. What it cannot do goes through `generate()`, one at a time beside it: beam
search, and models whose architecture it does not know or gets wrong, which loading finds out by asking it for two tokens.
"""

import copy
import queue
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from transformers import GenerationConfig, LogitsProcessorList, StoppingCriteria, StoppingCriteriaList
from transformers.generation.configuration_utils import ContinuousBatchingConfig
from transformers.generation.continuous_batching.continuous_api import ContinuousBatchingManager, OutputRouter
from transformers.generation.continuous_batching.requests import GenerationOutput
from transformers.generation.streamers import BaseStreamer

from workers.channel import Channel, ChannelClosed
from workers.contracts import Failure, FailureCode, Sampling, StreamEvent
from workers.engines.choosing import Choice, Choices, OneChoice
from workers.engines.loading import Loaded
from workers.engines.prompts import tokens_of
from workers.engines.text import Detokenizer, StopTexts
from workers.refusals import first_line

_LARGEST_BATCH = 64
# Tokens of one step: a long prompt is read in pieces of so many, between which the others go on.
_STEP_TOKENS = {"cpu": 512, "cuda": 4096}
_PAGE_TOKENS = {"cpu": 32, "cuda": 256}
_CHECK_SECONDS = 120


class Step(NamedTuple):
    """What one sequence has by now."""

    sequence: str
    tokens: list[int]
    over: bool
    error: str | None


@dataclass
class _Sequence:
    number: int
    words: Detokenizer
    stops: StopTexts
    tokens: int = 0
    finish: str = ""
    held: list[str] = field(default_factory=list)  # text that is wanted whole
    over: threading.Event = field(default_factory=threading.Event)


@dataclass
class _Request:
    id: str
    prompt: list[int]
    sampling: Sampling
    sequences: list[_Sequence]
    pieces: bool
    begun: float = field(default_factory=time.monotonic)


class CausalEngine:
    """Answers text-generation and chat with token events (text events for beams) and done."""

    computed = 0  # tokens that the batch, or a streamer, has given so far

    def __init__(self, line: Channel, loaded: Loaded, kv_tokens: int) -> None:
        self._line = line
        self._loaded = loaded
        self._model = loaded.model
        self._steps: queue.SimpleQueue[list[Step]] = queue.SimpleQueue()
        self._choices = Choices()
        self._requests: dict[str, _Request] = {}
        self._lock = threading.Lock()
        self._ends = self._end_tokens()
        self._model.generation_config = GenerationConfig(
            do_sample=False, eos_token_id=sorted(self._ends) or None, pad_token_id=self._pad_token()
        )
        # The same weights in another module: the batch's forward puts `is_causal` into the configuration and back, and a
        # forward of another thread in between would lose the causal mask, for good.
        weights = {id(weight): weight for weight in self._model.parameters()}
        self._single = copy.deepcopy(self._model, weights)
        self._batch = self._start_batch(kv_tokens)
        self._alone: queue.SimpleQueue[_Request] = queue.SimpleQueue()
        self._sender = threading.Thread(target=self._send, name="sender", daemon=True)
        self._sender.start()
        threading.Thread(target=self._work_alone, name="alone", daemon=True).start()

    def facts(self) -> dict[str, Any]:
        """What the worker may want to know about the model. batched: whether requests share a batch."""
        return {
            "context": self._loaded.context,
            "device": str(self._loaded.device),
            "batched": self._batch is not None,
            "chat": bool(self._loaded.tokenizer.chat_template),
        }

    def alive(self) -> bool:
        return self._sender.is_alive() and (self._batch is None or self._batch.is_running())

    def run(self, order: dict[str, Any]) -> None:
        """Take a request. Raises Refused."""
        sampling = Sampling.from_json(order["sampling"] or {})
        context, words = self._loaded.context, self._loaded.words
        tokenizer = self._loaded.tokenizer
        prompt = tokens_of(
            tokenizer, order["task"], order["inputs"], context=context, wanted=sampling.max_new_tokens, words=words
        )
        sequences = [
            _Sequence(number, Detokenizer(tokenizer, prompt), StopTexts(sampling.stop))
            for number in range(sampling.sequences)
        ]
        request = _Request(order["id"], prompt, sampling, sequences, pieces=order["pieces"])
        with self._lock:
            self._requests[request.id] = request
        if self._batch is None or sampling.strategy == "beam":
            self._alone.put(request)
            return
        for sequence in sequences:
            name = _name(request, sequence)
            if (choice := self._choice(request, sequence)) is not None:
                self._choices.of[name] = choice
            self._batch.add_request(prompt, request_id=name, max_new_tokens=self._room(request), streaming=True)

    def cancel(self, request: str) -> None:
        """Forget a request; the batch drops it before its next step."""
        with self._lock:
            found = self._requests.pop(request, None)
        if found is not None:
            self._stop(found, found.sequences)

    def _room(self, request: _Request) -> int:
        """New tokens: what was asked for, or what still fits. Past its context a model fails, or raves."""
        return min(request.sampling.max_new_tokens, self._loaded.context - len(request.prompt))

    def _choice(self, request: _Request, sequence: _Sequence) -> Choice | None:
        if request.sampling.strategy != "sample":
            return None
        seed = request.sampling.seed
        # Neighbouring seeds give unrelated draws, so each sequence takes the next.
        return Choice(
            request.sampling, None if seed is None else (seed + sequence.number) % (1 << 63), self._loaded.device
        )

    def _stop(self, request: _Request, sequences: Iterable[_Sequence]) -> None:
        for sequence in sequences:
            sequence.over.set()
            name = _name(request, sequence)
            if self._batch is not None:
                self._batch.cancel_request(name)
            self._choices.of.pop(name, None)

    # --- the batch ----------------------------------------------------------------------------------------------------------

    def _start_batch(self, kv_tokens: int) -> ContinuousBatchingManager | None:
        """Start the batch and see that it computes what the model does by itself; None where it cannot."""
        device = self._loaded.device.type
        page = _PAGE_TOKENS.get(device, 256)
        try:
            batch = self._model.init_continuous_batching(
                continuous_batching_config=ContinuousBatchingConfig(
                    page_size=page,
                    num_blocks=-(-kv_tokens // page) + 1,
                    max_batch_tokens=_STEP_TOKENS.get(device, 512),
                    max_requests_per_batch=_LARGEST_BATCH,
                    # The choice of a token is Python, which no captured graph would run.
                    use_cuda_graph=False,
                    use_async_batching=False,
                )
            )
        except Exception as error:
            print(f"no continuous batching: {first_line(error)}", flush=True)
            return None
        batch.logit_processor = self._choices
        batch.output_router = _Router(self._steps)
        batch.start()
        if self._agrees(batch):
            return batch
        batch.stop(block=True, timeout=5, hard_stop=True)
        while not self._steps.empty():
            self._steps.get()
        return None

    def _agrees(self, batch: ContinuousBatchingManager) -> bool:
        """Compare two tokens of the batch with the model's own logits. Runs the first steps, which are slow, as well."""
        length = max(1, min(12, self._loaded.context - 2))
        prompt = [number * 7919 % self._loaded.words for number in range(1, length + 1)]
        batch.add_request(prompt, request_id="check", max_new_tokens=2, streaming=False)
        until = time.monotonic() + _CHECK_SECONDS
        while True:
            try:
                (step,) = self._steps.get(timeout=0.5)
                break
            except queue.Empty:
                if not batch.is_running() or time.monotonic() > until:
                    return False
        if step.error or not step.tokens:
            print(f"no continuous batching: {step.error}", flush=True)
            return False
        read = torch.tensor([prompt + step.tokens], device=self._loaded.device)
        logits = self._single(input_ids=read, use_cache=False).logits[0, len(prompt) - 1 : -1].float()
        chosen = logits.gather(1, read[0, len(prompt) :, None])[:, 0]
        spread = logits.max(dim=1).values - logits.mean(dim=1)
        return bool((chosen >= logits.max(dim=1).values - 0.02 * spread - 1e-4).all())

    # --- what is sent -------------------------------------------------------------------------------------------------------

    def _send(self) -> None:
        """In a thread: turn what the batch's steps brought into events, a line for all that is there."""
        while True:
            steps = self._steps.get()
            while not self._steps.empty():
                steps += self._steps.get()
            self.computed += len(steps)
            events = [event for step in steps for event in self._events(step)]
            if events:
                try:
                    self._line.send({"events": events})
                except ChannelClosed:
                    return

    def _events(self, step: Step) -> list[list[Any]]:
        id_, _, number = step.sequence.rpartition("/")
        with self._lock:
            request = self._requests.get(id_)
        if request is None:
            return []
        sequence = request.sequences[int(number)]
        if sequence.finish:
            return []
        if step.error:
            failure = Failure(FailureCode.BROKEN_MODEL, {"detail": step.error[:200]})
            self.cancel(id_)
            return [[id_, {"type": str(StreamEvent.FAILED), **failure.to_json()}]]
        if not (request.pieces or request.sampling.stop or step.over):
            return []  # Nobody looks at it before it is whole.
        new = step.tokens[sequence.tokens :]
        sequence.tokens = len(step.tokens)
        piece = sequence.words.push(new)
        if step.over:
            piece += sequence.words.finish()
        piece = sequence.stops.push(piece, last=step.over)
        events: list[list[Any]] = []
        if piece and request.pieces:
            events.append([id_, {"type": str(StreamEvent.TOKEN), "sequence": sequence.number, "text": piece}])
        elif piece:
            sequence.held.append(piece)
        if sequence.stops.met and not step.over:
            self._stop(request, [sequence])
        if step.over or sequence.stops.met:
            ended = sequence.stops.met or (step.tokens[-1:] and step.tokens[-1] in self._ends)
            sequence.finish = "stop" if ended else "length"
            self._choices.of.pop(step.sequence, None)
            if sequence.held:
                whole = "".join(sequence.held)
                events.append([id_, {"type": str(StreamEvent.TEXT), "sequence": sequence.number, "text": whole}])
            events += self._done(request)
        return events

    def _done(self, request: _Request) -> list[list[Any]]:
        """The last event, once all sequences are done."""
        if not all(sequence.finish for sequence in request.sequences):
            return []
        with self._lock:
            self._requests.pop(request.id, None)
        done = {
            "type": str(StreamEvent.DONE),
            "finish": [sequence.finish for sequence in request.sequences],
            "prompt_tokens": len(request.prompt),
            "completion_tokens": sum(sequence.tokens for sequence in request.sequences),
            "seconds": round(time.monotonic() - request.begun, 4),
        }
        return [[request.id, done]]

    # --- generate(), one at a time --------------------------------------------------------------------------------------------

    def _work_alone(self) -> None:
        torch.set_grad_enabled(False)
        while True:
            request = self._alone.get()
            try:
                if request.sampling.strategy == "beam":
                    self._search(request)
                else:
                    for sequence in request.sequences:
                        self._continue(request, sequence)
            except ChannelClosed:
                return
            except Exception as error:
                self._steps.put([Step(_name(request, request.sequences[0]), [], True, first_line(error))])

    def _search(self, request: _Request) -> None:
        """Beam search; the whole continuations at the end."""
        sampling = request.sampling
        found = self._generate(
            request,
            request.sequences[0],
            num_beams=sampling.beams,
            num_return_sequences=sampling.sequences,
            early_stopping=True,
        )
        if request.sequences[0].over.is_set():
            return
        events: list[list[Any]] = []
        for sequence, row in zip(request.sequences, found.tolist(), strict=True):
            tokens = row[len(request.prompt) :]
            end = next((at for at, token in enumerate(tokens) if token in self._ends), None)
            tokens = tokens if end is None else tokens[: end + 1]
            sequence.tokens = len(tokens)
            text = sequence.stops.push(sequence.words.push(tokens) + sequence.words.finish(), last=True)
            sequence.finish = "stop" if sequence.stops.met or end is not None else "length"
            events.append([request.id, {"type": str(StreamEvent.TEXT), "sequence": sequence.number, "text": text}])
        self._line.send({"events": events + self._done(request)})

    def _continue(self, request: _Request, sequence: _Sequence) -> None:
        """Greedy or sampled, token by token."""
        name = _name(request, sequence)
        streamer = _Streamer(name, len(request.prompt), self._steps)
        choice = self._choice(request, sequence)
        processors = LogitsProcessorList([OneChoice(choice)] if choice is not None else [])
        if sequence.over.is_set():
            return
        self._generate(request, sequence, streamer=streamer, logits_processor=processors)
        self._steps.put([Step(name, streamer.tokens, True, None)])

    def _generate(self, request: _Request, sequence: _Sequence, **how: Any) -> torch.Tensor:
        prompt = torch.tensor([request.prompt], device=self._loaded.device)
        return self._single.generate(
            prompt,
            attention_mask=torch.ones_like(prompt),
            max_new_tokens=self._room(request),
            stopping_criteria=StoppingCriteriaList([_Over(sequence.over)]),
            **how,
        )

    def _end_tokens(self) -> set[int]:
        given = [self._model.generation_config.eos_token_id, self._model.config.get_text_config().eos_token_id]
        given.append(self._loaded.tokenizer.eos_token_id)
        flat = [one for some in given for one in (some if isinstance(some, list) else [some])]
        return {one for one in flat if isinstance(one, int) and one >= 0}

    def _pad_token(self) -> int:
        pad = self._loaded.tokenizer.pad_token_id
        return pad if pad is not None else min(self._ends, default=0)


def _name(request: _Request, sequence: _Sequence) -> str:
    return f"{request.id}/{sequence.number}"


class _Router(OutputRouter):
    """Takes what a step of the batch brought."""

    def __init__(self, steps: "queue.SimpleQueue[list[Step]]") -> None:
        super().__init__()
        self._steps = steps

    def deliver(self, output: GenerationOutput) -> None:
        self.deliver_batch([output])

    def deliver_batch(self, outputs: list[GenerationOutput]) -> None:
        self._steps.put([Step(one.request_id, one.generated_tokens, one.is_finished(), one.error) for one in outputs])


class _Streamer(BaseStreamer):
    """Passes the tokens of `generate()` on as steps."""

    def __init__(self, name: str, prompt: int, steps: "queue.SimpleQueue[list[Step]]") -> None:
        self.tokens: list[int] = []
        self._name = name
        self._skip = prompt
        self._steps = steps

    def put(self, value: torch.Tensor) -> None:
        new = value.flatten().tolist()
        if self._skip:
            self._skip = 0  # The prompt comes first.
            return
        self.tokens += new
        self._steps.put([Step(self._name, list(self.tokens), False, None)])

    def end(self) -> None:
        """The last step is put by who called."""


class _Over(StoppingCriteria):
    def __init__(self, over: threading.Event) -> None:
        self._over = over

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
        return torch.full((input_ids.shape[0],), self._over.is_set(), device=input_ids.device, dtype=torch.bool)
