"""History: the list of commits, and what one commit changed."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from hub.repos.diffs import diff_changes
from hub.repos.errors import EntryNotFound, RevisionNotFound
from hub.repos.git.files import resolve_revision
from hub.repos.git.history import changes, history, parent_of, path_history
from hub.repos.models import Repository
from hub.repos.permissions import may_fetch
from hub.web.pages.repo_head import crumbs_of, for_readers, open_revision, repo_page
from hub.web.paging import page_number

COMMITS_PER_PAGE = 40
# A file's own history is found by looking, so it is shown at once, up to this length.
MAX_OF_PATH = 200
# Files of one commit that its page names.
MAX_FILES = 300


@for_readers
@require_safe
def commits(request: HttpRequest, repo: Repository, rev: str, path: str = "") -> HttpResponse:
    """The commits of a revision, newest first; with a path, those that changed it. Raises RevisionNotFound."""
    revision = open_revision(repo, rev)
    path = path.strip("/")
    page = page_number(request)
    if path:
        listed = path_history(repo, revision.commit, path, MAX_OF_PATH)
        if not listed:
            raise EntryNotFound("", commit=revision.commit.oid)
        more = False
    else:
        start = (page - 1) * COMMITS_PER_PAGE
        listed = list(history(repo, revision.commit)[start : start + COMMITS_PER_PAGE + 1])
        more, listed = len(listed) > COMMITS_PER_PAGE, listed[:COMMITS_PER_PAGE]
        if page > 1 and not listed:
            raise RevisionNotFound("")
    return repo_page(
        request,
        "web/repo/commits.html",
        repo,
        tab="commits",
        revision=revision,
        view="commits",
        path=path,
        crumbs=crumbs_of(path),
        commits=listed,
        previous=f"?page={page - 1}" if page > 1 else "",
        next=f"?page={page + 1}" if more else "",
    )


@for_readers
@require_safe
def commit(request: HttpRequest, repo: Repository, sha: str) -> HttpResponse:
    """What one commit changed against its first parent; of a gated repository, those who were not let in see which files.

    Raises RevisionNotFound.
    """
    found = resolve_revision(repo, sha)
    parent = parent_of(repo, found)
    changed = changes(repo, parent, found)
    admitted = may_fetch(request.user, repo)
    diffs = diff_changes(repo, changed[:MAX_FILES]) if admitted else []
    return repo_page(
        request,
        "web/repo/commit.html",
        repo,
        tab="commits",
        commit=found,
        parent=parent,
        diffs=diffs,
        changed=len(changed),
        counts={state: sum(d.status == state for d in diffs) for state in ("added", "modified", "deleted")},
        # Names are everybody's, lines are not.
        withheld=[] if admitted else changed[:MAX_FILES],
        unnamed=max(0, len(changed) - MAX_FILES),
    )
