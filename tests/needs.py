"""Programs that a test needs beyond Python. A missing one is named with the way to get it, and fails the test in CI."""

import os
import shutil
from pathlib import Path

import pytest

BASE = Path(__file__).resolve().parent.parent
CLIENTS = BASE / ".venv-worker" / "bin"
SWIFT = BASE / ".venv-swift" / "bin"


def program(name: str, package: str = "") -> str:
    """The path of a program from the system; `package` is Debian's name for it where that differs."""
    return shutil.which(name) or _missing(name, f"sudo apt-get install {package or name}")


def client(name: str) -> str:
    """The path of a program of the clients' environment: `python`, `hf`."""
    path = CLIENTS / name
    return str(path) if path.exists() else _missing(name, "make test")


def swift() -> str:
    """The Python of OpenStack Swift's environment."""
    path = SWIFT / "python"
    return str(path) if path.exists() else _missing("OpenStack Swift", "make test")


def _missing(name: str, remedy: str) -> str:
    text = f"This test needs {name}, which is not here. Get it with: {remedy}"
    if os.environ.get("CI"):
        pytest.fail(text)
    pytest.skip(text)
