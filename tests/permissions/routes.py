"""Every address of the hub, as the URL resolver knows them, with the words that stand for what they take."""

import re
import uuid
from collections.abc import Iterator

from django.urls import URLPattern, URLResolver, get_resolver

_PARAMETER = re.compile(r"<(\w+):(\w+)>")
# An address of another kind of repository, with `.git`, or of another generation of Xet leads to the same view.
_KIND = re.compile(r"^(datasets|spaces|kernels)/(?=<str:name)")
OID = "0" * 64

FILLED = {
    "kinds": "models",
    "kind": "models",
    "namespace": "guild",
    "revision": "main",
    "rev": "main",
    "sha": "main",
    "branch": "side",
    "tag": "v1",
    "path": "README.md",
    "file": "README.md",
    "spec": "main..v1",
    "number": "1",
    "comment_id": "0" * 24,
    "emoji": "heart",
    "status": "pending",
    "oid": OID,
    "lock_id": "1",
    "rule_id": "1",
    "review_id": "1",
    "run_id": "1",
    "short_name": "short",
    "job_id": str(uuid.UUID(int=1)),
    "member": "owner",
    "organization": "guild",
    "word": "tree",
    "rest": "main",
    "topic": "t",
    "prefix": "default",
    "model": "guild/public",
    "secret": "secret",
    "key": "key",
    "token": "token",
    "notification_id": "1",
    "subscription_id": "1",
    "delivery": str(uuid.UUID(int=1)),
    "token_id": "1",
    "pk": "1",
    "browser_id": "1",
    "invitation_id": "1",
    "sign_in_id": "1",
    "application_id": "1",
    "case_id": "1",
    "action_id": "1",
    "appeal_id": "1",
    "client_id": "client",
    "link_id": "1",
    "generation": "2",
    "grant": str(uuid.UUID(int=1)),
    "picture": str(uuid.UUID(int=1)),
    "slug": "small-models-" + "0" * 24,
    "item_id": "1",
}


def patterns() -> Iterator[tuple[str, str]]:
    """Every address: (the pattern without what only tells the kind, the whole pattern)."""
    for route in _walk(get_resolver()):
        plain = _KIND.sub("", route).replace("<str:name>.git", "<str:name>").replace("xet/g<int:generation>/", "xet/")
        yield plain, route


def address(route: str, name: str, commit: str) -> str:
    """Fill a pattern in. Raises KeyError with the name of a parameter that nobody has thought of yet."""
    filled = {**FILLED, "name": name if "<str:namespace>" in route else FILLED["namespace"], "sha": commit}

    def value(found: re.Match[str]) -> str:
        return filled.get(found[2]) or filled[found[1]]

    return "/" + _PARAMETER.sub(value, route)


def _walk(resolver: URLResolver, before: str = "") -> Iterator[str]:
    for entry in resolver.url_patterns:
        route = before + str(entry.pattern)
        if isinstance(entry, URLPattern):
            yield route
        else:
            yield from _walk(entry, route)
