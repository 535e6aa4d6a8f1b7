from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, settings: Settings) -> Iterator[Path]:
    """A data folder of the test's own; whatever is pushed, nothing of it stays behind there."""
    settings.DATA_DIR = tmp_path
    yield tmp_path
    assert not list(tmp_path.glob("git-scratch/*"))
    assert not list(tmp_path.glob("git-cache/*/tmp-*"))
