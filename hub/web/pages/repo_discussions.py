"""Talking about a repository: the list of its discussions, one discussion, and what people do in it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hub.accounts.models import Membership, User
from hub.community import discussions as services
from hub.community import pull_requests
from hub.community.errors import DiscussionNotFound
from hub.community.models import Discussion, DiscussionEvent, PullRequest, Status
from hub.community.permissions import (
    check_may_edit,
    get_comment,
    get_discussion,
    may_edit,
    may_steer,
    may_take_away,
)
from hub.community.text import MAX_TEXT, render_text, render_texts
from hub.core.errors import HubError
from hub.core.links import base_url, repo_path
from hub.core.markdown import Rendered
from hub.repos.git.history import Change
from hub.repos.models import Repository
from hub.repos.permissions import may_fetch, may_write
from hub.web.forms import explain
from hub.web.forms.discussions import CommentForm, DiscussionForm, ReplyForm, TitleForm
from hub.web.pages.composing import preview_fragment, previewed, typed
from hub.web.pages.repo_head import for_posters, for_readers, page_number, page_of, repo_page
from hub.web.requests import MemberRequest

PER_PAGE = 25
EVENTS_PER_PAGE = 100
MAX_FILES = 100  # of a pull request, that its page names


@for_readers
@require_safe
def discussions(request: HttpRequest, repo: Repository) -> HttpResponse:
    """The discussions of a repository, by what happened last; `?status=`, `?q=` words of the title."""
    state = request.GET.get("status", Status.OPEN)
    if state not in (Status.OPEN, Status.CLOSED, "all"):
        raise DiscussionNotFound(_("Discussions are open or closed. There is no other list of them."))
    words = request.GET.get("q", "").strip()[:200]
    everything = Discussion.objects.filter(repository=repo)
    found = everything.titled(words)
    groups = {"open": found.open(), "closed": found.closed()}
    counts = {key: rows.count() for key, rows in groups.items()}
    listed = groups.get(state, found)
    ordered = listed.with_comment_count().select_related("author", "pull_request").order_by("-active_at", "-pk")
    page = page_of(request, ordered, PER_PAGE)
    for row in page.rows:
        row.repository = repo
    return repo_page(
        request,
        "web/discussions/list.html",
        repo,
        tab="discussions",
        discussions=page.rows,
        state=state,
        words=words,
        counts=counts,
        any=bool(sum(counts.values())) or (bool(words) and everything.exists()),
        previous=page.previous,
        next=page.next,
    )


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
    """One discussion with all that happened in it."""
    return _thread(request, repo, get_discussion(repo, number), page=page_number(request))


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
    return redirect(_address_of(found, event))


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
            return redirect(_address_of(found.discussion, found))
    elif request.method == "POST":
        status = 400
    context = {
        "discussion": found.discussion,
        "comment": found,
        "form": form,
        "preview": preview,
        "back": _address_of(found.discussion, found),
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
    return redirect(_address_of(found.discussion, found))


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
    after = request.GET.get("after", "")
    if not after.isascii() or not after.isdecimal() or len(after) > 18:
        raise DiscussionNotFound(_("Reload the page to see what is new."))
    events = list(_events(found).filter(pk__gt=int(after))[:EVENTS_PER_PAGE])
    if not events:
        return HttpResponse(status=204)
    return render(
        request,
        "web/discussions/news.html",
        {"repo": repo, "discussion": found, "events": _shown(request, found, events)},
    )


@dataclass(frozen=True)
class Pull:
    """What the page of a pull request tells of its commits. files: the first MAX_FILES of `count`; address: for git."""

    request: PullRequest
    files: list[Change]
    count: int
    conflicts: list[str]
    has_commits: bool
    address: str

    @property
    def more(self) -> int:
        return self.count - len(self.files)


def _pull(request: HttpRequest, repo: Repository, discussion: Discussion) -> Pull | None:
    if not discussion.is_pull_request:
        return None
    pull = discussion.pull_request
    _first, head, changed = pull_requests.changes_of(pull)
    conflicts = pull_requests.conflicts_of(pull) if discussion.is_open else []
    if not may_fetch(request.user, repo):
        changed, conflicts, head = [], [], None
    address = f"{base_url(request)}{repo_path(repo.kind, repo.full_name)}.git"
    return Pull(pull, changed[:MAX_FILES], len(changed), conflicts, head is not None, address)


@dataclass(frozen=True)
class Shown:
    """An event as one visitor sees it. role: owner, member, author or nothing; rendered: a comment's text."""

    event: DiscussionEvent
    role: str
    rendered: Rendered | None
    own: bool
    may_edit: bool
    may_take_away: bool

    @property
    def has_menu(self) -> bool:
        """Whether there is anything in the comment's menu for everybody: it has been edited."""
        return self.event.edited_at is not None

    @property
    def html(self) -> SafeString | str:
        return self.rendered.html if self.rendered else ""


