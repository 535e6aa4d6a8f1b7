from pathlib import Path

import pytest
import redis

from hub.embedded import engines_of


def test_the_same_folder_by_any_name_has_the_same_engines(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "alias").symlink_to("data")
    assert engines_of(tmp_path / "alias") == engines_of(tmp_path / "data")
    assert engines_of(tmp_path / "other") != engines_of(tmp_path / "data")


@pytest.mark.parametrize("name", ["data", "d" * 200, "with space", "中文", "a?b=c&d%20"])
def test_socket_paths_fit_and_need_no_quoting(tmp_path: Path, name: str) -> None:
    engines = engines_of(tmp_path / name)
    assert len(bytes(engines.sockets / ".s.PGSQL.5432.lock")) <= 107
    place = redis.Redis.from_url(engines.redis_url(3)).connection_pool.connection_kwargs
    assert (place["path"], place["db"]) == (str(engines.valkey_socket), 3)
