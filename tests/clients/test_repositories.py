"""Repositories that are renamed, made again and listed, and names that addresses have to escape, as clients meet them."""

from tests.clients.conftest import Client
from tests.waiting import wait_until

NAMES = [
    "we ird/100%/a+b#c?d&e=f.txt",
    "pct%20file.txt",
    "中文/文件 名.txt",
    "[br]/q'uote\"s.txt",
    "a;b,c=d@e:f.txt",
    "empty.bin",
]


def test_old_id_leads_to_the_renamed_repository(ada: Client) -> None:
    old, new = f"{ada.name}/before", f"{ada.name}/after"
    ada.run("hf", "repos", "create", old)
    ada.run("hf", "repos", "move", old, new)
    told = ada.python(f"""
        import json, os
        from huggingface_hub import HfApi, HfFileSystem, hf_hub_download
        from huggingface_hub.errors import HfHubHTTPError
        api = HfApi()
        url = api.create_repo("{old}", exist_ok=True)
        with open("weights.bin", "wb") as file:
            file.write(os.urandom(2_000_000))
        api.upload_file(path_or_fileobj="weights.bin", path_in_repo="weights.bin", repo_id="{old}")
        api.create_branch("{old}", branch="side")
        with HfFileSystem().open("{old}/note.txt", "w") as file:
            file.write("still here")
        with open(hf_hub_download("{old}", "weights.bin"), "rb") as got, open("weights.bin", "rb") as sent:
            same = got.read() == sent.read()
        try:
            api.delete_repo("{old}")
        except HfHubHTTPError as error:
            refused = str(error)
        print(json.dumps([url.repo_id, same, sorted(api.list_repo_files("{new}")), refused]))
    """)
    assert told[:3] == [new, True, [".gitattributes", "note.txt", "weights.bin"]]
    assert f"{old} is called {new} now" in told[3]


def test_repository_made_again_shows_nothing_of_the_old_one(ada: Client) -> None:
    told = ada.python(f"""
        import json
        from huggingface_hub import HfApi, hf_hub_download, snapshot_download
        from huggingface_hub.errors import EntryNotFoundError
        api, repo = HfApi(), "{ada.name}/again"
        seen = []
        for content in (b"one", b"two"):
            api.create_repo(repo)
            api.upload_file(path_or_fileobj=content, path_in_repo="f.txt", repo_id=repo)
            if content == b"one":
                api.upload_file(path_or_fileobj=b"gone", path_in_repo="g.txt", repo_id=repo)
            snapshot_download(repo)
            seen.append(open(hf_hub_download(repo, "f.txt")).read())
            if content == b"one":
                api.delete_repo(repo)
        try:
            hf_hub_download(repo, "g.txt")
        except EntryNotFoundError:
            seen.append("gone")
        print(json.dumps(seen))
    """)
    assert told == ["one", "two", "gone"]


def test_names_that_addresses_escape(ada: Client) -> None:
    wrong = ada.python(f"""
        import json
        from huggingface_hub import CommitOperationAdd, HfApi, HfFileSystem, hf_hub_download
        api, repo, names = HfApi(), "{ada.name}/names", {NAMES!r}
        api.create_repo(repo)
        contents = {{name: b"" if name == "empty.bin" else name.encode() for name in names}}
        api.create_commit(
            repo, [CommitOperationAdd(name, content) for name, content in contents.items()], commit_message="Names"
        )
        api.create_branch(repo, branch="feature/名")
        got = {{name: open(hf_hub_download(repo, name, revision="feature/名"), "rb").read() for name in names}}
        wrong = [name for name in names if got[name] != contents[name]]
        wrong += set(names) ^ {{info.path for info in api.get_paths_info(repo, [*names, "none"])}}
        wrong += set(names) ^ (set(api.list_repo_files(repo)) - {{".gitattributes"}})
        wrong += [name for name in names if not api.file_exists(repo, name)]
        wrong += [name for name in names if HfFileSystem().cat_file(f"{{repo}}/{{name}}") != contents[name]]
        print(json.dumps(wrong))
    """)
    assert wrong == []


def test_own_repositories_are_listed(ada: Client) -> None:
    ada.run("hf", "repos", "create", "mine", "--type", "dataset", "--private")

    def line() -> list[str]:
        lines = ada.run("hf", "repos", "list").splitlines()
        return next((line.split() for line in lines if line.startswith(f"{ada.name}/mine")), [])

    wait_until(lambda: line()[1:2] == ["dataset"])
    assert "private" in line()
