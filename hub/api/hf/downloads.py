"""Telling the catalogue that somebody has taken a repository's files."""

from collections.abc import Iterable

from django.http import HttpRequest

from hub.catalog.services import count_download, note_uses
from hub.repos.models import Kind, Repository

# What a page loads to show itself is no download of the repository.
_SHOWN_IN_PAGES = ("image", "video", "audio")


def note_download(request: HttpRequest, repo: Repository, *, used: Iterable[str] = ()) -> None:
    """Count one download for this caller: a user, or an address. The catalogue counts a caller once an hour.

    used: the commits, where what is fetched is what one uses a model for: weights or other large content, or all of it. It is
    kept of those who are signed in, and tells later that their review is one of verified use.
    """
    if request.headers.get("Sec-Fetch-Dest") in _SHOWN_IN_PAGES:
        return
    user = request.user
    if user.is_authenticated:
        count_download(
            repo=repo, client=f"user {user.pk}", user_id=user.pk, used=used if repo.kind == Kind.MODEL else ()
        )
    else:
        count_download(repo=repo, client=f"address {request.META.get('REMOTE_ADDR', '')}")


def note_clone(request: HttpRequest, repo: Repository, commits: Iterable[str]) -> None:
    """Keep that this caller has taken a model's commits with all that is in them, as note_download keeps files."""
    if request.user.is_authenticated and repo.kind == Kind.MODEL:
        note_uses(repo=repo, user_id=request.user.pk, commits=commits)
