"""Names of people and repositories can never stand where the hub has an address of its own."""

import re
from collections.abc import Iterator

from django.urls import URLPattern, URLResolver, get_resolver

from hub.accounts.names import RESERVED
from hub.repos.models import Kind
from hub.repos.names import RESERVED_REPOS


def addresses(resolver: URLResolver, prefix: str = "") -> Iterator[str]:
    for each in resolver.url_patterns:
        own = str(each.pattern).removeprefix("^")
        if isinstance(each, URLPattern):
            yield prefix + own
        else:
            yield from addresses(each, prefix + own)


def test_the_first_word_of_every_address_is_reserved() -> None:
    words = {address.split("/")[0] for address in addresses(get_resolver())}
    fixed = {word for word in words if word and not re.search(r"[<(]", word)}
    assert {"api", "login", "datasets", "xet", "v1", "oauth"} <= fixed
    # What is served before the addresses are looked at.
    assert fixed | {"static", "healthz", "readyz"} <= RESERVED


def test_the_word_after_a_name_is_reserved_for_repositories() -> None:
    """`/{name}/{word}/...` and `/api/models/{name}/{word}/...` may not be read as a repository called `word`."""
    parts = [address.split("/") for address in addresses(get_resolver())]
    site = {p[2] for p in parts if len(p) > 2 and p[0] == "<str:namespace>"}
    api = {p[4] for p in parts if len(p) > 4 and p[:2] == ["api", "<kinds:kind>"] and p[3] == "<str:name>"}
    short = {p[1] for p in parts if len(p) > 2 and p[0] == "<str:name>"}
    assert {word for word in site | api | short if "<" not in word} <= RESERVED_REPOS
    assert {f"{kind}s" for kind in Kind.values} <= RESERVED
