"""Reviews of models."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from hub.api.edge import writer
from hub.api.v1.bodies import Body
from hub.api.v1.operations import answer, operation
from hub.api.v1.paging import LINK, Paged, page, page_of
from hub.community.models import Review
from hub.community.models.review import MAX_REVIEW, MAX_STARS, ORDERS
from hub.community.permissions import get_own_review, get_repo_for_posting, get_review
from hub.community.reviews import delete_review, edit_review, post_review
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


class ReviewQuery(Paged):
    """Which reviews, in which order."""

    release = serializers.CharField(
        max_length=255, allow_blank=True, required=False, help_text=_("A tag; empty: those of main.")
    )
    order = serializers.ChoiceField(choices=ORDERS, default=ORDERS[0])


_SUMMARY: dict[str, Any] = {
    "counted": serializers.IntegerField(help_text=_("How many of them count for the mean.")),
    "mean": serializers.FloatField(allow_null=True),
    "distribution": serializers.DictField(
        child=serializers.IntegerField(), help_text=_("Stars, and how many gave them.")
    ),
}
MODEL = ("namespace", "name")


@operation(
    "GET",
    tag="reviews",
    summary=_("The reviews of a model"),
    description=_("It also tells the plain mean and the distribution of those that count, however few they are."),
    answer=page_of(ReviewShape, **_SUMMARY),
    query=ReviewQuery,
    parts=MODEL,
    headers=(LINK,),
)
def list_reviews(request: Request, namespace: str, name: str, query: dict[str, Any]) -> Response:
    repo = get_repo_for_read(request.user, Kind.MODEL, namespace, name)
    rows = Review.objects.filter(repository=repo).select_related("author").sorted_by(query["order"])
    if (tag := query.get("release")) is not None:
        rows = rows.of(tag)
    summary = rows.counted().summary()
    return page(
        request,
        rows,
        ReviewShape,
        query,
        counted=summary.count,
        mean=summary.mean,
        distribution={str(stars): number for stars, number in summary.distribution.items()},
    )


@operation(
    "POST",
    tag="reviews",
    summary=_("Review a model"),
    description=_("Of a release by its tag, or without one of main as it is now. Nobody reviews a model of their own."),
    answer=ReviewShape,
    status=201,
    body=NewReview,
    parts=MODEL,
)
def write_review(request: Request, namespace: str, name: str, query: dict[str, Any], body: dict[str, Any]) -> Response:
    repo = get_repo_for_posting(request.user, Kind.MODEL, namespace, name)
    made = post_review(
        repo=repo, author=writer(request), stars=body["stars"], text=body["text"], tag=body["release"] or ""
    )
    return answer(request, ReviewShape, made, status=201)


@operation("GET", tag="reviews", summary=_("One review"), answer=ReviewShape, parts=(*MODEL, "review_id"))
def read_review(request: Request, namespace: str, name: str, review_id: int, query: dict[str, Any]) -> Response:
    repo = get_repo_for_read(request.user, Kind.MODEL, namespace, name)
    return answer(request, ReviewShape, get_review(repo, review_id))


@operation(
    "PATCH",
    tag="reviews",
    summary=_("Change a review of your own"),
    answer=ReviewShape,
    body=Opinion,
    partial=True,
    parts=(*MODEL, "review_id"),
)
def change_review(
    request: Request, namespace: str, name: str, review_id: int, query: dict[str, Any], body: dict[str, Any]
) -> Response:
    repo = get_repo_for_read(request.user, Kind.MODEL, namespace, name)
    own = get_own_review(request.user, repo, review_id)
    edit_review(review=own, stars=body.get("stars", own.stars), text=body.get("text", own.text))
    return answer(request, ReviewShape, own)


@operation(
    "DELETE",
    tag="reviews",
    summary=_("Delete a review of your own"),
    answer=None,
    status=204,
    parts=(*MODEL, "review_id"),
)
def remove_review(request: Request, namespace: str, name: str, review_id: int, query: dict[str, Any]) -> Response:
    repo = get_repo_for_read(request.user, Kind.MODEL, namespace, name)
    delete_review(review=get_own_review(request.user, repo, review_id))
    return Response(status=204)
