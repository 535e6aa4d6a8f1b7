"""The real git and git-lfs, told nothing but an address and a token."""

import html
import re

import httpx2 as httpx
import pytest

from tests import live
from tests.clients.conftest import Client
from tests.clients.git import Git


@pytest.fixture(scope="module")
def git(ada: Client) -> Git:
    return Git(ada)


@pytest.fixture(scope="module")
def other(bob: Client) -> Git:
    return Git(bob)


def test_push_and_pull_and_the_hub_shows_it(git: Git) -> None:
    url = git.make_repo("tools")
    git("clone", "-q", url, "one")
    git("clone", "-q", f"{url}.git", "two")
    first = git.commit("one", "First\n\nWith a reason.", a__txt="one", d_in_b__txt="two")
    assert "main -> main" in git.client.run("sh", "-c", "git -C one push 2>&1", GIT_CONFIG_NOSYSTEM="1")
    git("pull", "-q", at="two")
    assert (git.home / "two/d/b.txt").read_text() == "two"
    second = git.commit("two", "Second", a__txt="three")
    git("push", "-q", at="two")
    git.commit("one", "Clash", c__txt="4")
    assert "rejected" in git.fails("push", at="one")
    git("pull", "-q", "--rebase", at="one")
    git("push", "-q", at="one")
    told = git.client.python(f"""
        import json
        from huggingface_hub import HfApi
        api = HfApi()
        id = "{git.client.name}/tools"
        tree = list(api.list_repo_tree(id, recursive=True, expand=True))
        commits = [(c.commit_id, c.title, c.message, c.authors) for c in api.list_repo_commits(id)]
        last = {{e.path: e.last_commit.oid for e in tree if hasattr(e, "blob_id")}}
        print(json.dumps([commits, last]))
    """)
    commits, last = told
    assert [title for _id, title, *_rest in commits] == ["Clash", "Second", "First", "Start the repository"]
    assert (last["a.txt"], last["d/b.txt"], last["c.txt"]) == (second, first, commits[0][0])
    git("fsck", "--strict", at="one")


def test_shallow_and_partial_clones(git: Git) -> None:
    url = git.make_repo("deep")
    git("clone", "-q", url, "deep")
    for number in range(4):
        git.commit("deep", str(number), a__txt=f"{number}", b__txt="b" * 1000)
    git("push", "-q", at="deep")
    git("clone", "-q", "--depth", "1", url, "shallow")
    assert git("rev-list", "--count", "HEAD", at="shallow").strip() == "1"
    git.commit("shallow", "On top", c__txt="c")
    git("push", "-q", at="shallow")
    git("fetch", "-q", "--unshallow", at="shallow")
    assert git("rev-list", "--count", "HEAD", at="shallow").strip() == "6"
    git("clone", "-q", "--filter=blob:none", "--no-checkout", url, "partial")
    missing = git("rev-list", "--objects", "--missing=print", "HEAD", at="partial")
    assert missing.count("\n?") + missing.startswith("?") >= 4
    assert git("show", "HEAD~1:a.txt", at="partial").strip() == "3"
    for version in ("0", "1"):
        git("-c", f"protocol.version={version}", "clone", "-q", url, f"version{version}")
    git("fetch", "-q", "origin", git("rev-parse", "HEAD~3", at="deep").strip(), at="shallow")


