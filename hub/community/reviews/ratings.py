"""What the reviews of a model say together, by the formula of scoring.py. One query, whatever is shown of it."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime

from django.core.cache import cache
from django.db.models import Case, Expression, F, FloatField, Min, Q, Sum, Value, When
from django.db.models.functions import Cast, Coalesce, Extract, Greatest, Least, Power
from django.db.models.lookups import LessThan
from django.utils import timezone

from hub.accounts.models import User
from hub.community.models.review import AXES, MAX_STARS, Exclusion, Review
from hub.community.reviews.scoring import FIRST_WEEK, MATURE, NEUTRAL, Hub, Score, Vote, score
from hub.repos.models import Kind, Repository, Visibility

# Of one model; older reviews than the newest so many are shown, and do not count.
MAX_VOTES = 10_000
# How long the hub's mean stands: every score is held against it.
HUB_SECONDS = 3600
_HUB = "reviews:hub"
# For a model that nobody has reviewed, which needs no looking up.
_NOBODY = Hub(NEUTRAL, datetime.fromtimestamp(0, UTC))


@dataclass(frozen=True)
class Summary:
    """What reviews say together.

    count: how many are shown. people: how many count in the score, one voice each. score: None below ENOUGH people. rated,
    mean, distribution (5 stars first, then 4…), verified: of all that are not excluded, new accounts with them; mean is None
    where there are none. axes: mean and number of each question of the rubric, by weight. excluded: why, and how many.
    """

    count: int
    people: int
    score: float | None
    rated: int
    mean: float | None
    distribution: dict[int, int]
    verified: int
    axes: dict[str, tuple[float, int]]
    excluded: dict[Exclusion, int]

    @property
    def enough(self) -> bool:
        """Whether a page may show a score, and means."""
        return self.score is not None

    @property
    def most(self) -> int:
        """The longest bar of a drawing: how many the commonest number of stars has, at least 1."""
        return max(1, *self.distribution.values())

    @property
    def verified_share(self) -> int:
        """Percent of the reviews by people who have used here what they review."""
        return round(100 * self.verified / self.rated) if self.rated else 0

    @property
    def questions(self) -> list[tuple[str, float, int]]:
        """The rubric as pages show it: (words, mean, how many), without what nobody answered."""
        return [(str(words), *self.axes[name]) for name, words in AXES.items() if name in self.axes]


@dataclass(frozen=True)
class Ratings:
    """What the reviews of a model say together, and those of each release by its tag ("" for `main`)."""

    all: Summary
    releases: dict[str, Summary]

    def of(self, tag: str | None) -> Summary:
        """The summary of one release, None for all of them. One without reviews has an empty one."""
        return self.all if tag is None else self.releases.get(tag) or _summary([], _NOBODY)


@dataclass(frozen=True, slots=True)
class _Row:
    """A review as it is counted."""

    tag: str
    exclusion: str
    vote: Vote
    axes: tuple[int | None, ...]


def ratings_of(repo: Repository) -> Ratings:
    """Return what the reviews of a model say together. One query; where there are reviews, once in an hour two more."""
    reviews = Review.objects.filter(repository=repo).with_use().with_exclusion().order_by("-pk")
    fields = (
        "author",
        "stars",
        "tag",
        "created_at",
        "edited_at",
        "author__date_joined",
        "verified",
        "exclusion",
        *AXES,
    )
    rows = []
    by_tag = defaultdict(list)
    for author, stars, tag, written, edited, joined, verified, excluded, *axes in reviews.values_list(*fields)[
        :MAX_VOTES
    ]:
        at: datetime = edited or written
        row = _Row(tag, excluded, Vote(author or 0, stars, at, joined or at, verified), tuple(axes))
        rows.append(row)
        by_tag[tag].append(row)
    standing = hub() if rows else _NOBODY
    return Ratings(_summary(rows, standing), {tag: _summary(those, standing) for tag, those in sorted(by_tag.items())})


def rating_of(repo: Repository) -> float | None:
    """Return the score of a model as lists sort by it: three decimals; None where it has too few reviews."""
    value = ratings_of(repo).all.score
    return None if value is None else round(value, 3)


def _summary(rows: list[_Row], standing: Hub) -> Summary:
    rated = [row for row in rows if not row.exclusion]
    told: Score = score([row.vote for row in rated], standing)
    excluded = Counter(Exclusion(row.exclusion) for row in rows if row.exclusion)
    if new := sum(1 for weight in told.weights if not weight):
        excluded[Exclusion.NEW] = new
    stars = Counter(row.vote.stars for row in rated)
    axes = {}
    for place, name in enumerate(AXES):
        given = [
            (value, weight)
            for row, weight in zip(rated, told.weights, strict=True)
            if weight and (value := row.axes[place]) is not None
        ]
        if given:
            axes[name] = (sum(v * w for v, w in given) / sum(w for _v, w in given), len(given))
    return Summary(
        count=len(rows) - excluded[Exclusion.HIDDEN],
        people=told.people,
        score=told.value,
        rated=len(rated),
        mean=sum(row.vote.stars for row in rated) / len(rated) if rated else None,
        distribution={number: stars[number] for number in range(MAX_STARS, 0, -1)},
        verified=sum(row.vote.verified for row in rated),
        axes=axes,
        excluded={reason: excluded[reason] for reason in Exclusion if excluded[reason]},
    )


def hub() -> Hub:
    """Return what all scores are held against, at most HUB_SECONDS old: a score moves by what is said of its model, and once
    in an hour with all the others."""
    kept = cache.get(_HUB)
    if kept is None:
        since = User.objects.aggregate(since=Min("date_joined"))["since"] or timezone.now()
        kept = {"mean": _hub_mean(since), "since": since.timestamp()}
        cache.set(_HUB, kept, HUB_SECONDS)
    return Hub(kept["mean"], datetime.fromtimestamp(kept["since"], timezone.get_default_timezone()))


def _hub_mean(since: datetime) -> float:
    """Return the mean of the reviews of all public models, by the age of the accounts: scoring.hub_mean in SQL. Two decimals,
    so that one more review on the hub does not change the score of every model."""
    said = Coalesce("edited_at", "created_at")
    hub_age = _seconds(said) - since.timestamp()
    full = Least(Value(MATURE.total_seconds()), Greatest(Value(FIRST_WEEK.total_seconds()), hub_age))
    at = _seconds(said)
    age = Case(
        When(LessThan(at, Value((since + FIRST_WEEK).timestamp())), then=Value(1.0)),
        default=(at - _seconds(F("author__date_joined"))) / full,
    )
    weight = Power(Least(Value(1.0), Greatest(Value(0.0), age)), 2, output_field=FloatField())
    public = Review.objects.filter(
        repository__visibility=Visibility.PUBLIC, repository__kind=Kind.MODEL, repository__taken_down_at=None
    )
    told = public.with_exclusion().filter(Q(exclusion="")).aggregate(all=Sum(F("stars") * weight), weight=Sum(weight))
    return round(told["all"] / told["weight"], 2) if told["weight"] else NEUTRAL


def _seconds(moment: Expression | F) -> Expression:
    """The seconds since the epoch of a moment in the database."""
    return Cast(Extract(moment, "epoch"), FloatField())
