"""What the benchmarks share: their options, how a figure is printed and written, and engines of their own."""

import argparse
import json
import logging
import os
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict

from django.test.utils import setup_databases, teardown_databases

from tests import live


class Figure(TypedDict):
    """One comparison. `ratio` is to reach `aim`, or, for bytes and memory, to stay below it; None: it is only told."""

    name: str
    ours: float
    other: float
    other_name: str
    ratio: float
    unit: str
    aim: float | None


def run(description: str | None, measure: Callable[[bool], Iterable[Figure]]) -> None:
    """Read the options, measure (`measure` is told whether to be quick), print each figure as it comes, write them all."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="less of everything")
    parser.add_argument("--json", type=Path, help="write the figures there")
    options = parser.parse_args()
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # It would write a line for each request.
    say_load()
    figures = []
    for figure in measure(options.quick):
        print(
            "{name}: {ours:,.2f} {unit}; {other_name}: {other:,.2f} {unit}; ratio {ratio:.2f}, aim {aim}".format(
                **figure
            ),
            flush=True,
        )
        figures.append(figure)
    say_load()
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))


def compare(
    name: str,
    ours: Callable[[int], object],
    other: Callable[[int], object],
    other_name: str,
    aim: float,
    *,
    rounds: int = 9,
) -> Figure:
    """Time both in turns (each is told which turn it is), after one warm-up each: medians in ms, ratio other to ours."""
    times: dict[str, list[float]] = {"ours": [], "other": []}
    for turn in range(rounds + 1):
        for who, call in (("ours", ours), ("other", other)):
            begun = time.perf_counter()
            call(turn)
            if turn:
                times[who].append((time.perf_counter() - begun) * 1000)
    mine, theirs = statistics.median(times["ours"]), statistics.median(times["other"])
    return Figure(name=name, ours=mine, other=theirs, other_name=other_name, ratio=theirs / mine, unit="ms", aim=aim)


def say_load() -> None:
    print("load of the machine: {:.1f} {:.1f} {:.1f}".format(*os.getloadavg()), flush=True)


@contextmanager
def database() -> Iterator[None]:
    """Run engines of our own, with an empty database."""
    root = Path(os.environ["GROVE_TESTS_ROOT"])
    engines = live.launch(root / "engines-of-benchmarks", "--engines", GROVE_DATA=str(root))
    try:
        engines.wait_ready()
        databases = setup_databases(verbosity=0, interactive=False)
        try:
            yield
        finally:
            teardown_databases(databases, verbosity=0)
    finally:
        engines.stop()
        live.remove(root)
