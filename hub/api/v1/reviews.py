"""Reviews of models."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from hub.api.edge import writer
from hub.api.v1.bodies import Body
from hub.api.v1.operations import answer, operation
from hub.api.v1.paging import Paged, page
from hub.community.models import Review, ReviewEdit
from hub.community.models.review import AXES, MAX_LINE, MAX_REPLY, MAX_REVIEW, MAX_STARS, ORDERS
from hub.community.permissions import get_own_review, get_repo_for_posting, get_review
from hub.community.reviews import services
from hub.community.reviews.ratings import Summary, ratings_of
from hub.repos.models import Kind
from hub.repos.permissions import get_repo_for_read, get_repo_for_write


class ReplyShape(serializers.ModelSerializer[Review]):
    """What the model's owner answered. `by` is null where that account has been deleted."""

    by = serializers.CharField(source="replied_by.username", default=None, allow_null=True)
    at = serializers.DateTimeField(source="replied_at")
    text = serializers.CharField(source="reply")

    class Meta:
        model = Review
        fields = ("by", "at", "text")


class ReviewShape(serializers.ModelSerializer[Review]):
    """A review as the API tells it. `release` is a tag, null for `main` as it was at `commit`; `author` is null where the
    account has been deleted."""

    author = serializers.CharField(source="author.username", default=None, allow_null=True)
    release = serializers.SerializerMethodField()
    commit = serializers.CharField()
    verified = serializers.BooleanField(help_text=_("Whether the author has used here what they review."))
    helpful = serializers.IntegerField(help_text=_("How many found it helpful."))
    reply = serializers.SerializerMethodField()

    class Meta:
        model = Review
        fields = (
            *("id", "author", "release", "commit", "stars", *AXES, "use_case", "hardware", "text", "verified"),
            *("helpful", "reply", "created_at", "edited_at"),
        )

    def get_release(self, review: Review) -> str | None:
        return review.tag or None

    @extend_schema_field(ReplyShape(allow_null=True))
    def get_reply(self, review: Review) -> dict[str, Any] | None:
        return dict(ReplyShape(review).data) if review.reply else None


class EditShape(serializers.ModelSerializer[ReviewEdit]):
    """What a review said before: the fields that people fill in, and until when."""

    said = serializers.DictField()

    class Meta:
        model = ReviewEdit
        fields = ("id", "said", "at")


def _answer(axis: str) -> serializers.IntegerField:
    return serializers.IntegerField(
        min_value=1, max_value=MAX_STARS, required=False, allow_null=True, help_text=AXES[axis]
    )


class Opinion(Body):
    """What a review says."""

    stars = serializers.IntegerField(min_value=1, max_value=MAX_STARS, help_text=_("All in all."))
    quality = _answer("quality")
    documentation = _answer("documentation")
    ease = _answer("ease")
    safety = _answer("safety")
    speed = _answer("speed")
    use_case = serializers.CharField(max_length=MAX_LINE, required=False, allow_blank=True)
    hardware = serializers.CharField(max_length=MAX_LINE, required=False, allow_blank=True)
    text = serializers.CharField(max_length=MAX_REVIEW, required=False, allow_blank=True, trim_whitespace=False)


class NewReview(Opinion):
    """A review to be written: of a release by its tag, or without one of `main` as it is now."""

    release = serializers.CharField(max_length=255, default="", allow_blank=True, allow_null=True)


class Reply(Body):
    """What the model's owner answers."""

    text = serializers.CharField(max_length=MAX_REPLY, trim_whitespace=False)


class ReviewQuery(Paged):
    """Which reviews, in which order."""

    release = serializers.CharField(
        max_length=255, allow_blank=True, required=False, help_text=_("A tag; empty: those of main.")
    )
    about = serializers.CharField(
        max_length=MAX_LINE,
        default="",
        allow_blank=True,
        help_text=_("Words, each of which the use case or the hardware has."),
    )
    verified = serializers.BooleanField(
        default=False, help_text=_("Only those whose author has used here what they review.")
    )
    order = serializers.ChoiceField(choices=ORDERS, default=ORDERS[0])


class AxisShape(serializers.Serializer[Any]):
    """What people said to one question of the rubric."""

    mean = serializers.FloatField()
    count = serializers.IntegerField()


class SummaryShape(serializers.Serializer[Any]):
    """What reviews say together. The page /reviews/score tells the formula."""

    count = serializers.IntegerField(help_text=_("All that are shown."))
    counted = serializers.IntegerField(help_text=_("How many people count in the score."))
    score = serializers.FloatField(allow_null=True, help_text=_("1 to 5; null where fewer than five people count."))
    mean = serializers.FloatField(allow_null=True, help_text=_("The plain mean of the stars, null like the score."))
    distribution = serializers.DictField(
        child=serializers.IntegerField(), help_text=_("Stars, and how many gave them.")
    )
    verified = serializers.IntegerField(help_text=_("How many authors have used here what they review."))
    rubric = serializers.DictField(child=AxisShape(), help_text=_("Where a score is told: each question's mean."))
    excluded = serializers.DictField(
        child=serializers.IntegerField(), help_text=_("Why reviews do not count in the score, and how many.")
    )


class RatingsShape(serializers.Serializer[Any]):
    """What the reviews of a model say together, and those of each release; main is the empty tag."""

    all = SummaryShape()
    releases = serializers.DictField(child=SummaryShape())


MODEL = ("namespace", "name")
ONE = (*MODEL, "review_id")


