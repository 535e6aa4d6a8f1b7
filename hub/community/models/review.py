"""Reviews of models: stars and a text, one per person and release."""

from dataclasses import dataclass
from typing import Self

from django.db import models
from django.db.models import Avg, Count, Exists, F, OuterRef, Q
from django.utils import timezone

from hub.accounts.models import Membership, Someone, User
from hub.core.fields import HexField
from hub.repos.models import Release, Repository

MAX_STARS = 5
MAX_REVIEW = 10_000  # characters
# Below this many, a mean says more of chance than of the model, so pages show none.
ENOUGH = 5


@dataclass(frozen=True)
class Summary:
    """What reviews say together. `mean` is None where there are none; `distribution` counts 5 stars first, then 4…"""

    count: int
    mean: float | None
    distribution: dict[int, int]

    @property
    def enough(self) -> bool:
        """Whether a page may show the mean."""
        return self.count >= ENOUGH

    @property
    def most(self) -> int:
        """The longest bar of a drawing: how many the commonest number of stars has, at least 1."""
        return max(1, *self.distribution.values())


class ReviewQuerySet(models.QuerySet["Review"]):
    def visible_to(self, user: Someone) -> Self:
        """Those of models that `user` may read."""
        return self.filter(repository__in=Repository.objects.visible_to(user))

    def counted(self) -> Self:
        """Those by people who do not belong to the model's owner. Whoever joins the owner later keeps their review; it
        is shown, and it counts no more.
        """
        own = Repository.objects.filter(
            Q(created_by=OuterRef("author")) | Q(namespace__user=OuterRef("author")), pk=OuterRef("repository")
        )
        joined = Membership.objects.filter(
            organization=OuterRef("repository__namespace__organization"), user=OuterRef("author")
        )
        return self.filter(~Exists(own), ~Exists(joined))

    def of(self, tag: str) -> Self:
        """Those of one release, by its tag; "" for those of `main`."""
        return self.filter(tag=tag)

    def summary(self) -> Summary:
        """What they say together, in one query."""
        counts = {stars: Count("pk", filter=Q(stars=stars)) for stars in range(MAX_STARS, 0, -1)}
        told = self.aggregate(
            number=Count("pk"), mean=Avg("stars"), **{f"of_{stars}": count for stars, count in counts.items()}
        )
        mean = None if told["mean"] is None else float(told["mean"])
        return Summary(told["number"], mean, {stars: told[f"of_{stars}"] for stars in counts})

    def by_tag(self) -> list[tuple[str, int, float]]:
        """Return (tag, how many, mean) for each release that has any; the tag is "" for `main`."""
        rows = self.values("tag").annotate(number=Count("pk"), mean=Avg("stars")).order_by("tag")
        return [(row["tag"], row["number"], row["mean"]) for row in rows]

    def sorted_by(self, order: str) -> Self:
        """`newest`, `highest` or `lowest` first; the newest first among equals."""
        stars = {"highest": [F("stars").desc()], "lowest": [F("stars").asc()]}.get(order, [])
        return self.order_by(*stars, "-pk")


ORDERS = ("newest", "highest", "lowest")


class Review(models.Model):
    """What one person says of one release of a model, or of `main` as it was: then `release` is null and `tag` empty.

    `tag` and `commit` stay when the release is deleted. Without an author once the account is deleted, unless they chose that
    it goes, too.
    """

    repository = models.ForeignKey(Repository, on_delete=models.CASCADE, related_name="reviews")
    author = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="reviews")
    release = models.ForeignKey(Release, null=True, on_delete=models.SET_NULL, related_name="reviews")
    tag = models.CharField(max_length=255, blank=True, db_collation="C")
    commit = HexField(length=20)
    # The overall vote: the reviewer's own, not a mean of the rubric below, whose parts may be left out.
    stars = models.PositiveSmallIntegerField()
    quality = models.PositiveSmallIntegerField(null=True, blank=True)
    documentation = models.PositiveSmallIntegerField(null=True, blank=True)
    ease = models.PositiveSmallIntegerField(null=True, blank=True)
    safety = models.PositiveSmallIntegerField(null=True, blank=True)
    speed = models.PositiveSmallIntegerField(null=True, blank=True)
    use_case = models.CharField(max_length=200, blank=True)
    hardware = models.CharField(max_length=200, blank=True)
    text = models.TextField(blank=True)  # Markdown
    created_at = models.DateTimeField(default=timezone.now)
    edited_at = models.DateTimeField(null=True)
    # What the model's owner answers: one text.
    reply = models.TextField(blank=True)
    replied_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    replied_at = models.DateTimeField(null=True)
    # By a moderator: not shown and not counted, but for the number of such.
    hidden_at = models.DateTimeField(null=True)
    hidden_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")

    objects = ReviewQuerySet.as_manager()

    class Meta:
        constraints = [
            # Reviews whose release was deleted are left out: two of them would otherwise pass for two of `main`.
            models.UniqueConstraint(
                fields=["author", "repository", "release"],
                condition=Q(release__isnull=False) | Q(tag=""),
                nulls_distinct=False,
                name="review_once",
            ),
            models.CheckConstraint(condition=Q(stars__gte=1, stars__lte=MAX_STARS), name="review_has_stars"),
        ]

    def __str__(self) -> str:
        return f"{self.stars} of {MAX_STARS} for {self.repository} by {self.author}"

    @property
    def anchor(self) -> str:
        """What follows # in its address."""
        return f"review-{self.pk}"

    @property
    def orphaned(self) -> bool:
        """Whether the release that it is about has been deleted."""
        return self.release_id is None and self.tag != ""


class ReviewEdit(models.Model):
    """What a review said before an edit: the fields that people fill in, by name."""

    review = models.ForeignKey(Review, on_delete=models.CASCADE, related_name="edits")
    said = models.JSONField()
    at = models.DateTimeField(default=timezone.now)  # when the next version took its place

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"edit of review {self.review_id}"


class ReviewVote(models.Model):
    """Somebody found a review helpful."""

    review = models.ForeignKey(Review, on_delete=models.CASCADE, related_name="votes", db_index=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["review", "user"], name="review_vote_once")]

    def __str__(self) -> str:
        return f"for review {self.review_id} by {self.user}"