def test_branches_and_tags_and_force(git: Git) -> None:
    url = git.make_repo("moving")
    git("clone", "-q", url, "moving")
    first = git.commit("moving", "One", a__txt="1")
    git("push", "-q", "origin", "main", "main:side", "main:other/deep", at="moving")
    git("tag", "v1", at="moving")
    git("tag", "-a", "v2", "-m", "The second\n\nIt is better.", at="moving")
    git("push", "-q", "--tags", at="moving")
    git("commit", "-q", "--amend", "-m", "Better", at="moving")
    assert "non-fast-forward" in git.fails("push", "origin", "main:side", at="moving")
    git("push", "-q", "--force-with-lease", "origin", "main:side", at="moving")
    git("push", "-q", "origin", ":other/deep", ":v1", at="moving")
    refs = dict(reversed(line.split("\t")) for line in git("ls-remote", url).splitlines())  # type: ignore[arg-type]
    assert refs.keys() == {"HEAD", "refs/heads/main", "refs/heads/side", "refs/tags/v2", "refs/tags/v2^{}"}
    assert refs["refs/heads/main"] == refs["refs/tags/v2^{}"] == first
    told = git.client.python(f"""
        import json
        from huggingface_hub import HfApi
        refs = HfApi().list_repo_refs("{git.client.name}/moving")
        print(json.dumps({{r.name: r.target_commit for r in refs.branches + refs.tags}}))
    """)
    assert told["v2"] == first
    assert "protected branch" in git.fails("push", "origin", ":main", at="moving")
    said = git.fails("push", "--atomic", "origin", "main:new", ":main", at="moving")
    assert "refs/heads/new" not in git("ls-remote", url)
    assert "atomic" in said


def test_what_a_deleted_branch_held_cannot_be_fetched(git: Git) -> None:
    url = git.make_repo("gone")
    git("clone", "-q", url, "gone")
    secret = git.commit("gone", "Secret", a__txt="secret")
    git("push", "-q", "origin", "HEAD:side", at="gone")
    git("init", "-q", "asking")
    git("fetch", "-q", url, secret, at="asking")
    git("push", "-q", "origin", ":side", at="gone")
    for version in ("2", "0"):
        git("init", "-q", f"asking{version}")
        said = git.fails("-c", f"protocol.version={version}", "fetch", url, secret, at=f"asking{version}")
        assert "not our ref" in said


def test_large_files_go_through_lfs(git: Git) -> None:
    url = git.make_repo("large")
    git("clone", "-q", url, "large")
    content = bytes(range(256)) * 4096
    pushed = git.commit("large", "Weights", model__safetensors=content)
    assert git("cat-file", "-p", f"{pushed}:model.safetensors", at="large").startswith("version https://git-lfs")
    git("push", "-q", at="large")
    git("clone", "-q", url, "again")
    assert (git.home / "again/model.safetensors").read_bytes() == content
    # A pointer to what nobody has sent here.
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'7' * 64}\nsize 5\n"
    git.commit("large", "Pointer", unknown__txt=pointer)
    said = git.fails("push", "--no-verify", at="large")
    assert "unknown.txt" in said
    assert "git lfs push" in said
    git("reset", "-q", "--hard", pushed, at="large")
    git.commit("large", "Too large", big__txt=b"x" * 11_000_000)
    said = git.fails("push", "--no-verify", at="large")
    assert "big.txt" in said
    assert "git lfs migrate" in said


def test_pull_requests_are_refs(git: Git, other: Git) -> None:
    url = git.make_repo("asked")
    number = other.client.python(f"""
        from huggingface_hub import HfApi
        print(HfApi().create_pull_request("{git.client.name}/asked", title="Better").num)
    """)
    other("clone", "-q", url, "asked")
    other("fetch", "-q", "origin", f"refs/pr/{number}:pr", at="asked")
    other("checkout", "-q", "pr", at="asked")
    pushed = other.commit("asked", "My change", a__txt="mine")
    other("push", "-q", "origin", f"pr:refs/pr/{number}", at="asked")
    said = other.fails("push", "origin", "pr:main", at="asked")
    assert "your own pull requests only" in said
    assert "takes commits" in other.fails("push", "origin", f"pr:refs/pr/{number + 1}", at="asked")
    git("clone", "-q", url, "reviewing")
    git("fetch", "-q", "origin", f"refs/pr/{number}", at="reviewing")
    assert git("rev-parse", "FETCH_HEAD", at="reviewing").strip() == pushed


