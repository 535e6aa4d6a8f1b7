"""The pages of a pull request beside its conversation: its commits, what it changes, conflicts, merging; and opening one from
a branch. Proposing a change of files is in `repo_edit.py` and `repo_upload.py`."""

import shlex
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.forms import BoundField
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hub.community.discussions.conflicts import Dispute, disputes_of
from hub.community.discussions.merging import mark_merged, merge_pull_request
from hub.community.discussions.pull_requests import change_base, open_from_branch
from hub.community.discussions.standing import Conflict, Standing, commits_of, compare_branches
from hub.community.discussions.updating import update_from_base
from hub.community.models import Discussion
from hub.community.permissions import get_pull_request, get_pull_request_for_push
from hub.core.errors import HubError
from hub.repos.diffs import FileDiff, State, diff_changes
from hub.repos.errors import EntryNotFound
from hub.repos.git.history import Change, join_renames
from hub.repos.models import GitCommit, Repository
from hub.repos.models.git import BRANCH_PREFIX
from hub.web.forms import explain
from hub.web.forms.pulls import BranchForm, ConflictForm, HeadForm, MergeForm, PullRequestForm
from hub.web.forms.repositories import EditForm
from hub.web.pages.repo_head import for_fetchers, for_posters, for_proposers, for_readers, for_writers, repo_page
from hub.web.paging import page_number
from hub.web.pull_panel import PullPanel, branches_of, merge_words, panel_of
from hub.web.requests import MemberRequest

MAX_COMMITS = 250
FILES_PER_PAGE = 40
# Changed lines that one file shows among others, and that a page shows together; what is beyond has a link.
MAX_LINES = 400
MAX_LINES_OF_PAGE = 3000


@dataclass(frozen=True)
class Shown:
    """A changed file on a page. folded: its lines are behind a link. editable: the reader can edit it there."""

    diff: FileDiff
    folded: bool
    editable: bool

    @property
    def lines(self) -> int:
        return self.diff.added + self.diff.removed


@dataclass(frozen=True)
class InConflict:
    """A file that waits for a decision on a page. choice, text: the fields for it, for those who may decide."""

    conflict: Conflict
    dispute: Dispute | None
    choice: BoundField | None = None
    text: BoundField | None = None


@for_readers
@require_safe
def commits(request: HttpRequest, repo: Repository, number: int) -> HttpResponse:
    """The commits that a pull request brings, newest first, up to MAX_COMMITS."""
    discussion, pull = _open(request, repo, number)
    return _page(
        request,
        "commits",
        discussion,
        pull,
        commits=commits_of(repo, pull.standing, MAX_COMMITS),
        more=max(0, len(pull.standing.commits) - MAX_COMMITS),
    )


@for_fetchers
@require_safe
def files(request: HttpRequest, repo: Repository, number: int) -> HttpResponse:
    """What a pull request changes, FILES_PER_PAGE files at a time."""
    discussion, pull = _open(request, repo, number)
    page = page_number(request)
    start = (page - 1) * FILES_PER_PAGE
    listed = pull.files[start : start + FILES_PER_PAGE]
    if page > 1 and not listed:
        raise EntryNotFound(_("This list has no such page. Begin at its first one."))
    return _page(
        request,
        "files",
        discussion,
        pull,
        shown=_shown(repo, pull, listed),
        counts=_counts(pull.files),
        previous=f"?page={page - 1}" if page > 1 else "",
        next=f"?page={page + 1}" if start + FILES_PER_PAGE < len(pull.files) else "",
    )


@for_fetchers
@require_safe
def file(request: HttpRequest, repo: Repository, number: int, path: str) -> HttpResponse:
    """What a pull request changes in one file, as far as lines are compared. Raises EntryNotFound."""
    discussion, pull = _open(request, repo, number)
    listed = [change for change in pull.files if change.path == path]
    if not listed:
        raise EntryNotFound(_("This pull request does not change “%(path)s”.") % {"path": path[:300]})
    shown = [Shown(diff, False, _editable(pull, diff)) for diff in diff_changes(repo, listed)]
    return _page(request, "files", discussion, pull, shown=shown, path=path)


def _shown(repo: Repository, pull: PullPanel, listed: list[Change]) -> list[Shown]:
    room = MAX_LINES_OF_PAGE
    shown = []
    for diff in diff_changes(repo, listed):
        lines = sum(len(hunk.lines) for hunk in diff.hunks)
        folded = lines > min(MAX_LINES, room)
        if not folded:
            room -= lines
        shown.append(Shown(diff, folded, _editable(pull, diff)))
    return shown


