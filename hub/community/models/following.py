"""Whom and what people like and follow, and whom they do not want to hear from."""

from typing import Self

from django.db import models
from django.db.models import Q

from hub.accounts.models import Namespace, Someone, User
from hub.repos.models import Repository


class LikeQuerySet(models.QuerySet["Like"]):
    def visible_to(self, user: Someone) -> Self:
        """Those of repositories that `user` may know of."""
        return self.filter(repository__in=Repository.objects.visible_to(user))


class Like(models.Model):
    """Somebody likes a repository."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="likes", db_index=False)
    repository = models.ForeignKey(Repository, on_delete=models.CASCADE, related_name="likes")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = LikeQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "repository"], name="like_once")]

    def __str__(self) -> str:
        return f"{self.user} likes {self.repository}"


class Follow(models.Model):
    """What happens to a user, an organization or a repository comes into somebody's feed."""

    follower = models.ForeignKey(User, on_delete=models.CASCADE, related_name="follows", db_index=False)
    namespace = models.ForeignKey(Namespace, null=True, on_delete=models.CASCADE, related_name="followers")
    repository = models.ForeignKey(Repository, null=True, on_delete=models.CASCADE, related_name="followers")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["follower", "namespace", "repository"], nulls_distinct=False, name="follow_once"
            ),
            models.CheckConstraint(
                condition=Q(namespace__isnull=True) ^ Q(repository__isnull=True), name="follow_has_one_target"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.follower} follows {self.namespace or self.repository}"


class Block(models.Model):
    """Somebody does not want to hear from somebody: `blocked` says nothing in what `blocker` owns or has begun, mentions do
    not reach them, and neither follows the other."""

    blocker = models.ForeignKey(User, on_delete=models.CASCADE, related_name="blocks", db_index=False)
    blocked = models.ForeignKey(User, on_delete=models.CASCADE, related_name="blocked_by")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["blocker", "blocked"], name="block_once"),
            models.CheckConstraint(condition=~Q(blocker=models.F("blocked")), name="block_is_of_another"),
        ]

    def __str__(self) -> str:
        return f"{self.blocker} blocks {self.blocked}"