def test_a_conflict_is_settled_by_the_commands_that_its_page_names(git: Git, other: Git) -> None:
    url = git.make_repo("clash")
    git("clone", "-q", url, "clash")
    git.commit("clash", same__txt="one\n")
    git("push", "-q", at="clash")
    number = other.client.python(f"""
        from huggingface_hub import HfApi
        made = HfApi().upload_file(
            path_or_fileobj=b"theirs\\n", path_in_repo="same.txt", repo_id="{git.client.name}/clash", create_pr=True
        )
        print(made.pr_num)
    """)
    git.commit("clash", same__txt="ours\n", else__txt="ours\n")
    git("push", "-q", at="clash")
    page = httpx.get(f"{url}/discussions/{number}/conflicts").text
    named = [html.unescape(found) for found in re.findall(r"<code>(git [^<]*)</code>", page)]
    clone, *fetch, switch, merge, ours, theirs, add, commit, push = named
    assert (ours, theirs) == ("git checkout --ours -- PATH", "git checkout --theirs -- PATH")
    # The merge stops for the file that both have changed.
    script = [clone, *fetch, switch, f"! {merge}", "printf 'ours\\ntheirs\\n' > same.txt", add, commit, push]
    other.client.run("sh", "-c", "cd ~ && " + " && ".join(script), GIT_TERMINAL_PROMPT="0", GIT_CONFIG_NOSYSTEM="1")
    told = git.client.python(f"""
        import json
        from huggingface_hub import HfApi
        api = HfApi()
        before = api.get_discussion_details("{git.client.name}/clash", {number})
        api.merge_pull_request("{git.client.name}/clash", {number})
        after = api.get_discussion_details("{git.client.name}/clash", {number})
        path = api.hf_hub_download("{git.client.name}/clash", "same.txt")
        print(json.dumps([before.conflicting_files, after.status, after.merge_commit_oid, open(path).read()]))
    """)
    git("pull", "-q", at="clash")
    assert told == [[], "merged", git("rev-parse", "HEAD", at="clash").strip(), "ours\ntheirs\n"]


def test_who_may_not(git: Git, other: Git, live_hub: live.Instance) -> None:
    url = git.make_repo("mine", private=True)
    assert "not found" in other.fails("clone", url)
    reading = live_hub.manage("create_token", git.client.name, "--scope", "read", "--name", "reading")
    git("clone", "-q", url, "mine", HF_TOKEN=reading)
    git.commit("mine", "Change", a__txt="1")
    assert "write scope" in git.fails("push", at="mine", HF_TOKEN=reading)
    git("push", "-q", at="mine")
    public = git.make_repo("open")
    other("clone", "-q", public, "open", HF_TOKEN="")
    other.commit("open", "Change", a__txt="1")
    assert "not change it" in other.fails("push", at="open")
    assert "could not read Username" in other.fails("-c", "credential.helper=", "push", at="open")
    # Every kind, by its prefix; a renamed one is found under its old name.
    data = git.make_repo("data", "dataset")
    git("clone", "-q", data, "data")
    git.commit("data", "Rows", rows__jsonl="{}")
    git("push", "-q", at="data")
    git.client.python(f"""
        from huggingface_hub import HfApi
        HfApi().move_repo("{git.client.name}/data", "{git.client.name}/data2", repo_type="dataset")
    """)
    git("fetch", "-q", at="data")
    git.commit("data", "More", rows__jsonl="{}\n{}")
    git("push", "-q", at="data")


def test_a_protected_branch_keeps_its_history(git: Git) -> None:
    url = git.make_repo("kept")
    git.client.hub.manage(
        "shell",
        "--no-imports",
        "--command",
        "from hub.repos.models import *\n"
        f"repo = Repository.objects.get(namespace__name='{git.client.name}', name='kept')\n"
        "BranchRule.objects.create(repository=repo, pattern='main')",
    )
    git("clone", "-q", url, "kept")
    git.commit("kept", "One", a__txt="1")
    git("push", "-q", at="kept")
    git("commit", "-q", "--amend", "-m", "Other", at="kept")
    said = git.fails("push", "--force", at="kept")
    assert re.search(r"remote rejected\] main -> main \(protected branch\)", said)
    assert "history stays as it is" in said
