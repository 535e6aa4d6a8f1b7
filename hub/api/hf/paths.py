"""How the client protocol spells repositories in addresses."""

from urllib.parse import quote

from django.urls import register_converter

from hub.repos.models import VERSIONED, Repository


class KindConverter:
    """`models` or `datasets`."""

    regex = "|".join(f"{kind}s" for kind in VERSIONED)

    def to_python(self, value: str) -> str:
        return value.removesuffix("s")

    def to_url(self, value: str) -> str:
        return f"{value}s"


def register() -> None:
    """Make `<kinds:...>` known to Django's URL patterns."""
    register_converter(KindConverter, "kinds")


def api_path(repo: Repository, call: str, revision: str, path: str = "") -> str:
    """Return the path of a call on a repository at a revision, and on a file or folder there."""
    address = f"/api/{repo.plural}/{repo.full_name}/{call}/{quote(revision, safe='')}"
    return f"{address}/{quote(path)}" if path else address
