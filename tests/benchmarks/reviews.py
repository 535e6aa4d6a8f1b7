"""What crowds of new accounts get out of rating a model: by how many places it moves in a list of 1,000 models, at most.

What is honest around them is told in tests/community/brigades.py, the formula in docs/reviews.md. Each crowd gives 1 star, then
5, to models from the whole list: of every place, with the fewest and the most reviews, and without a score. The aim is to stay
below 1 % of the places. The last lines tell what the formula gives up: accounts that were old before they came do move a model.

python -m tests.benchmarks.reviews [--quick] [--json FILE]
"""

from collections.abc import Iterator

from tests.benchmarks.harness import Figure, run
from tests.community.brigades import CROWD, MODELS, Crowd, World, targets

SEEDS, QUICK_SEEDS = 5, 1
TARGETS, QUICK_TARGETS = 40, 8
CROWDS = {
    "made today, within an hour": Crowd(),
    "made today, who downloaded it first": Crowd(verified=True),
    f"{10 * CROWD} of them": Crowd(size=10 * CROWD, verified=True),
    "made within a week, who downloaded it": Crowd(days=7, verified=True),
    "made within two weeks, who downloaded it": Crowd(days=14, verified=True),
    "made within two weeks, coming over two weeks": Crowd(days=14, hours=14 * 24, verified=True),
}
# Told, and not promised.
PATIENT = {
    "made within 25 days, within an hour": Crowd(days=25, verified=True),
    "made within a year, within a month": Crowd(days=365, hours=30 * 24, verified=True),
}


def measure(quick: bool) -> Iterator[Figure]:
    worlds = [World(seed) for seed in range(1, 1 + (QUICK_SEEDS if quick else SEEDS))]
    for name, crowd in {**CROWDS, **PATIENT}.items():
        moved = [
            world.raid(target, stars, crowd)
            for world in worlds
            for target in targets(world, QUICK_TARGETS if quick else TARGETS)
            for stars in (1, 5)
        ]
        most = MODELS / 100
        yield Figure(
            name=f"{crowd.size} accounts {name}: {len(moved)} raids, mean {sum(moved) / len(moved):.1f} places, at most",
            ours=max(moved),
            other=most,
            other_name="1 % of the places",
            ratio=max(moved) / most,
            unit="places",
            aim=None if name in PATIENT else 1.0,
        )


if __name__ == "__main__":
    run(__doc__, measure)
