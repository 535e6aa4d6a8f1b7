"""Collections: repositories that somebody puts together, with a word on each."""

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Count, OuterRef, Prefetch, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.text import slugify

from hub.accounts.models import Namespace, Role, Someone, User
from hub.repos.models import Repository

MAX_COLLECTION_TITLE = 100  # characters
MAX_COLLECTION_DESCRIPTION = 500
MAX_NOTE = 500
MAX_WORDS = 10  # of a search by title that count


class CollectionQuerySet(models.QuerySet["Collection"]):
    def visible_to(self, user: Someone) -> Self:
        """Public ones, and those of one's own and of one's organizations; none that moderators took down."""
        standing = self.filter(taken_down_at=None)
        if not user.is_authenticated:
            return standing.filter(is_private=False) if settings.ANONYMOUS_READ else self.none()
        return standing.filter(
            Q(is_private=False)
            | Q(namespace__in=Namespace.objects.filter(user=user))
            | Q(namespace__organization__in=user.memberships.standing().values("organization"))
        )

    def writable_by(self, user: Someone) -> Self:
        """Those that `user` may change: their own, and those of organizations that let them write."""
        if not user.is_authenticated or user.suspended:
            return self.none()
        writing = user.memberships.standing().filter(role__in=Role.at_least(Role.WRITE))
        return self.filter(taken_down_at=None).filter(
            Q(namespace__in=Namespace.objects.filter(user=user))
            | Q(namespace__organization__in=writing.values("organization"))
        )

    def titled(self, text: str) -> Self:
        """Those whose title has each of these words, in any letters. The first MAX_WORDS count."""
        found = self
        for word in text.split()[:MAX_WORDS]:
            found = found.filter(title__icontains=word)
        return found

    def with_counts(self, user: Someone) -> Self:
        """Add `item_count`, of those that `user` may see, and `upvote_count`; and have the owner at hand. One query."""
        items = CollectionItem.objects.visible_to(user).filter(collection=OuterRef("pk")).order_by()
        votes = CollectionUpvote.objects.filter(collection=OuterRef("pk"), user__is_active=True).order_by()
        number = Count("pk")
        return self.annotate(
            item_count=Coalesce(Subquery(items.values("collection").annotate(number=number).values("number")), 0),
            upvote_count=Coalesce(Subquery(votes.values("collection").annotate(number=number).values("number")), 0),
        ).select_related("namespace__user", "namespace__organization")

    def with_first_items(self, user: Someone, count: int) -> Self:
        """Add `first_items`: so many of those that `user` may see, with what they name at hand. One query more."""
        items = CollectionItem.objects.visible_to(user).with_things().in_order()[:count]
        return self.prefetch_related(Prefetch("items", items, to_attr="first_items"))

    def in_owners_order(self) -> Self:
        return self.order_by("position", "-created_at", "-pk")


class Collection(models.Model):
    """A list of repositories and other collections. Its address is `namespace/slug-key`; the key alone names it."""

    namespace = models.ForeignKey(Namespace, on_delete=models.CASCADE, related_name="collections")
    key = models.CharField(max_length=24, unique=True)  # 24 hex digits, random
    title = models.CharField(max_length=MAX_COLLECTION_TITLE)
    description = models.CharField(max_length=MAX_COLLECTION_DESCRIPTION, blank=True)
    theme = models.CharField(max_length=16, default="green")
    position = models.PositiveIntegerField(default=0)  # among its owner's
    is_private = models.BooleanField(default=False)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(default=timezone.now)
    # By a moderator, for everybody to read why; null for what stands.
    taken_down_at = models.DateTimeField(null=True)

    objects = CollectionQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["-updated_at", "-id"], name="collection_lately")]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return f"/collections/{self.full_slug}"

    @property
    def slug(self) -> str:
        """What follows the owner in its address: words of the title for people to read, and the key, which decides."""
        words = slugify(self.title)[:60].strip("-")
        return f"{words}-{self.key}" if words else self.key

    @property
    def full_slug(self) -> str:
        """Its name for tools: `ada/small-models-0123456789abcdef01234567`."""
        return f"{self.namespace.name}/{self.slug}"


class CollectionItemQuerySet(models.QuerySet["CollectionItem"]):
    def visible_to(self, user: Someone) -> Self:
        """Those whose repository or collection `user` may see. The others are neither shown nor counted."""
        return self.filter(
            Q(repository__in=Repository.objects.visible_to(user)) | Q(nested__in=Collection.objects.visible_to(user))
        )

    def with_things(self) -> Self:
        """Have at hand what they name, and its owner."""
        return self.select_related("repository__namespace", "nested__namespace")

    def in_order(self) -> Self:
        return self.order_by("position", "pk")


class CollectionItem(models.Model):
    """A repository or another collection in a collection, with a note."""

    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="items", db_index=False)
    repository = models.ForeignKey(Repository, null=True, on_delete=models.CASCADE, related_name="collection_items")
    nested = models.ForeignKey(Collection, null=True, on_delete=models.CASCADE, related_name="held_by")
    note = models.CharField(max_length=MAX_NOTE, blank=True)
    position = models.PositiveIntegerField()
    added_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    added_at = models.DateTimeField(auto_now_add=True)

    objects = CollectionItemQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["collection", "repository", "nested"], nulls_distinct=False, name="collection_item_once"
            ),
            models.CheckConstraint(
                condition=Q(repository__isnull=True) ^ Q(nested__isnull=True), name="collection_item_is_one_thing"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.repository or self.nested} in {self.collection}"


class CollectionUpvote(models.Model):
    """Somebody finds a collection good."""

    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="upvotes", db_index=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["collection", "user"], name="collection_upvote_once")]

    def __str__(self) -> str:
        return f"{self.user} for {self.collection}"
