"""The OpenAPI document tells of every address below /api/v1/, and of nothing else; its page is made from it."""

import json
import re

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from jsonschema import Draft202012Validator

from tests.api.v1.conftest import Call

pytestmark = pytest.mark.django_db


def told(call: Call) -> dict:
    return call("GET", "/openapi.json").json


def served() -> set[tuple[str, str]]:
    """(method, address) of everything that the resolver of the hub has below /api/v1/, but the document itself."""
    found: set[tuple[str, str]] = set()

    def walk(prefix: str, patterns: list[URLPattern | URLResolver]) -> None:
        for each in patterns:
            path = prefix + str(each.pattern)
            if isinstance(each, URLResolver):
                if path.startswith("api/v1/"):
                    walk(path, each.url_patterns)
            elif path.startswith("api/v1/") and path != "api/v1/openapi.json":
                bare = "/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", path)
                found.update((method.lower(), bare) for method in each.callback.cls.http_method_names)

    walk("", get_resolver().url_patterns)
    return found


def test_it_tells_of_every_address_and_of_nothing_else(call: Call) -> None:
    described = {(method, path) for path, methods in told(call)["paths"].items() for method in methods}
    assert described == served()
    assert len(described) > 30


def test_it_is_openapi(call: Call) -> None:
    document = told(call)
    assert document["openapi"] == "3.1.0"
    assert document["servers"] == [{"url": "http://testserver"}]
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            where = f"{method} {path}"
            taken = [each for each in operation.get("parameters", []) if each["in"] == "path"]
            assert sorted(each["name"] for each in taken) == sorted(re.findall(r"{(\w+)}", path)), where
            assert all(each.get("description") for each in taken), where
            assert operation["summary"], where
            assert operation["tags"][0] in {tag["name"] for tag in document["tags"]}, where
            assert {"400", "401", "429"} <= operation["responses"].keys(), where
            # Who writes says who they are; who reads may.
            assert ({} in operation["security"]) == (method == "get"), where
            assert {"token": []} in operation["security"], where
    references = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(document)))
    assert references <= document["components"]["schemas"].keys()


def test_each_operation_has_a_name_of_its_own(call: Call) -> None:
    names = [each["operationId"] for methods in told(call)["paths"].values() for each in methods.values()]
    assert len(names) == len(set(names))


def test_other_methods_are_refused_as_everything_else_is(call: Call) -> None:
    refused = call("PUT", "/models")
    assert (refused.status, refused.code, refused.headers["Allow"]) == (405, "MethodNotAllowed", "GET, POST")
    assert call("GET", "/models/a/b/nothing").status == 404


@pytest.mark.parametrize(("language", "word"), [("en", "Releases"), ("zh-hans", "REST API")])
def test_the_page_shows_every_operation(client: Client, call: Call, language: str, word: str) -> None:
    response = client.get("/api", headers={"Accept-Language": language})
    page = response.content.decode()
    assert response.status_code == 200
    assert word in page
    for methods in told(call)["paths"].values():
        for operation in methods.values():
            assert f'id="{operation["operationId"]}"' in page
    assert "style=" not in page and "<script>" not in page
