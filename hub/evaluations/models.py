"""Evaluations that were asked for, and what came of them."""

from typing import Any, Self

from django.db import models

from hub.accounts.models import Someone, User
from hub.core.fields import HexField
from hub.jobs.models import UNFINISHED, Job, State
from hub.repos.models import Repository

MAX_NAME = 100  # characters of a configuration, split or column


class RunQuerySet(models.QuerySet["Run"]):
    def visible_to(self, user: Someone) -> Self:
        """Those of which `user` may read both the model and the dataset."""
        readable = Repository.objects.visible_to(user)
        return self.filter(model__in=readable, dataset__in=readable)

    def unfinished(self) -> Self:
        return self.filter(job__state__in=UNFINISHED)

    def done(self) -> Self:
        """Those with a result."""
        return self.filter(result__isnull=False)

    def like(self, run: "Run") -> Self:
        """Those that measure the same commits with the same settings."""
        names = ("model", "model_commit", "dataset", "dataset_commit", *SETTINGS)
        return self.filter(**{name: getattr(run, name) for name in names})

    def with_names(self) -> Self:
        """Load what a line of a list shows."""
        return self.select_related(
            "job",
            "result",
            "user",
            "model__namespace",
            "dataset__namespace",
        )

    def newest_first(self) -> Self:
        return self.order_by("-pk")


class Run(models.Model):
    """Perplexity of a model's commit on a dataset's commit. Whether it waits, runs or has ended stands in its job.

    model_revision, dataset_revision: what was asked for; the commits are what they meant then. The settings are those of
    contracts.EvaluationSpec, with context and stride as numbers of tokens.
    """

    job = models.OneToOneField(Job, on_delete=models.CASCADE, related_name="evaluation")
    model = models.ForeignKey(Repository, on_delete=models.CASCADE, related_name="evaluations", db_index=False)
    model_revision = models.CharField(max_length=255)
    model_commit = HexField(length=20)
    dataset = models.ForeignKey(Repository, on_delete=models.CASCADE, related_name="evaluated", db_index=False)
    dataset_revision = models.CharField(max_length=255)
    dataset_commit = HexField(length=20)
    user = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="evaluations")
    config = models.CharField(max_length=MAX_NAME, blank=True)
    split = models.CharField(max_length=MAX_NAME)
    column = models.CharField(max_length=MAX_NAME)
    context = models.PositiveIntegerField()
    stride = models.PositiveIntegerField()
    max_tokens = models.PositiveIntegerField()
    seed = models.PositiveIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    objects = RunQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["model", "-id"], name="run_of_model"),
            models.Index(fields=["dataset", "-id"], name="run_of_dataset"),
        ]

    def __str__(self) -> str:
        return f"{self.model} on {self.dataset}"

    def get_absolute_url(self) -> str:
        return f"{self.model.get_absolute_url()}/evaluations/{self.pk}"

    @property
    def finished(self) -> bool:
        return self.job.finished

    @property
    def cancelled(self) -> bool:
        return self.job.state == State.CANCELLED

    @property
    def settings(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in SETTINGS}


# What a measurement is told beside the two commits. The seed changes no perplexity: it is recorded, and groups nothing.
GROUP = ("config", "split", "column", "context", "stride", "max_tokens")
SETTINGS = (*GROUP, "seed")


class Result(models.Model):
    """What a worker measured.

    metrics: perplexity, bits_per_byte, bits_per_byte_margin (95 %, or None), nll, tokens, bytes, documents, windows.
    record: everything that the numbers depend on, by the worker and by the hub; docs/evaluations.md names its fields.
    """

    run = models.OneToOneField(Run, primary_key=True, on_delete=models.CASCADE, related_name="result")
    metrics = models.JSONField()
    record = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.run}: {self.metrics.get('bits_per_byte')}"
