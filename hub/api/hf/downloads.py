"""Telling the catalogue that somebody has taken a repository's files."""

from django.http import HttpRequest

from hub.catalog.services import count_download
from hub.repos.models import Repository

# What a page loads to show itself is no download of the repository.
_SHOWN_IN_PAGES = ("image", "video", "audio")


def note_download(request: HttpRequest, repo: Repository) -> None:
    """Count one download for this caller: a user, or an address. The catalogue counts a caller once an hour."""
    if request.headers.get("Sec-Fetch-Dest") in _SHOWN_IN_PAGES:
        return
    user = request.user
    caller = f"user {user.pk}" if user.is_authenticated else f"address {request.META.get('REMOTE_ADDR', '')}"
    count_download(repo=repo, client=caller)
