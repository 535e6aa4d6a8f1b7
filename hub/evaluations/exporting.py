"""What evaluations keep of a person, for that person."""

from typing import Any

from django.db.models import F
from django.dispatch import receiver

from hub.accounts.models import User
from hub.community.exporting.tables import Part, Table, of_repositories
from hub.community.signals import export_asked
from hub.evaluations.models import SETTINGS, Run


@receiver(export_asked)
def export_runs(user: User, **_kwargs: Any) -> Part:
    commits = ("model_revision", "model_commit", "dataset_revision", "dataset_commit")
    rows = of_repositories(
        user,
        Run.objects.filter(user=user),
        {"model": "model", "dataset": "dataset"},
        *("id", *commits, *SETTINGS, "created_at"),
        state=F("job__state"),
        metrics=F("result__metrics"),
    )
    text = "evaluations that you started: their settings, and what was measured"
    return Part([Table("evaluations", text, rows, ("evaluations.Run.user",))])
