"""What lies between two revisions: commits, files, facts of the card, weights."""

import json
import struct

import pytest

from hub.repos.comparing import Weights, compare_revisions
from hub.repos.git.files import resolve_revision
from hub.repos.services import create_branch
from tests.factories import make_repo
from tests.web.repos import commit_files, owner

pytestmark = pytest.mark.django_db


def tensors(count: int, dtype: str = "F32", size: int = 4) -> bytes:
    entry = {"dtype": dtype, "shape": [count], "data_offsets": [0, count * size]}
    header = json.dumps({"w": entry}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(count * size)


def test_between_two_revisions() -> None:
    repo = make_repo()
    one = commit_files(
        repo,
        {
            "README.md": "---\nlicense: mit\ntags: [a]\n---\n# It\n",
            "model.safetensors": tensors(100),
            "gone.txt": "x",
            "a/b.txt": "one\n",
        },
    )
    commit_files(repo, {"a/b.txt": "two\n", "other.safetensors": tensors(7)}, title="Second")
    three = commit_files(
        repo,
        {
            "README.md": "---\nlicense: apache-2.0\nlanguage: [en, zh]\nwidget: [{text: hi}]\n---\n# It\n",
            "model.safetensors": tensors(120, "BF16", 2),
        },
        title="Third",
    )
    found = compare_revisions(repo, one, three)
    assert [commit.title for commit in found.commits] == ["Third", "Second"]
    assert (found.ahead, found.behind) == (2, 0)
    assert found.counts == {"added": 1, "modified": 3, "deleted": 0}
    assert [diff.path for diff in found.diffs] == ["README.md", "a/b.txt", "model.safetensors", "other.safetensors"]
    assert [(f.name, f.old, f.new) for f in found.fields] == [
        ("language", None, "en, zh"),
        ("license", "mit", "apache-2.0"),
        ("tags", "a", None),
        ("widget", None, '[{"text": "hi"}]'),
    ]
    assert found.weights_changed
    assert (found.old_weights, found.new_weights) == (Weights({"F32": 100}), Weights({"BF16": 120}))
    back = compare_revisions(repo, three, one)
    assert (back.ahead, back.behind, back.grown) == (0, 2, -found.grown)
    assert back.counts == {"added": 0, "modified": 3, "deleted": 1}
    same = compare_revisions(repo, three, three)
    assert (same.changed, same.ahead, same.behind, same.weights_changed) == (0, 0, 0, False)


def test_lines_that_have_parted() -> None:
    repo = make_repo()
    start = commit_files(repo, {"a.txt": "a"})
    create_branch(repo=repo, actor=owner(repo), name="side", start=start.oid)
    commit_files(repo, {"b.txt": "b"})
    found = compare_revisions(repo, resolve_revision(repo, "main"), resolve_revision(repo, "side"))
    assert (found.ahead, found.behind, found.counts["deleted"]) == (0, 1, 1)


def test_weights_that_cannot_be_read_are_none() -> None:
    repo = make_repo()
    one = commit_files(repo, {"model.safetensors": b"\xff" * 20})
    two = commit_files(repo, {"model.safetensors": tensors(3), "README.md": "---\n[\n---\n"})
    found = compare_revisions(repo, one, two)
    assert (found.old_weights, found.new_weights, found.fields) == (None, Weights({"F32": 3}), [])
