"""The first page of a repository: its card, what is known of it, and how to use it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from hub.accounts.models import Someone
from hub.catalog.models import DownloadDay, RepoStats
from hub.community.reviews.ratings import ratings_of
from hub.community.reviews.scoring import ENOUGH
from hub.core.links import base_url, repo_path
from hub.core.markdown import Rendered, plain_text, render
from hub.evaluations.models import Run
from hub.repos import cards
from hub.repos.card_checks import check_card
from hub.repos.git.files import FileEntry, read_file
from hub.repos.models import GitPath, Kind, Release, Repository
from hub.repos.permissions import may_fetch, may_write
from hub.repos.safetensors import DTYPE_BITS
from hub.repos.vocabulary import label
from hub.web.pages.repo_demo import demo_of
from hub.web.pages.repo_head import DEFAULT_BRANCH, does_demos, for_readers, open_revision, repo_page
from hub.web.snippets import first_upload, ways_to_use
from workers.contracts import Task

CONFIG = "config.json"
DAYS = 30
OPENING = 2048  # characters of a card that stand below its head
RESULTS = 3  # of evaluations that the rail shows
# Repositories that a card names and the rail links to.
MAX_RELATED = 20
SPARK_WIDTH, SPARK_HEIGHT = 144, 40  # units of the drawing


@dataclass(frozen=True)
class Related:
    """A repository that a card names; `address` is empty where this hub has none of that name to show."""

    name: str
    address: str


@for_readers
@require_safe
def card(request: HttpRequest, repo: Repository) -> HttpResponse:
    """The card of `main`, with facts at its head and in the rail."""
    revision = open_revision(repo, DEFAULT_BRANCH)
    files = {row.path: row for row in GitPath.objects.filter(repository=repo, path__in=[cards.CARD_FILE, CONFIG])}
    text = _read_card(repo, files.get(cards.CARD_FILE))
    parsed = cards.parse(text or "")
    address = base_url(request)
    admitted = may_fetch(request.user, repo)
    demo = demo_of(request, repo, revision.commit, revision.name) if admitted and does_demos(repo) else None
    return repo_page(
        request,
        "web/repo/card.html",
        repo,
        tab="card",
        revision=revision,
        card=parsed,
        has_card=text is not None,
        summary=_summary(repo, parsed.body),
        rendered=_render(repo, parsed.body, admitted) if parsed.body.strip() else None,
        issues=check_card(text, repo.kind) if text is not None and may_write(request.user, repo) else None,
        languages_stated=_languages(parsed),
        weights=_weights(repo),
        weights_size=_weights_size(repo),
        rows_stated=_rows_stated(parsed),
        base_models=_related(request, Kind.MODEL, parsed.base_models) if parsed.base_models else [],
        datasets=_related(request, Kind.DATASET, parsed.datasets) if parsed.datasets else [],
        license_address=_license_address(repo, parsed),
        license_name=parsed.license_name or label("license", parsed.license),
        task_name=label("task", parsed.task),
        library_name=label("library", parsed.library),
        uses=ways_to_use(
            repo,
            parsed,
            base_url=address,
            example_file=CONFIG
            if CONFIG in files
            else cards.CARD_FILE
            if cards.CARD_FILE in files
            else ".gitattributes",
            has_config=CONFIG in files,
        ),
        first_upload=first_upload(repo, address),
        downloads=RepoStats.objects.filter(pk=repo.pk).values_list("downloads", flat=True).first() or 0,
        days=_download_days(repo),
        demo=demo,
        newest_release=Release.objects.filter(repository=repo).newest_first().first(),
        ratings=ratings_of(repo).all if repo.kind == Kind.MODEL else None,
        enough=ENOUGH,
        results=_results(request.user, repo) if repo.kind == Kind.MODEL else [],
        # What a demo says of the model tells it as well; without one, its page of evaluations does.
        may_be_evaluated=repo.kind == Kind.MODEL
        and (demo is None or not demo.tasks or Task.TEXT_GENERATION in demo.tasks),
    )


def _summary(repo: Repository, body: str) -> str:
    """Return the summary for the head, or "" where the card just below opens with the same words."""
    row = getattr(repo, "search_row", None)
    summary = row.summary if row else ""
    return "" if summary in plain_text(body, OPENING)[:2] else summary


def _results(user: Someone, repo: Repository) -> list[Run]:
    """Return the newest results of a model, one for each dataset."""
    runs = Run.objects.visible_to(user).filter(model=repo).done()
    newest = runs.order_by("dataset", "-pk").distinct("dataset").values("pk")
    found = Run.objects.filter(pk__in=newest).select_related("result", "dataset__namespace", "model__namespace")
    return list(found.newest_first()[:RESULTS])


def _weights(repo: Repository) -> list[tuple[str, int]]:
    """Return (dtype, number of parameters), the most first."""
    row = getattr(repo, "search_row", None)
    return sorted(row.dtypes.items(), key=lambda item: -item[1]) if row else []


def _weights_size(repo: Repository) -> int:
    """Return the bytes that the weights take: other large files of the repository are none of them."""
    return sum(count * DTYPE_BITS.get(dtype, 0) for dtype, count in _weights(repo)) // 8


def _languages(card: cards.Card) -> str:
    """Return the card's languages by name: the first three, and how many more."""
    names = [label("language", code) for code in card.languages]
    first = _(", ").join(names[:3])
    if len(names) <= 3:
        return first
    return _("%(first)s and %(count)d more") % {"first": first, "count": len(names) - 3}


