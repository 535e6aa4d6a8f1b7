"""How the next token is chosen, request by request, in a batch that many requests share.

transformers' own per-request processors know temperature, top-k and top-p, but one seed for the whole batch, and each sorts the
vocabulary. Here each request has a generator of its own, so a seed gives the same text whatever else is in the batch.
"""

from collections.abc import Sequence

import torch
from transformers import LogitsProcessor, LogitsProcessorList
from transformers.generation.continuous_batching.cb_logits_processors import ContinuousBatchingLogitsProcessorList
from transformers.generation.continuous_batching.requests import FutureRequestState

from workers.contracts import Sampling

# A draw that falls outside the nucleus is drawn again; after so many the vocabulary is sorted.
_DRAWS = 8


class Choice:
    """Draws the tokens of one sequence.

    By the exponential race (argmax of p/E): a logit that differs in its last bits, as it does from one batch to another,
    changes the outcome only where two tokens are as good as equal. Drawing along the cumulative sum, each of its thousands of
    steps could.
    """

    def __init__(self, sampling: Sampling, seed: int | None, device: torch.device) -> None:
        self._temperature = sampling.temperature
        self._top_p = sampling.top_p
        self._top_k = sampling.top_k
        self._generator = torch.Generator(device)
        if seed is None:
            self._generator.seed()
        else:
            self._generator.manual_seed(seed)

    def __call__(self, logits: torch.Tensor) -> torch.Tensor:
        """Return the token for one row of logits, as a tensor without dimensions."""
        probabilities = torch.softmax(logits.float() / self._temperature, dim=-1)
        if 0 < self._top_k < len(probabilities):
            kept, tokens = torch.topk(probabilities, self._top_k)
            return tokens[self._draw(self._nucleus(kept / kept.sum()))]
        if self._top_p < 1:
            # Tokens outside the nucleus are drawn and thrown away: the same distribution, without sorting.
            for _ in range(_DRAWS):
                token = self._draw(probabilities)
                if probabilities[probabilities > probabilities[token]].sum() < self._top_p:
                    return token
            kept, tokens = torch.sort(probabilities, descending=True)
            return tokens[self._draw(self._nucleus(kept))]
        return self._draw(probabilities)

    def _nucleus(self, descending: torch.Tensor) -> torch.Tensor:
        """Leave the smallest set of the likeliest tokens that together reach top_p."""
        if self._top_p >= 1:
            return descending
        before = torch.cumsum(descending, dim=-1) - descending
        return torch.where(before < self._top_p, descending, 0)

    def _draw(self, weights: torch.Tensor) -> torch.Tensor:
        return torch.argmax(weights / torch.empty_like(weights).exponential_(generator=self._generator))


class Choices(ContinuousBatchingLogitsProcessorList):
    """The choices of all requests in the batch, by request; a request without one is greedy.

    Takes the place of the manager's own list. The batch itself takes the likeliest token, so what was chosen is made that.
    """

    def __init__(self) -> None:
        super().__init__(LogitsProcessorList())
        self.do_processing = True
        self.of: dict[str, Choice] = {}
        self._rows: list[Choice | None] = []

    def check_kwargs(self, kwargs: dict) -> None:
        """Nothing comes this way."""

    def prepare_tensor_args(
        self, requests_in_batch: Sequence[FutureRequestState], arg_storage: torch.Tensor
    ) -> torch.Tensor:
        """Note whose rows the next call will bring: one for each request that is not still reading its prompt."""
        self._rows = [self.of.get(request.state.request_id) for request in requests_in_batch if request.has_new_token]
        return arg_storage

    def __call__(
        self, input_ids: torch.Tensor, scores: torch.Tensor, logits_processor_args: torch.Tensor
    ) -> torch.Tensor:
        for row, choice in zip(scores, self._rows, strict=False):
            if choice is not None:
                row[choice(row)] = torch.inf
        return scores


class OneChoice(LogitsProcessor):
    """The same for `generate()` with one sequence."""

    def __init__(self, choice: Choice) -> None:
        self._choice = choice

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        scores = scores.clone()
        scores[0, self._choice(scores[0])] = torch.inf
        return scores
