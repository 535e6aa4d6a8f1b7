"""The headers of a sharded model, so that a client need not ask for each shard by itself."""

import json

from rest_framework.request import Request
from rest_framework.response import Response

from hub.api.edge import json_view
from hub.core.errors import Invalid, TooLarge
from hub.repos.git.files import find_file, find_files, read_file, resolve_revision
from hub.repos.permissions import get_repo_for_content
from hub.repos.safetensors import read_raw_header

MAX_INDEX = 16 * 1024 * 1024  # bytes
MAX_SHARDS = 500
MAX_HEADERS = 16 * 1024 * 1024  # bytes, of all shards together


@json_view("GET")
def metadata(request: Request, namespace: str, name: str, path: str) -> Response:
    """GET /api/models/{repo}/safetensors-metadata/{file}: of an index file at `main`, its `metadata`, and shard -> header."""
    repo = get_repo_for_content(request.user, "model", namespace, name)
    commit = resolve_revision(repo, "main")
    file = find_file(repo, commit, path)
    if file.sha256 is not None or file.size > MAX_INDEX:
        raise TooLarge(f"An index of safetensors files has at most {MAX_INDEX} bytes. {path[:200]} is none.")
    try:
        index = json.loads(read_file(repo, file))
    except (ValueError, RecursionError):
        index = None
    match index:
        case {"weight_map": dict(weights)} if all(isinstance(shard, str) for shard in weights.values()):
            shards = sorted(set(weights.values()))
        case _:
            raise Invalid(
                f"{path[:200]} is no index of safetensors files: it has no weight_map of names.", field="path"
            )
    if len(shards) > MAX_SHARDS:
        raise TooLarge(f"A model with more than {MAX_SHARDS} shards is too much for one answer. Read them one by one.")
    folder = path.rpartition("/")[0]
    found = {entry.path: entry for entry in find_files(repo, commit, [_beside(folder, shard) for shard in shards])}
    headers, room = {}, MAX_HEADERS
    for shard in shards:
        entry = found.get(_beside(folder, shard))
        if entry is None or entry.is_folder:
            raise Invalid(f"The index names {shard[:200]}, which is not there.", field="path")
        headers[shard], length = read_raw_header(repo, entry, room)
        room -= length
    response = Response({"index": {"metadata": index.get("metadata")}, "headers": headers})
    response["X-Repo-Commit"] = commit.oid
    return response


def _beside(folder: str, shard: str) -> str:
    return f"{folder}/{shard}" if folder else shard
