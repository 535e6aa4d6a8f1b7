"""The formula of scores, part by part."""

from datetime import datetime, timedelta

import pytest

from hub.community.reviews.scoring import ENOUGH, LEAST, NEUTRAL, PRIOR, Hub, Vote, hub_mean, maturity, score, weigh
from tests.community.brigades import HUB_BEGAN, NOW

HUB = Hub(3.5, HUB_BEGAN)


def vote(
    person: int, stars: int = 5, *, days: float = 365, at: datetime = NOW - timedelta(days=60), verified: bool = True
) -> Vote:
    return Vote(person, stars, at, at - timedelta(days=days), verified)


def test_the_formula() -> None:
    told = score([vote(n, 5) for n in range(4)] + [vote(4, 1, verified=False)], HUB)
    assert told.value == pytest.approx((PRIOR * 3.5 + 4 * 5 + 0.5 * 1) / (PRIOR + 4.5))
    assert (told.people, list(told.weights)) == (5, [1, 1, 1, 1, 0.5])


def test_below_five_people_there_is_none() -> None:
    assert score([vote(n) for n in range(ENOUGH - 1)], HUB).value is None
    # Somebody who reviews many releases is one person, with one voice.
    told = score([vote(n) for n in range(ENOUGH - 1)] + [vote(0, 1) for _ in range(20)], HUB)
    assert (told.value, told.people) == (None, ENOUGH - 1)
    assert sum(weight for weight, cast in zip(told.weights, [0, 1, 2, 3] + [0] * 20, strict=True) if cast == 0) == (
        pytest.approx(1)
    )
    assert score([vote(n) for n in range(ENOUGH - 1)] + [vote(9, days=1)], HUB).value is None
    assert score([], HUB).value is None


def test_age() -> None:
    assert [maturity(NOW - timedelta(days=days), NOW, HUB_BEGAN) for days in (0, 15, 30, 900)] == [0, 0.25, 1, 1]
    # An account that was made after the review, by a clock that was put back.
    assert maturity(NOW + timedelta(days=3), NOW, HUB_BEGAN) == 0
    # On a hub of ten days, who was there on the first is old, and who came on the fifth is not quite.
    began = NOW - timedelta(days=10)
    assert maturity(began, NOW, began) == 1 and maturity(began + timedelta(days=5), NOW, began) == 0.25
    # In its first week, everybody is: nobody can have been there for longer.
    assert maturity(NOW, NOW, NOW - timedelta(days=6)) == 1


def test_accounts_of_some_weeks_that_come_together_take_each_others_weight() -> None:
    alone = weigh([vote(1, days=20)], HUB_BEGAN)[0]
    assert alone > LEAST
    assert sum(weigh([vote(n, days=20) for n in range(30)], HUB_BEGAN)) == 0
    # Spread over months they count like everybody.
    spread = [vote(n, days=20, at=NOW - timedelta(days=10 * n)) for n in range(30)]
    assert sum(weigh(spread, HUB_BEGAN)) == pytest.approx(30 * alone)
    # A person's own reviews of many releases are no crowd.
    assert sum(weigh([vote(1, days=20) for _ in range(30)], HUB_BEGAN)) == pytest.approx(alone)


@pytest.mark.parametrize("days", [0.04, 1, 14])
def test_a_raid_silences_nobody(days: float) -> None:
    honest = [vote(n, days=age) for n, age in enumerate([20, 25, 28, 200])]
    before = weigh(honest, HUB_BEGAN)
    raid = [vote(100 + n, 1, days=days) for n in range(200)]
    assert weigh([*honest, *raid], HUB_BEGAN)[: len(honest)] == pytest.approx(before)
    assert sum(weigh([*honest, *raid], HUB_BEGAN)) == pytest.approx(sum(before))


def test_honest_reviews_move_a_score() -> None:
    good, fair, poor = ([vote(n, stars) for n in range(50)] for stars in (5, 3, 1))
    scores = [score(votes, HUB).value or 0 for votes in (good, fair, poor)]
    assert scores[0] > 4.7 and 2.9 < scores[1] < 3.2 and scores[2] < 1.5
    # More people who say the same say it more surely.
    assert scores[0] > (score(good[:6], HUB).value or 0) > HUB.mean
    # New accounts become old ones: said again after some weeks, it counts.
    assert score([vote(n, days=40) for n in range(5)], HUB).value is not None


def test_the_mean_of_a_hub() -> None:
    assert hub_mean([], HUB_BEGAN) == NEUTRAL
    assert hub_mean([vote(1, 5), vote(2, 1, days=0)], HUB_BEGAN) == 5
    assert hub_mean([vote(1, 5), vote(2, 1, days=15)], HUB_BEGAN) == pytest.approx(4.2)
