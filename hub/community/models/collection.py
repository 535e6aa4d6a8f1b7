"""Collections: repositories that somebody puts together, with a word on each."""

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from hub.accounts.models import Namespace, Someone, User
from hub.repos.models import Repository

MAX_COLLECTION_TITLE = 100  # characters
MAX_COLLECTION_DESCRIPTION = 500
MAX_NOTE = 500


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


class CollectionItem(models.Model):
    """A repository or another collection in a collection, with a note."""

    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="items", db_index=False)
    repository = models.ForeignKey(Repository, null=True, on_delete=models.CASCADE, related_name="collection_items")
    nested = models.ForeignKey(Collection, null=True, on_delete=models.CASCADE, related_name="held_by")
    note = models.CharField(max_length=MAX_NOTE, blank=True)
    position = models.PositiveIntegerField()
    added_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    added_at = models.DateTimeField(auto_now_add=True)

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