def _editable(pull: PullPanel, diff: FileDiff) -> bool:
    return (
        pull.may_push and diff.state == State.TEXT and diff.new_size is not None and diff.new_size <= EditForm.MAX_TEXT
    )


def _counts(changed: list[Change]) -> dict[str, int]:
    return {
        "added": sum(c.old is None for c in changed),
        "deleted": sum(c.new is None for c in changed),
        "renamed": sum(bool(c.source) for c in changed),
        "modified": sum(c.old is not None and c.new is not None and not c.source for c in changed),
    }


# --- what people do with one -------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@for_writers
def merge(request: MemberRequest, repo: Repository, number: int) -> HttpResponse:
    """Take a pull request in, as it was looked at."""
    found = get_pull_request(repo, number)
    if request.method != "POST":
        # Where the log-in leads whose session ended while they read.
        return redirect(f"{found.discussion.get_absolute_url()}#merge")
    form = MergeForm(request.POST, auto_id="merge-%s")
    if not form.is_valid():
        return _merge_again(request, repo, number, form=form, status=400)
    try:
        merge_pull_request(
            pull=found,
            actor=request.user,
            method=form.cleaned_data["method"],
            expected=form.cleaned_data["head"],
            **form.words(),
        )
    except HubError as error:
        return _merge_again(request, repo, number, typed=form, problem=error.message, status=error.status)
    messages.success(request, _("It is merged into %(branch)s.") % {"branch": found.branch})
    return redirect(found.discussion)


def _merge_again(
    request: MemberRequest,
    repo: Repository,
    number: int,
    *,
    status: int,
    form: MergeForm | None = None,
    typed: MergeForm | None = None,
    problem: str = "",
) -> HttpResponse:
    """Say why it was not merged, with the form for what is there now, and the words that were typed."""
    discussion, pull = _open(request, repo, number)
    if typed is not None and pull.merging is not None:
        words = merge_words(pull.request, pull.standing) | {
            name: typed.cleaned_data[name] for name in ("method", "title", "message")
        }
        pull.merging.initial = words
    return _page(request, "merge", discussion, pull, status=status, form=form, problem=problem)


@require_POST
@for_writers
def mark(request: MemberRequest, repo: Repository, number: int) -> HttpResponse:
    """Call a pull request merged whose changes the branch has got otherwise."""
    found = get_pull_request(repo, number)
    form = HeadForm(request.POST)
    try:
        mark_merged(pull=found, actor=request.user, expected=form.cleaned_data["head"] if form.is_valid() else None)
    except HubError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, _("It counts as merged now."))
    return redirect(found.discussion)


@require_POST
@for_proposers
def update(request: MemberRequest, repo: Repository, number: int) -> HttpResponse:
    """Merge the branch into a pull request."""
    found = get_pull_request_for_push(request.user, repo, number)
    form = HeadForm(request.POST)
    try:
        expected = form.cleaned_data["head"] if form.is_valid() else None
        update_from_base(pull=found, actor=request.user, expected=expected)
    except HubError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, _("It has every commit of %(branch)s now.") % {"branch": found.branch})
    return redirect(found.discussion)


@require_POST
@for_posters
def turn(request: MemberRequest, repo: Repository, number: int) -> HttpResponse:
    """Have another branch take a pull request in."""
    found = get_pull_request(repo, number)
    form = BranchForm(request.POST)
    if form.is_valid():
        change_base(pull=found, actor=request.user, base=BRANCH_PREFIX + form.cleaned_data["base"])
        messages.success(request, _("It is for another branch now."))
    return redirect(found.discussion)


