"""Reviews of a model: what they say together and one by one, and writing, changing and deleting one's own."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.utils.formats import number_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from hub.accounts.models import Someone, User
from hub.community import reviews as services
from hub.community.errors import ReviewExists, ReviewNotFound
from hub.community.models import Review
from hub.community.models.review import ENOUGH, MAX_REVIEW, ORDERS
from hub.community.permissions import check_may_review, get_own_review
from hub.community.text import render_text, render_texts
from hub.core.errors import HubError
from hub.core.links import repo_path
from hub.core.markdown import Rendered
from hub.core.text import UNSTORABLE
from hub.repos.git.files import resolve_revision
from hub.repos.models import Release, Repository
from hub.web.forms import explain
from hub.web.forms.reviews import NewReviewForm, ReviewForm
from hub.web.pages.composing import preview_fragment, previewed, typed
from hub.web.pages.repo_head import DEFAULT_BRANCH, for_posters, for_readers, page_of, repo_page
from hub.web.requests import MemberRequest

PER_PAGE = 20
# Releases that the form and the filter offer, the newest first.
MAX_RELEASES = 50
SORTS = {
    "newest": gettext_lazy("Most recent"),
    "highest": gettext_lazy("Best first"),
    "lowest": gettext_lazy("Worst first"),
}
assert tuple(SORTS) == ORDERS


@dataclass(frozen=True)
class Shown:
    """A review with its text as HTML."""

    review: Review
    rendered: Rendered | None

    @property
    def html(self) -> SafeString | str:
        return self.rendered.html if self.rendered else ""


@dataclass(frozen=True)
class Choice:
    """A release to filter by, with its mean or, where they are too few, none."""

    label: str
    count: int
    mean: str
    address: str
    on: bool


@for_readers
@require_safe
def reviews(request: HttpRequest, repo: Repository) -> HttpResponse:
    """The reviews of a model; `?release=` of one release (empty: of main), `?sort=`. Raises ReviewNotFound."""
    sort = request.GET.get("sort", ORDERS[0])
    tag = request.GET.get("release")
    if sort not in SORTS or (tag and UNSTORABLE.search(tag)):
        raise ReviewNotFound(_("There is no such list of reviews."))
    everything = Review.objects.filter(repository=repo)
    chosen = everything if tag is None else everything.of(tag)
    summary = chosen.counted().summary()
    total = chosen.count()
    # One's own stand apart, whatever is chosen.
    author = request.user.pk
    mine = list(everything.filter(author=author).select_related("author").sorted_by("newest")) if author else []
    page = page_of(request, chosen.exclude(author=author).select_related("author").sorted_by(sort), PER_PAGE)
    shown = _shown(request, repo, [*mine, *page.rows])
    own, listed = shown[: len(mine)], shown[len(mine) :]
    reason, form = _form_or_reason(request.user, repo, tag)
    return repo_page(
        request,
        "web/reviews/list.html",
        repo,
        tab="reviews",
        reviews=listed,
        mine=own,
        summary=summary,
        total=total,
        uncounted=total - summary.count,
        enough=ENOUGH,
        choices=_choices(request.GET, everything, tag),
        sort=sort,
        sorts=SORTS,
        reason=reason,
        form=form,
        has_math=any(each.rendered.has_math for each in shown if each.rendered),
        previous=page.previous,
        next=page.next,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@for_posters
def new(request: MemberRequest, repo: Repository) -> HttpResponse:
    """Write a review. Raises what check_may_review raises, and ReviewExists where everything is reviewed."""
    check_may_review(request.user, repo)
    form = _new_form(request.user, repo, request.POST if request.method == "POST" else None)
    if form is None:
        raise ReviewExists(_("You have reviewed every version of this model. Edit one of your reviews."))
    preview, status = _preview(request, repo), 200
    if fragment := preview_fragment(request, preview):
        return fragment
    if preview:
        form = _new_form(request.user, repo, initial=typed(request, form))
    elif form.is_bound:
        status = 400
        if form.is_valid():
            sent = form.cleaned_data
            try:
                made = services.post_review(
                    repo=repo, author=request.user, stars=sent["stars"], text=sent["text"], tag=sent["release"]
                )
            except HubError as error:
                explain(form, error)
                status = error.status
            else:
                messages.success(request, _("Your review is there. You can change it at any time."))
                return redirect(_address(repo, made))
    return _form_page(request, repo, form, preview, status)


@require_http_methods(["GET", "HEAD", "POST"])
@for_posters
def edit(request: MemberRequest, repo: Repository, review_id: int) -> HttpResponse:
    """Put other stars and words in place. Raises ReviewNotFound, NotYourReview, OwnModel."""
    review = get_own_review(request.user, repo, review_id)
    check_may_review(request.user, repo)
    form = ReviewForm(initial={"stars": review.stars, "text": review.text})
    preview, status = _preview(request, repo), 200
    if fragment := preview_fragment(request, preview):
        return fragment
    if preview:
        form = ReviewForm(initial=typed(request, form))
    elif request.method == "POST":
        form, status = ReviewForm(request.POST), 400
        if form.is_valid():
            try:
                services.edit_review(review=review, **form.cleaned_data)
            except HubError as error:
                explain(form, error)
                status = error.status
            else:
                messages.success(request, _("Your review is changed."))
                return redirect(_address(repo, review))
    return _form_page(request, repo, form, preview, status, review=review)


@require_http_methods(["GET", "HEAD", "POST"])
@for_posters
def delete(request: MemberRequest, repo: Repository, review_id: int) -> HttpResponse:
    """Ask, then delete one's own review."""
    review = get_own_review(request.user, repo, review_id)
    if request.method == "POST":
        services.delete_review(review=review)
        messages.success(request, _("Your review is deleted."))
        return redirect(_address(repo))
    return repo_page(request, "web/reviews/delete.html", repo, tab="reviews", review=review)