def _thread(
    request: HttpRequest,
    repo: Repository,
    discussion: Discussion,
    *,
    page: int | None = None,
    reply: CommentForm | None = None,
    renaming: TitleForm | None = None,
    preview: Rendered | None = None,
    status: int = 200,
) -> HttpResponse:
    """Render a discussion. page: from 1; None is the last one, where what is being written stands."""
    total = discussion.events.count()
    last = max(1, -(-total // EVENTS_PER_PAGE))
    page = last if page is None else page
    if page > last:
        raise DiscussionNotFound(_("This discussion has no such page."))
    start = (page - 1) * EVENTS_PER_PAGE
    events = _shown(request, discussion, list(_events(discussion)[start : start + EVENTS_PER_PAGE]))
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
        may_steer=may_steer(request.user, discussion),
        pull=_pull(request, repo, discussion),
        reply=reply or CommentForm(),
        renaming=renaming or TitleForm(initial={"title": discussion.title}, auto_id="rename-%s"),
        preview=preview,
        newest=events[-1].event.pk if events else 0,
        is_last=page == last,
        previous=f"?page={page - 1}" if page > 1 else "",
        next=f"?page={page + 1}" if page < last else "",
    )


def _events(discussion: Discussion) -> Any:
    return discussion.events.select_related("author", "hidden_by").prefetch_related("edits").order_by("pk")


def _shown(request: HttpRequest, discussion: Discussion, events: Iterable[DiscussionEvent]) -> list[Shown]:
    repo, events = discussion.repository, list(events)
    maintains = may_write(request.user, repo)
    organization = repo.namespace.organization
    members: set[int] = set()
    if organization is not None:
        authors = {event.author_id for event in events}
        members = set(
            Membership.objects.filter(organization=organization, user__in=authors).values_list("user_id", flat=True)
        )

    def role(author: User | None) -> str:
        if author is None:
            return ""
        if author.pk == repo.namespace.user_id:
            return "owner"
        if author.pk in members:
            return "member"
        return "author" if author.pk == discussion.author_id else ""

    texts = {e.anchor: e.text for e in events if e.is_comment and not e.hidden}
    rendered = render_texts(repo, texts, reader=request.user)
    return [
        Shown(
            event,
            role(event.author),
            rendered.get(event.anchor),
            event.author_id is not None and event.author_id == request.user.pk,
            event.is_comment and may_edit(request.user, event),
            event.is_comment and may_take_away(request.user, event, maintains=maintains),
        )
        for event in events
    ]


def _address_of(discussion: Discussion, event: DiscussionEvent) -> str:
    """Return where an event is shown: its page and its place there."""
    before = discussion.events.filter(pk__lt=event.pk).count()
    page = before // EVENTS_PER_PAGE + 1
    return f"{discussion.get_absolute_url()}{f'?page={page}' if page > 1 else ''}#{event.anchor}"


def _preview(request: HttpRequest, repo: Repository) -> Rendered | None:
    return previewed(
        request, "text", MAX_TEXT, lambda text: render_text(repo, text, scope="preview", reader=request.user)
    )
