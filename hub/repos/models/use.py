"""Who has used which version: what makes a review one of somebody who knows what they write about."""

from django.db import models

from hub.accounts.models import User
from hub.core.fields import HexField
from hub.repos.models.repository import Repository


class Use(models.Model):
    """Somebody has fetched files of a commit, or run it here: one row for each person and commit, with the first times."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", db_index=False)
    repository = models.ForeignKey(Repository, on_delete=models.CASCADE, related_name="uses", db_index=False)
    commit = HexField(length=20)
    downloaded_at = models.DateTimeField(null=True)
    ran_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["repository", "user", "commit"], name="use_once")]

    def __str__(self) -> str:
        return f"{self.user} with {self.repository}"
