"""Classifiers and fillers of masks: what arrives within a few milliseconds runs as one batch."""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from workers.channel import Channel, ChannelClosed
from workers.contracts import Failure, FailureCode, StreamEvent
from workers.engines import CLASSIFIER, MASK
from workers.engines.loading import Loaded
from workers.engines.prompts import encode
from workers.refusals import Refused, first_line, plain

_WINDOW_SECONDS = 0.006
_LARGEST_BATCH = 32
_FILLINGS = 5


@dataclass
class _Asked:
    id: str
    tokens: list[int]
    top_k: int | None


class EncoderEngine:
    """Answers text-classification with [{label, score}], fill-mask with [{score, token, token_str, sequence}], best first."""

    def __init__(self, line: Channel, loaded: Loaded, kind: str) -> None:
        self._line = line
        self._loaded = loaded
        self._kind = kind
        self._mask = loaded.tokenizer.mask_token_id
        if kind == MASK and self._mask is None:
            raise Refused(FailureCode.BROKEN_TOKENIZER, detail="it has no mask token")
        self._waiting: queue.SimpleQueue[_Asked] = queue.SimpleQueue()
        self._cancelled: set[str] = set()
        self.computed = 0
        self._thread = threading.Thread(target=self._work, name="batches", daemon=True)
        self._thread.start()

    def facts(self) -> dict[str, Any]:
        """What the worker may want to know about the model."""
        return {
            "context": self._loaded.context,
            "device": str(self._loaded.device),
            "mask": self._loaded.tokenizer.mask_token if self._kind == MASK else None,
        }

    def alive(self) -> bool:
        return self._thread.is_alive()

    def run(self, order: dict[str, Any]) -> None:
        """Take a request. Raises Refused: prompt-too-long, no-mask, bad-parameter, broken-tokenizer."""
        text = order["inputs"]
        if not isinstance(text, str) or not text:
            raise Refused(FailureCode.BAD_PARAMETER, field="inputs", detail="a text is needed")
        tokens = encode(self._loaded.tokenizer, text)
        if len(tokens) > self._loaded.context:
            raise Refused(FailureCode.PROMPT_TOO_LONG, tokens=len(tokens), wanted=0, context=self._loaded.context)
        if not tokens or max(tokens) >= self._loaded.words:
            raise Refused(FailureCode.BROKEN_TOKENIZER, detail="it gives a token that the model does not know")
        if self._kind == MASK and (masks := tokens.count(self._mask)) != 1:
            if not masks:
                raise Refused(FailureCode.NO_MASK, mask=self._loaded.tokenizer.mask_token)
            raise Refused(FailureCode.BAD_PARAMETER, field="inputs", detail="one mask at a time")
        self._waiting.put(_Asked(order["id"], tokens, order.get("top_k")))

    def cancel(self, request: str) -> None:
        """Forget a request that still waits; one that runs is done in a moment anyway."""
        self._cancelled.add(request)

    def _work(self) -> None:
        torch.set_grad_enabled(False)
        while True:
            batch = self._collect()
            batch = [asked for asked in batch if asked.id not in self._cancelled]
            self._cancelled.clear()
            try:
                self._line.send({"events": self._answer(batch)})
            except ChannelClosed:
                return

    def _collect(self) -> list[_Asked]:
        batch = [self._waiting.get()]
        until = time.monotonic() + _WINDOW_SECONDS
        while len(batch) < _LARGEST_BATCH:
            try:
                batch.append(self._waiting.get(timeout=max(0.0, until - time.monotonic())))
            except queue.Empty:
                break
        return batch

    def _answer(self, batch: Sequence[_Asked]) -> list[list[Any]]:
        if not batch:
            return []
        try:
            logits = self._forward(batch)
        except Exception as error:
            if len(batch) > 1:
                # One of them, or that there are several: a model without padding takes one at a time.
                return [answer for asked in batch for answer in self._answer([asked])]
            if self._loaded.device.type != "cpu":
                raise  # An accelerator's error outlasts its request; a new engine does not have it.
            failure = Failure(FailureCode.BROKEN_MODEL, {"detail": first_line(error)})
            return [[batch[0].id, {"type": str(StreamEvent.FAILED), **failure.to_json()}]]
        make = self._labels if self._kind == CLASSIFIER else self._fillings
        return [[asked.id, self._said(make, asked, row)] for asked, row in zip(batch, logits, strict=True)]

    def _said(self, make: Callable[[_Asked, torch.Tensor], Any], asked: _Asked, row: torch.Tensor) -> dict[str, Any]:
        """Return the event with the answer; a model whose numbers are none, or whose labels are missing, fails alone."""
        try:
            if not torch.isfinite(row).all():
                raise ValueError("it computes no numbers: check its weights")
            return {"type": str(StreamEvent.RESULT), "result": make(asked, row)}
        except Exception as error:
            failure = Failure(FailureCode.BROKEN_MODEL, {"detail": first_line(error)})
            return {"type": str(StreamEvent.FAILED), **failure.to_json()}

    def _forward(self, batch: Sequence[_Asked]) -> torch.Tensor:
        """One row of logits a request: of the labels, or of the words at the mask."""
        longest = max(len(asked.tokens) for asked in batch)
        self.computed += longest * len(batch)
        pad = self._loaded.tokenizer.pad_token_id
        if pad is None:
            if any(len(asked.tokens) != longest for asked in batch):
                raise ValueError("no token to pad with")
            pad = 0
        rows = [asked.tokens + [pad] * (longest - len(asked.tokens)) for asked in batch]
        seen = [[1] * len(asked.tokens) + [0] * (longest - len(asked.tokens)) for asked in batch]
        device = self._loaded.device
        logits = self._loaded.model(
            input_ids=torch.tensor(rows, device=device), attention_mask=torch.tensor(seen, device=device)
        ).logits
        if self._kind == MASK:
            places = torch.tensor([asked.tokens.index(self._mask) for asked in batch], device=device)
            logits = logits[torch.arange(len(batch), device=device), places]
        return logits.float().cpu()

    def _labels(self, asked: _Asked, row: torch.Tensor) -> list[dict[str, Any]]:
        config = self._loaded.model.config
        several = config.problem_type == "multi_label_classification" or len(row) == 1
        scores = torch.sigmoid(row) if several else torch.softmax(row, dim=-1)
        found = [{"label": plain(str(config.id2label[at])), "score": score} for at, score in enumerate(scores.tolist())]
        return sorted(found, key=lambda one: -one["score"])[: asked.top_k]

    def _fillings(self, asked: _Asked, row: torch.Tensor) -> list[dict[str, Any]]:
        tokenizer = self._loaded.tokenizer
        scores, tokens = torch.topk(torch.softmax(row, dim=-1), min(asked.top_k or _FILLINGS, len(row)))
        place = asked.tokens.index(self._mask)
        return [
            {
                "score": score,
                "token": token,
                "token_str": tokenizer.decode([token]),
                "sequence": tokenizer.decode(
                    [*asked.tokens[:place], token, *asked.tokens[place + 1 :]], skip_special_tokens=True
                ),
            }
            for score, token in zip(scores.tolist(), tokens.tolist(), strict=True)
        ]
