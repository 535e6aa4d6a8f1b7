"""Secrets that an operator keeps in files."""

from pathlib import Path

import pytest

from hub.embedded.errors import StartError
from hub.embedded.secret_files import read_files


def test_a_file_stands_for_its_content(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgres://a\n")
    env = {"DATABASE_URL_FILE": str(tmp_path / "url"), "GROVE_ALIVE_FILE": "/run/alive", "SSL_CERT_FILE": "/etc/ca.pem"}
    assert read_files(env) == {
        "DATABASE_URL": "postgres://a",
        "GROVE_ALIVE_FILE": "/run/alive",
        "SSL_CERT_FILE": "/etc/ca.pem",
    }


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(StartError, match="REDIS_URL_FILE"):
        read_files({"REDIS_URL_FILE": "/nowhere"})
