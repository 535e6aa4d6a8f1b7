"""The unmodified client tools, in their own environment, told nothing but where the hub is and who they are."""

import json
import os
import re
import subprocess
import textwrap
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests import live

TOOLS = live.BASE / ".venv-worker" / "bin"
_numbers = count(1)
_OTHERS = re.compile(r"(HF_|HUGGING|TRANSFORMERS_|GROVE_|DJANGO_|PYTEST_|COV_|XDG_|HOME$|VIRTUAL_ENV$|PYTHON)")


@dataclass
class Client:
    """Somebody at a machine of their own: a home folder, a token, and the tools."""

    hub: live.Instance
    name: str
    token: str
    home: Path
    endpoint: str = ""

    def env(self, **settings: str) -> dict[str, str]:
        """The environment that the tools run in. `settings` may add to it; an empty value takes something away."""
        env = {name: value for name, value in os.environ.items() if not _OTHERS.match(name)}
        env |= {
            "PATH": f"{TOOLS}:{env['PATH']}",
            "HOME": str(self.home),
            "HF_HOME": str(self.home / "hf"),
            "HF_ENDPOINT": self.endpoint or self.hub.url,
            "HF_TOKEN": self.token,
        }
        return {name: value for name, value in (env | settings).items() if value}

    def run(self, *args: str, **settings: str) -> str:
        """Run a tool; return what it printed. Raises AssertionError with all of it where it fails."""
        done = subprocess.run(
            args, env=self.env(**settings), cwd=self.home, capture_output=True, text=True, timeout=180, check=False
        )
        assert done.returncode == 0, f"{args}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def fails(self, *args: str, **settings: str) -> str:
        """Run a tool that is to fail; return all that it printed."""
        done = subprocess.run(
            args, env=self.env(**settings), cwd=self.home, capture_output=True, text=True, timeout=180, check=False
        )
        assert done.returncode != 0, f"{args}:\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def python(self, code: str, **settings: str) -> Any:
        """Run Python code with the tools' interpreter; return the JSON value of its last line, None where it prints nothing."""
        out = self.run(str(TOOLS / "python"), "-c", textwrap.dedent(code), **settings)
        lines = out.strip().splitlines()
        return json.loads(lines[-1]) if lines else None


@pytest.fixture(scope="session")
def tools() -> Path:
    """The folder of the tools' programs."""
    assert (TOOLS / "hf").exists(), f"{TOOLS} has no client tools. `make test` installs them."
    return TOOLS


def make_client(hub: live.Instance, home: Path) -> Client:
    """Make an account with a write token, on a machine of its own."""
    name = f"ada{next(_numbers)}"
    hub.manage("create_user", name, "--email", f"{name}@example.org", "--password", "correct horse battery")
    token = hub.manage("create_token", name, "--scope", "write", "--name", "laptop")
    return Client(hub, name, token, home)


@pytest.fixture(scope="module")
def ada(live_hub: live.Instance, tools: Path, tmp_path_factory: pytest.TempPathFactory) -> Client:
    return make_client(live_hub, tmp_path_factory.mktemp("ada"))


@pytest.fixture(scope="module")
def bob(live_hub: live.Instance, tools: Path, tmp_path_factory: pytest.TempPathFactory) -> Client:
    return make_client(live_hub, tmp_path_factory.mktemp("bob"))