@require_http_methods(["GET", "HEAD", "POST"])
@for_fetchers
def conflicts(request: HttpRequest, repo: Repository, number: int) -> HttpResponse:
    """The files that both sides have changed in ways that do not go together, line by line as far as they are texts; a choice
    of one side for each, or of another text; and how to merge them by git."""
    discussion, pull = _open(request, repo, number)
    form, problem, status = None, "", 200
    found_in = pull.standing.conflicts
    disputes = disputes_of(repo, pull.standing, request.user) if found_in and not pull.request.head else {}
    if pull.may_push and found_in and all(each.decidable for each in found_in):
        assert pull.standing.head is not None
        assert pull.standing.target is not None
        initial = {"head": pull.standing.head.oid, "target": pull.standing.target.oid}
        form = ConflictForm(request.POST or None, conflicts=found_in, disputes=disputes, initial=initial)
    if request.method == "POST":
        found = get_pull_request_for_push(request.user, repo, number)
        status = 400
        if form is not None and form.is_valid():
            try:
                update_from_base(
                    pull=found,
                    actor=request.user,  # type: ignore[arg-type]
                    expected=form.cleaned_data["head"],
                    expected_base=form.cleaned_data["target"],
                    keep=form.kept(),
                    texts=form.texts(),
                )
            except HubError as error:
                problem, status = error.message, error.status
                form = form.again(initial["head"], initial["target"])
            else:
                messages.success(request, _("The conflicts are settled."))
                return redirect(discussion)
    files = [InConflict(each, disputes.get(each.path), *(form.of(each.path) if form else ())) for each in found_in]
    return _page(
        request,
        "conflicts",
        discussion,
        pull,
        status=status,
        form=form,
        files=files,
        problem=problem,
        **_commands(repo, pull),
    )


def _commands(repo: Repository, pull: PullPanel) -> dict[str, list[str]]:
    """Return what to type into a shell. Names of branches are quoted: some hold what a shell obeys."""
    number, ref = pull.request.discussion.number, pull.request.ref
    address = shlex.quote(pull.address)
    return {
        "fetching": [
            f"git clone {address} && cd {shlex.quote(repo.name)}",
            f"git fetch {address} {ref}:pr-{number}",
            f"git fetch {address} {shlex.quote(pull.request.base)}:pr-{number}-base",
        ],
        "merging": [f"git switch pr-{number}", f"git merge pr-{number}-base"],
        "sending": [f"git push {address} pr-{number}:{ref}"],
    }


# --- from a branch -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Preview:
    """What a pull request from a branch would bring. conflicts: files that both sides have changed."""

    commits: list[GitCommit]
    files: list[Change]
    ahead: int
    conflicts: int

    @property
    def unnamed(self) -> int:
        return self.ahead - len(self.commits)

    @classmethod
    def of(cls, repo: Repository, standing: Standing) -> "Preview":
        return cls(
            commits_of(repo, standing, MAX_COMMITS),
            join_renames(standing.changes),
            len(standing.commits),
            len(standing.conflicts),
        )


@require_http_methods(["GET", "HEAD", "POST"])
@for_proposers
def new(request: MemberRequest, repo: Repository) -> HttpResponse:
    """Open a pull request from one branch (`?source=`) into another (`?base=`), after a look at what it brings."""
    given = request.POST if request.method == "POST" else request.GET
    base, source = given.get("base", "")[:200] or "main", given.get("source", "")[:200]
    form, found, problem, status = None, None, "", 200
    if source:
        try:
            standing = compare_branches(repo, BRANCH_PREFIX + base, BRANCH_PREFIX + source)
            if not standing.commits:
                problem = _("“%(base)s” has every commit of “%(source)s”, so there is nothing to propose.") % {
                    "base": base,
                    "source": source,
                }
            else:
                found = Preview.of(repo, standing)
                initial = {"base": base, "source": source, "title": found.commits[0].title[:200]}
                form = PullRequestForm(request.POST or None, initial=initial)
        except HubError as error:
            problem, status = error.message, error.status
    if form is not None and request.method == "POST":
        status = 400
        if form.is_valid():
            wanted = form.cleaned_data
            try:
                pull = open_from_branch(
                    repo=repo,
                    actor=request.user,
                    source=BRANCH_PREFIX + source,
                    base=BRANCH_PREFIX + base,
                    title=wanted["title"],
                    description=wanted["description"],
                    draft=wanted["draft"],
                )
            except HubError as error:
                explain(form, error)
                status = error.status
            else:
                return redirect(pull.discussion)
    return repo_page(
        request,
        "web/pulls/new.html",
        repo,
        tab="discussions",
        status=status,
        form=form,
        found=found,
        problem=problem,
        branches=branches_of(repo),
        base=base,
        source=source,
    )


def _open(request: HttpRequest, repo: Repository, number: int) -> tuple[Discussion, PullPanel]:
    discussion = get_pull_request(repo, number).discussion
    panel = panel_of(request, repo, discussion)
    assert panel is not None
    return discussion, panel


def _page(
    request: HttpRequest, name: str, discussion: Discussion, pull: PullPanel, *, status: int = 200, **more: Any
) -> HttpResponse:
    repo = discussion.repository
    template = f"web/pulls/{name}.html"
    context = {"discussion": discussion, "pull": pull, **more}
    return repo_page(request, template, repo, tab="discussions", status=status, **context)
