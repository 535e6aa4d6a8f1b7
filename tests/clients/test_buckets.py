"""Buckets with the unmodified tools: the commands of `hf buckets`, the library's calls, and paths that begin with `hf://buckets/`."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests import live
from tests.clients.conftest import Client


@pytest.fixture(scope="module")
def bucket(ada: Client) -> str:
    """A private bucket with a few files."""
    ada.run("hf", "buckets", "create", "stuff", "--private", "--quiet")
    name = f"{ada.name}/stuff"
    data = ada.home / "data"
    for path, content in {"a.txt": "one", "deep/er/b.bin": "two" * 30_000, "deep/c.json": "{}", "empty": ""}.items():
        (data / path).parent.mkdir(parents=True, exist_ok=True)
        (data / path).write_text(content)
    ada.run("hf", "buckets", "sync", "data", f"hf://buckets/{name}", "--quiet")
    return name


def listed(client: Client, name: str, *more: str) -> dict[str, int | None]:
    told = json.loads(client.run("hf", "buckets", "list", name, *more, "--format", "json"))
    return {entry["path"]: entry.get("size") for entry in told}


def test_a_folder_goes_up_and_comes_down(ada: Client, bucket: str) -> None:
    assert listed(ada, bucket, "-R") == {"a.txt": 3, "deep/c.json": 2, "deep/er/b.bin": 90_000, "empty": 0}
    assert listed(ada, bucket) == {"a.txt": 3, "deep": None, "empty": 0}
    assert set(listed(ada, f"{bucket}/deep")) == {"deep/c.json", "deep/er"}
    ada.run("hf", "buckets", "sync", f"hf://buckets/{bucket}", "down", "--quiet")
    for path in ("a.txt", "deep/er/b.bin", "deep/c.json", "empty"):
        assert (ada.home / "down" / path).read_bytes() == (ada.home / "data" / path).read_bytes()
    plan = ada.run("hf", "buckets", "sync", "data", f"hf://buckets/{bucket}", "--dry-run")
    assert not any(
        json.loads(line).get("action") in ("upload", "delete") for line in plan.splitlines() if line[:1] == "{"
    )
    (ada.home / "data" / "a.txt").unlink()
    (ada.home / "data" / "new.txt").write_text("new")
    ada.run("hf", "buckets", "sync", "data", f"hf://buckets/{bucket}", "--delete", "--quiet")
    assert set(listed(ada, bucket, "-R")) == {"deep/c.json", "deep/er/b.bin", "empty", "new.txt"}


def test_single_files(ada: Client, bob: Client, bucket: str) -> None:
    (ada.home / "x.txt").write_text("x")
    ada.run("hf", "buckets", "cp", "x.txt", f"hf://buckets/{bucket}/single/x.txt")
    assert ada.run("hf", "buckets", "cp", f"hf://buckets/{bucket}/single/x.txt", "-").strip() == "x"
    ada.run("hf", "buckets", "cp", f"hf://buckets/{bucket}/single/x.txt", "back.txt")
    assert (ada.home / "back.txt").read_text() == "x"
    ada.run("hf", "buckets", "rm", f"{bucket}/single/x.txt", "--yes")
    assert "single" not in listed(ada, bucket)
    assert "no/such.txt" in ada.fails("hf", "buckets", "rm", f"{bucket}/no/such.txt", "--yes")
    assert "not found" in bob.fails("hf", "buckets", "info", bucket).lower()
    told = json.loads(ada.run("hf", "buckets", "info", bucket, "--format", "json"))
    assert told["private"] is True
    assert told["total_files"] == len(listed(ada, bucket, "-R"))


def test_the_life_of_a_bucket(ada: Client, bob: Client) -> None:
    ada.run("hf", "buckets", "create", f"{ada.name}/passing")
    assert "already" in ada.fails("hf", "buckets", "create", "passing")
    assert f"{ada.hub.url}/buckets/{ada.name}/passing" in ada.run("hf", "buckets", "create", "passing", "--exist-ok")
    ada.run("hf", "buckets", "move", f"{ada.name}/passing", f"{ada.name}/moved")
    assert "moved" in bob.run("hf", "buckets", "list", ada.name)
    ada.run("hf", "buckets", "settings", f"{ada.name}/moved", "--private")
    assert "moved" not in bob.run("hf", "buckets", "list", ada.name)
    ada.run("hf", "buckets", "delete", f"{ada.name}/moved", "--yes")
    assert "moved" not in ada.run("hf", "buckets", "list")
    ada.run("hf", "buckets", "delete", f"{ada.name}/moved", "--yes", "--missing-ok")


LIBRARY = """
    import json, os
    from huggingface_hub import HfApi, HfFileSystem
    from huggingface_hub.errors import BucketNotFoundError, EntryNotFoundError
    api, fs = HfApi(), HfFileSystem(skip_instance_cache=True)
    me = api.whoami()["name"]
    for number in range(3):
        url = api.create_bucket(f"lib{number}", private=number == 2, exist_ok=True)
    assert [b.id for b in api.list_buckets()][-3:] == [f"{me}/lib{n}" for n in range(3)]
    assert [b.id for b in api.list_buckets(me, search="LIB1")] == [f"{me}/lib1"]
    one, two = f"{me}/lib0", f"{me}/lib1"

    api.batch_bucket_files(one, add=[(b"first", "a/1.txt"), (b"second" * 50000, "a/2.bin"), (b"", "a/empty")])
    info = api.bucket_info(one)
    assert (info.size, info.total_files, info.private) == (300005, 3, False)
    files = {f.path: f for f in api.get_bucket_paths_info(one, ["a/1.txt", "a/2.bin", "nothing"])}
    assert set(files) == {"a/1.txt", "a/2.bin"}
    api.batch_bucket_files(two, copy=[("bucket", one, files["a/2.bin"].xet_hash, "copied.bin")], delete=[])
    api.download_bucket_files(two, [("copied.bin", "got.bin")])
    assert open("got.bin", "rb").read() == b"second" * 50000
    try:
        api.batch_bucket_files(two, delete=["copied.bin", "nothing"])
    except Exception as error:
        failed = [f["path"] if isinstance(f, dict) else f.path for f in error.failures]
        assert type(error).__name__ == "BucketBatchError" and failed == ["nothing"], error
    assert api.bucket_info(two).total_files == 0

    root = f"hf://buckets/{one}"
    with fs.open(f"{root}/b/text.txt", "w") as handle:
        handle.write("written")
    assert fs.read_text(f"{root}/b/text.txt") == "written"
    with fs.open(f"{root}/a/2.bin", "rb", block_size=1000) as handle:
        handle.seek(299_994)
        assert handle.read() == b"second"
    assert sorted(e["name"].removeprefix(f"buckets/{one}/") for e in fs.ls(root)) == ["a", "b"]
    assert sorted(p.removeprefix(f"buckets/{one}/") for p in fs.glob(f"{root}/**/*.txt")) == ["a/1.txt", "b/text.txt"]
    assert fs.isdir(f"{root}/a") and fs.isfile(f"{root}/a/1.txt") and not fs.exists(f"{root}/c")
    fs.cp_file(f"{root}/a/1.txt", f"hf://buckets/{two}/one.txt")
    fs.rm(f"{root}/a", recursive=True)
    assert [p.removeprefix(f"buckets/{one}/") for p in fs.find(root)] == ["b/text.txt"]
    fs.mv(f"{root}/b/text.txt", f"{root}/moved.txt")
    assert fs.cat_file(f"{root}/moved.txt") == b"written"

    model = api.create_repo("source", exist_ok=True).repo_id
    api.upload_file(repo_id=model, path_in_repo="big.safetensors", path_or_fileobj=b"x" * 200_000)
    api.upload_file(repo_id=model, path_in_repo="small.json", path_or_fileobj=b"{}")
    api.copy_files(f"hf://{model}/", f"hf://buckets/{two}/from-model/")
    there = {f.path for f in api.list_bucket_tree(two, recursive=True)}
    assert there == {"one.txt", "from-model/big.safetensors", "from-model/small.json"}

    api.update_bucket_settings(two, private=True)
    assert api.bucket_info(two).private
    api.move_bucket(two, f"{me}/lib9")
    assert api.bucket_info(two).id == f"{me}/lib9"
    api.delete_bucket(f"{me}/lib9")
    try:
        api.bucket_info(f"{me}/lib9")
    except BucketNotFoundError:
        pass
    else:
        raise AssertionError("It is still there.")
    assert [r.id for r in api.list_user_repos() if r.type == "bucket"] if hasattr(api, "list_user_repos") else True
    print(json.dumps("all of it works"))
