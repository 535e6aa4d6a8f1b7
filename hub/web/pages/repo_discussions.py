"""Talking about a repository: one discussion, and what people say in it. What else they do there is in
`repo_discussion_acts.py`; lists are in `discussion_lists.py`."""

from django.contrib import messages
from django.db.models import Count, Max, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hub.accounts.models import User
from hub.community.discussions import services
from hub.community.errors import DiscussionNotFound
from hub.community.models import Discussion, EventKind
from hub.community.notifications.telling import head_last_seen, mark_thread_read
from hub.community.permissions import check_may_edit, get_comment, get_discussion
from hub.community.writing.text import MAX_TEXT, render_text
from hub.core.errors import HubError
from hub.core.markdown import Rendered
from hub.core.text import whole_number
from hub.repos.models import Repository
from hub.web.composing import preview_fragment, previewed, typed
from hub.web.forms import explain
from hub.web.forms.discussions import CommentForm, DiscussionForm, ReplyForm, TitleForm
from hub.web.pages.repo_head import for_posters, for_readers, repo_page
from hub.web.paging import page_number
from hub.web.pull_panel import panel_of
from hub.web.requests import MemberRequest
from hub.web.thread import PER_PAGE, SIGNS, events_of, place_of, shown_of, visitor_of


@require_http_methods(["GET", "HEAD", "POST"])
@for_posters
def new(request: MemberRequest, repo: Repository) -> HttpResponse:
    """Open a discussion."""
    form = DiscussionForm(request.POST or None)
    preview = _preview(request, repo)
    if fragment := preview_fragment(request, preview):
        return fragment
    if preview:
        form = DiscussionForm(initial=typed(request, form))
    elif request.method == "POST" and form.is_valid():
        try:
            made = services.open_discussion(repo=repo, actor=request.user, **form.cleaned_data)
        except HubError as error:
            explain(form, error)
            return _new(request, repo, form, status=error.status)
        return redirect(made)
    return _new(request, repo, form, preview=preview, status=400 if form.is_bound else 200)


def _new(
    request: MemberRequest, repo: Repository, form: DiscussionForm, preview: Rendered | None = None, status: int = 200
) -> HttpResponse:
    return repo_page(
        request,
        "web/discussions/new.html",
        repo,
        tab="discussions",
        status=status,
        form=form,
        preview=preview,
        max_text=MAX_TEXT,
    )


@for_readers
@require_safe
def discussion(request: HttpRequest, repo: Repository, number: int) -> HttpResponse:
    """One discussion with all that happened in it; `?order=votes` for a question, `?event=` leads to where that is shown."""
    found = get_discussion(repo, number)
    if wanted := whole_number(request.GET.get("event", "")):
        event = found.events.readable_by(request.user).filter(pk=wanted).first()
        if event is not None:
            return redirect(place_of(found, event, request.user))
    seen = None
    if isinstance(request.user, User):
        if found.is_pull_request:
            seen = head_last_seen(request.user, found)
        mark_thread_read(request.user, found)
    return _thread(request, repo, found, page=page_number(request), seen=seen)


@require_http_methods(["GET", "HEAD", "POST"])
@for_posters
def comment(request: MemberRequest, repo: Repository, number: int) -> HttpResponse:
    """Say something; `status` closes or reopens as well."""
    found = get_discussion(repo, number)
    if request.method != "POST":
        # Where the log-in leads whose session ended while they wrote.
        return redirect(found)
    form = ReplyForm(request.POST)
    preview = _preview(request, repo)
    if fragment := preview_fragment(request, preview):
        return fragment
    if preview:
        return _thread(request, repo, found, reply=CommentForm(initial=typed(request, form)), preview=preview)
    if not form.is_valid():
        return _thread(request, repo, found, reply=form, status=400)
    text, wanted = form.cleaned_data["text"], form.cleaned_data["status"]
    try:
        if wanted:
            event = services.set_status(discussion=found, actor=request.user, status=wanted, text=text)
        else:
            event = services.post_comment(discussion=found, actor=request.user, text=text)
    except HubError as error:
        explain(form, error)
        found.refresh_from_db()
        return _thread(request, repo, found, reply=form, status=error.status)
    return redirect(place_of(found, event, request.user))


@require_http_methods(["GET", "HEAD", "POST"])
@for_posters
def edit(request: MemberRequest, repo: Repository, number: int, comment_id: str) -> HttpResponse:
    """Put another text in place of one's own comment; scripts fetch the form alone. Raises NotYourComment, CommentHidden."""
    found = get_comment(get_discussion(repo, number), comment_id)
    check_may_edit(request.user, found)
    form = CommentForm(request.POST or None, initial={"text": found.text}, auto_id=f"edit-{found.pk}-%s")
    status = 200
    preview = _preview(request, repo)
    if fragment := preview_fragment(request, preview):
        return fragment
    if preview:
        form = CommentForm(initial=typed(request, form), auto_id=form.auto_id)
    elif request.method == "POST" and form.is_valid():
        try:
            services.edit_comment(comment=found, actor=request.user, text=form.cleaned_data["text"])
        except HubError as error:
            explain(form, error)
            status = error.status
        else:
            return redirect(place_of(found.discussion, found, request.user))
    elif request.method == "POST":
        status = 400
    context = {
        "discussion": found.discussion,
        "comment": found,
        "form": form,
        "preview": preview,
        "back": place_of(found.discussion, found, request.user),
    }
    if request.headers.get("X-Fragment") == "form":
        return render(request, "web/discussions/editform.html", {"repo": repo, **context}, status=status)
    return repo_page(request, "web/discussions/edit.html", repo, tab="discussions", status=status, **context)


