"""What does not fit is refused before its bytes are sent, and the tools show the sentence that says why and the way out."""

import os
from pathlib import Path

from tests.clients.conftest import Client


def test_the_tools_show_whose_room_is_full(ada: Client, tmp_path: Path) -> None:
    ada.hub.manage("set_quota", ada.name, "3000000")
    small, large = tmp_path / "small.bin", tmp_path / "large.bin"
    small.write_bytes(os.urandom(2_000_000))
    large.write_bytes(os.urandom(4_000_000))
    name = f"{ada.name}/full"
    ada.run("hf", "upload", name, str(small), "small.bin")
    for settings in ({}, {"HF_HUB_DISABLE_XET": "1"}):
        said = " ".join(ada.fails("hf", "upload", name, str(large), "large.bin", **settings).split())
        assert f'"{ada.name}" uses 2 MB of its 3 MB of storage, so 4 MB more' in said
        assert "Delete large files" in said
    bucket = f"hf://buckets/{ada.name}/full-bucket"
    ada.run("hf", "buckets", "create", f"{ada.name}/full-bucket")
    said = ada.fails("hf", "buckets", "cp", str(large), f"{bucket}/large.bin")
    assert f"{ada.name}" in said and "Delete large files" in said
    ada.hub.manage("set_quota", ada.name, "default")
    ada.run("hf", "upload", name, str(large), "large.bin")
