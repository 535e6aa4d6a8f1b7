"""What a repository holds at a revision: folders, and single paths."""

from rest_framework.request import Request
from rest_framework.response import Response

from hub.api.bodies import read_form
from hub.api.edge import json_view
from hub.api.hf import shapes
from hub.api.hf.paging import flag, number, page
from hub.api.hf.paths import api_path
from hub.core.errors import Invalid
from hub.repos.git.files import FileEntry, find_files, list_folder, resolve_revision
from hub.repos.git.history import last_commits
from hub.repos.models import GitCommit, Repository
from hub.repos.permissions import get_repo_for_read

ENTRIES_PER_PAGE = 5000
PATHS_PER_CALL = 2000


@json_view("GET")
def tree(request: Request, kind: str, namespace: str, name: str, revision: str, path: str = "") -> Response:
    """GET /api/{kind}s/{repo}/tree/{rev}[/{path}]. Later pages name the commit that the first one was of."""
    repo = get_repo_for_read(request.user, kind, namespace, name)
    commit = resolve_revision(repo, revision)
    query = request.query_params
    limit = number(query, "limit", default=ENTRIES_PER_PAGE, low=1, high=ENTRIES_PER_PAGE)
    start = number(query, "cursor", default=0, high=10**9)
    path = path.strip("/")
    expand = flag(query, "expand")
    # One more than is shown tells whether there is another page.
    found = list_folder(
        repo, commit, path, recursive=flag(query, "recursive"), start=start, stop=start + limit + 1, last=expand
    )
    following = start + limit if len(found) > limit else None
    entries = _entries(repo, commit, found[:limit], expand)
    response = page(request, entries, path=api_path(repo, "tree", commit.oid, path), cursor=following)
    response["X-Repo-Commit"] = commit.oid
    return response


@json_view("POST")
def paths_info(request: Request, kind: str, namespace: str, name: str, revision: str) -> Response:
    """POST /api/{kind}s/{repo}/paths-info/{rev}: a form with `paths` and `expand`; what is not there is not told."""
    repo = get_repo_for_read(request.user, kind, namespace, name)
    commit = resolve_revision(repo, revision)
    form = read_form(request)
    paths = form.get("paths", []) + form.get("paths[]", [])
    if len(paths) > PATHS_PER_CALL:
        raise Invalid(f"Ask for at most {PATHS_PER_CALL} paths at a time.", field="paths")
    found = find_files(repo, commit, [path.strip("/") for path in paths])
    return Response(_entries(repo, commit, found, form.get("expand", [""])[-1].lower() in ("1", "true")))


def _entries(repo: Repository, commit: GitCommit, files: list[FileEntry], expand: bool) -> list[dict[str, object]]:
    hashes = shapes.xet_hashes(files)
    last = _last_commits(repo, commit, files) if expand else {}
    return [shapes.entry(file, hashes, last.get(file.path)) for file in files]


def _last_commits(repo: Repository, commit: GitCommit, files: list[FileEntry]) -> dict[str, GitCommit]:
    """Return path -> the commit that last changed it: from the rows of `main`, else by looking back."""
    wanted = {file.last_commit for file in files if file.last_commit}
    rows = {row.oid: row for row in GitCommit.objects.filter(store=repo.store_id, oid__in=wanted)}
    told = {file.path: rows[file.last_commit] for file in files if file.last_commit in rows}
    unknown = [file.path for file in files if file.path not in told]
    return told | (last_commits(repo, commit, unknown) if unknown else {})
