"""Xet with the oldest `hf_xet` that each client library runs with: older calls, older shapes, the same bytes."""

from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from tests import live
from tests.clients.conftest import Client, make_client

# The environment, and the version of hf_xet that must be found there.
CLIENTS = {".venv-client-1": "1.6.0", ".venv-client-0-36": "1.1.3"}
SCRIPT = Path(__file__).parent / "scripts" / "xet.py"
_numbers = count(1)


@pytest.fixture(scope="module")
def owner(live_hub: live.Instance, tmp_path_factory: pytest.TempPathFactory) -> Client:
    return make_client(live_hub, tmp_path_factory.mktemp("owner"))


@pytest.mark.parametrize("folder", CLIENTS)
def test_older_clients_send_and_fetch_chunks(owner: Client, tmp_path: Path, folder: str) -> None:
    python = live.BASE / folder / "bin" / "python"
    assert python.exists(), f"{folder} is missing. `make test` installs it."
    told = replace(owner, home=tmp_path).run(str(python), str(SCRIPT), f"xet-{next(_numbers)}")
    assert told.splitlines()[-1] == f"all of it works with {CLIENTS[folder]}"
