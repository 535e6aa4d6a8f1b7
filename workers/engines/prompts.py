"""Prompts as tokens: texts, and messages through the model's own template.

A template is the uploader's program. transformers renders it in a sandbox of jinja's that has no access to Python's insides,
but it may loop: so it is rendered here, in the process that can be killed, in its main thread, where an alarm can interrupt it.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jinja2

from workers.contracts import FailureCode, Task
from workers.refusals import Refused, first_line

TEMPLATE_SECONDS = 2.0
_LONGEST_TEXT = 2_000_000


def tokens_of(tokenizer: Any, task: str, inputs: Any, *, context: int, wanted: int, words: int) -> list[int]:
    """Return the prompt's tokens, at least one and fewer than `context`.

    wanted: new tokens asked for, for the message. words: how many tokens the model knows.
    Raises Refused: no-chat-template, bad-chat-template, prompt-too-long, bad-parameter, broken-tokenizer.
    """
    if task == Task.CHAT:
        text = render(tokenizer, inputs)
    elif isinstance(inputs, str):
        text = inputs
    else:
        raise Refused(FailureCode.BAD_PARAMETER, field="inputs", detail="a text is needed")
    if len(text) > _LONGEST_TEXT:
        raise Refused(FailureCode.PROMPT_TOO_LONG, tokens=len(text) // 4, wanted=wanted, context=context)
    # A template writes the special tokens itself.
    found = encode(tokenizer, text, special=task != Task.CHAT)
    if not found and tokenizer.bos_token_id is not None:
        found = [tokenizer.bos_token_id]
    if not found:
        raise Refused(FailureCode.BAD_PARAMETER, field="inputs", detail="the prompt is empty")
    if len(found) >= context:
        raise Refused(FailureCode.PROMPT_TOO_LONG, tokens=len(found), wanted=wanted, context=context)
    if max(found) >= words:
        raise Refused(FailureCode.BROKEN_TOKENIZER, detail=f"it gives token {max(found)}; the model knows {words}")
    return found


def encode(tokenizer: Any, text: str, *, special: bool = True) -> list[int]:
    """Return the tokens of a text, all of them. Raises Refused: broken-tokenizer."""
    try:
        return [int(token) for token in tokenizer(text, add_special_tokens=special, verbose=False)["input_ids"]]
    except (KeyboardInterrupt, SystemExit):
        raise
    # What the tokenizers library gives up with, at a pattern that backtracks without end say, is no Exception.
    except BaseException as error:
        raise Refused(FailureCode.BROKEN_TOKENIZER, detail=first_line(error)) from error


def render(tokenizer: Any, messages: Any) -> str:
    """Render messages with the model's template. Raises Refused: no-chat-template, bad-chat-template."""
    if not tokenizer.chat_template:
        raise Refused(FailureCode.NO_CHAT_TEMPLATE)
    try:
        with _alarm(TEMPLATE_SECONDS):
            text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    except _TooSlow:
        raise Refused(FailureCode.BAD_CHAT_TEMPLATE, detail=f"not done within {TEMPLATE_SECONDS:g} seconds") from None
    except (
        jinja2.TemplateError,
        ArithmeticError,
        LookupError,
        TypeError,
        ValueError,
        AttributeError,
        RecursionError,
    ) as error:
        raise Refused(FailureCode.BAD_CHAT_TEMPLATE, detail=first_line(error)) from error
    except (MemoryError, OverflowError) as error:
        raise Refused(FailureCode.BAD_CHAT_TEMPLATE, detail="it makes too long a text") from error
    if not isinstance(text, str) or len(text) > _LONGEST_TEXT:
        raise Refused(FailureCode.BAD_CHAT_TEMPLATE, detail="it makes too long a text")
    return text


class _TooSlow(BaseException):
    """Not an Exception: nothing in between may catch it."""


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    def ring(*_: object) -> None:
        raise _TooSlow

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
