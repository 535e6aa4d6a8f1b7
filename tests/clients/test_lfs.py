"""Large files with the real tools: in parts, locked, listed, deleted for good, and history squashed."""

import json

import pytest

from tests.clients.conftest import Client
from tests.clients.git import Git

NO_XET = {"HF_HUB_DISABLE_XET": "1"}


@pytest.fixture(scope="module")
def git(ada: Client) -> Git:
    return Git(ada)


def uploads_in_parts(client: Client) -> int:
    """Return how many uploads in parts the hub has begun."""
    code = (
        "from django.db import connection; cursor = connection.cursor(); "
        "cursor.execute('SELECT last_value, is_called FROM repos_largeupload_id_seq'); "
        "last, called = cursor.fetchone(); print(last if called else 0)"
    )
    return int(client.hub.manage("shell", "--no-imports", "--command", code))


def test_the_library_sends_a_large_file_in_parts_and_removes_it(ada: Client) -> None:
    repo = f"{ada.name}/in-parts"
    before = uploads_in_parts(ada)
    told = ada.python(
        f"""
        import io, json, os
        from huggingface_hub import HfApi, hf_hub_download
        from huggingface_hub.errors import EntryNotFoundError, RevisionNotFoundError
        api = HfApi()
        api.create_repo("{repo}")
        content = os.urandom(12 * 1024**2 + 7)
        first = api.upload_file(path_or_fileobj=content, path_in_repo="large.bin", repo_id="{repo}").oid
        small = os.urandom(1000)
        api.upload_file(path_or_fileobj=io.BytesIO(small), path_in_repo="small.bin", repo_id="{repo}")
        with open(hf_hub_download("{repo}", "large.bin"), "rb") as got:
            same = got.read() == content
        listed = {{file.filename: file for file in api.list_lfs_files("{repo}")}}
        api.permanently_delete_lfs_files("{repo}", [listed["small.bin"]], rewrite_history=False)
        try:
            hf_hub_download("{repo}", "small.bin", force_download=True)
        except EntryNotFoundError as error:
            refused = str(error)
        api.upload_file(path_or_fileobj=small, path_in_repo="small.bin", repo_id="{repo}")
        with open(hf_hub_download("{repo}", "small.bin", force_download=True), "rb") as got:
            again = got.read() == small
        api.permanently_delete_lfs_files("{repo}", [listed["large.bin"]])
        try:
            hf_hub_download("{repo}", "large.bin", revision=first, force_download=True)
        except RevisionNotFoundError as error:
            gone = True
        sizes = {{name: [file.size, file.ref] for name, file in listed.items()}}
        print(json.dumps([same, sizes, refused, again, gone, api.list_repo_files("{repo}")]))
        """,
        **NO_XET,
    )
    main = "refs/heads/main"
    # The large one; what is as small as a part goes in one piece.
    assert uploads_in_parts(ada) == before + 1
    assert told[0] is True
    assert told[1] == {"large.bin": [12 * 1024**2 + 7, main], "small.bin": [1000, main]}
    assert "deleted it" in told[2]
    assert told[3:] == [True, True, [".gitattributes", "small.bin"]]


def test_squash_history(ada: Client) -> None:
    repo = f"{ada.name}/squashed"
    told = ada.python(f"""
        import json
        from huggingface_hub import HfApi, hf_hub_download
        api = HfApi()
        api.create_repo("{repo}")
        for number in range(3):
            api.upload_file(path_or_fileobj=b"%d" % number, path_in_repo="number.txt", repo_id="{repo}")
        api.super_squash_history("{repo}", commit_message="As it is")
        titles = [commit.title for commit in api.list_repo_commits("{repo}")]
        print(json.dumps([titles, open(hf_hub_download("{repo}", "number.txt")).read()]))
    """)
    assert told == [["As it is"], "2"]


def test_git_lfs_sends_parts_and_takes_them_back_whole(git: Git) -> None:
    url = git.make_repo("pushed-in-parts")
    git("clone", "-q", url, "parts")
    git.client.run("hf", "lfs-enable-largefiles", "parts")
    content = bytes(range(256)) * (52 * 1024) + b"the end"
    git.commit("parts", a__bin=content, b__bin=b"small")
    before = uploads_in_parts(git.client)
    git("push", "-q", at="parts")
    # All of one batch go the same way.
    assert uploads_in_parts(git.client) == before + 2
    assert not list((git.client.hub.data / "blobs" / "staging").glob("parts-*"))
    git("clone", "-q", url, "whole")
    assert (git.home / "whole/a.bin").read_bytes() == content
    assert (git.home / "whole/b.bin").read_bytes() == b"small"


def test_git_lfs_locks(git: Git, ada: Client) -> None:
    url = git.make_repo("locked")
    git("clone", "-q", url, "mine")
    git.commit("mine", scene__bin=b"first")
    git("push", "-q", at="mine")
    assert "Locked scene.bin" in git("lfs", "lock", "scene.bin", at="mine")
    assert "scene.bin" in git.fails("lfs", "lock", "scene.bin", at="mine")
    (lock,) = json.loads(git("lfs", "locks", "--json", at="mine"))
    assert (lock["path"], lock["owner"]["name"]) == ("scene.bin", ada.name)
    # The one who holds the lock pushes; git-lfs asks the hub first.
    git("config", "lfs.locksverify", "true", at="mine")
    git.commit("mine", scene__bin=b"second")
    git("push", "-q", at="mine")
    assert "Unlocked scene.bin" in git("lfs", "unlock", "scene.bin", at="mine")
    assert json.loads(git("lfs", "locks", "--json", at="mine")) == []


def test_git_lfs_does_not_push_what_another_has_locked(git: Git, bob: Client) -> None:
    other = Git(bob)
    name = f"{git.client.name}-guild"
    git.client.hub.manage("create_org", name, "--owner", git.client.name)
    git.client.hub.manage(
        "shell",
        "--no-imports",
        "--command",
        "from hub.accounts.models import Namespace, Role, User; from hub.accounts.organizations import add_member; "
        f"add_member(organization=Namespace.objects.get(name='{name}').organization, "
        f"actor=User.objects.get(username='{git.client.name}'), user=User.objects.get(username='{bob.name}'), "
        "role=Role.WRITE)",
    )
    git.client.python(f"from huggingface_hub import HfApi; HfApi().create_repo('{name}/shared')")
    url = f"{git.client.hub.url}/{name}/shared"
    git("clone", "-q", url, "shared")
    git.commit("shared", scene__bin=b"first")
    git("push", "-q", at="shared")
    git("lfs", "lock", "scene.bin", at="shared")
    other("clone", "-q", url, "theirs")
    other("config", "lfs.locksverify", "true", at="theirs")
    other.commit("theirs", scene__bin=b"clash")
    assert "scene.bin" in other.fails("push", at="theirs")
    refused = other.fails("lfs", "unlock", "--force", "scene.bin", at="theirs")
    assert "locked by" in refused
    git("lfs", "unlock", "scene.bin", at="shared")
    other("push", "-q", at="theirs")
