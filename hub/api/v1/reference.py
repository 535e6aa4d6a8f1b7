"""The page of our own API: what its document tells, for people, with a form to try each operation."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from hub.api.v1.document import document
from hub.core.links import base_url

MAX_DEPTH = 3  # of the fields of an answer that are shown


@dataclass(frozen=True)
class Input:
    """A part of the address, a parameter, a header or a field. `options`: all that it may be, where that is told."""

    name: str
    place: str
    type: str
    text: str
    required: bool
    options: list[str]
    default: str


@dataclass(frozen=True)
class Answer:
    """What a status brings: (name, type, text) of each field."""

    status: str
    text: str
    fields: list[tuple[str, str, str]]


@dataclass(frozen=True)
class Call:
    """One operation. example: a body to begin with; content: the body is a file."""

    id: str
    method: str
    path: str
    summary: str
    text: str
    inputs: list[Input]
    body: list[Input]
    example: str
    content: bool
    answers: list[Answer]
    curl: str


@dataclass(frozen=True)
class Section:
    """The operations under one heading."""

    slug: str
    title: str
    calls: list[Call] = field(default_factory=list)


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """GET /api."""
    base = base_url(request)
    return render(
        request, "web/api.html", {"sections": [section for section in sections(base) if section.calls], "nav": "api"}
    )


def sections(base: str) -> list[Section]:
    """Return the operations under the headings of the document, in the language of the moment."""
    told = document()
    schemas = told["components"]["schemas"]
    found = {tag["name"]: Section(tag["name"].replace(" ", "-"), tag["description"]) for tag in told["tags"]}
    for path, methods in told["paths"].items():
        for method, operation in methods.items():
            found[operation["tags"][0]].calls.append(_call(base, path, method.upper(), operation, schemas))
    return list(found.values())


def _call(base: str, path: str, method: str, told: dict[str, Any], schemas: dict[str, Any]) -> Call:
    inputs = [_input(each, schemas) for each in sorted(told.get("parameters", []), key=_order(path))]
    sent = told.get("requestBody", {}).get("content", {})
    schema = _resolved(sent.get("application/json", {}).get("schema", {}), schemas)
    required = set(schema.get("required", []))
    body = [
        _input({"name": name, "in": "body", "schema": each, "required": name in required}, schemas)
        for name, each in schema.get("properties", {}).items()
    ]
    example = _example(schema, schemas) if body else ""
    return Call(
        id=told["operationId"],
        method=method,
        path=path,
        summary=told.get("summary", ""),
        text=told.get("description", ""),
        inputs=inputs,
        body=body,
        example=example,
        content="application/octet-stream" in sent,
        answers=[_answer(status, each, schemas) for status, each in sorted(told["responses"].items())],
        curl=_curl(base, path, method, example, "application/octet-stream" in sent),
    )


def _order(path: str) -> Any:
    """Return the key that puts the parts of the address first, as they stand there, then the parameters by name."""
    parts = re.findall(r"\{(\w+)\}", path)
    return lambda each: (parts.index(each["name"]) if each["in"] == "path" else len(parts), each["name"])


def _input(told: dict[str, Any], schemas: dict[str, Any]) -> Input:
    schema = _resolved(told["schema"], schemas)
    default = schema.get("default", "")
    return Input(
        name=told["name"],
        place=told["in"],
        type=_type(schema, schemas),
        text=told.get("description") or schema.get("description", ""),
        required=told.get("required", False),
        options=[str(value) for value in schema.get("enum", []) if value is not None],
        default=default if isinstance(default, str) else json.dumps(default),
    )


def _resolved(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """Return a schema without its reference, or the one that is not null of several."""
    if "$ref" in schema:
        return dict(schemas[schema["$ref"].rpartition("/")[2]])
    for several in ("oneOf", "anyOf", "allOf"):
        for each in schema.get(several, []):
            if each.get("type") != "null":
                return {**_resolved(each, schemas), **{k: v for k, v in schema.items() if k != several}}
    return schema


def _type(schema: dict[str, Any], schemas: dict[str, Any]) -> str:
    kinds = schema.get("type", "any")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    words = {
        "string": _("text"),
        "integer": _("whole number"),
        "number": _("number"),
        "boolean": _("true or false"),
        "object": _("object"),
        "array": _("list"),
        "null": _("null"),
        "any": _("anything"),
    }
    said = _(" or ").join(words[kind] for kind in kinds)
    if schema.get("format") == "date-time":
        said = _("time")
    if "array" in kinds:
        inner = _resolved(schema.get("items", {}), schemas)
        said = _("list: %(inner)s") % {"inner": _type(inner, schemas)}
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        said += _(", %(low)s to %(high)s") % {"low": low, "high": high}
    if "maxLength" in schema:
        said += _(", up to %(max)s characters") % {"max": schema["maxLength"]}
    return said


def _answer(status: str, told: dict[str, Any], schemas: dict[str, Any]) -> Answer:
    content = told.get("content", {}).get("application/json", {}).get("schema", {})
    fields = [] if status[0] in "345" else _fields(content, schemas)
    return Answer(status, told.get("description", ""), fields)


def _fields(
    schema: dict[str, Any], schemas: dict[str, Any], prefix: str = "", depth: int = 1
) -> list[tuple[str, str, str]]:
    found: list[tuple[str, str, str]] = []
    for name, each in _resolved(schema, schemas).get("properties", {}).items():
        inner = _resolved(each, schemas)
        found.append((prefix + name, _type(inner, schemas), inner.get("description", "") if "$ref" not in each else ""))
        if depth < MAX_DEPTH and inner.get("type") == "array":
            found += _fields(inner.get("items", {}), schemas, f"{prefix}{name}[].", depth + 1)
        elif depth < MAX_DEPTH:
            found += _fields(inner, schemas, f"{prefix}{name}.", depth + 1)
    return found


def _example(schema: dict[str, Any], schemas: dict[str, Any]) -> str:
    """Return a body with the fields that are required, else with the first one."""
    properties = schema["properties"]
    names = schema.get("required") or list(properties)[:1]
    blank = {"string": "", "integer": 1, "number": 1, "boolean": False, "array": [], "object": {}}
    return json.dumps(
        {name: blank.get(str(_resolved(properties[name], schemas).get("type")), "") for name in names}, indent=2
    )


def _curl(base: str, path: str, method: str, example: str, content: bool) -> str:
    """Return the call as a line for the shell; what is in braces is to be filled in."""
    words = ["curl"]
    if content:
        words += ["-T", "FILE"]
    elif method != "GET":
        words += ["-X", method]
    words.append('-H "Authorization: Bearer $HF_TOKEN"')
    if example:
        words.append(f"-d '{json.dumps(json.loads(example))}'")
    return " ".join([*words, f'"{base}{path}"'])
