"""The command line: log in, make a repository, send a folder with large weights, fetch it again."""

import hashlib
from pathlib import Path

import pytest

from tests.clients.conftest import Client
from tests.waiting import wait_until

MEGABYTE = 1024 * 1024

# Random weights: nothing in them repeats, so all of it has to travel.
_WEIGHTS = """
import sys, torch
from safetensors.torch import save_file
save_file({f"layer.{n}": torch.randn(5, 1024, 1024) for n in range(10)}, sys.argv[1])
"""


@pytest.fixture(scope="module")
def folder(ada: Client) -> Path:
    """A model folder as people have them: 200 MB of weights, deep paths, Chinese names, an empty file."""
    folder = ada.home / "model"
    (folder / "a" / "b" / "c").mkdir(parents=True)
    (folder / "config.json").write_text('{"model_type": "llama", "architectures": ["LlamaForCausalLM"]}')
    (folder / "README.md").write_text(
        "---\nlicense: mit\npipeline_tag: text-generation\n---\n# 小模型\n\nA small model.\n"
    )
    (folder / "a" / "b" / "c" / "说明 (1).txt").write_text("你好\n")
    (folder / "empty.txt").write_bytes(b"")
    ada.run("python", "-c", _WEIGHTS, str(folder / "model.safetensors"))
    return folder


def contents(folder: Path) -> dict[str, str]:
    """Return path -> sha256 of what lies in a folder, but for what the tools keep for themselves."""
    files = [p for p in folder.rglob("*") if p.is_file() and ".cache" not in p.parts and p.name != ".gitattributes"]
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_log_in(ada: Client) -> None:
    said = ada.run("hf", "auth", "login", "--token", ada.token, HF_TOKEN="")
    assert "laptop" in said or (ada.home / "hf" / "token").read_text() == ada.token
    assert ada.name in ada.run("hf", "auth", "whoami", HF_TOKEN="")


def test_folder_travels_there_and_back(ada: Client, folder: Path) -> None:
    repo = f"{ada.name}/tiny"
    assert f"{ada.hub.url}/{repo}" in ada.run("hf", "repos", "create", "tiny")
    assert f"{ada.hub.url}/{repo}/commit/" in ada.run("hf", "upload", repo, str(folder))
    # Large files go through Xet, and come back through it.
    assert (folder / "model.safetensors").stat().st_size > 200 * MEGABYTE
    ada.run("hf", "download", repo, "--local-dir", "back")
    assert contents(ada.home / "back") == contents(folder)
    # The same bytes come by plain HTTP to whoever has no Xet.
    ada.run("hf", "download", repo, "--local-dir", "plain", HF_HUB_DISABLE_XET="1", HF_HOME=str(ada.home / "other"))
    assert contents(ada.home / "plain") == contents(folder)
    # Sent again, nothing has changed, and no commit is made.
    ada.run("hf", "upload", repo, str(folder))
    titles = ada.python(f"""
        import json
        from huggingface_hub import HfApi
        print(json.dumps([commit.title for commit in HfApi().list_repo_commits("{repo}")]))
    """)
    assert len(titles) == 2


def test_existing_repository(ada: Client) -> None:
    ada.run("hf", "repos", "create", "twice", "--private")
    assert "exists already" in ada.fails("hf", "repos", "create", "twice")
    ada.run("hf", "repos", "create", "twice", "--exist-ok")


def test_lists_show_what_is_there(ada: Client) -> None:
    ada.run("hf", "repos", "create", "seen")

    def listed() -> bool:
        return f"{ada.name}/seen" in ada.run("hf", "models", "ls", "--author", ada.name, "--quiet").split()

    wait_until(listed)
