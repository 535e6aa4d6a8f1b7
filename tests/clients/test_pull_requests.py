"""Pull requests by the library: opened with a commit, with a folder, with large files; filled, published, merged."""

import pytest

from tests.clients.conftest import Client


@pytest.mark.parametrize("without_xet", ["", "1"], ids=["xet", "lfs"])
def test_a_stranger_proposes_and_the_owner_merges(ada: Client, bob: Client, without_xet: str) -> None:
    repo = f"{ada.name}/proposed{without_xet}"
    ada.python(f"""
        from huggingface_hub import HfApi
        api = HfApi()
        api.create_repo("{repo}")
        api.upload_file(path_or_fileobj=b"one", path_in_repo="notes/a.txt", repo_id="{repo}")
        api.upload_file(path_or_fileobj=b"two", path_in_repo="notes/b.txt", repo_id="{repo}")
    """)
    told = bob.python(
        f"""
        import json, os
        from huggingface_hub import CommitOperationAdd, CommitOperationCopy, CommitOperationDelete, HfApi
        api = HfApi()
        made = api.create_commit(
            "{repo}", create_pr=True, commit_message="Weights and more", commit_description="By *hand*.",
            operations=[
                CommitOperationAdd("model.safetensors", os.urandom(300_000)),
                CommitOperationAdd("config.json", b"{{}}"),
                CommitOperationDelete("notes/a.txt"),
                CommitOperationCopy("notes/b.txt", "notes/c.txt"),
            ],
        )
        assert made.pr_num == 1 and made.pr_revision == "refs/pr/1", made
        assert made.pr_url == "{ada.hub.url}/{repo}/discussions/1", made.pr_url
        # Once more into the same one, from what lies there now: a copy of a large file, and a folder that goes.
        api.create_commit(
            "{repo}", revision="refs/pr/1", commit_message="Copy", operations=[
                CommitOperationCopy("model.safetensors", "again/model.safetensors", src_revision="refs/pr/1"),
                CommitOperationDelete("notes/"),
            ],
        )
        folder = os.path.expanduser("~/folder{without_xet}")
        os.makedirs(folder + "/sub", exist_ok=True)
        open(folder + "/big.bin", "wb").write(os.urandom(200_000))
        open(folder + "/sub/small.txt", "w").write("small")
        sent = api.upload_folder(repo_id="{repo}", folder_path=folder, create_pr=True, commit_message="A folder")
        found = api.get_discussion_details("{repo}", sent.pr_num)
        files = sorted(api.list_repo_files("{repo}", revision=sent.pr_revision))
        print(json.dumps([
            [d.num for d in api.get_repo_discussions("{repo}", discussion_type="pull_request")],
            found.status, found.is_pull_request, found.target_branch, found.conflicting_files, found.git_reference,
            [e.type for e in found.events], files, sorted(api.list_repo_files("{repo}", revision="refs/pr/1")),
            [ref.ref for ref in api.list_repo_refs("{repo}", include_pull_requests=True).pull_requests],
        ]))
        """,
        HF_HUB_DISABLE_XET=without_xet,
    )
    numbers, status, is_pull, target, conflicts, ref, kinds, files, of_first, refs = told
    assert (numbers, is_pull, target, conflicts, ref) == ([2, 1], True, "refs/heads/main", [], "refs/pr/2")
    assert status in ("open", "draft")
    assert kinds[0] == "comment" and "commit" in kinds
    assert files == [".gitattributes", "big.bin", "notes/a.txt", "notes/b.txt", "sub/small.txt"]
    assert of_first == [".gitattributes", "again/model.safetensors", "config.json", "model.safetensors"]
    assert refs == ["refs/pr/1", "refs/pr/2"]
    ada.python(f"""
        from huggingface_hub import HfApi, snapshot_download
        api = HfApi()
        if api.get_discussion_details("{repo}", 2).status == "draft":
            api.change_discussion_status("{repo}", 2, "open")
        for number in (1, 2):
            api.merge_pull_request("{repo}", number, comment="Thank you")
            assert api.get_discussion_details("{repo}", number).merge_commit_oid == api.model_info("{repo}").sha
        assert sorted(api.list_repo_files("{repo}")) == [
            ".gitattributes", "again/model.safetensors", "big.bin", "config.json", "model.safetensors", "sub/small.txt"
        ]
        snapshot_download("{repo}")
    """)


def test_folders_go_and_cards_are_proposed(ada: Client, bob: Client) -> None:
    repo = f"{ada.name}/tended"
    ada.python(f"""
        from huggingface_hub import CommitOperationAdd, HfApi
        api = HfApi()
        api.create_repo("{repo}")
        files = ["old/a.txt", "old/deep/b.txt", "kept.txt"]
        api.create_commit(
            "{repo}", operations=[CommitOperationAdd(path, path.encode()) for path in files], commit_message="Begin"
        )
        api.delete_folder("old", repo_id="{repo}")
        assert sorted(api.list_repo_files("{repo}")) == [".gitattributes", "kept.txt"]
    """)
    told = bob.python(f"""
        import json
        from huggingface_hub import HfApi, ModelCard, metadata_update
        from huggingface_hub.errors import HfHubHTTPError
        api = HfApi()
        card = ModelCard("---\\nlicense: mit\\nlanguage: en\\n---\\n# Tended\\n")
        first = card.push_to_hub("{repo}", create_pr=True)
        refused = []
        for call in (
            lambda: api.merge_pull_request("{repo}", 1),
            lambda: api.delete_file("absent.txt", "{repo}", create_pr=True),
            lambda: api.delete_folder("absent", "{repo}", create_pr=True),
            lambda: api.upload_file(path_or_fileobj=b"x", path_in_repo="x", repo_id="{repo}", revision="refs/pr/9"),
            lambda: api.upload_file(path_or_fileobj=b"x", path_in_repo="x", repo_id="{repo}"),
        ):
            try:
                call()
                refused.append("let through")
            except HfHubHTTPError as error:
                refused.append([type(error).__name__, error.response.status_code])
        print(json.dumps([first.pr_num, refused, len(list(api.get_repo_discussions("{repo}")))]))
    """)
    number, refused, count = told
    assert (number, count) == (1, 1)
    assert refused == [
        ["HfHubHTTPError", 403],
        ["RemoteEntryNotFoundError", 404],
        ["RemoteEntryNotFoundError", 404],
        ["HfHubHTTPError", 404],
        ["HfHubHTTPError", 403],
    ]
