"""The score of a model: what its reviews say together, made so that a crowd of new accounts cannot move it.

Nothing here knows of the database. The site, the order of lists and the simulation of brigades all call these functions, and
docs/reviews.md tells them in words.

A review weighs age x use / crowd:

- age: (age of the account when it was written or last changed / 30 days) squared, at most 1. On a hub younger than that, an
  account is as old as one can be when it is as old as the hub; in a hub's first week, all accounts are.
- use: 1 where the person has used here what they review, else 1/2.
- crowd: 1 + (1 - age) x the sum of (1 - age) over the others who reviewed the same model within a week before or after, of
  those whose age x use would count at all. So accounts of some weeks that come together take each other's weight. An old
  account loses nothing by them, and nobody by accounts of some days: a raid must not silence honest reviews.

What weighs less than 1/4 is left out. Whoever reviewed several releases has one voice, shared among those reviews. The
score is the mean of the stars by weight, beside ten reviews' worth of the hub's mean.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate

# Below this many people, a score says more of chance than of the model, so there is none.
ENOUGH = 5
PRIOR = 10.0  # reviews of full weight that the hub's mean counts for
UNVERIFIED = 0.5
MATURE = timedelta(days=30)
FIRST_WEEK = timedelta(days=7)
WINDOW = timedelta(days=7)
LEAST = 0.25
# The hub's mean where nothing has been reviewed yet.
NEUTRAL = 3.0


@dataclass(frozen=True, slots=True)
class Vote:
    """A review as the score sees it. person: any number for its author. at: when it was written or last changed."""

    person: int
    stars: int
    at: datetime
    joined: datetime
    verified: bool


@dataclass(frozen=True, slots=True)
class Hub:
    """What scores are held against: the mean of all reviews of the hub, and since when it has accounts."""

    mean: float
    since: datetime


@dataclass(frozen=True, slots=True)
class Score:
    """value: 1 to 5, None below ENOUGH people. people: whose reviews it counts. weights: of each vote, in their order."""

    value: float | None
    people: int
    weights: Sequence[float]


def maturity(joined: datetime, at: datetime, since: datetime) -> float:
    """Return the part `age` of the formula, 0 to 1, for an account of `joined` that speaks at `at`."""
    if at - since < FIRST_WEEK:
        return 1.0
    full = min(MATURE, at - since)
    return min(1.0, max(0.0, (at - joined) / full)) ** 2


def weigh(votes: Sequence[Vote], since: datetime) -> list[float]:
    """Return what each review of one model weighs, 0 for what is left out. Time: n log n."""
    voices = Counter(vote.person for vote in votes)
    ages = [maturity(vote.joined, vote.at, since) for vote in votes]
    alone = [age * (1 if vote.verified else UNVERIFIED) for vote, age in zip(votes, ages, strict=True)]
    crowding = [
        (1 - age) / voices[vote.person] if weight >= LEAST else 0.0
        for vote, age, weight in zip(votes, ages, alone, strict=True)
    ]
    everybody = _Timeline(zip((vote.at for vote in votes), crowding, strict=True))
    said: dict[int, list[tuple[datetime, float]]] = {}
    for vote, amount in zip(votes, crowding, strict=True):
        said.setdefault(vote.person, []).append((vote.at, amount))
    # A person is no crowd of their own, however many releases they review.
    own = {person: _Timeline(pairs) for person, pairs in said.items()}
    weights = []
    for vote, age, base in zip(votes, ages, alone, strict=True):
        first, last = vote.at - WINDOW, vote.at + WINDOW
        others = max(0.0, everybody.between(first, last) - own[vote.person].between(first, last))
        weight = base / (1 + (1 - age) * others)
        weights.append(weight / voices[vote.person] if weight >= LEAST else 0.0)
    return weights


class _Timeline:
    """Amounts at moments, to be summed over any span of time."""

    def __init__(self, amounts: Iterable[tuple[datetime, float]]) -> None:
        listed = sorted(amounts)
        self._times = [at for at, _amount in listed]
        self._sums = [0.0, *accumulate(amount for _at, amount in listed)]

    def between(self, first: datetime, last: datetime) -> float:
        return self._sums[bisect_right(self._times, last)] - self._sums[bisect_left(self._times, first)]


def score(votes: Sequence[Vote], hub: Hub) -> Score:
    """Return the score of one model by its reviews."""
    weights = weigh(votes, hub.since)
    people = len({vote.person for vote, weight in zip(votes, weights, strict=True) if weight})
    if people < ENOUGH:
        return Score(None, people, weights)
    stars = sum(vote.stars * weight for vote, weight in zip(votes, weights, strict=True))
    return Score((PRIOR * hub.mean + stars) / (PRIOR + sum(weights)), people, weights)


def hub_mean(votes: Iterable[Vote], since: datetime) -> float:
    """Return the mean of all reviews of a hub by the age of the accounts alone: `ratings.hub` says the same in SQL."""
    total = weight = 0.0
    for vote in votes:
        age = maturity(vote.joined, vote.at, since)
        total += vote.stars * age
        weight += age
    return total / weight if weight else NEUTRAL
