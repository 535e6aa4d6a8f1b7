"""The catalogue: one search row per repository, rebuilt after each push, and the counters that change all the time."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models

from hub.core.fields import HexField
from hub.repos.models import Repository


class Facet(models.Model):
    """A value to filter by, such as `license:mit` or `task:text-generation`; rows hold its number."""

    key = models.CharField(max_length=32)  # task, library, license, language, tag, dataset, base_model
    value = models.CharField(max_length=160)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "value"], name="facet_once")]

    def __str__(self) -> str:
        return f"{self.key}:{self.value}"


class SearchRow(models.Model):
    """What lists and search need to know of a repository, taken from its `main` at commit `head`."""

    repository = models.OneToOneField(Repository, primary_key=True, on_delete=models.CASCADE, related_name="search_row")
    kind = models.CharField(max_length=16)
    head = HexField(length=20)
    facets = ArrayField(models.IntegerField(), default=list)
    words = SearchVectorField()
    # Names as people search them by substring: "namespace/name display-title".
    label = models.TextField()
    summary = models.TextField(blank=True)  # first sentence(s) of the card, plain text
    card = models.JSONField(default=dict)  # the card's metadata as parsed
    config = models.JSONField(default=dict)  # what config.json says of the architecture
    task = models.CharField(max_length=80, blank=True)
    library = models.CharField(max_length=80, blank=True)
    license = models.CharField(max_length=80, blank=True)
    parameters = models.BigIntegerField(null=True)  # number of weights, by the safetensors headers
    dtypes = models.JSONField(default=dict)  # dtype -> number of weights
    used_bytes = models.BigIntegerField(default=0)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    # A copy of the counter below, refreshed when it has moved enough to matter for sorting.
    downloads = models.BigIntegerField(default=0)

    class Meta:
        indexes = [
            GinIndex(fields=["facets"], name="search_facets"),
            GinIndex(fields=["words"], name="search_words"),
            GinIndex(fields=["label"], name="search_label", opclasses=["gin_trgm_ops"]),
            models.Index(fields=["kind", "-updated_at", "-repository"], name="search_newest"),
            models.Index(fields=["kind", "-downloads", "-repository"], name="search_downloads"),
        ]


class RepoStats(models.Model):
    """Live counters, in a narrow table of their own: the search row carries indexes that make updates dear."""

    repository = models.OneToOneField(Repository, primary_key=True, on_delete=models.CASCADE, related_name="stats")
    downloads = models.BigIntegerField(default=0)


class DownloadDay(models.Model):
    """Downloads of one repository on one day (UTC): the last thirty days come from here."""

    repository = models.ForeignKey(Repository, on_delete=models.CASCADE, related_name="download_days", db_index=False)
    day = models.DateField()
    downloads = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["repository", "day"], name="download_day_once")]
