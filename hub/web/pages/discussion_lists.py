"""Lists of discussions: those of one repository, and those of the whole hub. What they show is all in the address."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from hub.accounts.names import MAX_NAMESPACE
from hub.community.errors import DiscussionNotFound
from hub.community.models import Discussion, Status
from hub.community.models.discussion import (
    CLOSED_STATES,
    MAX_SEARCHED,
    MAX_SORTED,
    OPEN_STATES,
    ORDERS,
    DiscussionQuerySet,
)
from hub.repos.models import Repository
from hub.web.pages.repo_head import for_readers, repo_page
from hub.web.paging import page_number, page_of

PER_PAGE = 25
# Of the list of the whole hub: further back, a filter finds more than turning pages does.
MAX_PAGES = 40
MAX_WORDS = 200  # characters
TYPES = {
    "": gettext_lazy("All"),
    "discussion": gettext_lazy("Discussions"),
    "question": gettext_lazy("Questions"),
    "unanswered": gettext_lazy("Unanswered"),
    "pull_request": gettext_lazy("Pull requests"),
}
SORTS = dict(
    zip(
        ORDERS,
        (
            gettext_lazy("Recently active"),
            gettext_lazy("Newest"),
            gettext_lazy("Most comments"),
            gettext_lazy("Most reactions"),
        ),
        strict=True,
    )
)


@dataclass(frozen=True)
class Asked:
    """What a list is asked for. status: open, closed or all; kind: one of TYPES; author: a user name."""

    status: str
    kind: str
    sort: str
    words: str
    author: str

    @property
    def narrow(self) -> bool:
        """Whether anything but the status leaves some out."""
        return bool(self.kind or self.words or self.author)

    def of_any_status(self, rows: DiscussionQuerySet) -> DiscussionQuerySet:
        if self.kind == "pull_request":
            rows = rows.pull_requests()
        elif self.kind == "discussion":
            rows = rows.pull_requests(False).filter(is_question=False)
        elif self.kind == "question":
            rows = rows.filter(is_question=True)
        elif self.kind == "unanswered":
            rows = rows.unanswered()
        if self.author:
            rows = rows.by(self.author)
        return rows.lately(MAX_SEARCHED).titled(self.words) if self.words else rows

    def of_status(self, rows: DiscussionQuerySet) -> DiscussionQuerySet:
        return {Status.OPEN.value: rows.open, Status.CLOSED.value: rows.closed}.get(self.status, rows.all)()


def asked_of(request: HttpRequest) -> Asked:
    """Return what the address asks for. Raises DiscussionNotFound for words that no list knows."""
    asked = request.GET
    status = asked.get("status", Status.OPEN)
    if status not in (Status.OPEN, Status.CLOSED, "all"):
        raise DiscussionNotFound(_("Discussions are open or closed. There is no other list of them."))
    kind, sort = asked.get("type", ""), asked.get("sort", ORDERS[0])
    if kind not in TYPES or sort not in ORDERS:
        raise DiscussionNotFound(_("There is no such list of discussions. Begin at the one of all."))
    words, author = asked.get("q", "").strip()[:MAX_WORDS], asked.get("author", "").strip()[:MAX_NAMESPACE]
    if "\0" in words + author:
        raise DiscussionNotFound(_("There is no such list of discussions. Begin at the one of all."))
    return Asked(status, kind, sort, words, author)


def _shown(asked: Asked) -> dict[str, Any]:
    """Return what both pages say of what they show."""
    return {
        "asked": asked,
        "types": TYPES,
        "sorts": SORTS,
        "sorted_among": MAX_SORTED if asked.sort in ORDERS[2:] else 0,
    }


@for_readers
@require_safe
def of_repo(request: HttpRequest, repo: Repository) -> HttpResponse:
    """The discussions of a repository, what is pinned first: `?status=`, `?type=`, `?author=`, `?q=` words, `?sort=`."""
    asked = asked_of(request)
    everything = Discussion.objects.filter(repository=repo)
    found = asked.of_any_status(everything)
    counts = found.aggregate(
        open=Count("pk", filter=Q(status__in=OPEN_STATES)), closed=Count("pk", filter=Q(status__in=CLOSED_STATES))
    )
    rows = asked.of_status(found).sorted_by(asked.sort)
    rows = rows.order_by(F("pinned_at").desc(nulls_last=True), *rows.query.order_by)
    page = page_of(request, rows.with_comment_count().select_related("author", "pull_request"), PER_PAGE)
    for row in page.rows:
        row.repository = repo
    return repo_page(
        request,
        "web/discussions/list.html",
        repo,
        tab="discussions",
        discussions=page.rows,
        counts=counts,
        any=bool(sum(counts.values())) or (asked.narrow and everything.exists()),
        previous=page.previous,
        next=page.next,
        **_shown(asked),
    )


@require_safe
def of_hub(request: HttpRequest) -> HttpResponse:
    """What people talk about on the whole hub, as far as the visitor may read it; the parameters are those of `of_repo`."""
    asked = asked_of(request)
    if page_number(request) > MAX_PAGES:
        raise DiscussionNotFound(_("This list has no such page. Begin at its first one."))
    rows = asked.of_status(asked.of_any_status(Discussion.objects.visible_to(request.user))).sorted_by(asked.sort)
    rows = rows.with_comment_count().select_related("author", "pull_request", "repository__namespace")
    page = page_of(request, rows, PER_PAGE)
    return render(
        request,
        "web/discussions/everywhere.html",
        {
            "nav": "discussions",
            "discussions": page.rows,
            "previous": page.previous,
            "next": page.next if page_number(request) < MAX_PAGES else "",
            "is_cut": bool(page.next) and page_number(request) == MAX_PAGES,
            **_shown(asked),
        },
    )
