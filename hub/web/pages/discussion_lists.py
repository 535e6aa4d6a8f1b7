"""Lists of discussions: those of one repository, and those of the whole hub. What they show is all in the address."""

from dataclasses import dataclass
from typing import Any

from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from hub.accounts.names import MAX_NAMESPACE
from hub.community.discussions.search import MAX_HITS, Found, marked, search
from hub.community.errors import DiscussionNotFound
from hub.community.models import Discussion, Status
from hub.community.models.discussion import MAX_SORTED, ORDERS, DiscussionQuerySet
from hub.core.words import MAX_QUERY
from hub.repos.models import Repository
from hub.web.pages.repo_head import for_readers, repo_page
from hub.web.paging import page_number, page_of

PER_PAGE = 25
# Of the list of the whole hub: further back, a filter finds more than turning pages does.
MAX_PAGES = 40
TYPES = {
    "": gettext_lazy("All"),
    "discussion": gettext_lazy("Discussions"),
    "question": gettext_lazy("Questions"),
    "unanswered": gettext_lazy("Unanswered"),
    "pull_request": gettext_lazy("Pull requests"),
}
# With words to look for, and then the first choice.
RELEVANCE = "relevance"
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

    @property
    def usual_sort(self) -> str:
        return RELEVANCE if self.words else ORDERS[0]

    @property
    def sorts(self) -> dict[str, Any]:
        return {RELEVANCE: _("Best match"), **SORTS} if self.words else SORTS

    def in_order(self, rows: DiscussionQuerySet) -> DiscussionQuerySet:
        if self.sort == RELEVANCE:
            return rows.order_by(F("relevance").desc(), "-active_at", "-pk")
        return rows.sorted_by(self.sort)

    def of_any_status(self, rows: DiscussionQuerySet) -> DiscussionQuerySet:
        if self.kind == "pull_request":
            rows = rows.pull_requests()
        elif self.kind == "discussion":
            rows = rows.pull_requests(False).filter(is_question=False)
        elif self.kind == "question":
            rows = rows.filter(is_question=True)
        elif self.kind == "unanswered":
            rows = rows.unanswered()
        return rows.by(self.author) if self.author else rows

    def of_status(self, rows: DiscussionQuerySet) -> DiscussionQuerySet:
        return {Status.OPEN.value: rows.open, Status.CLOSED.value: rows.closed}.get(self.status, rows.all)()


def asked_of(request: HttpRequest) -> Asked:
    """Return what the address asks for. Raises DiscussionNotFound for words that no list knows."""
    asked = request.GET
    status = asked.get("status", Status.OPEN)
    if status not in (Status.OPEN, Status.CLOSED, "all"):
        raise DiscussionNotFound(_("Discussions are open or closed. There is no other list of them."))
    words = " ".join(asked.get("q", "").replace("\0", " ").split())[:MAX_QUERY]
    kind, sort = asked.get("type", ""), asked.get("sort", "")
    # An address that loses its words keeps its meaning.
    sort = sort if sort and (words or sort != RELEVANCE) else RELEVANCE if words else ORDERS[0]
    if kind not in TYPES or sort not in (RELEVANCE, *ORDERS):
        raise DiscussionNotFound(_("There is no such list of discussions. Begin at the one of all."))
    author = asked.get("author", "").strip()[:MAX_NAMESPACE]
    if "\0" in author:
        raise DiscussionNotFound(_("There is no such list of discussions. Begin at the one of all."))
    return Asked(status, kind, sort, words, author)


def _shown(asked: Asked, found: Found | None, rows: list[Discussion]) -> dict[str, Any]:
    """Return what both pages say of what they show, and have each row tell where it says what was looked for."""
    if found is not None:
        excerpts = found.excerpts(rows)
        for row in rows:
            row.pieces = marked(row.title, found.terms)  # type: ignore[attr-defined]
            row.excerpt = excerpts.get(row.pk)  # type: ignore[attr-defined]
    return {
        "asked": asked,
        "types": TYPES,
        "sorted_among": MAX_SORTED if asked.sort in ORDERS[2:] else 0,
        "searched_among": MAX_HITS if found is not None and found.capped else 0,
        "no_words": found is not None and not found.terms,
    }


@for_readers
@require_safe
def of_repo(request: HttpRequest, repo: Repository) -> HttpResponse:
    """The discussions of a repository, what is pinned first: `?status=`, `?type=`, `?author=`, `?q=` words, `?sort=`."""
    asked = asked_of(request)
    everything = Discussion.objects.filter(repository=repo)
    among = asked.of_any_status(everything)
    found = search(among, asked.words) if asked.words else None
    if found is not None:
        among = found.discussions
    counts = among.counted()
    rows = asked.in_order(asked.of_status(among))
    if found is None:
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
        **_shown(asked, found, page.rows),
    )


@require_safe
def of_hub(request: HttpRequest) -> HttpResponse:
    """What people talk about on the whole hub, as far as the visitor may read it; the parameters are those of `of_repo`."""
    asked = asked_of(request)
    if page_number(request) > MAX_PAGES:
        raise DiscussionNotFound(_("This list has no such page. Begin at its first one."))
    among = asked.of_any_status(Discussion.objects.visible_to(request.user))
    found = search(among, asked.words) if asked.words else None
    if found is not None:
        among = found.discussions
    rows = asked.in_order(asked.of_status(among))
    rows = rows.with_comment_count().select_related("author", "pull_request", "repository__namespace")
    page = page_of(request, rows, PER_PAGE)
    return render(
        request,
        "web/discussions/everywhere.html",
        {
            "nav": "discussions",
            "discussions": page.rows,
            # Of all that there is, they would take a look at each.
            "counts": among.counted() if found is not None else None,
            "previous": page.previous,
            "next": page.next if page_number(request) < MAX_PAGES else "",
            "is_cut": bool(page.next) and page_number(request) == MAX_PAGES,
            **_shown(asked, found, page.rows),
        },
    )
