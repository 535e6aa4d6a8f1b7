"""What a repository is, at a revision."""

from rest_framework.request import Request
from rest_framework.response import Response

from hub.api.edge import json_view
from hub.api.hf.facts import FULL, Subject, add_relatives, asked, describe
from hub.api.hf.paging import flag
from hub.catalog.indexing import current_row
from hub.repos import cards
from hub.repos.git.files import is_main_head, list_files, resolve_revision
from hub.repos.permissions import get_repo_for_read


@json_view("GET")
def info(request: Request, kind: str, namespace: str, name: str, revision: str = "main") -> Response:
    """GET /api/{kind}s/{repo}[/revision/{rev}].

    `sha`, `siblings` and `cardData` are those of the revision; what is derived from files is that of `main`.
    """
    repo = get_repo_for_read(request.user, kind, namespace, name)
    commit = resolve_revision(repo, revision)
    expanded = asked(request.query_params, kind)
    names = expanded or FULL
    row = current_row(repo, commit.oid if revision == "main" else None)
    if "cardData" in names and row.head != commit.oid and not is_main_head(repo, commit):
        row.card = cards.card_at(repo, commit).metadata
    with_sizes = flag(request.query_params, "blobs")
    subject = Subject(repo, row, commit.oid, row.downloads_lately, row.downloads_ever, with_sizes=with_sizes)
    if "siblings" in names:
        subject.files = list_files(repo, commit, sizes=subject.with_sizes)
    add_relatives([subject], names, request.user)
    response = Response(describe(subject, names))
    response["X-Repo-Commit"] = commit.oid
    return response
