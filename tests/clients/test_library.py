"""huggingface_hub: downloads that break off, lists, two writers at once, and every refusal as its own exception."""

import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests import prepared
from tests.clients.conftest import TOOLS, Client, make_client
from tests.waiting import wait_until

MEGABYTE = 1024 * 1024


@contextmanager
def cutting_proxy(url: str, after: int) -> Iterator[tuple[str, list[bytes]]]:
    """A way to the hub that breaks off once, `after` bytes into an answer. Yields its address and the Range lines seen."""
    target = urlsplit(url)
    ranges: list[bytes] = []
    opened: list[socket.socket] = []
    cut = threading.Event()
    server = socket.create_server(("127.0.0.1", 0))

    def pump(source: socket.socket, sink: socket.socket, inbound: bool) -> None:
        passed = 0
        try:
            while data := source.recv(65536):
                passed += len(data)
                if inbound:
                    ranges.extend(line for line in data.split(b"\r\n") if line.lower().startswith(b"range:"))
                elif passed > after and not cut.is_set():
                    cut.set()
                    break
                sink.sendall(data)
        except OSError:
            pass
        finally:
            for end in (source, sink):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue

    def accept() -> None:
        while True:
            try:
                near, _ = server.accept()
            except OSError:
                return
            far = socket.create_connection((target.hostname, target.port))
            opened.extend((near, far))
            for ends, inbound in (((near, far), True), ((far, near), False)):
                threading.Thread(target=pump, args=[*ends, inbound], daemon=True).start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}", ranges
        assert cut.is_set()
    finally:
        server.shutdown(socket.SHUT_RDWR)
        acceptor.join()
        for end in (server, *opened):
            end.close()


