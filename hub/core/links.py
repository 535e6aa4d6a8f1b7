"""Addresses of the hub. `reverse()` would encode a revision's slashes twice, so links to repositories are made here."""

import re
from urllib.parse import quote

from django.conf import settings
from django.http import HttpRequest

# What git and git-lfs ask for, with and without `.git`, also by names that hold no owner.
_GIT = re.compile(r"/([^/]+/){0,2}[^/]+\.git/|/([^/]+/){1,3}(info/refs$|git-(upload|receive)-pack$|info/lfs/)")


def is_git_address(path: str) -> bool:
    """Tell whether git or git-lfs is meant to read the answer."""
    return bool(_GIT.match(path))


def base_url(request: HttpRequest | None = None) -> str:
    """Return scheme and host that the caller can reach, without a final slash: GROVE_PUBLIC_URL, else the request's own."""
    if settings.PUBLIC_URL or request is None:
        return settings.PUBLIC_URL or f"http://{settings.HOST}:{settings.PORT}"
    return f"{request.scheme}://{request.get_host()}"


def avatar_url(base: str, name: str) -> str:
    """Return the address of the picture of the user or organization `name`, below the hub's address."""
    return f"{base}/avatars/{quote(name)}.svg"


def repo_path(kind: str, full_name: str, *parts: str, rev: str | None = None, path: str = "") -> str:
    """Return the site path of a repository or of something in it.

    repo_path("dataset", "ada/notes", "tree", rev="refs/pr/3", path="a b/c") -> "/datasets/ada/notes/tree/refs%2Fpr%2F3/a%20b/c"
    """
    segments = [] if kind == "model" else [f"{kind}s"]
    segments += [full_name, *(quote(part, safe="") for part in parts)]
    if rev is not None:
        segments.append(quote(rev, safe=""))
    if path:
        segments.append(quote(path))
    return "/" + "/".join(segments)
