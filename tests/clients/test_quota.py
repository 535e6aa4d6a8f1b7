"""What does not fit is refused before its bytes are sent, and the tools show the sentence that says why and the way out."""

import os
from pathlib import Path

from tests.clients.conftest import Client


def test_the_tools_show_whose_room_is_full(ada: Client, tmp_path: Path) -> None:
    ada.hub.manage("set_quota", ada.name, str(3 * 1024**2))
    small, large = tmp_path / "small.bin", tmp_path / "large.bin"
    small.write_bytes(os.urandom(2 * 1024**2))
    large.write_bytes(os.urandom(4 * 1024**2))
    name = f"{ada.name}/full"
    ada.run("hf", "upload", name, str(small), "small.bin")
    for settings in ({}, {"HF_HUB_DISABLE_XET": "1"}):
        said = " ".join(ada.fails("hf", "upload", name, str(large), "large.bin", **settings).split())
        assert f'"{ada.name}" uses 2.0 MB of its 3.0 MB' in said.replace("\N{NO-BREAK SPACE}", " ")
        assert "Delete large files" in said
    ada.hub.manage("set_quota", ada.name, "default")
    ada.run("hf", "upload", name, str(large), "large.bin")
