"""Reviews of models: stars, a rubric and a text, one per person and release. What they say together: reviews/ratings.py."""

from typing import Self

from django.db import models
from django.db.models import Case, Count, Exists, ExpressionWrapper, F, IntegerField, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hub.accounts.models import Membership, Someone, User
from hub.core.fields import HexField
from hub.repos.models import Release, Repository, Use

MAX_STARS = 5
MAX_REVIEW = 10_000  # characters
MAX_LINE = 200  # characters of a use case, or of hardware
MAX_REPLY = 10_000  # characters
# The rubric: each 1 to 5, or left out.
AXES = {
    "quality": _("Quality of output"),
    "documentation": _("Documentation"),
    "ease": _("Ease of use"),
    "safety": _("Safety"),
    "speed": _("Speed"),
}
# What people fill in, and an edit keeps the earlier values of.
FILLED_IN = ("stars", *AXES, "use_case", "hardware", "text")


class Exclusion(models.TextChoices):
    """Why a review is left out of all that reviews say together."""

    HIDDEN = "hidden", _("hidden by moderators")
    DELETED = "deleted", _("by deleted accounts")
    OWN = "own", _("by people who belong to the owner by now")
    CLOSED = "closed", _("by accounts that are suspended or closed")
    # Of these, the stars are in the plain mean and the spread; they have no weight in the score.
    NEW = "new", _("by accounts that were new")


class ReviewQuerySet(models.QuerySet["Review"]):
    def visible_to(self, user: Someone) -> Self:
        """Those of models that `user` may read, without what moderators have hidden from all but its author."""
        seen = Q(hidden_at=None) | Q(author=user.pk) if user.is_authenticated else Q(hidden_at=None)
        return self.filter(seen, repository__in=Repository.objects.visible_to(user))

    def shown(self) -> Self:
        """Those that moderators have not hidden."""
        return self.filter(hidden_at=None)

    def with_use(self) -> Self:
        """Tell of each in `verified` whether its author has used here what they review: the commit of that release, or, where
        it is about `main`, any commit of the model, since `main` is what becomes of all of them."""
        about = ExpressionWrapper(OuterRef("tag"), output_field=models.CharField())
        used = Use.objects.filter(repository=OuterRef("repository"), user=OuterRef("author")).annotate(about=about)
        verified = Exists(used.filter(Q(commit=OuterRef("commit")) | Q(about="")))
        return self.annotate(verified=verified)

    def by_users(self) -> Self:
        """Those of verified use."""
        return self.with_use().filter(Q(verified=True))

    def with_votes(self) -> Self:
        """Tell of each in `helpful` how many found it so."""
        votes = ReviewVote.objects.filter(review=OuterRef("pk")).order_by().values("review")
        number = Subquery(votes.annotate(number=Count("pk")).values("number"), output_field=IntegerField())
        return self.annotate(helpful=Coalesce(number, 0))

    def with_details(self) -> Self:
        """Load in one query what is shown of a review."""
        return self.select_related("author", "replied_by").with_use().with_votes()

    def with_exclusion(self) -> Self:
        """Tell of each in `exclusion` why it does not count, "" where it may. Whoever comes to belong to the owner keeps their
        review; it is shown, and it counts no more."""
        own = Repository.objects.filter(
            Q(created_by=OuterRef("author")) | Q(namespace__user=OuterRef("author")), pk=OuterRef("repository")
        )
        joined = Membership.objects.filter(
            organization=OuterRef("repository__namespace__organization"), user=OuterRef("author")
        )
        suspended = Q(author__suspended_at__isnull=False) & (
            Q(author__suspended_until=None) | Q(author__suspended_until__gt=timezone.now())
        )
        return self.annotate(
            exclusion=Case(
                When(hidden_at__isnull=False, then=Value(Exclusion.HIDDEN)),
                When(author=None, then=Value(Exclusion.DELETED)),
                When(Exists(own) | Exists(joined), then=Value(Exclusion.OWN)),
                When(suspended | Q(author__is_active=False), then=Value(Exclusion.CLOSED)),
                default=Value(""),
            )
        )

    def of(self, tag: str) -> Self:
        """Those of one release, by its tag; "" for those of `main`."""
        return self.filter(tag=tag)

    def about(self, words: str) -> Self:
        """Those whose use case or hardware has each of the words."""
        found = self
        for word in words.split():
            found = found.filter(Q(use_case__icontains=word) | Q(hardware__icontains=word))
        return found

    def sorted_by(self, order: str) -> Self:
        """One of ORDERS; the newest first among equals. `helpful` needs with_votes."""
        first = {"helpful": [F("helpful").desc()], "highest": [F("stars").desc()], "lowest": [F("stars").asc()]}
        return self.order_by(*first.get(order, []), "-pk")


ORDERS = ("newest", "helpful", "highest", "lowest")


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

    verified: bool  # of those that `with_use` loaded
    helpful: int  # of those that `with_votes` loaded

    objects = ReviewQuerySet.as_manager()

    class Meta:
        constraints = [
            # Reviews whose release was deleted are left out: two of them would otherwise pass for two of `main`. So are those
            # of deleted accounts, which nobody can tell apart any more.
            models.UniqueConstraint(
                fields=["author", "repository", "release"],
                condition=Q(author__isnull=False) & (Q(release__isnull=False) | Q(tag="")),
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
    def rubric(self) -> list[tuple[str, str, int]]:
        """What of the rubric was filled in: (name, its words, 1 to 5)."""
        return [(name, str(words), given) for name, words in AXES.items() if (given := getattr(self, name)) is not None]

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
