"""Confined children: what loads a model that somebody uploaded runs in one, and so does an evaluation.

A child sees the interpreter, its packages, the code of `workers`, the system's libraries and the folders named as readable,
all read-only, and one scratch folder that it may write to. It has no network, no other program, no child of its own, no
secret in its environment, and it ends with the worker. Two ways give that; `probe()` tries them and says which works here:

- **bubblewrap**: namespaces of its own (user, mount, pid, network, ipc), with nothing in them but what is named above;
- **landlock**: no namespaces; Landlock for files, and for signals where the kernel knows that, the filter for the rest.

In both, a seccomp filter refuses `socket`, `connect`, `execve`, `fork`, `ptrace`, mounts, keyrings and the like, and no
privilege can be gained (`workers/confined.py`).

Its memory and its scratch folder are watched by the worker (`workers/children.py`); no single file of the folder can pass the
limit, and the kernel's own killer is told to take a child before the worker.

A worker loads no model where the probe says "none", unless GROVE_UNSAFE_ENGINES=1: then only the limits and the clean
environment hold, and whoever can upload a model that harms the loader can read what the worker reads.
"""

import json
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Literal

from workers import children
from workers.children import Child, ChildLost, Limits

Name = Literal["bubblewrap", "landlock", "none"]
CODE = Path(__file__).resolve().parent
_LAUNCHER = CODE / "confined.py"
_LIBRARIES = ("/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libx32", "/usr/local/lib", "/usr/share/zoneinfo")
_FILES = ("/etc/ld.so.cache", "/etc/localtime")
# Passed on from the worker's environment: how much of the machine a child may use, nothing that names or proves anybody.
_PASSED = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "PYTORCH_CUDA_ALLOC_CONF")


@dataclass(frozen=True)
class Confinement:
    """What confines children here, and what the probe saw refused: network, unix-socket, read, write, programs, signals."""

    name: Name
    refused: tuple[str, ...] = ()
    why: dict[str, str] = field(default_factory=dict)  # name of a way that does not work here -> what went wrong


def start(
    program: list[str],
    *,
    readable: Iterable[Path],
    scratch: Path,
    env: Mapping[str, str] | None = None,
    memory: int | None = None,
    scratch_limit: int = 256 << 20,
    confinement: Name | None = None,
    python: Path | None = None,
) -> Child:
    """Start a Python module of ours, confined, and return it; it speaks through `Child.send` and `Child.receive`.

    program: the module's name, then its arguments: `["workers.evaluation", "FOLDER"]`. It runs as with `python -m`; it gets its
        end of the channel from `workers.channel.inherited()`.
    readable: folders and files that it may read besides the interpreter, packages, code and system libraries.
    scratch: a folder of its own, made here if need be, at the same path inside; HOME, TMPDIR and HF_HOME point there. The
        caller removes it in the end. Its error output goes to the file `stderr` in it.
    env: added to the clean environment. Nothing else is passed on but the number of threads and the visible devices.
    memory, scratch_limit: bytes; past them it is killed, and `ChildLost.reason` says which.
    confinement: the way to take; the one that `probe()` found where it is None.
    python: the interpreter of the environment to run in, where that is not the worker's own.
    Raises OSError where it cannot be started.
    """
    scratch = scratch.resolve()
    scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = confinement or probe().name
    python = (python or Path(sys.executable)).absolute()
    paths = [*_interpreter(python), CODE, *(Path(path).resolve() for path in readable)]
    plan = {
        "landlock": {"read": [str(path) for path in [*paths, *_system()]], "write": [str(scratch)]}
        if name == "landlock"
        else None,
        "filter": name != "none",
        "file_size": scratch_limit,
        "parent": os.getpid(),
    }
    command = [str(python), "-P", "-B", str(_LAUNCHER), json.dumps(plan), *program]
    if name == "bubblewrap":
        command = [*_bubblewrap(paths, scratch), *command]
    limits = Limits(memory, scratch_limit)
    return children.spawn(command, env=_environment(scratch, env or {}), scratch=scratch, limits=limits)


@lru_cache(maxsize=1)
def probe() -> Confinement:
    """Try what can confine a child here, the best first, and return the first that refuses all it must. Takes about 0.2 s."""
    why: dict[str, str] = {}
    ways: tuple[Name, ...] = ("bubblewrap", "landlock")
    for name in ways:
        refused, problem = attempt(name)
        if not problem:
            return Confinement(name, refused, why)
        why[name] = problem
    return Confinement("none", (), why)