def _rows_stated(card: cards.Card) -> str:
    """Return how many rows a dataset's card states, in words."""
    stated = card.metadata.get("size_categories")
    first = stated[0] if isinstance(stated, list) and stated else stated
    return label("size", first) if isinstance(first, str) else ""


def _read_card(repo: Repository, row: GitPath | None) -> str | None:
    """Return the README's text, None where there is none that can be shown."""
    if row is None or row.sha256 is not None or row.size > cards.MAX_CARD_FILE:
        return None
    return read_file(repo, FileEntry.of_row(row)).decode("utf-8", "replace")


def _render(repo: Repository, body: str, admitted: bool) -> Rendered:
    """Return the card's text. Whoever may not fetch the files sees no broken pictures either."""
    return render(
        body,
        link_base=repo_path(repo.kind, repo.full_name, "blob", rev=DEFAULT_BRANCH),
        raw_base=repo_path(repo.kind, repo.full_name, "raw", rev=DEFAULT_BRANCH) if admitted else "",
    )


def _related(request: HttpRequest, kind: Kind, names: list[str]) -> list[Related]:
    """Return the named repositories in the card's order, in one query."""
    names = names[:MAX_RELATED]
    wanted = Q(pk__in=[])
    for name in names:
        owner, _slash, rest = name.partition("/")
        wanted |= Q(namespace__name__iexact=owner, name__iexact=rest)
    there = Repository.objects.visible_to(request.user).filter(wanted, kind=kind).select_related("namespace")
    addresses = {repo.full_name.lower(): repo.get_absolute_url() for repo in there}
    return [Related(name, addresses.get(name.lower(), "")) for name in names]


def _license_address(repo: Repository, card: cards.Card) -> str:
    """Return where the licence is read, where the card says so; a relative link is a file of the repository."""
    link = card.license_link
    if not link or link.startswith(("http://", "https://")):
        return link
    return repo_path(repo.kind, repo.full_name, "blob", rev=DEFAULT_BRANCH, path=link.removeprefix("./").lstrip("/"))


def _download_days(repo: Repository) -> dict[str, Any]:
    """Return the downloads of the last thirty days: their sum, one number a day, and the drawing's outline."""
    first = timezone.now().date() - timedelta(days=DAYS - 1)
    counted = dict(DownloadDay.objects.filter(repository=repo, day__gte=first).values_list("day", "downloads"))
    numbers = [(first + timedelta(days=n), counted.get(first + timedelta(days=n), 0)) for n in range(DAYS)]
    most = max(count for _day, count in numbers) or 1
    points = [
        f"{n * SPARK_WIDTH / (DAYS - 1):.1f} {SPARK_HEIGHT - 2 - count * (SPARK_HEIGHT - 6) / most:.1f}"
        for n, (_day, count) in enumerate(numbers)
    ]
    return {
        "sum": sum(counted.values()),
        "numbers": numbers,
        "line": SafeString("M" + "L".join(points)),
        "area": SafeString(f"M0 {SPARK_HEIGHT}L" + "L".join(points) + f"L{SPARK_WIDTH} {SPARK_HEIGHT}Z"),
    }
