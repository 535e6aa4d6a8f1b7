"""Reviews of models."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from hub.api.edge import json_view, writer
from hub.api.v1.bodies import Body, check_query
from hub.api.v1.paging import PARAMETERS, page
from hub.community.models import Review
from hub.community.models.review import MAX_REVIEW, MAX_STARS, ORDERS
from hub.community.permissions import get_own_review, get_repo_for_posting, get_review
from hub.community.reviews import delete_review, edit_review, post_review
from hub.core.errors import Invalid
from hub.core.text import UNSTORABLE
from hub.repos.models import Kind
from hub.repos.permissions import get_repo_for_read


class ReviewShape(serializers.ModelSerializer[Review]):
    """A review as the API tells it. `release` is a tag, null for `main` as it was at `commit`."""

    author = serializers.CharField(source="author.username")
    release = serializers.SerializerMethodField()
    commit = serializers.CharField()

    class Meta:
        model = Review
        fields = ("id", "author", "release", "commit", "stars", "text", "created_at", "edited_at")

    def get_release(self, review: Review) -> str | None:
        return review.tag or None


class Opinion(Body):
    """What a review says."""

    stars = serializers.IntegerField(min_value=1, max_value=MAX_STARS)
    text = serializers.CharField(max_length=MAX_REVIEW, default="", allow_blank=True, trim_whitespace=False)


class NewReview(Opinion):
    """A review to be written: of a release by its tag, or without one of `main` as it is now."""

    release = serializers.CharField(max_length=255, default="", allow_blank=True, allow_null=True)


@json_view("GET", "POST")
def reviews(request: Request, namespace: str, name: str) -> Response:
    """GET (`release`, empty for `main`; `order`) or POST /api/v1/models/{repo}/reviews.

    GET tells the plain mean and the distribution of the chosen ones that count, however few they are.
    """
    if request.method == "POST":
        repo = get_repo_for_posting(request.user, Kind.MODEL, namespace, name)
        sent = NewReview.read(request)
        made = post_review(
            repo=repo, author=writer(request), stars=sent["stars"], text=sent["text"], tag=sent["release"] or ""
        )
        return _answer(made, status=201)
    repo = get_repo_for_read(request.user, Kind.MODEL, namespace, name)
    check_query(request, "release", "order", *PARAMETERS)
    order = request.query_params.get("order", ORDERS[0])
    if order not in ORDERS:
        raise Invalid(f"order is one of: {', '.join(ORDERS)}.", field="order")
    rows = Review.objects.filter(repository=repo).select_related("author").sorted_by(order)
    if (tag := request.query_params.get("release")) is not None:
        rows = rows.none() if UNSTORABLE.search(tag) else rows.of(tag)
    summary = rows.counted().summary()
    return page(
        request,
        rows,
        ReviewShape,
        counted=summary.count,
        mean=summary.mean,
        distribution={str(stars): number for stars, number in summary.distribution.items()},
    )


@json_view("GET", "PATCH", "DELETE")
def review(request: Request, namespace: str, name: str, review_id: int) -> Response:
    """GET, PATCH (`stars`, `text`) or DELETE /api/v1/models/{repo}/reviews/{id}: the last two are its author's."""
    repo = get_repo_for_read(request.user, Kind.MODEL, namespace, name)
    if request.method == "GET":
        return _answer(get_review(repo, review_id))
    own = get_own_review(request.user, repo, review_id)
    if request.method == "DELETE":
        delete_review(review=own)
        return Response(status=204)
    changed = Opinion.read(request, partial=True)
    edit_review(review=own, stars=changed.get("stars", own.stars), text=changed.get("text", own.text))
    return _answer(own)


def _answer(review: Review, status: int = 200) -> Response:
    shape: dict[str, Any] = ReviewShape(review).data
    return Response(shape, status=status)
