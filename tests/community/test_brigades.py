"""Crowds of new accounts that try to move a model in the list. What is honest around them: brigades.World."""

import pytest

from tests.community.brigades import CROWD, MODELS, Crowd, World, targets

# Less than 1 % of the positions.
MOST = MODELS // 100 - 1
FRESH = [
    Crowd(),
    Crowd(verified=True),
    Crowd(days=14, verified=True),
    Crowd(days=14, hours=14 * 24, verified=True),
]


def test_a_crowd_moves_no_model() -> None:
    world = World(seed=1)
    moved = [
        world.raid(target, stars, crowd) for target in targets(world, 5) for stars in (1, 5) for crowd in FRESH[:3]
    ]
    assert max(moved) <= MOST


@pytest.mark.full
@pytest.mark.parametrize("seed", range(2, 7))
@pytest.mark.parametrize("crowd", [*FRESH, Crowd(size=10 * CROWD, verified=True)])
def test_crowds_on_many_hubs(seed: int, crowd: Crowd) -> None:
    world = World(seed)
    assert max(world.raid(target, stars, crowd) for target in targets(world, 25) for stars in (1, 5)) <= MOST


def test_honest_reviewers_move_it() -> None:
    """So many people whose accounts are a year old: what they say is heard, or the formula would be no formula."""
    world = World(seed=1)
    order = world.in_order()
    old = Crowd(days=365, hours=30 * 24, verified=True)
    middle = order[len(order) // 2]
    assert world.raid(middle, 5, old) > 100 and world.raid(middle, 1, old) > 100


def test_the_hub_is_as_it_is_said_to_be() -> None:
    world = World(seed=1)
    numbers = sorted(len(votes) for votes in world.models)
    assert len(world.models) == MODELS and 10 <= numbers[MODELS // 2] <= 14 and numbers[-1] > 100
    scores = [world.scores[n] or 0.0 for n in world.in_order()]
    assert len(scores) > 700 and scores[0] - scores[-1] > 1.2
