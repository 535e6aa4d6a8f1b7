"""From tokens to text, piece by piece: never half a character, the right spaces, and nothing past a stop text."""

from typing import Any

_TAIL = 8
_WINDOW = 48
# Bytes of a character that is not complete yet show as so many replacement characters at most.
_OPEN = 3


class Detokenizer:
    """Text of a sequence that grows.

    Decodes a window of the last tokens, beginning with the prompt's, so that a space between them is there; gives what is new.
    """

    def __init__(self, tokenizer: Any, prompt: list[int]) -> None:
        self._tokenizer = tokenizer
        self._tokens = prompt[-_TAIL:]
        self._shown = self._decode()

    def push(self, tokens: list[int]) -> str:
        """Take the next tokens; return the text that is certain by now."""
        self._tokens += tokens
        text = self._decode()
        open_ = min(_OPEN, len(text) - len(text.rstrip("\ufffd")))
        certain = text[: len(text) - open_]
        piece = certain[len(self._shown) :]
        if piece:
            self._shown = certain
        if len(self._tokens) > _WINDOW and not open_:
            self._tokens = self._tokens[-_TAIL:]
            self._shown = self._decode()
        return piece

    def finish(self) -> str:
        """Return what was held back, as it is."""
        return self._decode()[len(self._shown) :]

    def _decode(self) -> str:
        text = self._tokenizer.decode(self._tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        assert isinstance(text, str)
        return text


class StopTexts:
    """Passes text on until one of the stop texts appears; holds back what may be the beginning of one."""

    def __init__(self, stops: tuple[str, ...]) -> None:
        self._stops = [stop for stop in stops if stop]
        self._held = ""
        self.met = False

    def push(self, piece: str, *, last: bool = False) -> str:
        """Take a piece; return what may be shown. `met` is True once a stop text came; what follows it is dropped."""
        if self.met:
            return ""
        text = self._held + piece
        found = [at for stop in self._stops if (at := text.find(stop)) >= 0]
        if found:
            self.met = True
            return text[: min(found)]
        keep = 0 if last else self._overlap(text)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def _overlap(self, text: str) -> int:
        longest = max(map(len, self._stops), default=0) - 1
        for length in range(min(longest, len(text)), 0, -1):
            if any(stop.startswith(text[-length:]) for stop in self._stops):
                return length
        return 0
