"""A URL converter for the words that follow a repository in addresses: what stands before one is the repository's name."""

from django.urls import register_converter

from hub.repos.names import RESERVED_REPOS


class RepoWordConverter:
    """A word that no repository can have for its name, so that `gpt2/tree/...` can only mean the short name `gpt2`."""

    regex = "|".join(sorted(RESERVED_REPOS, key=len, reverse=True))

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


def register() -> None:
    """Make `<repoword:...>` known to Django's URL patterns."""
    register_converter(RepoWordConverter, "repoword")
