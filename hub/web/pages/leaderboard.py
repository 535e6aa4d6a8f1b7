"""The leaderboard of a dataset: which model predicts its text best, under the same settings."""

import csv
import io
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.formats import number_format
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from hub.evaluations.leaderboard import Group, Row, choose_group, groups_of, rows_of
from hub.evaluations.models import GROUP
from hub.repos.git.files import resolve_revision
from hub.repos.models import Repository
from hub.web.csv_lines import no_formula
from hub.web.pages.repo_head import DEFAULT_BRANCH, for_readers, repo_page

WIDTH, HEIGHT, MARGIN = 170, 14, 6  # of a row's drawing, in its own units


@dataclass(frozen=True)
class Drawn:
    """A row with its drawing: where the dot lies on an axis that all rows share, and where its interval begins and ends."""

    row: Row
    at: float
    low: float
    high: float


@for_readers
@require_safe
def leaderboard(request: HttpRequest, repo: Repository) -> HttpResponse:
    """One row a model, for the group of settings that the address names, else the one with most models."""
    groups = groups_of(repo, request.user)
    group = choose_group(groups, request.GET) or (groups[0] if groups else None)
    rows = rows_of(repo, group, request.user) if group else []
    return repo_page(
        request,
        "web/evaluations/leaderboard.html",
        repo,
        tab="leaderboard",
        group=group,
        groups=[(found, f"?{urlencode(found.to_json())}", label_of(found), found == group) for found in groups],
        group_label=label_of(group) if group else "",
        query=urlencode(group.to_json()) if group else "",
        rows=_drawn(rows),
        stale=any(row.stale for row in rows),
        axis=_axis(rows),
        head=resolve_revision(repo, DEFAULT_BRANCH).oid,
        width=WIDTH,
        height=HEIGHT,
    )


def label_of(group: Group) -> str:
    """Return the settings of a group in a line."""
    of = f"{group.config}/{group.split}" if group.config else group.split
    return _("%(split)s, column %(column)s, context %(context)s, stride %(stride)s, up to %(tokens)s tokens") % {
        "split": of,
        "column": group.column,
        "context": number_format(group.context, force_grouping=True),
        "stride": number_format(group.stride, force_grouping=True),
        "tokens": number_format(group.max_tokens, force_grouping=True),
    }


def _axis(rows: list[Row]) -> tuple[float, float] | None:
    """Return the ends of the axis: the furthest that any interval reaches."""
    if not rows:
        return None
    return min(row.score - row.margin for row in rows), max(row.score + row.margin for row in rows)


def _drawn(rows: list[Row]) -> list[Drawn]:
    axis = _axis(rows)
    if axis is None:
        return []
    low, span = axis[0], (axis[1] - axis[0]) or 1

    def place(value: float) -> float:
        return round(MARGIN + (value - low) / span * (WIDTH - 2 * MARGIN), 1)

    return [Drawn(row, place(row.score), place(row.score - row.margin), place(row.score + row.margin)) for row in rows]


@for_readers
@require_safe
def download(request: HttpRequest, repo: Repository, form: str) -> HttpResponse:
    """The same rows as a file, `form` being json or csv."""
    groups = groups_of(repo, request.user)
    group = choose_group(groups, request.GET)
    rows = [row.to_json() for row in rows_of(repo, group, request.user)] if group else []
    name = f"{repo.name}-leaderboard.{form}"
    response: HttpResponse
    if form == "json":
        settings = group.to_json() if group else None
        response = JsonResponse(
            {"dataset": repo.full_name, "settings": settings, "rows": rows}, json_dumps_params={"indent": 2}
        )
    else:
        text = io.StringIO()
        columns = list(rows[0]) if rows else ["model"]
        writer = csv.DictWriter(text, [*columns, *(f"setting_{key}" for key in GROUP)])
        writer.writeheader()
        settings_of = {f"setting_{key}": value for key, value in group.to_json().items()} if group else {}
        for row in rows:
            cells = (row | settings_of).items()
            writer.writerow({key: no_formula(value) if isinstance(value, str) else value for key, value in cells})
        response = HttpResponse(text.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