def may_load_models() -> bool:
    """Tell whether models of users may be loaded here: they are confined, or GROVE_UNSAFE_ENGINES=1 says not to mind."""
    return probe().name != "none" or os.environ.get("GROVE_UNSAFE_ENGINES") == "1"


def attempt(name: Name) -> tuple[tuple[str, ...], str]:
    """Let a confined child try what it must not do. Returns what was refused, and what went wrong ("" where nothing did)."""
    with tempfile.TemporaryDirectory(prefix="grove-probe-") as made, socket.socket() as tcp:
        folder = Path(made)
        for part in ("readable", "outside"):
            (folder / part).mkdir()
            (folder / part / "file").write_text(part)
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        with socket.socket(socket.AF_UNIX) as unix:
            unix.bind(str(folder / "outside" / "socket"))
            unix.listen()
            program = ["workers.probing", str(folder), str(tcp.getsockname()[1]), str(os.getpid())]
            try:
                child = start(
                    program,
                    readable=[folder / "readable"],
                    scratch=folder / "scratch",
                    confinement=name,
                    memory=1 << 30,
                )
            except OSError as error:
                return (), str(error)
            try:
                answer = child.receive(20)
            except ChildLost as error:
                return (), str(error)
            finally:
                child.kill()
                child.channel.close()
    if answer is None:
        return (), "it said nothing within 20 seconds"
    allowed = ", ".join(answer["allowed"])
    return tuple(answer["refused"]), f"it could still: {allowed}" if allowed else ""


# --- what a child sees --------------------------------------------------------------------------------------------------


def _interpreter(python: Path) -> list[Path]:
    """The environment's folder, and of the Python that it was made from what is needed to run it."""
    environment = python.parent.parent
    wanted = [environment]
    if (settings := environment / "pyvenv.cfg").exists():
        given = dict(line.split(" = ", 1) for line in settings.read_text().splitlines() if " = " in line)
        base = Path(given["home"]).parent
        if base in (Path("/usr"), Path("/usr/local")):
            wanted += [python.resolve(), base / "lib"]
        else:
            wanted.append(base)
    # The symbolic link that the environment's interpreter is may point through others.
    link = python
    while link.is_symlink():
        link = link.parent / link.readlink()
        place = link.parent.resolve() / link.name
        if not any(place.is_relative_to(path) for path in wanted):
            wanted.append(place)
    return list(dict.fromkeys(path for path in wanted if path.exists()))


def _system() -> list[Path]:
    """System folders and files, with the links of old to them (/lib), and what tells a program how many cores there are."""
    tops = [Path(f"/{name}") for name in ("lib", "lib32", "lib64", "libx32")]
    machine = [
        Path(name) for name in ("/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system", "/dev/null", "/dev/zero")
    ]
    random = [Path("/dev/urandom"), Path("/dev/random")]
    named = [Path(name) for name in (*_LIBRARIES, *_FILES)]
    return [path for path in [*tops, *named, *machine, *random, *_devices()] if path.exists()]


def _devices() -> list[Path]:
    """The device files of accelerators."""
    return [
        *sorted(Path("/dev").glob("nvidia*")),
        *(path for path in (Path("/dev/kfd"), Path("/dev/dri")) if path.exists()),
    ]


def _bubblewrap(paths: list[Path], scratch: Path) -> list[str]:
    program = shutil.which("bwrap")
    if program is None:
        raise FileNotFoundError("bwrap is not installed")
    args = [program, "--unshare-all", "--die-with-parent", "--cap-drop", "ALL", "--hostname", "engine"]
    for name in ("/lib", "/lib32", "/lib64", "/libx32"):
        if os.path.islink(name):
            args += ["--symlink", os.readlink(name), name]
        elif os.path.isdir(name):
            args += ["--ro-bind", name, name]
    for name in (*_LIBRARIES, *_FILES):
        args += ["--ro-bind-try", name, name]
    args += ["--proc", "/proc", "--dev", "/dev", "--ro-bind-try", "/sys/devices/system", "/sys/devices/system"]
    for path in _devices():
        args += ["--dev-bind-try", str(path), str(path)]
    for path in paths:
        args += ["--ro-bind", str(path), str(path)]
    args += ["--bind", str(scratch), str(scratch), "--chdir", str(scratch)]
    # The folders that hold the mounts are memory that a limit would not count: nothing is written there.
    return [*args, "--remount-ro", "/dev", "--remount-ro", "/", "--"]


def _environment(scratch: Path, added: Mapping[str, str]) -> dict[str, str]:
    passed = {name: os.environ[name] for name in _PASSED if name in os.environ}
    return {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "HF_HOME": str(scratch / "hf"),
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "PYTHONUNBUFFERED": "1",
        **passed,
        **added,
    }
