"""What a confined child cannot do, under each way of confining it."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from tests import live
from tests.waiting import wait_until
from workers import sandbox
from workers.children import Child, ChildLost

CHILDREN = Path(__file__).parent / "children"
WAYS: list[sandbox.Name] = ["bubblewrap", "landlock"]
Start = Callable[..., Child]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """`start(way, **more)` starts the child that evaluates what it is sent."""
    started: list[Child] = []

    def start(way: sandbox.Name, **more: Any) -> Child:
        readable = [CHILDREN, *more.pop("readable", [])]
        child = sandbox.start(
            ["tries"],
            readable=readable,
            scratch=tmp_path / f"scratch-{len(started)}",
            env={"PYTHONPATH": str(CHILDREN)},
            confinement=way,
            **more,
        )
        started.append(child)
        return child

    yield start
    for child in started:
        child.kill()
        child.channel.close()


def ask(child: Child, code: str) -> Any:
    """Evaluate an expression in the child; ("error", name) where it raised."""
    child.send({"code": code})
    answer = child.receive(30)
    assert answer is not None
    return answer["value"] if "value" in answer else ("error", answer["error"])


@pytest.mark.parametrize("way", WAYS)
def test_probe_finds_everything_refused(way: sandbox.Name) -> None:
    assert sandbox.attempt(way) == (("network", "unix-socket", "read", "write", "programs", "signals"), "")


def test_probe_tells_a_child_that_nothing_confines() -> None:
    refused, problem = sandbox.attempt("none")
    assert refused == ()
    assert problem == "it could still: network, unix-socket, read, write, programs, signals"


def test_probe_prefers_namespaces() -> None:
    assert sandbox.probe().name == "bubblewrap"
    assert sandbox.may_load_models()


@pytest.mark.parametrize("way", WAYS)
def test_engines_of_the_hub_are_out_of_reach(start: Start, way: sandbox.Name) -> None:
    postgres = Path(settings.DATABASES["default"]["HOST"])
    sockets = [path for path in [*postgres.iterdir(), *postgres.parent.glob("*/*")] if path.is_socket()]
    assert len(sockets) >= 2, "the database's socket and Valkey's"
    # Landlock says nothing about connecting to a socket in a folder that may be read; the filter does.
    child = start(way, readable=[postgres] if way == "landlock" else [])
    for path in sockets:
        assert ask(child, f"socket.socket(socket.AF_UNIX).connect({str(path)!r})") == ("error", "PermissionError")
    assert ask(child, "socket.create_connection(('127.0.0.1', 5432))")[0] == "error"
    assert (
        ask(child, "socket.getaddrinfo('localhost', 80, 0, 0, 0, socket.AI_ADDRCONFIG) and socket.socket()")[0]
        == "error"
    )


@pytest.mark.parametrize("way", WAYS)
def test_files(start: Start, way: sandbox.Name, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "model" / "link").symlink_to(tmp_path / "secret")
    child = start(way, readable=[tmp_path / "model"])
    assert ask(child, f"Path('{tmp_path}/model/config.json').read_text()") == "{}"
    assert ask(child, "Path('own').write_text('mine') and Path('own').read_text()") == "mine"
    refused = [
        f"Path('{tmp_path}/secret').read_text()",
        f"Path('{tmp_path}/model/link').read_text()",
        f"Path('{tmp_path}/model/config.json').write_text('')",
        f"Path('{tmp_path}/model/config.json').unlink()",
        f"os.rename('{tmp_path}/model/config.json', 'taken')",
        f"os.listdir('{live.BASE / 'hub'}')",
        f"Path('{live.BASE}/hub/settings.py').read_text()",
        f"Path('{live.BASE}/workers/new').touch()",
        "Path('/etc/passwd').read_text()",
        "Path('/proc/1/environ').read_bytes()"
        if way == "landlock"
        else f"Path('/proc/{os.getpid()}/environ').read_bytes()",
        "os.mkdir('/new')",
        "Path('/dev/shm/new').touch()",
        "os.mknod('device', 0o20666, os.makedev(1, 1))",
        "os.memfd_create('hidden')",
    ]
    for code in refused:
        assert ask(child, code)[0] == "error", code
    assert (tmp_path / "model" / "config.json").read_text() == "{}"


@pytest.mark.parametrize("way", WAYS)
def test_programs_and_privileges(start: Start, way: sandbox.Name) -> None:
    child = start(way)
    for code in [
        "subprocess.run(['/bin/true'])",
        "os.execv(sys.executable, [sys.executable, '-c', ''])",
        "os.fork()",
        "os.setsid()",
        "os.unshare(os.CLONE_NEWUSER)" if hasattr(os, "unshare") else "os.fork()",
        "os.chroot('.')",
        f"os.kill({os.getpid()}, 0)",
        "os.pidfd_open(os.getpid())",
    ]:
        assert ask(child, code) in [("error", "PermissionError"), ("error", "BlockingIOError")], code
    assert ask(child, "[thread.start() or thread.join() for thread in [threading.Thread(target=int)]]") == [None]


def test_environment_is_clean(start: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GROVE_SECRET_KEY", "secret")
    monkeypatch.setenv("GROVE_WORKER_KEY", "secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    env = ask(start("bubblewrap"), "dict(os.environ)")
    assert "secret" not in env.values()
    assert env["OMP_NUM_THREADS"] == "3"
    assert env["HF_HUB_OFFLINE"] == "1"
    assert env["HOME"] == str(tmp_path / "scratch-0")


@pytest.mark.parametrize("way", WAYS)
def test_memory_limit(start: Start, way: sandbox.Name) -> None:
    child = start(way, memory=200 << 20)
    assert ask(child, "len(bytearray(50 << 20))") == 50 << 20
    assert child.rss() < 200 << 20
    child.send({"code": "[bytearray(b'1') * (400 << 20), threading.Event().wait(600)][1]"})
    with pytest.raises(ChildLost) as lost:
        child.receive(20)
    assert lost.value.reason == "memory"
    assert not child.alive()


@pytest.mark.parametrize("way", WAYS)
def test_scratch_limit(start: Start, way: sandbox.Name) -> None:
    child = start(way, scratch_limit=8 << 20)
    assert ask(child, "Path('one').write_bytes(bytes(9 << 20))") == ("error", "OSError")
    child.send(
        {"code": "[Path(str(n)).write_bytes(bytes(1 << 20)) for n in range(20)] + [threading.Event().wait(600)]"}
    )
    with pytest.raises(ChildLost) as lost:
        child.receive(20)
    assert lost.value.reason == "scratch"


def test_child_that_ends_says_why(start: Start) -> None:
    child = start("bubblewrap")
    child.send({"code": "sys.stderr.write('out of paper\\n') and sys.stderr.flush() or os._exit(3)"})
    with pytest.raises(ChildLost) as lost:
        child.receive(20)
    assert (lost.value.reason, lost.value.detail) == ("ended", "out of paper")


def test_messages_of_all_sizes(start: Start) -> None:
    child = start("bubblewrap")
    assert ask(child, "None") is None
    assert ask(child, "'你' * 3_000_000") == "你" * 3_000_000
    assert ask(child, f"len({'x' * 2_000_000!r})") == 2_000_000
    assert child.receive(0.05) is None


@pytest.mark.parametrize("way", WAYS)
def test_child_outlives_the_thread_that_started_it(start: Start, way: sandbox.Name) -> None:
    children: list[Child] = []
    thread = threading.Thread(target=lambda: children.append(start(way)))
    thread.start()
    thread.join()
    assert ask(children[0], "1 + 1") == 2


@pytest.mark.parametrize("way", WAYS)
def test_child_ends_with_the_worker(way: sandbox.Name, tmp_path: Path) -> None:
    code = f"""
from pathlib import Path
from workers import sandbox
from workers.children import with_descendants
child = sandbox.start(["tries"], readable=[Path({str(CHILDREN)!r})], scratch=Path({str(tmp_path / "s")!r}),
                      env={{"PYTHONPATH": {str(CHILDREN)!r}}}, confinement={way!r})
child.send({{"code": "1"}})
child.receive(20)
print(*with_descendants(child.pid), flush=True)
child.receive()
"""
    with subprocess.Popen([sys.executable, "-c", code], cwd=live.BASE, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        pids = [int(pid) for pid in worker.stdout.readline().split()]
        assert pids
        assert all(Path(f"/proc/{pid}").exists() for pid in pids)
        worker.send_signal(signal.SIGKILL)
    wait_until(lambda: not any(_runs(pid) for pid in pids))


def _runs(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
