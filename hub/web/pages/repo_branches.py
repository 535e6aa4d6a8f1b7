"""Branches, tags and pull requests of a repository: where each stands, making and deleting them, and protecting branches."""

from dataclasses import dataclass
from fnmatch import fnmatchcase

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hub.core.errors import HubError
from hub.core.links import repo_path
from hub.repos.branch_rules import add_branch_rule, remove_branch_rule
from hub.repos.errors import RevisionNotFound
from hub.repos.git.squashing import squash_branch
from hub.repos.models import GitCommit, GitRef, Release, Repository
from hub.repos.models.git import BRANCH_PREFIX, MAIN, PR_PREFIX, TAG_PREFIX
from hub.repos.releases import delete_tag
from hub.repos.services import create_branch, delete_branch
from hub.web.forms import explain
from hub.web.forms.branches import BranchRuleForm, NewBranchForm, SquashForm
from hub.web.pages.repo_head import REFS_SHOWN, for_admins, for_readers, for_writers, repo_page
from hub.web.requests import MemberRequest


@dataclass(frozen=True)
class Line:
    """One ref: its name as people know it, the commit where it stands, and what holds for it."""

    name: str
    ref: GitRef
    commit: GitCommit | None
    protected: bool = False
    released: bool = False

    @property
    def revision(self) -> str:
        """What means it in addresses."""
        return self.ref.name if self.ref.name.startswith(PR_PREFIX) else self.name

    @property
    def is_main(self) -> bool:
        return self.ref.name == MAIN


@dataclass(frozen=True)
class Group:
    """The refs of one sort, up to REFS_SHOWN of them."""

    lines: list[Line]
    more: int


@for_readers
@require_safe
def branches(request: HttpRequest, repo: Repository) -> HttpResponse:
    """All refs, each with its last commit."""
    return _page(request, repo)


def _page(request: HttpRequest, repo: Repository, form: NewBranchForm | None = None, status: int = 200) -> HttpResponse:
    groups = {
        name: _group(repo, prefix)
        for name, prefix in (("branches", BRANCH_PREFIX), ("tags", TAG_PREFIX), ("pulls", PR_PREFIX))
    }
    return repo_page(
        request,
        "web/repo/branches.html",
        repo,
        tab="branches",
        status=status,
        form=form or NewBranchForm(initial={"start": "main"}),
        **groups,
    )


def _group(repo: Repository, prefix: str) -> Group:
    """Return the refs below `prefix`: `main` first, then what changed last. Four queries at most."""
    refs = GitRef.objects.filter(repository=repo, name__startswith=prefix).order_by("-updated_at", "name")
    found = sorted(refs[:REFS_SHOWN], key=lambda ref: ref.name != MAIN)
    at = GitCommit.objects.filter(store=repo.store_id, oid__in={ref.commit for ref in found}).select_related("author")
    commits = {commit.oid: commit for commit in at}
    names = {ref: ref.name.removeprefix(prefix) for ref in found}
    patterns = [rule.pattern for rule in repo.branch_rules.all()] if prefix == BRANCH_PREFIX else []
    released = set()
    if prefix == TAG_PREFIX:
        tags = Release.objects.filter(repository=repo, tag__in=names.values())
        released = set(tags.values_list("tag", flat=True))
    lines = [
        Line(
            name,
            ref,
            commits.get(ref.commit),
            protected=any(fnmatchcase(name, pattern) for pattern in patterns),
            released=name in released,
        )
        for ref, name in names.items()
    ]
    return Group(lines, refs.count() - len(lines) if len(lines) == REFS_SHOWN else 0)


@require_POST
@for_writers
def new(request: MemberRequest, repo: Repository) -> HttpResponse:
    """Make a branch."""
    form, status = NewBranchForm(request.POST), 400
    if form.is_valid():
        name = form.cleaned_data["name"]
        try:
            create_branch(repo=repo, actor=request.user, name=name, start=form.cleaned_data["start"] or "main")
        except HubError as error:
            explain(form, error)
            status = error.status
        else:
            messages.success(request, _("The branch “%(name)s” is there.") % {"name": name})
            return redirect(_address(repo))
    return _page(request, repo, form, status)


@require_http_methods(["GET", "HEAD", "POST"])
@for_writers
def delete(request: MemberRequest, repo: Repository, branch: str) -> HttpResponse:
    """Ask, then delete a branch."""
    _check_there(repo, BRANCH_PREFIX + branch)
    if request.method == "POST":
        delete_branch(repo=repo, actor=request.user, name=branch)
        messages.success(request, _("The branch “%(name)s” is deleted.") % {"name": branch})
        return redirect(_address(repo))
    return repo_page(request, "web/repo/branch_delete.html", repo, tab="branches", branch=branch)


@require_http_methods(["GET", "HEAD", "POST"])
@for_writers
def drop_tag(request: MemberRequest, repo: Repository, tag: str) -> HttpResponse:
    """Ask, then delete a tag, and the release of it."""
    _check_there(repo, TAG_PREFIX + tag)
    if request.method == "POST":
        delete_tag(repo=repo, actor=request.user, name=tag)
        messages.success(request, _("The tag “%(name)s” is deleted.") % {"name": tag})
        return redirect(_address(repo))
    released = Release.objects.filter(repository=repo, tag=tag).exists()
    return repo_page(request, "web/repo/tag_delete.html", repo, tab="branches", tag=tag, released=released)


@require_http_methods(["GET", "HEAD", "POST"])
@for_writers
def squash(request: MemberRequest, repo: Repository, branch: str) -> HttpResponse:
    """Ask, then put one commit in place of a branch's history."""
    _check_there(repo, BRANCH_PREFIX + branch)
    form = SquashForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        squash_branch(repo=repo, actor=request.user, branch=branch, message=form.cleaned_data["message"])
        messages.success(request, _("“%(name)s” is one commit now.") % {"name": branch})
        return redirect(_address(repo))
    status = 400 if form.is_bound else 200
    return repo_page(
        request, "web/repo/branch_squash.html", repo, tab="branches", status=status, branch=branch, form=form
    )


@require_http_methods(["GET", "HEAD", "POST"])
@for_admins
def rules(request: MemberRequest, repo: Repository) -> HttpResponse:
    """The rules for branches, and a form that makes one more."""
    form, status = BranchRuleForm(request.POST or None), 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                add_branch_rule(repo=repo, actor=request.user, **form.cleaned_data)
            except HubError as error:
                explain(form, error)
                status = error.status
            else:
                messages.success(request, _("The rule holds from now on."))
                return redirect(_rules_address(repo))
    return repo_page(
        request,
        "web/repo/branch_rules.html",
        repo,
        tab="settings",
        status=status,
        form=form,
        rules=repo.branch_rules.order_by("pattern"),
    )


@require_POST
@for_admins
def remove_rule(request: MemberRequest, repo: Repository, rule_id: int) -> HttpResponse:
    """Take a rule away."""
    remove_branch_rule(repo=repo, actor=request.user, rule_id=rule_id)
    messages.success(request, _("The rule is removed."))
    return redirect(_rules_address(repo))


def _check_there(repo: Repository, ref_name: str) -> None:
    if not GitRef.objects.filter(repository=repo, name=ref_name).exists():
        raise RevisionNotFound(
            _("There is no “%(name)s” in this repository.") % {"name": ref_name.split("/", 2)[2][:100]}
        )


def _address(repo: Repository) -> str:
    return repo_path(repo.kind, repo.full_name, "branches")


def _rules_address(repo: Repository) -> str:
    return repo_path(repo.kind, repo.full_name, "settings", "branches")
