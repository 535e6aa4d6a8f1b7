"""A hub full of honest reviews, and the crowds that try to move one of its models. Used by a test and by a benchmark.

What is honest: each model has a true quality, normally distributed over the models (mean 3.7, deviation 0.5, within 1.3 to
4.9). Its number of reviews is log-normal (median 12, at least 5, at most 400). Each is the quality plus what people differ in
(deviation 1), rounded to 1 to 5 stars. Reviewers have had their accounts for 1 to 1000 days (7 in 10 for over a month), wrote
at any time in the last two years of a hub of three, and 6 in 10 have used here what they review.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hub.community.reviews.scoring import Hub, Vote, hub_mean, score

NOW = datetime(2030, 1, 1, tzinfo=UTC)
HUB_BEGAN = NOW - timedelta(days=3 * 365)
MODELS = 1000
CROWD = 30


@dataclass(frozen=True)
class Crowd:
    """Who comes: `size` accounts whose ages are up to `days`, within `hours`; whether they download the model first."""

    days: float = 1.0
    hours: float = 1.0
    size: int = CROWD
    verified: bool = False


class World:
    """The reviews of all models, their scores and the order of the list."""

    def __init__(self, seed: int, models: int = MODELS) -> None:
        self.chance = random.Random(seed)
        self._people = 0
        self.models = [self._reviews() for _ in range(models)]
        self._everything = [vote for votes in self.models for vote in votes]
        self.hub = self._held_against(())
        self.scores = [score(votes, self.hub).value for votes in self.models]

    def _reviews(self) -> list[Vote]:
        quality = min(4.9, max(1.3, self.chance.gauss(3.7, 0.5)))
        number = min(400, max(5, round(self.chance.lognormvariate(2.5, 0.9))))
        return [self._honest(quality) for _ in range(number)]

    def _honest(self, quality: float) -> Vote:
        stars = min(5, max(1, round(self.chance.gauss(quality, 1.0))))
        at = NOW - timedelta(days=self.chance.uniform(0, 730))
        age = self.chance.uniform(30, 1000) if self.chance.random() < 0.7 else self.chance.uniform(1, 30)
        return self.vote(stars, at, at - timedelta(days=age), self.chance.random() < 0.6)

    def vote(self, stars: int, at: datetime, joined: datetime, verified: bool) -> Vote:
        self._people += 1
        return Vote(self._people, stars, at, max(joined, HUB_BEGAN), verified)

    def _held_against(self, besides: Sequence[Vote]) -> Hub:
        # Two decimals, as the hub takes it.
        return Hub(round(hub_mean([*self._everything, *besides], HUB_BEGAN), 2), HUB_BEGAN)

    def in_order(self) -> list[int]:
        """Return the models that have a score, the best first."""
        rated = [n for n, value in enumerate(self.scores) if value is not None]
        return sorted(rated, key=lambda n: -self.scores[n])  # type: ignore[operator] # None is left out above

    def raid(self, target: int, stars: int, crowd: Crowd) -> int:
        """Return by how many places of the whole list `target` moves when a crowd gives it so many stars. Models without a
        score come last, and the hub's mean, which the crowd has a part in as well, is taken anew for all of them."""
        sent = [self._of_crowd(stars, crowd) for _ in range(crowd.size)]
        hub = self._held_against(sent)
        scores = list(self.scores)
        if hub != self.hub:
            scores = [score(votes, hub).value for votes in self.models]
        scores[target] = score([*self.models[target], *sent], hub).value
        return abs(_place(scores, target) - _place(self.scores, target))

    def _of_crowd(self, stars: int, crowd: Crowd) -> Vote:
        at = NOW - timedelta(hours=self.chance.uniform(0, crowd.hours))
        return self.vote(stars, at, at - timedelta(days=self.chance.uniform(0, crowd.days)), crowd.verified)


def _place(scores: Sequence[float | None], target: int) -> int:
    """Return the place of a model in a list by score, the best first; equal ones keep their order."""

    def key(n: int) -> tuple[float, int]:
        value = scores[n]
        return (-(value or 0.0), n)

    return sum(1 for n in range(len(scores)) if key(n) < key(target))


def targets(world: World, number: int) -> list[int]:
    """Return models from the whole range: by place in the list, those with the fewest and with the most reviews, and those
    without a score."""
    order = world.in_order()
    spread = [order[round(n * (len(order) - 1) / (number - 1))] for n in range(number)]
    by_count = sorted(range(len(world.models)), key=lambda n: len(world.models[n]))
    few = [n for n in by_count if world.scores[n] is not None][:3]
    unrated = [n for n in by_count if world.scores[n] is None][:3]
    return list(dict.fromkeys([*spread, *few, *by_count[-3:], *unrated]))
