"""The catalogue: one search row per repository, rebuilt after each push, and the counters that change all the time."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import connection, models
from django.db.models import F, OuterRef, Subquery, Sum
from django.db.models.functions import Cast, Coalesce
from django.utils import timezone

from hub.accounts.models import Someone
from hub.core.fields import HexField
from hub.core.statements import Given
from hub.repos.models import Repository

# What can be filtered by.
FACET_KEYS = (
    *("task", "library", "license", "language", "tag", "dataset", "base_model", "relation", "format", "size", "arch"),
    *("task_id", "multilinguality", "language_creator", "benchmark", "arxiv", "app", "sdk", "model", "linked"),
)


class Facet(models.Model):
    """A value to filter by, such as `license:mit` or `task:text-generation`; rows hold its number. Lower case."""

    key = models.CharField(max_length=32)  # one of FACET_KEYS
    value = models.CharField(max_length=180)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "value"], name="facet_once")]

    def __str__(self) -> str:
        return f"{self.key}:{self.value}"


class SearchRowQuerySet(models.QuerySet["SearchRow"]):
    def visible_to(self, user: Someone) -> Self:
        """Rows of repositories that `user` may know of: asked of the repositories themselves, never of a copy."""
        return self.filter(repository__in=Repository.objects.visible_to(user))

    def with_repositories(self, *, cards: bool = False) -> Self:
        """Load what a line of a list shows: the repository, its owner, the live counters; with `cards`, the metadata too."""
        rows = self.select_related(
            "repository__namespace__user", "repository__namespace__organization__namespace", "repository__stats"
        )
        return rows.defer("words") if cards else rows.defer("words", "card")

    def with_downloads(self, since: date | Given) -> Self:
        """Add the live counts: `downloads_lately`, from that day on, and `downloads_ever`."""
        days = DownloadDay.objects.filter(repository=OuterRef("pk"), day__gte=since).values("repository")
        lately = Subquery(days.values(total=Cast(Sum("downloads"), models.BigIntegerField())))
        return self.annotate(
            downloads_lately=Coalesce(lately, 0), downloads_ever=Coalesce("repository__stats__downloads", 0)
        )


class SearchRow(models.Model):
    """What lists and search need to know of a repository, taken from its `main` at commit `head`."""

    repository = models.OneToOneField(Repository, primary_key=True, on_delete=models.CASCADE, related_name="search_row")
    kind = models.CharField(max_length=16)
    head = HexField(length=20)
    version = models.SmallIntegerField()  # of the code that made the row: hub.catalog.indexing.VERSION
    name = models.CharField(max_length=160, db_collation="C")  # "namespace/name", lower case
    facets = ArrayField(models.IntegerField(), default=list)
    words = SearchVectorField()
    # Names as people search them by substring: "namespace/name display-title", lower case.
    label = models.TextField()
    summary = models.TextField(blank=True)  # first sentence(s) of the card, plain text
    card = models.JSONField(default=dict)  # the card's metadata as parsed
    tags = models.JSONField(default=list)  # what the client protocol calls tags: `["transformers", "license:mit"]`
    config = models.JSONField(default=dict)  # what the configuration files say of the architecture
    task = models.CharField(max_length=160, blank=True)
    library = models.CharField(max_length=160, blank=True)
    license = models.CharField(max_length=160, blank=True)
    parameters = models.BigIntegerField(null=True)  # number of weights, by the safetensors headers
    dtypes = models.JSONField(default=dict)  # dtype -> number of weights
    used_bytes = models.BigIntegerField(default=0)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    # A copy of the counter below, refreshed when it has moved enough to matter for sorting.
    downloads = models.BigIntegerField(default=0)
    likes = models.IntegerField(default=0)
    # What trending lists are sorted by, and what reviews say together; null where there are too few of them to tell.
    trending = models.FloatField(default=0)
    rating = models.FloatField(null=True)

    # The live counts, where `with_downloads` added them.
    downloads_lately: int = 0
    downloads_ever: int = 0

    objects = SearchRowQuerySet.as_manager()

    class Meta:
        indexes = [
            GinIndex(fields=["facets"], name="search_facets"),
            GinIndex(fields=["words"], name="search_words"),
            GinIndex(fields=["label"], name="search_label", opclasses=["gin_trgm_ops"]),
            models.Index(fields=["kind", "-created_at", "-repository"], name="search_created"),
            models.Index(fields=["kind", "-updated_at", "-repository"], name="search_updated"),
            models.Index(fields=["kind", "-downloads", "-repository"], name="search_downloads"),
            models.Index(fields=["kind", "-likes", "-repository"], name="search_likes"),
            models.Index(fields=["kind", "-trending", "-repository"], name="search_trending"),
            models.Index(F("kind"), F("rating").desc(nulls_last=True), F("repository").desc(), name="search_rating"),
            models.Index(fields=["kind", "name", "repository"], name="search_name"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def context(self) -> int | None:
        """The longest input in tokens that the configuration allows."""
        return self.config.get("max_position_embeddings")


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


_COUNTS = """
SELECT s.repository_id, s.downloads,
    (SELECT coalesce(sum(d.downloads), 0) FROM catalog_downloadday d WHERE d.repository_id = s.repository_id AND d.day >= %s)
FROM catalog_repostats s WHERE s.repository_id = ANY(%s)
"""


def first_day() -> date:
    """Return the day from which on downloads are of the last thirty days."""
    return timezone.now().date() - timedelta(days=29)


def download_counts(repositories: Iterable[int]) -> dict[int, tuple[int, int]]:
    """Return repository id -> downloads of the last thirty days, and ever, of those that have any. One query."""
    numbers = list(repositories)
    if not numbers:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS, [first_day(), numbers])
        return {number: (int(recent), ever) for number, ever, recent in cursor}


class DrainedBatch(models.Model):
    """A batch of counts that is in the tables above. Kept for some days, so that none is added twice."""

    batch = models.UUIDField(primary_key=True)
    at = models.DateTimeField(auto_now_add=True)
