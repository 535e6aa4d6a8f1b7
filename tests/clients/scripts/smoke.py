"""What everybody does with the client library, in the words that all its versions since 0.36 understand: `smoke.py NAME`."""

import os
import sys
from pathlib import Path

import huggingface_hub
from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationDelete,
    HfApi,
    hf_hub_download,
    login,
    logout,
    snapshot_download,
)
from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

api = HfApi()
token = os.environ.pop("HF_TOKEN")
login(token=token)
me = api.whoami()["name"]
repo = f"{me}/{sys.argv[1]}"

# A repository, twice; one small file and one large.
url = api.create_repo(repo, private=True)
assert url.repo_id == repo, url
assert api.create_repo(repo, exist_ok=True).repo_id == repo
large = os.urandom(3_000_000)
Path("weights.bin").write_bytes(large)
api.upload_file(path_or_fileobj=b"small", path_in_repo="small.txt", repo_id=repo)
first = api.upload_file(path_or_fileobj="weights.bin", path_in_repo="weights.bin", repo_id=repo).oid

# A folder, with names that addresses escape, and what .gitignore leaves out.
folder = Path("folder")
(folder / "deep" / "er").mkdir(parents=True)
(folder / "README.md").write_text("---\nlicense: mit\ntags: [smoke]\n---\n# 烟\n")
(folder / "deep" / "er" / "说明 #1.txt").write_text("你好")
(folder / "more.safetensors").write_bytes(os.urandom(1_500_000))
(folder / "empty.txt").touch()
api.upload_folder(repo_id=repo, folder_path=str(folder), commit_message="All of it", ignore_patterns=["*.tmp"])
files = {
    ".gitattributes",
    "README.md",
    "deep/er/说明 #1.txt",
    "empty.txt",
    "more.safetensors",
    "small.txt",
    "weights.bin",
}
assert set(api.list_repo_files(repo)) == files, api.list_repo_files(repo)

# And back.
assert Path(hf_hub_download(repo, "weights.bin")).read_bytes() == large
assert Path(hf_hub_download(repo, "deep/er/说明 #1.txt")).read_text() == "你好"
here = Path(snapshot_download(repo, local_dir="back"))
for name in ("more.safetensors", "deep/er/说明 #1.txt", "empty.txt"):
    assert (here / name).read_bytes() == (folder / name).read_bytes(), name
there = snapshot_download(repo, revision=first)
assert sorted(os.listdir(there)) == [".gitattributes", "small.txt", "weights.bin"]

# What it is, and what is in it.
info = api.model_info(repo, files_metadata=True)
assert info.private and info.author == me and "license:mit" in info.tags, info
assert {file.rfilename for file in info.siblings} == files
assert next(file for file in info.siblings if file.rfilename == "weights.bin").lfs.size == len(large)
tree = {entry.path: entry for entry in api.list_repo_tree(repo, recursive=True, expand=True)}
assert tree["small.txt"].last_commit.title and tree["weights.bin"].lfs.size == len(large)
assert [entry.path for entry in api.get_paths_info(repo, ["small.txt", "nothing"])] == ["small.txt"]
assert repo in [model.id for model in api.list_models(author=me)]
titles = [commit.title for commit in api.list_repo_commits(repo)]
assert titles[0] == "All of it" and len(titles) == 4, titles

# Branches, tags, commits of several changes.
api.create_branch(repo, branch="feature/one")
api.create_tag(repo, tag="v1", tag_message="First", revision=first)
refs = api.list_repo_refs(repo)
assert {branch.name for branch in refs.branches} == {"main", "feature/one"}
assert [(tag.name, tag.target_commit) for tag in refs.tags] == [("v1", first)]
changes = [CommitOperationAdd("new.txt", b"new"), CommitOperationDelete("small.txt"), CommitOperationDelete("deep/")]
api.create_commit(repo, changes, commit_message="Change", revision="feature/one")
assert api.file_exists(repo, "small.txt") and not api.file_exists(repo, "small.txt", revision="feature/one")
assert "deep/er/说明 #1.txt" not in api.list_repo_files(repo, revision="feature/one")
api.delete_branch(repo, branch="feature/one")
api.delete_tag(repo, tag="v1")
assert not api.list_repo_refs(repo).tags

# What people say.
opened = api.create_discussion(repo, title="Which tokenizer?", description="The card does not say.")
api.comment_discussion(repo, opened.num, "The one of its base model.")
api.change_discussion_status(repo, opened.num, "closed")
talk = api.get_discussion_details(repo, opened.num)
assert (talk.title, talk.status, len(talk.events)) == ("Which tokenizer?", "closed", 3), talk
assert [one.num for one in api.get_repo_discussions(repo)] == [opened.num]


def refused(kind, call, *args, **how):
    try:
        call(*args, **how)
    except kind:
        return
    raise AssertionError(f"{call.__name__} was not refused with {kind.__name__}")


refused(EntryNotFoundError, hf_hub_download, repo, "nothing.txt")
refused(RevisionNotFoundError, hf_hub_download, repo, "small.txt", revision="nothing")
refused(RepositoryNotFoundError, api.model_info, f"{me}/nothing-here")
refused(HfHubHTTPError, api.create_repo, repo)
refused(RepositoryNotFoundError, HfApi(token=False).model_info, repo)
if huggingface_hub.__version__.startswith("2."):
    # What only the newest has.
    copy = api.duplicate_repo(repo, f"{repo}-copy", private=True)
    assert set(api.list_repo_files(copy.repo_id)) == files
    api.delete_repo(copy.repo_id)
api.move_repo(repo, f"{repo}-moved")
assert api.model_info(repo).id == f"{repo}-moved"
api.delete_repo(f"{repo}-moved")
assert not api.repo_exists(repo)
logout()
print("all of it works with", huggingface_hub.__version__)
