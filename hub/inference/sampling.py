"""How a continuation is chosen: ranges, and what contradicts what. Each edge has its own names for these; errors use them."""

from collections.abc import Mapping
from typing import Any, NoReturn

from django.utils.translation import gettext as _

from hub.inference.errors import BadParameter
from workers.contracts import Sampling

STRATEGIES = ("greedy", "sample", "beam")
DEFAULT_NEW_TOKENS = 256
MAX_NEW_TOKENS = 4096
MAX_TEMPERATURE = 5.0
MAX_TOP_K = 1000
MAX_BEAMS = 16
MAX_SEQUENCES = 16
MAX_SEED = 2**63 - 1
MAX_STOPS, MAX_STOP = 8, 100  # texts, characters of one
MAX_LABELS = 1000


def check_sampling(given: Mapping[str, Any], names: Mapping[str, str] | None = None) -> Sampling:
    """Return the sampling that `given` asks for, whose keys are the fields of `Sampling`; None counts as not given.

    names: what the caller calls a field, where that differs. Raises BadParameter with the caller's name.
    """
    return _Checked({key: value for key, value in given.items() if value is not None}, names or {}).sampling()


def check_top_k(value: Any, name: str = "top_k") -> int | None:
    """Return how many labels or fillings are asked for. Raises BadParameter."""
    if value is None:
        return None
    return _Checked({name: value}, {}).whole(name, 1, MAX_LABELS, 1)


class _Checked:
    def __init__(self, given: Mapping[str, Any], names: Mapping[str, str]) -> None:
        self.given = given
        self.names = names

    def sampling(self) -> Sampling:
        strategy = self.given.get("strategy", "sample")
        if strategy not in STRATEGIES:
            self.refuse("strategy", _("it is one of %(choices)s") % {"choices": ", ".join(STRATEGIES)})
        default = Sampling()
        checked = Sampling(
            strategy=strategy,
            max_new_tokens=self.whole("max_new_tokens", 1, MAX_NEW_TOKENS, DEFAULT_NEW_TOKENS),
            temperature=self.number("temperature", MAX_TEMPERATURE, default.temperature),
            top_p=self.number("top_p", 1.0, default.top_p),
            top_k=self.whole("top_k", 0, MAX_TOP_K, 0),
            beams=self.whole("beams", 2, MAX_BEAMS, default.beams),
            sequences=self.whole("sequences", 1, MAX_SEQUENCES, 1),
            seed=self.whole("seed", 0, MAX_SEED, 0) if "seed" in self.given else None,
            stop=self.stops(),
        )
        self.agree(checked)
        return checked

    def agree(self, asked: Sampling) -> None:
        """Refuse what contradicts itself."""
        if asked.strategy == "greedy" and asked.sequences > 1:
            self.refuse(
                "sequences", _("greedy decoding gives one continuation. Choose sampling or beam search for several")
            )
        if asked.strategy == "beam" and asked.sequences > asked.beams:
            self.refuse("sequences", _("beam search gives at most as many continuations as it has beams"))
        if asked.strategy != "sample":
            for field in ("temperature", "top_p", "top_k"):
                if field in self.given:
                    self.refuse(field, _("it counts for sampling only. Leave it out, or choose sampling"))
        if asked.strategy != "beam" and "beams" in self.given:
            self.refuse("beams", _("it counts for beam search only. Leave it out, or choose beam search"))
        if asked.strategy == "beam" and asked.stop:
            self.refuse("stop", _("beam search does not take texts to stop at. Leave it out, or choose another way"))

    def whole(self, field: str, least: int, most: int, default: int) -> int:
        value = self.given.get(field, default)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self.refuse(field, _("it is a whole number from %(least)d to %(most)d") % {"least": least, "most": most})
        return value

    def number(self, field: str, most: float, default: float) -> float:
        value = self.given.get(field, default)
        # Written so that NaN, too, is refused.
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= most:
            self.refuse(field, _("it is a number above 0, and at most %(most)g") % {"most": most})
        return float(value)

    def stops(self) -> tuple[str, ...]:
        given = self.given.get("stop", ())
        texts = [given] if isinstance(given, str) else given
        fits = isinstance(texts, list | tuple) and len(texts) <= MAX_STOPS
        if not fits or not all(isinstance(text, str) and 0 < len(text) <= MAX_STOP for text in texts):
            self.refuse(
                "stop",
                _("it holds at most %(texts)d texts of 1 to %(length)d characters")
                % {"texts": MAX_STOPS, "length": MAX_STOP},
            )
        return tuple(texts)

    def refuse(self, field: str, reason: str) -> NoReturn:
        name = self.names.get(field, field)
        raise BadParameter(_("“%(field)s”: %(reason)s.") % {"field": name, "reason": reason}, field=name)