"""


def test_the_library(ada: Client) -> None:
    assert ada.python(LIBRARY) == "all of it works"


def test_an_older_library(ada: Client, tmp_path: Path) -> None:
    programs = live.BASE / ".venv-client-1" / "bin"
    assert (programs / "python").exists(), f"{programs} is missing. `make test` installs it."
    someone = replace(ada, home=tmp_path)
    (tmp_path / "up").mkdir()
    (tmp_path / "up" / "f.txt").write_text("older")
    someone.run(str(programs / "hf"), "buckets", "create", "older", "--exist-ok", "--quiet")
    someone.run(str(programs / "hf"), "buckets", "sync", "up", f"hf://buckets/{ada.name}/older", "--quiet")
    someone.run(str(programs / "hf"), "buckets", "cp", f"hf://buckets/{ada.name}/older/f.txt", "down.txt")
    assert (tmp_path / "down.txt").read_text() == "older"


def test_those_who_may_only_read(ada: Client, bob: Client) -> None:
    ada.run("hf", "buckets", "create", "open-to-all", "--quiet")
    told = bob.python(
        f"""
        import json
        from huggingface_hub import HfApi
        try:
            HfApi().batch_bucket_files("{ada.name}/open-to-all", add=[(b"mine", "theirs.txt")])
        except Exception as error:
            print(json.dumps(str(error)))
        """
    )
    assert "403" in told
