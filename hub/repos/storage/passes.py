"""Passes over all that the hub has: a check each day, and a re-reading of the part of the content that was read longest ago.

A pass is a row (`StorageRun`). Tasks work on it for some seconds at a time, and where they stopped stands in it, so a pass
survives whatever is killed, and other tasks get their turn. What is wrong stands in it too, and administrators get a mail.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from billiard.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import transaction
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Min
from django.utils import timezone

from hub.core import locks
from hub.core.blobs import StoreAway
from hub.repos import mails
from hub.repos.fsck import Check
from hub.repos.models import Repository, StorageRun
from hub.repos.storage import scrubbing
from hub.repos.storage.checking import Batch, ContentCheck
from hub.repos.storage.damages import Damage, marked

log = logging.getLogger(__name__)

Task = StorageRun.Task

# Damages that a row keeps.
MAX_DAMAGES = 100
# A pass begins at night (UTC) where the last one is so long ago, and at any hour where it is longer.
_NIGHT = range(1, 6)
_BETWEEN = timedelta(hours=20)
_AT_MOST = timedelta(hours=30)
# Seconds between two notes of how far a pass has come.
_NOTE_SECONDS = 1
# Of StorageRun.counts: where to go on, how much to do, and what is told already.
AT, TARGET, ALL, NEW, TOLD = "_at", "_target", "_all", "_new", "_told"


def ask(task: str, *, everything: bool = False) -> StorageRun:
    """Have a pass begin soon, or return the one that is under way. everything: re-read all content, not a day's share."""
    with transaction.atomic():
        # Two who ask at once get one pass.
        locks.lock(f"asking for a pass: {task}")
        under_way = StorageRun.objects.filter(task=task, finished_at=None).order_by("started_at").first()
        if under_way is not None:
            return under_way
        return StorageRun.objects.create(task=task, counts={ALL: True} if everything else {})


def start_due() -> None:
    """Begin the passes of the day."""
    wanted = [Task.CHECK, *([Task.SCRUB] if settings.SCRUB_DAYS else [])]
    for task in wanted:
        run = StorageRun.latest(task)
        # A hub that is new has nothing that is long unread.
        last = run.started_at if run else MigrationRecorder.Migration.objects.aggregate(first=Min("applied"))["first"]
        if last is not None and _is_due(last, timezone.now()):
            ask(task)


def _is_due(last: datetime, now: datetime) -> bool:
    return now - last > (_BETWEEN if now.hour in _NIGHT else _AT_MOST)


def work(*, seconds: float) -> bool:
    """Work on the passes that are under way for about this long; return whether more is to be done.

    One process at a time does; others return at once.
    """
    with locks.alone("passes over the storage") as own:
        if own is None:
            return False
        waiting = StorageRun.objects.filter(task__in=[Task.CHECK, Task.SCRUB], finished_at=None).order_by("started_at")
        until = time.monotonic() + seconds
        while time.monotonic() < until and (run := waiting.first()) is not None:
            try:
                _Pass(run, until).go_on()
            except StoreAway as error:
                log.warning("%s: the store is away, so it goes on later: %s", run, error)
                return False
        return waiting.exists()