@require_POST
@for_posters
def take_away(request: MemberRequest, repo: Repository, number: int, comment_id: str) -> HttpResponse:
    """Delete one's own comment, or hide somebody's."""
    found = get_comment(get_discussion(repo, number), comment_id)
    services.take_comment_away(comment=found, actor=request.user)
    return redirect(place_of(found.discussion, found, request.user))


@require_POST
@for_posters
def rename(request: MemberRequest, repo: Repository, number: int) -> HttpResponse:
    """Give a discussion another title."""
    found = get_discussion(repo, number)
    form = TitleForm(request.POST, auto_id="rename-%s")
    status = 400
    if form.is_valid():
        try:
            services.rename_discussion(discussion=found, actor=request.user, **form.cleaned_data)
        except HubError as error:
            if error.field != "title":
                raise
            explain(form, error)
            status = error.status
        else:
            messages.success(request, _("The discussion has another title now."))
            return redirect(found)
    return _thread(request, repo, found, renaming=form, status=status)


@for_readers
@require_safe
def news(request: HttpRequest, repo: Repository, number: int) -> HttpResponse:
    """What happened after the event `?after=`, as a piece of the page; 204 where nothing did. Open pages ask for it."""
    found = get_discussion(repo, number)
    after = whole_number(request.GET.get("after", ""))
    if after is None:
        raise DiscussionNotFound(_("Reload the page to see what is new."))
    events = list(events_of(found, request.user).filter(pk__gt=after).order_by("pk")[:PER_PAGE])
    if not events:
        return HttpResponse(status=204)
    visitor = visitor_of(request.user, found)
    return render(
        request,
        "web/discussions/news.html",
        {
            "repo": repo,
            "discussion": found,
            "events": shown_of(visitor, found, events),
            "newest": events[-1].pk,
            "signs": SIGNS,
        },
    )


def _thread(
    request: HttpRequest,
    repo: Repository,
    discussion: Discussion,
    *,
    page: int | None = None,
    reply: CommentForm | None = None,
    renaming: TitleForm | None = None,
    preview: Rendered | None = None,
    seen: str | None = None,
    status: int = 200,
) -> HttpResponse:
    """Render a discussion. page: from 1; None is the last one, where what is being written stands. seen: the head that a pull
    request had when the visitor last looked."""
    readable = events_of(discussion, request.user)
    by_votes = discussion.is_question and request.GET.get("order") == "votes"
    ordered = readable.answers_by_votes(discussion) if by_votes else readable.in_order(discussion)
    told = discussion.events.readable_by(request.user).aggregate(
        comments=Count("pk", filter=Q(kind=EventKind.COMMENT)), all=Count("pk"), newest=Max("pk")
    )
    last = max(1, -(-told["comments" if by_votes else "all"] // PER_PAGE))
    page = last if page is None else page
    if page > last:
        raise DiscussionNotFound(_("This discussion has no such page."))
    start = (page - 1) * PER_PAGE
    visitor = visitor_of(request.user, discussion)
    events = shown_of(visitor, discussion, ordered[start : start + PER_PAGE])
    return repo_page(
        request,
        "web/discussions/thread.html",
        repo,
        tab="discussions",
        status=status,
        discussion=discussion,
        events=events,
        people=list({e.event.author.pk: e.event.author for e in events if e.event.author}.values()),
        has_math=any(e.rendered.has_math for e in events if e.rendered) or bool(preview and preview.has_math),
        visitor=visitor,
        may_steer=visitor.steers,
        signs=SIGNS,
        by_votes=by_votes,
        pull=panel_of(request, repo, discussion, seen=seen),
        reply=reply or CommentForm(),
        renaming=renaming or TitleForm(initial={"title": discussion.title}, auto_id="rename-%s"),
        preview=preview,
        newest=told["newest"] or 0,
        is_last=page == last,
        previous=_page(page - 1, by_votes) if page > 1 else "",
        next=_page(page + 1, by_votes) if page < last else "",
    )


def _page(number: int, by_votes: bool) -> str:
    return f"?{'order=votes&' if by_votes else ''}page={number}"


def _preview(request: HttpRequest, repo: Repository) -> Rendered | None:
    return previewed(
        request, "text", MAX_TEXT, lambda text: render_text(repo, text, scope="preview", reader=request.user)
    )