def _told(summary: Summary) -> dict[str, Any]:
    return {
        "count": summary.count,
        "counted": summary.people,
        "score": summary.score,
        "mean": summary.mean if summary.enough else None,
        "distribution": {str(stars): number for stars, number in summary.distribution.items()},
        "verified": summary.verified,
        "rubric": {name: {"mean": mean, "count": number} for name, (mean, number) in summary.axes.items()}
        if summary.enough
        else {},
        "excluded": {str(reason): number for reason, number in summary.excluded.items()},
    }


@operation(
    "GET",
    tag="reviews",
    summary=_("The reviews of a model"),
    lists=ReviewShape,
    query=ReviewQuery,
    parts=MODEL,
)
def list_reviews(request: Request, namespace: str, name: str, query: dict[str, Any]) -> Response:
    repo = get_repo_for_read(request.user, Kind.MODEL, namespace, name)
    rows = Review.objects.filter(repository=repo).shown().with_details().about(query["about"])
    if (tag := query.get("release")) is not None:
        rows = rows.of(tag)
    if query["verified"]:
        rows = rows.by_users()
    return page(request, rows.sorted_by(query["order"]), ReviewShape, query)


@operation(
    "GET",
    tag="reviews",
    summary=_("What the reviews of a model say together"),
    description=_("The score, the plain mean beside it, and what is left out; for the model and for each release."),
    answer=RatingsShape,
    parts=MODEL,
)
def read_ratings(request: Request, namespace: str, name: str, query: dict[str, Any]) -> Response:
    ratings = ratings_of(get_repo_for_read(request.user, Kind.MODEL, namespace, name))
    return Response(
        {"all": _told(ratings.all), "releases": {tag: _told(each) for tag, each in ratings.releases.items()}}
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
    made = services.post_review(repo=repo, author=writer(request), tag=body.pop("release") or "", **body)
    return answer(request, ReviewShape, get_review(request.user, repo, made.pk), status=201)


@operation("GET", tag="reviews", summary=_("One review"), answer=ReviewShape, parts=ONE)
def read_review(request: Request, namespace: str, name: str, review_id: int, query: dict[str, Any]) -> Response:
    repo = get_repo_for_read(request.user, Kind.MODEL, namespace, name)
    return answer(request, ReviewShape, get_review(request.user, repo, review_id))


@operation(
    "PATCH",
    tag="reviews",
    summary=_("Change a review of your own"),
    description=_(
        "What it said before stays readable. With the account's age at that time, its weight is counted anew."
    ),
    answer=ReviewShape,
    body=Opinion,
    partial=True,
    parts=ONE,
)
def change_review(
    request: Request, namespace: str, name: str, review_id: int, query: dict[str, Any], body: dict[str, Any]
) -> Response:
    repo = get_repo_for_read(request.user, Kind.MODEL, namespace, name)
    own = get_own_review(request.user, repo, review_id)
    services.edit_review(review=own, actor=writer(request), **body)
    return answer(request, ReviewShape, get_review(request.user, repo, own.pk))


@operation("DELETE", tag="reviews", summary=_("Delete a review of your own"), answer=None, status=204, parts=ONE)
def remove_review(request: Request, namespace: str, name: str, review_id: int, query: dict[str, Any]) -> Response:
    repo = get_repo_for_read(request.user, Kind.MODEL, namespace, name)
    own = get_own_review(request.user, repo, review_id)
    services.delete_review(review=own, actor=writer(request))
    return Response(status=204)


@operation(
    "GET",
    tag="reviews",
    summary=_("What a review said before"),
    lists=EditShape,
    parts=ONE,
)
def list_review_edits(request: Request, namespace: str, name: str, review_id: int, query: dict[str, Any]) -> Response:
    repo = get_repo_for_read(request.user, Kind.MODEL, namespace, name)
    review = get_review(request.user, repo, review_id)
    return page(request, ReviewEdit.objects.filter(review=review).order_by("-pk"), EditShape, query)


@operation("PUT", tag="reviews", summary=_("Find a review helpful"), answer=None, status=204, parts=ONE)
def find_helpful(request: Request, namespace: str, name: str, review_id: int, query: dict[str, Any]) -> Response:
    return _vote(request, namespace, name, review_id, helpful=True)


@operation("DELETE", tag="reviews", summary=_("Find it helpful no more"), answer=None, status=204, parts=ONE)
def find_no_longer_helpful(
    request: Request, namespace: str, name: str, review_id: int, query: dict[str, Any]
) -> Response:
    return _vote(request, namespace, name, review_id, helpful=False)


def _vote(request: Request, namespace: str, name: str, review_id: int, *, helpful: bool) -> Response:
    repo = get_repo_for_posting(request.user, Kind.MODEL, namespace, name)
    review = get_review(request.user, repo, review_id)
    services.vote_review(review=review, actor=writer(request), helpful=helpful)
    return Response(status=204)


@operation(
    "PUT",
    tag="reviews",
    summary=_("Reply to a review of your model"),
    description=_("One text, in place of the reply that stands there."),
    answer=ReviewShape,
    body=Reply,
    parts=ONE,
)
def reply(
    request: Request, namespace: str, name: str, review_id: int, query: dict[str, Any], body: dict[str, Any]
) -> Response:
    repo = get_repo_for_write(request.user, Kind.MODEL, namespace, name)
    review = get_review(request.user, repo, review_id)
    services.reply_to_review(review=review, actor=writer(request), text=body["text"])
    return answer(request, ReviewShape, review)


@operation("DELETE", tag="reviews", summary=_("Take your reply back"), answer=None, status=204, parts=ONE)
def remove_reply(request: Request, namespace: str, name: str, review_id: int, query: dict[str, Any]) -> Response:
    repo = get_repo_for_write(request.user, Kind.MODEL, namespace, name)
    review = get_review(request.user, repo, review_id)
    services.delete_reply(review=review, actor=writer(request))
    return Response(status=204)
