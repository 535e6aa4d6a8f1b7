"""What the steps of a collection share."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from django.db import transaction


class Batch(NamedTuple):
    """Some rows or objects that a step has been through. ``after``: where it goes on if it is cut off here; ``counts``: what
    -> how many, or bytes."""

    after: str
    counts: Mapping[str, int]


@dataclass(frozen=True)
class Pass:
    """One collection. ``clock``: the hub's running time as it began, in seconds; ``dry``: nothing is changed; ``part``: which
    of ``PARTS`` of the repositories have their objects looked through, None for all."""

    clock: int
    dry: bool = False
    part: int | None = None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A transaction, which changes nothing where the pass is a dry one."""
        with transaction.atomic():
            yield
            if self.dry:
                transaction.set_rollback(True)


# Begins behind `after`, and yields only what it has done something about: cut off and called again, it comes to an end.
Step = Callable[[Pass, str], Iterator[Batch]]
