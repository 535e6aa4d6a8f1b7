"""What everybody may know of moderation: numbers, and which public repositories were taken down, and why."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from statistics import median
from typing import Any

from django.db.models import Count, QuerySet
from django.db.models.functions import TruncMonth, TruncQuarter
from django.utils import timezone
from django.utils.translation import gettext as _

from hub.moderation.models import Action, ActionKind, Appeal, Case, Ground, Report
from hub.repos.models import Kind, Repository, Visibility

PERIODS = {"month": TruncMonth, "quarter": TruncQuarter}
SHOWN = 12  # periods
# Closed cases of one period that the median is taken of, the newest; more would not change what it says.
MAX_CASES = 5000
MAX_TAKEDOWNS = 200


@dataclass
class Period:
    """What happened in one month or quarter. `hours`: the median from the first report to the decision, None without one."""

    begins: date
    reports: dict[str, int] = field(default_factory=dict)  # by ground
    actions: dict[str, int] = field(default_factory=dict)  # by kind
    appeals: dict[str, int] = field(default_factory=dict)  # by state
    hours: float | None = None

    @property
    def report_count(self) -> int:
        return sum(self.reports.values())

    @property
    def quarter(self) -> int:
        return (self.begins.month + 2) // 3

    def named_reports(self) -> list[tuple[str, int]]:
        """The numbers of `reports`, by the names that people read, in the order of Ground."""
        return [(str(ground.label), self.reports[ground]) for ground in Ground if ground in self.reports]

    def named_actions(self) -> list[tuple[str, int]]:
        return [(str(kind.label), self.actions[kind]) for kind in ActionKind if kind in self.actions]

    def named_appeals(self) -> list[tuple[str, int]]:
        names = {
            Appeal.State.OPEN: _("Appeals that wait"),
            Appeal.State.GRANTED: _("Appeals granted"),
            Appeal.State.REJECTED: _("Appeals turned down"),
        }
        return [(name, self.appeals[state]) for state, name in names.items() if state in self.appeals]


@dataclass(frozen=True)
class Takedown:
    """A public repository that is taken down at present."""

    kind: str
    name: str
    reason: str
    at: date

    @property
    def label(self) -> str:
        return str(Kind(self.kind).label)


def periods(by: str = "month") -> list[Period]:
    """Return the last SHOWN months or quarters in which anything happened, newest first. Five queries."""
    trunc = PERIODS[by]
    since = timezone.now() - timedelta(days=SHOWN * (31 if by == "month" else 92))
    found: dict[date, Period] = {}

    def period(begins: date) -> Period:
        return found.setdefault(begins, Period(begins))

    counted: Iterable[tuple[QuerySet[Any], str, str, str]] = (
        (Report.objects.all(), "created_at", "ground", "reports"),
        (Action.objects.all(), "at", "kind", "actions"),
        (Appeal.objects.all(), "created_at", "state", "appeals"),
    )
    for rows, when, what, name in counted:
        grouped = rows.order_by().filter(**{f"{when}__gte": since}).annotate(begins=trunc(when))
        for row in grouped.values("begins", what).annotate(number=Count("pk")):
            getattr(period(row["begins"].date()), name)[row[what]] = row["number"]
    closed = Case.objects.filter(closed_at__gte=since).annotate(begins=trunc("closed_at"))
    taken: dict[date, list[float]] = defaultdict(list)
    for begins, opened, end in closed.order_by("-closed_at").values_list("begins", "opened_at", "closed_at"):
        hours = taken[begins.date()]
        if end is not None and len(hours) < MAX_CASES:
            hours.append((end - opened).total_seconds() / 3600)
    for begins, hours in taken.items():
        period(begins).hours = round(median(hours), 1)
    return sorted(found.values(), key=lambda one: one.begins, reverse=True)[:SHOWN]


def takedowns() -> list[Takedown]:
    """Return the public repositories that are taken down, the latest first, at most MAX_TAKEDOWNS. Nobody hears of
    private ones."""
    down = Repository.objects.filter(taken_down_at__isnull=False, visibility=Visibility.PUBLIC)
    rows = down.select_related("namespace").order_by("-taken_down_at")[:MAX_TAKEDOWNS]
    return [
        Takedown(repo.kind, repo.full_name, repo.takedown_reason, repo.taken_down_at.date())
        for repo in rows
        if repo.taken_down_at is not None
    ]