def test_broken_download_goes_on_where_it_stopped(ada: Client) -> None:
    sent = ada.home / "big.bin"
    sent.write_bytes(bytes(range(256)) * (20 * MEGABYTE // 256))
    ada.python(f"""
        from huggingface_hub import HfApi
        api = HfApi()
        api.create_repo("resumed")
        with open("{sent}", "rb") as file:
            api.upload_file(path_or_fileobj=file, path_in_repo="big.bin", repo_id="{ada.name}/resumed")
    """)
    # The client keeps what it has in steps of 10 MB.
    with cutting_proxy(ada.hub.url, 15 * MEGABYTE) as (address, ranges):
        path = ada.python(
            f"""
            import json
            from huggingface_hub import hf_hub_download
            print(json.dumps(hf_hub_download("{ada.name}/resumed", "big.bin")))
            """,
            HF_ENDPOINT=address,
            HF_HUB_DISABLE_XET="1",
        )
    assert Path(path).read_bytes() == sent.read_bytes()
    assert any(int(line.split(b"=")[1].split(b"-")[0]) > MEGABYTE for line in ranges)


def test_snapshot_and_lists(ada: Client) -> None:
    def found() -> bool:
        return bool(
            ada.python(f"""
                import json
                from huggingface_hub import HfApi
                print(json.dumps([m.id for m in HfApi().list_models(search="listed", author="{ada.name}")]))
            """)
        )

    told = ada.python("""
        import json, os
        from huggingface_hub import HfApi, snapshot_download
        api = HfApi()
        repo = api.create_repo("listed").repo_id
        card = "---\\nlicense: apache-2.0\\nlanguage: zh\\ntags: [gardening]\\npipeline_tag: fill-mask\\n---\\n园艺模型。\\n"
        api.upload_file(path_or_fileobj=card.encode(), path_in_repo="README.md", repo_id=repo)
        api.upload_file(path_or_fileobj=b"x", path_in_repo="deep/er/file.txt", repo_id=repo)
        info = api.model_info(repo, files_metadata=True)
        api.create_tag(repo, tag="v1", revision=info.sha)
        api.create_branch(repo, branch="feature/x")
        refs = api.list_repo_refs(repo)
        folder = snapshot_download(repo, revision="v1", allow_patterns=["*.md", "deep/*"])
        api.delete_folder("deep", repo_id=repo)
        print(json.dumps({
            "sha": info.sha, "task": info.pipeline_tag, "license": info.card_data.license,
            "tags": info.tags, "sizes": {s.rfilename: s.size for s in info.siblings},
            "branches": sorted(b.name for b in refs.branches), "tag": refs.tags[0].target_commit,
            "snapshot": sorted(os.path.relpath(os.path.join(d, f), folder) for d, _, fs in os.walk(folder) for f in fs),
            "left": api.list_repo_files(repo), "exists": api.file_exists(repo, "nothing"),
            "paths": [p.path for p in api.get_paths_info(repo, ["README.md", "none"])],
        }))
    """)
    assert (told["task"], told["license"]) == ("fill-mask", "apache-2.0")
    assert {"fill-mask", "gardening", "zh", "license:apache-2.0"} <= set(told["tags"])
    assert told["sizes"]["deep/er/file.txt"] == 1
    assert told["branches"] == ["feature/x", "main"]
    assert told["tag"] == told["sha"]
    assert told["snapshot"] == ["README.md", "deep/er/file.txt"]
    assert told["left"] == [".gitattributes", "README.md"]
    assert told["exists"] is False
    assert told["paths"] == ["README.md"]
    # A new upload is found by name, by words of its card, and by filters.
    wait_until(found)
    lists = ada.python(f"""
        import json
        from huggingface_hub import HfApi
        api = HfApi()
        def ids(**how):
            return [m.id for m in api.list_models(**how)]
        print(json.dumps([
            ids(search="园艺"), ids(filter=["gardening", "license:apache-2.0"]), ids(filter="fill-mask", author="{ada.name}"),
            ids(pipeline_tag="fill-mask", sort="downloads", limit=5), ids(author="nobody-here"),
            ids(author="{ada.name}", sort="created_at", full=True, limit=1),
        ]))
    """)
    listed = f"{ada.name}/listed"
    assert all(listed in ids for ids in lists[:4])
    assert lists[4] == []
    assert lists[5] == [listed]


def test_two_writers_at_once_lose_nothing(ada: Client) -> None:
    repo = f"{ada.name}/shared"
    ada.run("hf", "repos", "create", "shared")
    code = """
        import sys
        from huggingface_hub import HfApi
        for number in range(6):
            name = f"{sys.argv[2]}-{number}.txt"
            HfApi().upload_file(path_or_fileobj=name.encode(), path_in_repo=name, repo_id=sys.argv[1])
    """
    code = "\n".join(line[8:] for line in code.splitlines())
    writers = [
        subprocess.Popen([TOOLS / "python", "-c", code, repo, who], env=ada.env(), stderr=subprocess.PIPE)
        for who in ("one", "two")
    ]
    for writer in writers:
        _, said = writer.communicate(timeout=120)
        assert writer.returncode == 0, said.decode()
    files = ada.python(f"""
        import json
        from huggingface_hub import HfApi
        print(json.dumps(HfApi().list_repo_files("{repo}")))
    """)
    assert len(files) == 13


@pytest.fixture(scope="module")
def private_repo(bob: Client) -> str:
    bob.python("""
        from huggingface_hub import HfApi
        api = HfApi()
        api.create_repo("secret", private=True)
        api.create_repo("open")
    """)
    return f"{bob.name}/secret"


def test_refusals_are_their_own_exceptions(ada: Client, bob: Client, private_repo: str) -> None:
    told = ada.python(f"""
        import json
        from huggingface_hub import HfApi, hf_hub_download, snapshot_download
        api, wrong, nobody = HfApi(), HfApi(token="grove_wrong"), HfApi(token=False)
        def refused(call, *args, **how):
            try:
                call(*args, **how)
            except Exception as error:
                return [type(error).__name__, str(error)]
            return ["nothing", ""]
        name = "{ada.name}"
        api.create_repo("refusing")
        repo, broken = name + "/refusing", b"---\\ntags: [a\\n---\\n"
        print(json.dumps({{
            "token": refused(wrong.whoami),
            "token on a repository": refused(wrong.model_info, repo),
            "repository": refused(api.model_info, name + "/absent"),
            "repository, anonymous": refused(nobody.model_info, name + "/absent"),
            "file": refused(hf_hub_download, repo, "absent.txt"),
            "file, Chinese": refused(hf_hub_download, repo, "没有.txt"),
            "revision": refused(hf_hub_download, repo, "README.md", revision="absent"),
            "snapshot": refused(snapshot_download, name + "/absent"),
            "private": refused(hf_hub_download, "{private_repo}", "README.md"),
            "private, write": refused(api.upload_file, path_or_fileobj=b"x", path_in_repo="x", repo_id="{private_repo}"),
            "not mine": refused(api.upload_file, path_or_fileobj=b"x", path_in_repo="x", repo_id="{bob.name}/open"),
            "long name": refused(api.create_repo, "x" * 97),
            "reserved name": refused(api.create_repo, "resolve"),
            "other namespace": refused(api.create_repo, "{bob.name}/mine"),
            "bad path": refused(api.upload_file, path_or_fileobj=b"x", path_in_repo="a/.GIT/config", repo_id=repo),
            "card": refused(api.upload_file, path_or_fileobj=broken, path_in_repo="README.md", repo_id=repo),
            "branch": refused(api.create_branch, repo, branch="main"),
            "old name": refused(api.model_info, "gpt2"),
        }}))
    """)
    kinds = {case: kind for case, (kind, _) in told.items()}
    assert kinds == {
        "token": "HfHubHTTPError",
        "token on a repository": "HfHubHTTPError",
        "repository": "RepositoryNotFoundError",
        "repository, anonymous": "RepositoryNotFoundError",
        "file": "RemoteEntryNotFoundError",
        "file, Chinese": "RemoteEntryNotFoundError",
        "revision": "RevisionNotFoundError",
        "snapshot": "RepositoryNotFoundError",
        "private": "RepositoryNotFoundError",
        "private, write": "RepositoryNotFoundError",
        "not mine": "HfHubHTTPError",
        "long name": "HFValidationError",
        "reserved name": "BadRequestError",
        "other namespace": "HfHubHTTPError",
        "bad path": "BadRequestError",
        "card": "ValueError",
        "branch": "HfHubHTTPError",
        "old name": "RepositoryNotFoundError",
    }
    helps = {
        "token on a repository": "Invalid credentials",
        "file, Chinese": "没有.txt",
        "not mine": "Ask its owner",
        "long name": "96",
        "reserved name": "reserved",
        "other namespace": "cannot create repositories under",
        "bad path": "git keeps the name .git",
        "card": "ine ",
        "branch": "exists already",
    }
    for case, words in helps.items():
        assert words in told[case][1], told[case]


@pytest.mark.full  # in the usual run, tests/faults/test_storage.py fills the store
def test_full_disk_is_said_before_anything_is_sent(tools: Path, tmp_path: Path) -> None:
    # A hub that is to keep an exabyte free has no room for uploads.
    with prepared.hub(tmp_path, GROVE_KEEP_FREE=str(10**18)) as hub:
        ada = make_client(hub, tmp_path)
        ada.run("hf", "repos", "create", "too-much")
        (tmp_path / "much.bin").write_bytes(bytes(MEGABYTE))
        for settings in ({}, {"HF_HUB_DISABLE_XET": "1"}):
            said = ada.fails("hf", "upload", f"{ada.name}/too-much", "much.bin", "much.bin", **settings)
            assert "storage is full" in said