class _Pass:
    """Some seconds' work on one pass."""

    def __init__(self, run: StorageRun, until: float) -> None:
        self._run = run
        self._until = until
        self._state: dict[str, Any] = {key: value for key, value in run.counts.items() if key.startswith("_")}
        self._counts = Counter(run.results)
        self._noted = time.monotonic()

    def go_on(self) -> None:
        steps = self._check() if self._run.task == Task.CHECK else self._scrub()
        for _step in steps:
            now = time.monotonic()
            if now > self._until:
                self._note()
                self._tell()
                return
            if now - self._noted > _NOTE_SECONDS:
                self._note()
        self._state.pop(AT, None)
        self._run.finished_at = timezone.now()
        self._note()
        self._tell(finished=True)

    # --- checking ---------------------------------------------------------------------------------------------------

    def _check(self) -> Iterator[None]:
        content = ContentCheck(self._counts)
        stages: list[tuple[str, Callable[[str], Iterator[Batch[Any]]]]] = [
            ("repositories", self._repositories),
            ("large files", content.large_files),
            ("xorbs", content.xorbs),
        ]
        names = [name for name, _batches in stages]
        stage, after = self._state.get(AT, (names[0], ""))
        for name, batches in stages[names.index(stage) :]:
            for batch in batches(after):
                for damage in batch.damages:
                    found = marked(damage) if damage.blob or damage.xorb else self._compared(damage)
                    if found is not None:
                        self._found(found)
                self._state[AT] = [name, batch.last]
                yield
            after = ""

    def _repositories(self, after: str) -> Iterator[Batch[Any]]:
        check = Check(counts=self._counts)
        repos = Repository.objects.select_related("namespace").order_by("pk")
        while (repo := repos.filter(pk__gt=int(after or 0)).first()) is not None:
            after = str(repo.pk)
            try:
                damages = [Damage(found) for found in check.repository(repo)]
            except SoftTimeLimitExceeded:
                # `fsck` has all the time in the world; the next repository gets its turn here.
                log.warning("%s takes too long to check beside other work; run `manage.py fsck` on it", repo.audit_name)
                self._counts["not checked"] += 1
                damages = []
                self._until = 0
            yield Batch(after, damages, [repo])

    # --- reading again ----------------------------------------------------------------------------------------------

    def _scrub(self) -> Iterator[None]:
        pace = scrubbing.Pace(settings.SCRUB_RATE)
        everything = self._state.get(ALL, False)
        if TARGET not in self._state:
            scrubbing.note_arrivals()
            total = scrubbing.total_bytes()
            self._state[TARGET] = total if everything or not settings.SCRUB_DAYS else -(-total // settings.SCRUB_DAYS)
        for kept in scrubbing.damaged(self._run.started_at):
            # Well again, perhaps; or found by somebody's download, and not told yet.
            yield from self._reread(kept, pace)
        # What was read since yesterday need not be read again.
        before = self._run.started_at - (timedelta() if everything else timedelta(hours=12))
        while everything or self._counts["bytes"] < self._state[TARGET]:
            waiting = scrubbing.least_recent(before)
            if not waiting:
                return
            for kept in waiting:
                if not everything and self._counts["bytes"] >= self._state[TARGET]:
                    return
                yield from self._reread(kept, pace)

    def _reread(self, kept: scrubbing.Kept, pace: scrubbing.Pace) -> Iterator[None]:
        name, start = self._state.get(AT, ("", 0))
        outcome = scrubbing.reread(kept, pace, start=start if name == kept.name else 0, until=self._until)
        self._counts["bytes"] += outcome.position - (start if name == kept.name else 0)
        self._state[AT] = [kept.name, outcome.position]
        if outcome.damage is not None:
            self._found(outcome.damage._replace(new=self._is_news(kept.damaged_at)))
        if outcome.position >= kept.size:
            self._counts["xorbs" if kept.is_xorb else "large files"] += 1
        yield

    # --- what is found ----------------------------------------------------------------------------------------------

    def _compared(self, damage: Damage) -> Damage:
        """Tell by the pass before whether a damage that no content can be marked with is new."""
        before = (
            StorageRun.objects.filter(task=self._run.task, finished_at__isnull=False).order_by("-started_at").first()
        )
        return damage._replace(new=before is None or damage.text not in before.damages)

    def _is_news(self, damaged_at: datetime | None) -> bool:
        """Tell whether what is marked since then was found after the last pass, by somebody who wanted to have it."""
        passes = StorageRun.objects.filter(task__in=[Task.CHECK, Task.SCRUB], finished_at__isnull=False)
        last = passes.order_by("-finished_at").values_list("finished_at", flat=True).first()
        return damaged_at is None or last is None or damaged_at > last

    def _found(self, damage: Damage) -> None:
        self._counts["damages"] += 1
        if len(self._run.damages) < MAX_DAMAGES:
            self._run.damages.append(damage.text)
        if damage.new:
            log.error("damaged: %s", damage.text)
            self._state[NEW] = [*self._state.get(NEW, []), damage.text][:MAX_DAMAGES]

    def _note(self) -> None:
        self._noted = time.monotonic()
        self._run.counts = {**self._counts, **self._state}
        self._run.save(update_fields=["counts", "damages", "finished_at"])

    def _tell(self, *, finished: bool = False) -> None:
        """Mail administrators at the first new damage of a pass, and at its end where there were more."""
        new, told = self._state.get(NEW, []), self._state.get(TOLD, 0)
        if len(new) > told and (finished or not told):
            self._state[TOLD] = len(new)
            self._note()
            mails.tell_of_damages(new[told:])
