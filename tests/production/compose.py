"""docker-compose.yml as Docker Compose reads it: variables filled in, `<<` and anchors resolved."""

import re
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).resolve().parent.parent.parent / "docker-compose.yml"
# https://docs.docker.com/reference/compose-file/interpolation/
_VARIABLE = re.compile(r"\$(?:(\$)|\{(\w+)(?:(:?[-+?])([^{}]*))?\})")


def interpolate(value: Any, env: dict[str, str]) -> Any:
    """Fill variables into every string of a document. Raises KeyError for one that is neither set nor has a default."""
    if isinstance(value, dict):
        return {key: interpolate(each, env) for key, each in value.items()}
    if isinstance(value, list):
        return [interpolate(each, env) for each in value]
    if not isinstance(value, str):
        return value

    def fill(found: re.Match[str]) -> str:
        dollar, name, sign, word = found.groups()
        if dollar:
            return "$"
        given = env.get(name, "")
        match sign:
            case ":-" | "-":
                return given or word
            case ":+" | "+":
                return word if given else ""
        if name not in env:
            raise KeyError(name)
        return given

    return _VARIABLE.sub(fill, value)


def load(**env: str) -> dict[str, Any]:
    """Return the document with the variables of `env`."""
    document: dict[str, Any] = interpolate(yaml.safe_load(FILE.read_text()), env)
    return document
