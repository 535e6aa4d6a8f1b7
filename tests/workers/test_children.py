"""What a worker reads of its children, whatever they put in its way."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import live
from tests.waiting import SECONDS
from workers.children import Child, Limits, spawn

SAYS = "import sys; sys.stderr.write('out of paper\\n'); sys.stderr.flush(); "


@pytest.fixture
def run(tmp_path: Path) -> Iterator[object]:
    """`run(code, scratch)` starts Python without any confinement: what is tested is the worker's side."""
    children = []

    def run(code: str, scratch: int = 1 << 20) -> Child:
        (tmp_path / "scratch").mkdir()
        command = [str(live.BASE / ".venv" / "bin" / "python"), "-c", f"import os, time; {code}"]
        children.append(spawn(command, env={}, scratch=tmp_path / "scratch", limits=Limits(None, scratch)))
        return children[-1]

    yield run
    for child in children:
        child.kill()
        child.channel.close()


def test_last_words_are_the_child_s_own(run, tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text("worker_secret")
    child = run(f"{SAYS} os.remove('stderr'); os.symlink({str(secret)!r}, 'stderr'); os._exit(3)")
    assert child.wait(SECONDS) == 3
    assert os.readlink(child.scratch / "stderr") == str(secret)
    assert child.last_words() == "out of paper"


def test_a_pipe_in_their_place_keeps_nobody_waiting(run) -> None:
    child = run(f"{SAYS} os.remove('stderr'); os.mkfifo('stderr'); os._exit(3)")
    assert child.wait(SECONDS) == 3
    assert child.last_words() == "out of paper"


def test_a_folder_too_deep_to_look_into_counts_as_full(run) -> None:
    child = run("[(os.mkdir('d' * 100), os.chdir('d' * 100)) for _ in range(60)]; time.sleep(600)")
    child.wait(SECONDS)
    assert child.lost().reason == "scratch"
