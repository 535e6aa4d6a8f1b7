"""Reviews of a model: what they say together and one by one. What people do with them is in `repo_review_acts.py`."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.template.defaultfilters import floatformat
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from hub.accounts.models import Someone, User
from hub.accounts.permissions import check_may_read_hub
from hub.community.errors import ReviewNotFound
from hub.community.models import Review, ReviewEdit, ReviewVote
from hub.community.models.review import FILLED_IN, MAX_LINE, ORDERS
from hub.community.permissions import check_may_review, get_review
from hub.community.reviews import scoring
from hub.community.reviews.ratings import Ratings, hub, ratings_of
from hub.community.reviews.scoring import ENOUGH
from hub.community.writing.text import render_texts
from hub.core.errors import HubError
from hub.core.markdown import Rendered
from hub.core.text import UNSTORABLE
from hub.repos.git.files import resolve_revision
from hub.repos.models import Release, Repository
from hub.web.forms.reviews import NewReviewForm
from hub.web.pages.repo_head import DEFAULT_BRANCH, for_readers, repo_page
from hub.web.paging import page_of

PER_PAGE = 20
# Releases that the form and the filter offer, the newest first.
MAX_RELEASES = 50
# Earlier versions of one review that its page shows.
MAX_EDITS = 50
SORTS = {
    "helpful": gettext_lazy("Most helpful"),
    "newest": gettext_lazy("Most recent"),
    "highest": gettext_lazy("Best first"),
    "lowest": gettext_lazy("Most critical"),
}
assert set(SORTS) == set(ORDERS)


@dataclass(frozen=True)
class Shown:
    """A review with its texts as HTML. voted: whether the visitor found it helpful."""

    review: Review
    rendered: Rendered | None
    reply: Rendered | None
    voted: bool

    @property
    def html(self) -> SafeString | str:
        return self.rendered.html if self.rendered else ""


@dataclass(frozen=True)
class Choice:
    """A release to filter by, with its score or, where its reviews are too few, none."""

    label: str
    count: int
    score: str
    address: str
    on: bool


@dataclass(frozen=True)
class Asked:
    """What the address asks for. tag: None for all versions. about: words of the use case or the hardware."""

    sort: str
    tag: str | None
    about: str
    verified: bool

    @classmethod
    def of(cls, query: QueryDict) -> "Asked":
        """Raises ReviewNotFound for what no list is."""
        sort, tag, about = query.get("sort", next(iter(SORTS))), query.get("release"), query.get("about", "")
        if sort not in SORTS or UNSTORABLE.search(f"{tag or ''}{about}"):
            raise ReviewNotFound(_("There is no such list of reviews."))
        return cls(sort, tag, about[:MAX_LINE].strip(), query.get("verified") == "1")

    @property
    def narrowed(self) -> bool:
        return bool(self.about) or self.verified


@for_readers
@require_safe
def reviews(request: HttpRequest, repo: Repository) -> HttpResponse:
    """The reviews of a model; `?release=` of one release (empty: of main), `?about=` words, `?verified=1`, `?sort=`.

    Queries: one for what they say together, one for a page of them, one each for the visitor's own and votes.
    Raises ReviewNotFound.
    """
    asked = Asked.of(request.GET)
    ratings = ratings_of(repo)
    everything = Review.objects.filter(repository=repo).with_details()
    listed = everything.shown().about(asked.about)
    if asked.tag is not None:
        listed = listed.of(asked.tag)
    if asked.verified:
        listed = listed.by_users()
    # One's own stand apart, whatever is chosen.
    author = request.user.pk
    mine = list(everything.filter(author=author).sorted_by("newest")) if author else []
    if author:
        listed = listed.filter(~Q(author=author) | Q(author=None))
    page = page_of(request, listed.sorted_by(asked.sort), PER_PAGE)
    shown = shown_of(request.user, repo, [*mine, *page.rows])
    own, others = shown[: len(mine)], shown[len(mine) :]
    reason, form = _form_or_reason(request.user, repo, asked.tag)
    return repo_page(
        request,
        "web/reviews/list.html",
        repo,
        tab="reviews",
        reviews=others,
        mine=own,
        summary=ratings.of(asked.tag),
        enough=ENOUGH,
        choices=_choices(request.GET, ratings, asked.tag),
        asked=asked,
        unverified=_with(request.GET, "verified", None if asked.verified else "1"),
        sorts=SORTS,
        reason=reason,
        form=form,
        has_math=has_math(shown),
        previous=page.previous,
        next=page.next,
    )


@for_readers
@require_safe
def review(request: HttpRequest, repo: Repository, review_id: int) -> HttpResponse:
    """One review, and what it said before. Raises ReviewNotFound."""
    found = get_review(request.user, repo, review_id)
    edits = list(ReviewEdit.objects.filter(review=found).order_by("-pk")[:MAX_EDITS])
    before = [
        Review(
            pk=-edit.pk,
            repository=repo,
            author=found.author,
            created_at=edit.at,
            **{name: edit.said[name] for name in FILLED_IN if name in edit.said},
        )
        for edit in edits
    ]
    shown, *earlier = shown_of(request.user, repo, [found, *before])
    return repo_page(
        request,
        "web/reviews/one.html",
        repo,
        tab="reviews",
        shown=shown,
        own=request.user.is_authenticated and found.author_id == request.user.pk,
        earlier=earlier,
        has_math=has_math([shown, *earlier]),
    )


@require_safe
def score(request: HttpRequest) -> HttpResponse:
    """How the score of a model is made, with the numbers of the formula."""
    check_may_read_hub(request.user)
    facts = {
        "enough": ENOUGH,
        "prior": round(scoring.PRIOR),
        "days": scoring.MATURE.days,
        "window": scoring.WINDOW.days,
        "unverified": scoring.UNVERIFIED,
        "least": scoring.LEAST,
        "mean": hub().mean,
    }
    return render(request, "web/reviews/score.html", facts)


def _form_or_reason(user: Someone, repo: Repository, tag: str | None) -> tuple[HubError | None, NewReviewForm | None]:
    """Return why `user` may not review, or else the form; neither where they have reviewed everything."""
    try:
        check_may_review(user, repo)
    except HubError as error:
        return error, None
    assert isinstance(user, User)
    return None, new_form(user, repo, initial={} if tag is None else {"release": tag})


def new_form(
    user: User, repo: Repository, data: QueryDict | None = None, initial: dict[str, Any] | None = None
) -> NewReviewForm | None:
    """Return the form for what `user` has not reviewed, None where that is nothing."""
    done = Review.objects.filter(repository=repo, author=user)
    releases = list(
        Release.objects.filter(repository=repo)
        .exclude(pk__in=done.filter(release__isnull=False).values("release"))
        .newest_first()[:MAX_RELEASES]
    )
    main = ""
    if not done.of("").exists():
        head = resolve_revision(repo, DEFAULT_BRANCH).oid[:7]
        main = _("main, as it is now (%(commit)s)") % {"commit": head}
    if not releases and not main:
        return None
    newest = releases[0].tag if releases else ""
    return NewReviewForm(data, initial={"release": newest, **(initial or {})}, releases=releases, main=main)


def _choices(query: QueryDict, ratings: Ratings, tag: str | None) -> list[Choice]:
    """Return what can be filtered by: everything, main, and each release that has reviews."""

    def score_of(value: float | None) -> str:
        return "" if value is None else floatformat(value, 1)

    everything = ratings.all
    found = [
        Choice(
            _("All versions"),
            everything.count,
            score_of(everything.score),
            _with(query, "release", None),
            tag is None,
        )
    ]
    for name, summary in list(ratings.releases.items())[:MAX_RELEASES]:
        address = _with(query, "release", name)
        found.append(Choice(name or DEFAULT_BRANCH, summary.count, score_of(summary.score), address, tag == name))
    return found


def _with(query: QueryDict, name: str, value: str | None) -> str:
    """Return the address of the list with one thing changed, from its first page."""
    kept = query.copy()
    kept.pop("page", None)
    kept.pop(name, None)
    if value is not None:
        kept[name] = value
    return f"?{kept.urlencode()}"


def shown_of(user: Someone, repo: Repository, reviews: list[Review]) -> list[Shown]:
    """Return reviews of `repo` as `user` sees them. As many queries for many as for few."""
    texts = {review.anchor: review.text for review in reviews if review.text}
    texts |= {f"{review.anchor}-reply": review.reply for review in reviews if review.reply}
    rendered = render_texts(repo, texts, reader=user)
    voted: set[int] = set()
    if user.is_authenticated and reviews:
        cast = ReviewVote.objects.filter(user=user, review__in=[review.pk for review in reviews])
        voted = set(cast.values_list("review", flat=True))
    return [
        Shown(review, rendered.get(review.anchor), rendered.get(f"{review.anchor}-reply"), review.pk in voted)
        for review in reviews
    ]


def has_math(shown: list[Shown]) -> bool:
    return any(text.has_math for each in shown for text in (each.rendered, each.reply) if text)