def _form_page(
    request: MemberRequest,
    repo: Repository,
    form: ReviewForm | None,
    preview: Rendered | None,
    status: int,
    review: Review | None = None,
) -> HttpResponse:
    return repo_page(
        request,
        "web/reviews/form.html",
        repo,
        tab="reviews",
        status=status,
        form=form,
        preview=preview,
        review=review,
    )


def _form_or_reason(user: Someone, repo: Repository, tag: str | None) -> tuple[HubError | None, NewReviewForm | None]:
    """Return why `user` may not review, or else the form; neither where they have reviewed everything."""
    try:
        check_may_review(user, repo)
    except HubError as error:
        return error, None
    assert isinstance(user, User)
    return None, _new_form(user, repo, initial={} if tag is None else {"release": tag})


def _new_form(
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


def _choices(query: QueryDict, everything: Any, tag: str | None) -> list[Choice]:
    """Return what can be filtered by: everything, main, and each release that has reviews."""
    rows = everything.counted().by_tag()
    found = [Choice(_("All versions"), sum(count for _tag, count, _mean in rows), "", _with(query, None), tag is None)]
    for name, count, mean in rows[:MAX_RELEASES]:
        shown = number_format(mean, decimal_pos=1) if count >= ENOUGH else ""
        found.append(Choice(name or DEFAULT_BRANCH, count, shown, _with(query, name), tag == name))
    return found


def _with(query: QueryDict, tag: str | None) -> str:
    kept = query.copy()
    kept.pop("page", None)
    kept.pop("release", None)
    if tag is not None:
        kept["release"] = tag
    return f"?{kept.urlencode()}"


def _shown(request: HttpRequest, repo: Repository, reviews: list[Review]) -> list[Shown]:
    texts = {review.anchor: review.text for review in reviews if review.text}
    rendered = render_texts(repo, texts, reader=request.user)
    return [Shown(review, rendered.get(review.anchor)) for review in reviews]


def _preview(request: HttpRequest, repo: Repository) -> Rendered | None:
    return previewed(
        request, "text", MAX_REVIEW, lambda text: render_text(repo, text, scope="preview", reader=request.user)
    )


def _address(repo: Repository, review: Review | None = None) -> str:
    return repo_path(repo.kind, repo.full_name, "reviews") + (f"#{review.anchor}" if review else "")
