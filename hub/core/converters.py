"""URL converters for paths that `hub.core.rawpath` left partly encoded."""

from urllib.parse import quote

from django.urls import register_converter


def _decode(value: str) -> str:
    return value.replace("%2F", "/").replace("%2f", "/").replace("%25", "%")


class RevisionConverter:
    """One segment that may hold encoded slashes: a branch, a tag, `refs/pr/3` or a commit."""

    regex = "[^/]+"

    def to_python(self, value: str) -> str:
        return _decode(value)

    def to_url(self, value: str) -> str:
        return quote(value, safe="")


class FilePathConverter:
    """The rest of the path: a file or folder, its slashes encoded or not."""

    regex = ".+"

    def to_python(self, value: str) -> str:
        return _decode(value)

    def to_url(self, value: str) -> str:
        return quote(value)


def register() -> None:
    """Make `<rev:...>` and `<file:...>` known to Django's URL patterns."""
    register_converter(RevisionConverter, "rev")
    register_converter(FilePathConverter, "file")
