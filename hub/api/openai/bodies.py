"""What OpenAI's calls may carry: the fields that are known, those that change nothing here, and those that are refused."""

from dataclasses import dataclass
from typing import Any

from hub.core.errors import Invalid
from hub.inference.sampling import check_sampling
from workers.contracts import Sampling

# They change how a call is accounted for or kept, not what is answered.
_HARMLESS = frozenset(
    """user metadata store service_tier safety_identifier prompt_cache_key prompt_cache_retention
    parallel_tool_calls""".split()
)
_KNOWN = frozenset(
    "model messages prompt stream stream_options n stop seed temperature top_p top_k max_tokens max_completion_tokens".split()
)
# Field -> the values that ask for nothing. Any other changes the answer in a way that demos do not offer.
_IDLE: dict[str, tuple[Any, ...]] = {
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "logit_bias": ({},),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "tools": ([],),
    "tool_choice": ("none", "auto"),
    "functions": ([],),
    "function_call": ("none", "auto"),
    "response_format": ({"type": "text"},),
    "modalities": (["text"],),
    "audio": (),
    "prediction": (),
    "reasoning_effort": (),
    "web_search_options": (),
    "echo": (False,),
    "suffix": ("",),
    "best_of": (1,),
}
_NAMES = {"sequences": "n", "max_new_tokens": "max_tokens"}
# OpenAI's default for the older call; a chat gets the hub's.
COMPLETION_TOKENS = 16
CHAT_TOKENS = 512
SHORTEST_DEFAULT = 16


@dataclass(frozen=True)
class Wanted:
    """What a call asks for, besides its prompt."""

    model: str
    revision: str
    sampling: Sampling
    stream: bool
    include_usage: bool


def read_wanted(body: dict[str, Any], *, default_tokens: int, model: str = "", revision: str = "main") -> Wanted:
    """Return what the body asks for. `model` and `revision` are those of the address, where it names them. Raises Invalid,
    BadParameter."""
    for name, value in body.items():
        if name in _KNOWN or name in _HARMLESS or value is None:
            continue
        if name not in _IDLE:
            raise Invalid(f"{name} is not a parameter that this hub knows. Leave it out.", field=name)
        if value not in _IDLE[name]:
            raise Invalid(f"{name} is not offered by this hub's workers. Leave it out.", field=name)
    if not model:
        model, revision = name_of(body.get("model"))
    stream = _flag(body, "stream")
    options = body.get("stream_options") or {}
    if not isinstance(options, dict) or options.keys() - {"include_usage", "include_obfuscation"}:
        raise Invalid("stream_options holds include_usage, true or false.", field="stream_options")
    if options and not stream:
        raise Invalid("stream_options goes with stream: true only. Leave it out.", field="stream_options")
    return Wanted(model, revision, _sampling(body, default_tokens), stream, _flag(options, "include_usage"))


def name_of(given: Any) -> tuple[str, str]:
    """Return (owner/name, revision) of a model as callers write it: `owner/name` or `owner/name@revision`. Raises Invalid."""
    if not isinstance(given, str) or not given:
        raise Invalid("model names a model of this hub, as owner/name or owner/name@revision.", field="model")
    name, _at, revision = given.partition("@")
    owner, slash, rest = name.partition("/")
    if not owner or not slash or not rest or "/" in rest:
        raise Invalid(
            f"“{given[:200]}” is no model's name. Models are called owner/name, or owner/name@revision.", field="model"
        )
    return name, revision or "main"


def _sampling(body: dict[str, Any], default_tokens: int) -> Sampling:
    longest = "max_completion_tokens" if body.get("max_completion_tokens") is not None else "max_tokens"
    temperature = body.get("temperature")
    if isinstance(temperature, int | float) and not isinstance(temperature, bool) and temperature == 0:
        # Nothing is drawn then, so what narrows a draw makes no difference.
        chosen: dict[str, Any] = {"strategy": "greedy"}
    else:
        # Where nothing is said, OpenAI draws from the model's own probabilities.
        chosen = {
            "strategy": "sample",
            "temperature": 1.0 if temperature is None else temperature,
            "top_p": 1.0 if body.get("top_p") is None else body["top_p"],
            "top_k": body.get("top_k"),
        }
    asked = body.get(longest)
    return check_sampling(
        {
            **chosen,
            "max_new_tokens": default_tokens if asked is None else asked,
            "sequences": body.get("n"),
            "seed": body.get("seed"),
            "stop": body.get("stop"),
        },
        {**_NAMES, "max_new_tokens": longest},
    )


def read_messages(body: dict[str, Any]) -> list[dict[str, str]]:
    """Return the messages with plain texts as contents. Raises Invalid for what is not text."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise Invalid("messages is a list of at least one message.", field="messages")
    return [_message(number, given) for number, given in enumerate(messages)]


def _message(number: int, given: Any) -> dict[str, str]:
    place = f"messages[{number}]"
    if not isinstance(given, dict):
        raise Invalid(f"{place} is not an object.", field=place)
    role = given.get("role")
    # The newer word for the same thing.
    role = "system" if role == "developer" else role
    if role not in ("system", "user", "assistant"):
        raise Invalid(f"{place}.role is system, developer, user or assistant.", field=f"{place}.role")
    if other := next((key for key in given if key not in ("role", "content", "name") and given[key]), None):
        raise Invalid(f"{place}.{other} is not offered by this hub's workers. Leave it out.", field=f"{place}.{other}")
    content = given.get("content")
    if isinstance(content, list):
        content = _joined(content)
    if not isinstance(content, str):
        raise Invalid(f"{place}.content is text; demos take nothing else.", field=f"{place}.content")
    return {"role": role, "content": content}


def _joined(parts: list[Any]) -> str | None:
    """Return the text of a content in parts; None where one of them is no text."""
    texts = [part.get("text") if isinstance(part, dict) and part.get("type") == "text" else None for part in parts]
    plain = [text for text in texts if isinstance(text, str)]
    return "".join(plain) if len(plain) == len(parts) else None


def read_prompt(body: dict[str, Any]) -> str:
    """Return the prompt. Raises Invalid for several, and for token ids."""
    prompt = body.get("prompt")
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    if not isinstance(prompt, str):
        raise Invalid("prompt is one text. Send several prompts in several calls.", field="prompt")
    return prompt


def _flag(given: dict[str, Any], name: str) -> bool:
    value = given.get(name)
    if value is not None and not isinstance(value, bool):
        raise Invalid(f"{name} is true or false.", field=name)
    return bool(value)
