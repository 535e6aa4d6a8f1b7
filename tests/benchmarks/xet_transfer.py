"""Xet uploads and downloads: how fast xorbs are checked, what a second version sends, what memory the site takes.

    python -m tests.benchmarks.xet_transfer [--quick] [--json FILE]

The peer is the client's own hashing (`hf_xet.hash_files`) of the same bytes in the same run, alternating with ours; the
limit is the number of bytes that changed. Figures are MB/s of raw data, bytes sent per changed byte, and MB of growth.
"""

import io
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import hf_xet
import numpy as np

from hub.repos.xet import xorb
from tests import live
from tests.api.xet.conftest import Caller, make_caller
from tests.benchmarks.harness import Figure, run
from tests.repos.xet.building import xorb_of

MB = 1_000_000
CHUNK = 64 * 1024
ROUNDS = 3


def random_bytes(rng: np.random.Generator, size: int) -> bytes:
    return rng.bytes(size)


def half_precision(rng: np.random.Generator, size: int) -> bytes:
    """Weights as bf16, which the client compresses by regrouping their bytes."""
    values = rng.normal(0, 0.02, size // 2).astype(np.float32)
    return (values.view(np.uint32) >> 16).astype(np.uint16).tobytes()


KINDS: dict[str, tuple[Callable[[np.random.Generator, int], bytes], int]] = {
    "random data": (random_bytes, 0),
    "bf16 weights": (half_precision, 2),
}


def validation(folder: Path, size: int) -> Iterator[Figure]:
    """Speed of the check that every uploaded xorb goes through, in one thread."""
    for kind, (make, scheme) in KINDS.items():
        content = make(np.random.default_rng(1), size)
        path = folder / "content"
        path.write_bytes(content)
        pieces = [content[at : at + CHUNK] for at in range(0, size, CHUNK)]
        bodies = [xorb_of(pieces[at : at + 1000], scheme)[1] for at in range(0, len(pieces), 1000)]
        ours, others = [], []
        for _ in range(ROUNDS):
            ours.append(seconds(lambda bodies=bodies: [check(body) for body in bodies]))
            others.append(seconds(lambda path=path: hf_xet.hash_files([str(path)])))
        yield result(
            f"checking xorbs of {kind}",
            size / MB / statistics.median(ours),
            size / MB / statistics.median(others),
            "hf_xet.hash_files",
            "MB/s",
            1.0 if scheme == 0 else 0.5,
        )


def check(body: bytes) -> None:
    xorb.name_of(xorb.scan(io.BytesIO(body), len(body)))


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def second_version(caller: Caller, folder: Path, size: int) -> Iterator[Figure]:
    """Bytes that the client sends for a file of which a twelfth has changed, in two places."""
    rng = np.random.default_rng(2)
    content = half_precision(rng, size)
    part = size // 24
    changed = bytearray(content)
    for at in (3 * part, 15 * part):
        changed[at : at + part] = half_precision(rng, part)
    first, second = folder / "v1", folder / "v2"
    first.write_bytes(content)
    second.write_bytes(changed)
    whole = caller.upload(first)["sent"]
    sent = caller.upload(second)["sent"]
    ideal = whole * 2 * part / size
    yield result("bytes sent for a second version", sent, ideal, "changed bytes, compressed alike", "B", 1.05)


def memory(caller: Caller, folder: Path, size: int) -> Iterator[Figure]:
    """Growth of the largest of the site's processes while a file goes up and comes back."""
    path = folder / "large"
    path.write_bytes(np.random.default_rng(3).bytes(size))
    caller.call("GET", "/healthz")
    before = resident(caller.hub)
    with watched(caller.hub) as peak:
        [file] = caller.upload(path)["files"]
        caller.download((file["hash"], size, folder / "out"))
    grown = max((peak[pid] - before[pid] for pid in before if pid in peak), default=0)
    yield result(f"growth of a process by {size // MB} MB up and down", grown / MB, 100.0, "the limit", "MB", 1.0)


def resident(hub: live.Instance) -> dict[int, int]:
    """Resident bytes of every process of the hub, shared pages of the engines left out."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
    family = [hub.process.pid]
    for pid in family:
        family += [child for child, parent in parents.items() if parent == pid]
    found = {}
    for pid in family:
        try:
            status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
            found[pid] = int(status["RssAnon"].split()[0]) * 1024
        except (FileNotFoundError, ProcessLookupError, KeyError):
            continue
    return found


@contextmanager
def watched(hub: live.Instance) -> Iterator[dict[int, int]]:
    """The highest figure of each process during the block, looked at twenty times a second."""
    peak: dict[int, int] = {}
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.05):
            for pid, size in resident(hub).items():
                peak[pid] = max(size, peak.get(pid, 0))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        ended.set()
        watcher.join()


def result(name: str, ours: float, other: float, other_name: str, unit: str, aim: float) -> Figure:
    return {
        "name": name,
        "ours": ours,
        "other": other,
        "other_name": other_name,
        "ratio": ours / other,
        "unit": unit,
        "aim": aim,
    }


def measure(quick: bool) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="grove-bench-") as name:
        folder = Path(name)
        yield from validation(folder, (64 if quick else 512) * 1024 * 1024)
        with live.running(folder / "data") as hub:
            caller = make_caller(hub, folder / "client")
            yield from second_version(caller, folder, (100 if quick else 1000) * MB)
            yield from memory(caller, folder, (200 if quick else 1000) * MB)
        live.remove(folder / "data")


if __name__ == "__main__":
    run(__doc__, measure)
