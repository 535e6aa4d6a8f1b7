"""What every client library must be able to do here: the newest with and without Xet, and the older ones that people have."""

from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from tests import live
from tests.clients.conftest import TOOLS, Client, make_client

# The interpreter, what it is told, and the first digits of the version that must be found there.
CLIENTS = {
    "2.x with Xet": (TOOLS, {}, "2."),
    "2.x without Xet": (TOOLS, {"HF_HUB_DISABLE_XET": "1"}, "2."),
    "1.x": (live.BASE / ".venv-client-1" / "bin", {}, "1."),
    "0.36": (live.BASE / ".venv-client-0-36" / "bin", {}, "0.36."),
}
SMOKE = Path(__file__).parent / "scripts" / "smoke.py"
_numbers = count(1)


@pytest.fixture(scope="module")
def owner(live_hub: live.Instance, tools: Path, tmp_path_factory: pytest.TempPathFactory) -> Client:
    return make_client(live_hub, tmp_path_factory.mktemp("owner"))


@pytest.mark.parametrize("client", CLIENTS)
def test_what_everybody_does(owner: Client, tmp_path: Path, client: str) -> None:
    programs, settings, version = CLIENTS[client]
    assert (programs / "python").exists(), f"{programs} is missing. `make test` installs it."
    someone = replace(owner, home=tmp_path)
    told = someone.run(str(programs / "python"), str(SMOKE), f"smoke-{next(_numbers)}", **settings)
    assert told.splitlines()[-1].startswith(f"all of it works with {version}")
