"""What people do with reviews: writing, changing and deleting one's own, finding one helpful, answering one. Reading them is in
`repo_reviews.py`."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from hub.community.errors import ReviewExists
from hub.community.models import Review
from hub.community.models.review import FILLED_IN, MAX_REPLY, MAX_REVIEW
from hub.community.permissions import check_may_review, get_own_review, get_review
from hub.community.reviews import services
from hub.community.writing.text import render_text
from hub.core.errors import HubError
from hub.core.links import repo_path
from hub.core.markdown import Rendered
from hub.repos.models import Repository
from hub.web.composing import preview_fragment, previewed, typed
from hub.web.forms import explain
from hub.web.forms.reviews import ReplyForm, ReviewForm
from hub.web.pages.repo_head import for_posters, for_writers, repo_page
from hub.web.pages.repo_reviews import has_math, new_form, shown_of
from hub.web.requests import MemberRequest


@require_http_methods(["GET", "HEAD", "POST"])
@for_posters
def new(request: MemberRequest, repo: Repository) -> HttpResponse:
    """Write a review. Raises what check_may_review raises, and ReviewExists where everything is reviewed."""
    check_may_review(request.user, repo)
    form = new_form(request.user, repo, request.POST if request.method == "POST" else None)
    if form is None:
        raise ReviewExists(_("You have reviewed every version of this model. Edit one of your reviews."))
    preview, status = _preview(request, repo), 200
    if fragment := preview_fragment(request, preview):
        return fragment
    if preview:
        form = new_form(request.user, repo, initial=typed(request, form))
    elif form.is_bound:
        status = 400
        if form.is_valid():
            sent = form.cleaned_data
            try:
                made = services.post_review(repo=repo, author=request.user, tag=sent.pop("release"), **_said(sent))
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
    form = ReviewForm(initial={name: getattr(review, name) for name in FILLED_IN})
    preview, status = _preview(request, repo), 200
    if fragment := preview_fragment(request, preview):
        return fragment
    if preview:
        form = ReviewForm(initial=typed(request, form))
    elif request.method == "POST":
        form, status = ReviewForm(request.POST), 400
        if form.is_valid():
            try:
                services.edit_review(review=review, actor=request.user, **_said(form.cleaned_data))
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
        services.delete_review(review=review, actor=request.user)
        messages.success(request, _("Your review is deleted."))
        return redirect(_address(repo))
    return repo_page(request, "web/reviews/delete.html", repo, tab="reviews", review=review)


@require_POST
@for_posters
def vote(request: MemberRequest, repo: Repository, review_id: int) -> HttpResponse:
    """Find a review helpful (`helpful=1`), or no more (`helpful=0`)."""
    found = get_review(request.user, repo, review_id)
    services.vote_review(review=found, actor=request.user, helpful=request.POST.get("helpful") == "1")
    # Back to where they read: the list as it was filtered, or the review's own page.
    back = request.POST.get("back", "")[:2000]
    page = _address(repo) + f"?{back}" if back else _address(repo, below=str(found.pk))
    return HttpResponseRedirect(f"{page}#{found.anchor}")


@require_http_methods(["GET", "HEAD", "POST"])
@for_writers
def reply(request: MemberRequest, repo: Repository, review_id: int) -> HttpResponse:
    """Answer a review for the model's owner, or change the answer."""
    found = get_review(request.user, repo, review_id)
    form, status = ReplyForm(initial={"text": found.reply}), 200
    preview = _preview(request, repo, MAX_REPLY)
    if fragment := preview_fragment(request, preview):
        return fragment
    if preview:
        form = ReplyForm(initial=typed(request, form))
    elif request.method == "POST":
        form, status = ReplyForm(request.POST), 400
        if form.is_valid():
            try:
                services.reply_to_review(review=found, actor=request.user, text=form.cleaned_data["text"])
            except HubError as error:
                explain(form, error)
                status = error.status
            else:
                messages.success(request, _("Your reply stands below the review."))
                return redirect(_address(repo, found, below=str(found.pk)))
    (shown,) = shown_of(request.user, repo, [found])
    return repo_page(
        request,
        "web/reviews/reply.html",
        repo,
        tab="reviews",
        status=status,
        form=form,
        preview=preview,
        shown=shown,
        has_math=has_math([shown]),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@for_writers
def delete_reply(request: MemberRequest, repo: Repository, review_id: int) -> HttpResponse:
    """Ask, then take the owner's answer away."""
    found = get_review(request.user, repo, review_id)
    if request.method == "POST":
        services.delete_reply(review=found, actor=request.user)
        messages.success(request, _("The reply is deleted."))
        return redirect(_address(repo, found, below=str(found.pk)))
    return repo_page(request, "web/reviews/delete_reply.html", repo, tab="reviews", review=found)


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


def _said(sent: dict[str, Any]) -> services.Said:
    return services.Said(**{name: sent[name] for name in FILLED_IN})  # type: ignore[typeddict-item]


def _preview(request: HttpRequest, repo: Repository, limit: int = MAX_REVIEW) -> Rendered | None:
    return previewed(request, "text", limit, lambda text: render_text(repo, text, scope="preview", reader=request.user))


def _address(repo: Repository, review: Review | None = None, *, below: str = "") -> str:
    page = repo_path(repo.kind, repo.full_name, "reviews", *([below] if below else []))
    return page + (f"#{review.anchor}" if review else "")
