"""Releases: the tags that something is said of."""

from typing import Self

from django.db import models

from hub.accounts.models import Someone, User
from hub.core.fields import HexField
from hub.repos.models.repository import Repository

MAX_RELEASE_TITLE = 200  # characters
MAX_RELEASE_NOTES = 50_000  # characters


class ReleaseQuerySet(models.QuerySet["Release"]):
    def visible_to(self, user: Someone) -> Self:
        return self.filter(repository__in=Repository.objects.visible_to(user))

    def newest_first(self) -> Self:
        return self.order_by("-number")


class Release(models.Model):
    """A tag with a text: what this version is. `number` counts from 1 in each repository and is never given twice."""

    repository = models.ForeignKey(Repository, on_delete=models.CASCADE, related_name="releases", db_index=False)
    tag = models.CharField(max_length=255, db_collation="C")
    commit = HexField(length=20)
    number = models.PositiveIntegerField()
    title = models.CharField(max_length=MAX_RELEASE_TITLE, blank=True)
    notes = models.TextField(blank=True)  # Markdown
    author = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    edited_at = models.DateTimeField(null=True)

    objects = ReleaseQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["repository", "tag"], name="release_once"),
            models.UniqueConstraint(fields=["repository", "number"], name="release_number_once"),
        ]

    def __str__(self) -> str:
        return f"{self.tag} of {self.repository}"
