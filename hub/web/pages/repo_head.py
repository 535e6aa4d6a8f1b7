"""What all pages of one repository share: loading it for what the page does, its head, tabs and revisions."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from django.conf import settings
from django.db.models import Count, Exists, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _

from hub.accounts.models import Someone
from hub.community.models import Discussion, Follow, Like, Review
from hub.community.permissions import get_repo_for_posting
from hub.core.errors import Invalid
from hub.core.links import repo_path
from hub.evaluations.models import Run
from hub.inference.offers import task_of_tags
from hub.repos.errors import RepoMoved
from hub.repos.git.files import resolve_revision
from hub.repos.models import GitCommit, GitPath, GitRef, Kind, Release, Repository
from hub.repos.models.git import BRANCH_PREFIX, TAG_PREFIX
from hub.repos.permissions import (
    get_repo_for_admin,
    get_repo_for_content,
    get_repo_for_naming,
    get_repo_for_proposing,
    get_repo_for_read,
    get_repo_for_write,
    may_administer,
    may_give_names,
    may_write,
)
from hub.web.context import address_of
from hub.web.gate_panel import panel_of

DEFAULT_BRANCH = "main"
# Branches and tags that the switcher offers; any other is reached by its address.
REFS_SHOWN = 200

P = ParamSpec("P")
# The request that a view takes: any, or, behind a loader that refuses strangers, a member's.
R = TypeVar("R", bound=HttpRequest)
Loader = Callable[[Someone, str, str, str], Repository]


class _ForRepo:
    """Makes a view `(request, repo, ...)` one that takes an address. A repository's former names redirect."""

    def __init__(self, load: Loader) -> None:
        self._load = load

    def __call__(
        self, view: Callable[Concatenate[R, Repository, P], HttpResponseBase]
    ) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def loaded(
            request: R, kind: str, namespace: str, name: str, *args: P.args, **kwargs: P.kwargs
        ) -> HttpResponseBase:
            try:
                repo = self._load(request.user, kind, namespace, name)
            except RepoMoved as moved:
                return forward(request, moved)
            return view(request, repo, *args, **kwargs)

        return loaded


for_readers = _ForRepo(get_repo_for_read)
for_fetchers = _ForRepo(get_repo_for_content)
for_posters = _ForRepo(get_repo_for_posting)
for_proposers = _ForRepo(get_repo_for_proposing)
for_writers = _ForRepo(get_repo_for_write)
for_admins = _ForRepo(get_repo_for_admin)
for_namers = _ForRepo(get_repo_for_naming)


def forward(request: HttpRequest, moved: RepoMoved) -> HttpResponse:
    """Redirect to the same page below the repository's name."""
    prefix = moved.asked_segments + (moved.kind != Kind.MODEL)
    path, mark, query = address_of(request).partition("?")
    below = path.split("/", prefix + 1)[prefix + 1 :]
    response = HttpResponseRedirect("/".join([repo_path(moved.kind, moved.full_name), *below]) + mark + query)
    # 307 keeps a form's method and content, and is not remembered: the old name may be taken back.
    response.status_code = 307
    return response


@dataclass(frozen=True)
class Revision:
    """A revision as the address names it, and the commit that it means."""

    name: str
    commit: GitCommit
    refs: list[GitRef]

    @property
    def branches(self) -> list[str]:
        return [r.name.removeprefix(BRANCH_PREFIX) for r in self.refs if r.name.startswith(BRANCH_PREFIX)]

    @property
    def tags(self) -> list[str]:
        return [r.name.removeprefix(TAG_PREFIX) for r in self.refs if r.name.startswith(TAG_PREFIX)]

    @property
    def is_branch(self) -> bool:
        return self.name in self.branches

    @property
    def shown(self) -> str:
        """The name; a commit's first seven digits."""
        return self.name[:7] if self.name == self.commit.oid else self.name


def open_revision(repo: Repository, name: str) -> Revision:
    """Return the revision with what one may switch to. Raises RevisionNotFound."""
    commit = resolve_revision(repo, name)
    refs = GitRef.objects.filter(repository=repo, name__regex=r"^refs/(heads|tags)/").order_by("name")
    return Revision(name, commit, list(refs[:REFS_SHOWN]))


def open_branch(repo: Repository, name: str) -> Revision:
    """Return the branch, for a page that changes it. Raises RevisionNotFound, Invalid for what is no branch."""
    revision = open_revision(repo, name)
    if not GitRef.objects.filter(repository=repo, name=BRANCH_PREFIX + name).exists():
        raise Invalid(
            _("Only branches can be changed, and “%(name)s” is a tag or a commit. Switch to a branch first.")
            % {"name": revision.shown}
        )
    return revision


def repo_page(
    request: HttpRequest, template: str, repo: Repository, *, tab: str, status: int = 200, **more: Any
) -> HttpResponse:
    """Render a page of `repo` under its head. `tab` is the tab that is open: card, files, commits, releases, reviews…"""
    context = {
        "repo": repo,
        "nav": repo.plural,
        "tab": tab,
        # None for the seconds until a new repository has been looked at.
        "row": getattr(repo, "search_row", None),
        **_counts(request.user, repo),
        "does_demos": does_demos(repo),
        "may_write": may_write(request.user, repo),
        "may_administer": request.user.is_authenticated and may_administer(request.user, repo),
        "may_give_names": may_give_names(request.user),
        **more,
    }
    if repo.gated and "gate" not in more:
        context["gate"] = panel_of(request, repo)
    return render(request, template, context, status=status)


def does_demos(repo: Repository) -> bool:
    """Tell by the search row whether there is something to try here."""
    row = getattr(repo, "search_row", None)
    if repo.kind != Kind.MODEL or row is None or settings.DEMOS == "off":
        return False
    return task_of_tags(row.task, row.config.get("architectures", [])) is not None


def _counts(user: Someone, repo: Repository) -> dict[str, Any]:
    """Return what the tabs count, less what `user` may not see, and whether they like and follow it. One query."""
    counted = {
        "file_count": GitPath.objects.all(),
        "open_discussions": Discussion.objects.open(),
        "release_count": Release.objects.all(),
        "like_count": Like.objects.all(),
        "review_count": Review.objects.shown(),
    }
    numbers = {name: Coalesce(_number_of(rows), 0) for name, rows in counted.items()}
    measured = Run.objects.visible_to(user).done()
    if repo.kind == Kind.MODEL:
        numbers["evaluation_count"] = Coalesce(_number_of(measured, "model"), 0)
    else:
        numbers["evaluated_count"] = Coalesce(_number_of(measured, "dataset", Count("model", distinct=True)), 0)
    of_visitor = {
        "liked": Exists(Like.objects.filter(repository=OuterRef("pk"), user=user.pk)),
        "followed": Exists(Follow.objects.filter(repository=OuterRef("pk"), follower=user.pk)),
    }
    return dict(Repository.objects.filter(pk=repo.pk).values(**numbers, **of_visitor)[0])


def _number_of(rows: QuerySet[Any], by: str = "repository", number: Count | None = None) -> Subquery:
    of_one = rows.filter(**{by: OuterRef("pk")}).order_by().values(by)
    return Subquery(of_one.annotate(number=number or Count("pk")).values("number"))


def crumbs_of(path: str) -> list[tuple[str, str]]:
    """Return (name, path) of each folder on the way, and of the last part itself."""
    parts = path.split("/") if path else []
    return [(part, "/".join(parts[: n + 1])) for n, part in enumerate(parts)]
