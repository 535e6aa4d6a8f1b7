"""What people do in a discussion besides saying something: keeping order, choosing answers, putting signs under comments, and
reading what a comment said before."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from hub.community.discussions import maintaining, questions
from hub.community.discussions.reactions import set_reaction
from hub.community.errors import CommentHidden, CommentNotFound, NothingChanged, TooManyPinned
from hub.community.models import DiscussionEvent
from hub.community.permissions import get_comment, get_discussion, may_read_history
from hub.core.text import whole_number
from hub.repos.diffs import diff_texts
from hub.repos.models import Repository
from hub.repos.permissions import may_write
from hub.web.pages.repo_head import for_posters, for_readers, repo_page
from hub.web.requests import MemberRequest
from hub.web.thread import SIGNS, events_of, place_of, shown_of, visitor_of


@require_POST
@for_posters
def change(request: MemberRequest, repo: Repository, number: int) -> HttpResponse:
    """Lock or unlock (`locked`: yes or no), pin or unpin (`pinned`), make it a question or a plain discussion (`question`)."""
    found = get_discussion(repo, number)
    wanted = {name: request.POST[name] == "yes" for name in ("locked", "pinned", "question") if name in request.POST}
    if "locked" in wanted:
        _try(request, maintaining.set_locked, discussion=found, actor=request.user, locked=wanted["locked"])
    if "pinned" in wanted:
        _try(request, maintaining.set_pinned, discussion=found, actor=request.user, pinned=wanted["pinned"])
    if "question" in wanted:
        _try(request, questions.set_question, discussion=found, actor=request.user, is_question=wanted["question"])
    return redirect(found)


@require_POST
@for_posters
def react(request: MemberRequest, repo: Repository, number: int, comment_id: str) -> HttpResponse:
    """Put a sign under a comment (`add`), or take it away (`drop`)."""
    found = get_comment(get_discussion(repo, number), comment_id)
    emoji = request.POST.get("add") or request.POST.get("drop", "")
    set_reaction(comment=found, actor=request.user, emoji=emoji, wanted="add" in request.POST)
    return _foot(request, repo, found)


@require_POST
@for_posters
def vote(request: MemberRequest, repo: Repository, number: int, comment_id: str) -> HttpResponse:
    """Hold a comment for a good answer (`wanted`: yes), or no more."""
    found = get_comment(get_discussion(repo, number), comment_id)
    questions.vote(comment=found, actor=request.user, wanted=request.POST.get("wanted") == "yes")
    return _foot(request, repo, found)


def _foot(request: MemberRequest, repo: Repository, comment: DiscussionEvent) -> HttpResponse:
    """Lead back to a comment; scripts get what stands under it now."""
    discussion = comment.discussion
    if request.headers.get("X-Fragment") != "foot":
        return redirect(place_of(discussion, comment, request.user))
    event = events_of(discussion, request.user).get(pk=comment.pk)
    shown = shown_of(visitor_of(request.user, discussion), discussion, [event])[0]
    context = {"repo": repo, "discussion": discussion, "shown": shown, "signs": SIGNS}
    return render(request, "web/discussions/footfragment.html", context)


@require_POST
@for_posters
def accept(request: MemberRequest, repo: Repository, number: int, comment_id: str) -> HttpResponse:
    """Take a comment for the answer to its question (`wanted`: yes), or no more."""
    found = get_comment(get_discussion(repo, number), comment_id)
    discussion = found.discussion
    if request.POST.get("wanted") == "yes":
        _try(request, questions.accept_answer, comment=found, actor=request.user)
    elif discussion.answer_id == found.pk:
        _try(request, questions.take_answer_back, discussion=discussion, actor=request.user)
    discussion.refresh_from_db(fields=["answer"])
    return redirect(place_of(discussion, found, request.user))


@require_POST
@for_posters
def show_again(request: MemberRequest, repo: Repository, number: int, comment_id: str) -> HttpResponse:
    """Take back that a comment was hidden."""
    found = get_comment(get_discussion(repo, number), comment_id)
    _try(request, maintaining.show_comment_again, comment=found, actor=request.user)
    return redirect(place_of(found.discussion, found, request.user))


def _try(request: HttpRequest, act: Callable[..., Any], **what: Any) -> None:
    """Do it, or say why it is as it was: somebody else was faster, most of the time."""
    try:
        act(**what)
    except (NothingChanged, TooManyPinned) as refused:
        messages.info(request, refused.message)


@for_readers
@require_safe
def history(request: HttpRequest, repo: Repository, number: int, comment_id: str) -> HttpResponse:
    """What a comment said before: all its versions, and what became of one of them (`?version=`, from 1; else the newest)."""
    found = get_comment(get_discussion(repo, number), comment_id)
    if not may_read_history(request.user, found, maintains=may_write(request.user, repo)):
        raise CommentHidden(_("This comment has been taken away. What it said before is not shown."))
    versions = found.versions()
    version = whole_number(request.GET.get("version", str(len(versions))), len(versions))
    if not version:
        raise CommentNotFound(_("This comment has no such version."))
    text = versions[version - 1][1]
    before = versions[version - 2][1] if version > 1 else None
    return repo_page(
        request,
        "web/discussions/history.html",
        repo,
        tab="discussions",
        discussion=found.discussion,
        comment=found,
        version=version,
        versions=[(n, at) for n, (at, _text) in enumerate(versions, 1)][::-1],
        text=text,
        diff=None if text is None or before is None else diff_texts(f"{before}\n".encode(), f"{text}\n".encode()),
        back=place_of(found.discussion, found, request.user),
    )
