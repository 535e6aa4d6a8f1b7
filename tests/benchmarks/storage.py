"""Large files: how fast they go up and down, what a second version of them costs, and what the site takes meanwhile.

    python -m tests.benchmarks.storage [--quick] [--json FILE]

Each figure has its peer in the same run, alternating: nginx (`apt install nginx-light`) with the same client, boto3 alone on
the same S3 server, the client's own hashing; or a limit: the bytes that changed. Speeds are MB/s, of which a ratio is to reach
its aim; bytes, shares and processor seconds are to stay below it.
"""

import hashlib
import io
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import hf_xet
import httpx2 as httpx
import numpy as np

from hub.core.blobs import lfs_key
from hub.repos.xet import xorb
from tests import live, s3
from tests.api.xet import client as xet_client
from tests.benchmarks.harness import Figure, run
from tests.benchmarks.storing import weights
from tests.benchmarks.storing.client import Client
from tests.benchmarks.storing.servers import Nginx, nginx, processor_seconds, put, resident, watched
from tests.repos.xet.building import xorb_of

MB = 1_000_000
ROUNDS, QUICK_ROUNDS = 5, 3
PROCESSES = 2
CHUNK = 64 * 1024
SETTLE_SECONDS = 60
# As its owner has it: `tests.live` makes the parts of a large upload small. Nothing is cut into chunks in the background.
SETTINGS = {"GROVE_LFS_PART_SIZE": str(512 * 1024**2), "GROVE_CHUNK_FROM": str(1024**4)}


def measure(quick: bool) -> Iterator[Figure]:
    size = (200 if quick else 1000) * MB
    with tempfile.TemporaryDirectory(prefix="grove-bench-") as name:
        folder = Path(name)
        yield from validation(folder, size // 2)
        with live.running(folder / "data", **SETTINGS) as hub, nginx(folder / "nginx") as peer:
            bench = Bench(folder, hub, QUICK_ROUNDS if quick else ROUNDS)
            # First, as what a process has needed before it keeps for a while.
            yield from memory(bench, size)
            yield from downloads(bench, peer, size)
            yield from uploads(bench, peer, size)
            yield from second_version(bench, size)
            yield from fine_tunes(bench, (192 if quick else 480) * MB, 2 if quick else 10)
        live.remove(folder / "data")
        yield from on_s3(folder, size, QUICK_ROUNDS if quick else ROUNDS)


class Bench:
    """A live hub, somebody with an account on it, and room for files."""

    def __init__(self, folder: Path, hub: live.Instance, rounds: int) -> None:
        self.folder, self.hub, self.rounds = folder, hub, rounds
        self.name = "bench"
        hub.manage("create_user", self.name, "--email", "bench@example.org", "--password", "correct horse battery")
        self.token = hub.manage("create_token", self.name, "--scope", "write", "--name", "bench")
        self._homes = 0
        settle(hub.process.pid)

    def client(self, *, xet: bool, home: str = "") -> Client:
        """A client on a fresh machine, or on the one of this name."""
        self._homes += 1
        return Client(self.folder / "homes" / (home or str(self._homes)), self.token, xet=xet)

    def make_repo(self, name: str) -> None:
        headers = {"Authorization": f"Bearer {self.token}"}
        httpx.post(f"{self.hub.url}/api/repos/create", json={"name": name}, headers=headers).raise_for_status()

    def upload(self, client: Client, repo: str, path: Path) -> float:
        """Seconds that a commit of the file takes."""
        return client.upload(self.hub.url, f"{self.name}/{repo}", "model.safetensors", path)["seconds"]

    def stored(self) -> int:
        """Bytes of large content in the store."""
        return sum(
            path.stat().st_size
            for place in ("lfs", "xorbs")
            for path in (self.hub.data / "blobs" / place).rglob("*")
            if path.is_file()
        )

    def send(self, path: Path, repo: str, home: str) -> int:
        """Bytes that the Xet client on the machine of this name sends for a file, by its own count."""
        address = f"{self.hub.url}/api/models/{self.name}/{repo}/xet-write-token/main"
        given = httpx.get(address, headers={"Authorization": f"Bearer {self.token}"}).raise_for_status().json()
        job = {"do": "upload", "cas": given["casUrl"], "token": given["accessToken"], "files": [str(path)]}
        return xet_client.run(job, self.folder / "homes" / home / "hf")["sent"]


def settle(pid: int) -> None:
    """Wait until a hub has done what it does after a start: it packs its static files, and its workers load."""
    deadline = time.monotonic() + SETTLE_SECONDS
    before, now = 0.0, processor_seconds(pid)
    while now - before > 0.2 and time.monotonic() < deadline:
        time.sleep(1)
        before, now = now, processor_seconds(pid)


@dataclass
class Way:
    """One way to carry the same bytes, the process that serves it, and what each turn took."""

    name: str
    pid: int
    carry: Callable[[int], float]
    seconds: list[float]
    processor: list[float]


def alternate(ways: list[Way], rounds: int) -> None:
    """Go each way in turns, after a warm-up of each, beginning with another one each time."""
    for turn in range(rounds + 1):
        for way in ways[turn % len(ways) :] + ways[: turn % len(ways)]:
            before = processor_seconds(way.pid)
            seconds = way.carry(turn)
            if turn:
                way.seconds.append(seconds)
                way.processor.append(processor_seconds(way.pid) - before)


def compared(what: str, size: int, way: Way, peer: Way, aim: float | None) -> Iterator[Figure]:
    """The speed of a way against that of its peer, and the processor time of both servers."""
    yield speed(what, size, way, peer, aim)
    yield result(
        f"{what}: {way.name}, processor of the server",
        statistics.median(way.processor) * 1e9 / size,
        statistics.median(peer.processor) * 1e9 / size,
        peer.name,
        "s/GB",
        None,
    )


def speed(what: str, size: int, way: Way, peer: Way, aim: float | None) -> Figure:
    mine, theirs = (size / MB / statistics.median(one.seconds) for one in (way, peer))
    return result(f"{what}: {way.name}", mine, theirs, peer.name, "MB/s", aim)


def downloads(bench: Bench, peer: Nginx, size: int) -> Iterator[Figure]:
    """`hf_hub_download` of a file from the hub, stored whole and in chunks, and from nginx."""
    path = bench.folder / "weights"
    sums = {}
    with bench.client(xet=False) as plain, bench.client(xet=True) as by_xet:
        # Of each its own, since the hub keeps the same content once.
        for repo, client in {"whole": plain, "chunks": by_xet}.items():
            path.write_bytes(weights.half_precision(np.random.default_rng(len(sums)), size))
            sums[repo] = sha256_of(path)
            bench.upload(client, repo, path)
        peer.publish(path, "bench/chunks", "model.safetensors")
        path.unlink()

        def way(name: str, pid: int, client: Client, endpoint: str, repo: str) -> Way:
            def down(_turn: int) -> float:
                done = client.download(endpoint, f"bench/{repo}", "model.safetensors", bench.folder / "down")
                assert done["sha256"] == sums[repo]
                return done["seconds"]

            return Way(name, pid, down, [], [])

        pid, url = bench.hub.process.pid, bench.hub.url
        other = way("nginx", peer.pid, plain, peer.url, "chunks")
        whole = way("stored whole", pid, plain, url, "whole")
        rebuilt = way("rebuilt from chunks", pid, plain, url, "chunks")
        xet = way("by Xet", pid, by_xet, url, "chunks")
        alternate([other, whole, rebuilt, xet], bench.rounds)
    yield from compared("download", size, whole, other, 0.8)
    yield from compared("download", size, rebuilt, other, 0.5)
    yield from compared("download", size, xet, rebuilt, 1.0)


def uploads(bench: Bench, peer: Nginx, size: int) -> Iterator[Figure]:
    """PUT of a git-lfs object, against PUT to nginx with what the hub owes for it: a sha256, and bytes that are flushed."""
    path = bench.folder / "object"
    bench.make_repo("objects")
    content = bytearray(np.random.default_rng(2).bytes(size))

    def new_content(turn: int, who: str) -> str:
        mark = f"{who}{turn}".encode()
        content[: len(mark)] = mark
        path.write_bytes(content)
        return sha256_of(path)

    def to_hub(turn: int) -> float:
        sha256 = new_content(turn, "hub")
        address = lfs_address(bench, sha256, size)
        taken = seconds(lambda: put(address, path))
        # As that of nginx: on a virtual machine, memory that was never used before is several times slower to fill.
        (bench.hub.data / "blobs" / lfs_key(sha256)).unlink()
        return taken

    def to_nginx(turn: int) -> float:
        new_content(turn, "nginx")
        target = peer.root / "put" / "object"
        taken = seconds(lambda: put(f"{peer.url}/put/object", path)) + seconds(
            lambda: (sha256_of(target), flush(target))
        )
        target.unlink()
        return taken

    ours = Way("git-lfs object", bench.hub.process.pid, to_hub, [], [])
    other = Way("nginx DAV, sha256 and fsync", peer.pid, to_nginx, [], [])
    alternate([other, ours], bench.rounds)
    path.unlink()
    yield from compared("upload", size, ours, other, 0.8)


def lfs_address(bench: Bench, sha256: str, size: int) -> str:
    """Ask where the object is to be sent."""
    wanted = {"operation": "upload", "transfers": ["basic"], "objects": [{"oid": sha256, "size": size}]}
    answer = httpx.post(
        f"{bench.hub.url}/{bench.name}/objects.git/info/lfs/objects/batch", json=wanted, auth=(bench.name, bench.token)
    )
    return answer.json()["objects"][0]["actions"]["upload"]["href"]


def on_s3(folder: Path, size: int, rounds: int) -> Iterator[Figure]:
    """Up and down around the hub, by addresses that it signs, against boto3 alone on the same server."""
    path, data = folder / "far", folder / "far-data"
    bucket_of_peer = "peer"
    with s3.running(folder / "swift") as server, live.running(data, **SETTINGS, **server.settings("grove")) as hub:
        bench = Bench(folder / "far-people", hub, rounds)
        server.client.create_bucket(Bucket=bucket_of_peer)
        with bench.client(xet=False) as plain, bench.client(xet=True) as by_xet:

            def up(client: Client | None, mark: int) -> Callable[[int], float]:
                def carry(turn: int) -> float:
                    path.write_bytes(weights.half_precision(np.random.default_rng(mark + turn), size))
                    if client is None:
                        return seconds(lambda: server.client.upload_file(str(path), bucket_of_peer, "file"))
                    return bench.upload(client, f"far-{mark}", path)

                return carry

            def down(client: Client | None, mark: int) -> Callable[[int], float]:
                def carry(_turn: int) -> float:
                    if client is None:
                        return seconds(lambda: server.client.download_file(bucket_of_peer, "file", str(path)))
                    return client.download(hub.url, f"bench/far-{mark}", "model.safetensors", folder / "down")[
                        "seconds"
                    ]

                return carry

            def ways(make: Callable[[Client | None, int], Callable[[int], float]]) -> list[Way]:
                named = [("boto3 alone", None), ("by git-lfs", plain), ("by Xet", by_xet)]
                pid = hub.process.pid
                return [Way(name, pid, make(client, 1000 * n), [], []) for n, (name, client) in enumerate(named)]

            for what, make in (("upload to S3", up), ("download from S3", down)):
                other, *ours = ways(make)
                alternate([other, *ours], rounds)
                for way in ours:
                    yield speed(what, size, way, other, None)
    live.remove(data)
    path.unlink()


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


KINDS: dict[str, tuple[Callable[[np.random.Generator, int], bytes], int, float]] = {
    "random data": (weights.random_bytes, 0, 1000),
    "bf16 weights": (weights.half_precision, 2, 300),
}


def validation(folder: Path, size: int) -> Iterator[Figure]:
    """Speed of the check that every uploaded xorb goes through, in as many processes as a small machine has."""
    path = folder / "content"
    with ProcessPoolExecutor(PROCESSES) as pool:
        list(pool.map(len, [b""] * PROCESSES))
        for kind, (make, scheme, aim) in KINDS.items():
            content = make(np.random.default_rng(1), size)
            path.write_bytes(content)
            pieces = [content[at : at + CHUNK] for at in range(0, size, CHUNK)]
            bodies = folder / "bodies"
            bodies.mkdir()
            for at in range(0, len(pieces), 1000):
                (bodies / str(at)).write_bytes(xorb_of(pieces[at : at + 1000], scheme)[1])
            files = sorted(bodies.iterdir())
            ours, others = [], []
            for _ in range(QUICK_ROUNDS):
                ours.append(seconds(lambda files=files: list(pool.map(check, files))))
                others.append(seconds(lambda: hf_xet.hash_files([str(path)])))
            shutil.rmtree(bodies)
            mine, theirs = (size / MB / statistics.median(times) for times in (ours, others))
            yield result(f"checking xorbs of {kind}, {PROCESSES} processes", mine, aim, "the aim", "MB/s", 1.0)
            yield result(f"checking xorbs of {kind}", mine, theirs, "hf_xet.hash_files", "MB/s", None)
        path.unlink()


def check(path: Path) -> None:
    body = path.read_bytes()
    xorb.name_of(xorb.scan(io.BytesIO(body), len(body)))


def memory(bench: Bench, size: int) -> Iterator[Figure]:
    """Growth of the largest of the site's processes while a file goes up by Xet and comes back both ways."""
    path = bench.folder / "large"
    path.write_bytes(np.random.default_rng(3).bytes(size))
    httpx.get(f"{bench.hub.url}/healthz")
    before = resident(bench.hub.process.pid)
    with watched(bench.hub.process.pid) as peak:
        for xet in (True, False):
            with bench.client(xet=xet) as client:
                if xet:
                    bench.upload(client, "large", path)
                client.download(bench.hub.url, f"{bench.name}/large", "model.safetensors", bench.folder / "down")
    path.unlink()
    grown = max((peak[pid] - before[pid] for pid in before if pid in peak), default=0)
    yield result(f"growth of a process by {size // MB} MB up and down", grown / MB, 100.0, "the limit", "MB", 1.0)


def second_version(bench: Bench, size: int) -> Iterator[Figure]:
    """What a fine-tune with two of 24 layers changed costs its author, and another who has no cache of the base."""
    path = bench.folder / "version"
    layers = weights.base(4, size)
    with bench.client(xet=True, home="author") as author:
        size = weights.write(layers, path)
        empty = bench.stored()
        bench.upload(author, "base", path)
        share = (bench.stored() - empty) / size
    # What changed, compressed as the whole is: nobody can send less.
    changed = 2 * layers[0].nbytes * share
    for seed, home, who, aim in ((5, "author", "its author", 1.05), (6, "other", "somebody with no cache", 1.3)):
        weights.write(weights.partial(layers, seed), path)
        before = bench.stored()
        sent = bench.send(path, "base", home)
        kept = bench.stored() - before
        yield result(f"fine-tune of two layers, sent by {who}", sent, changed, "changed bytes, compressed", "B", aim)
        yield result(f"fine-tune of two layers, stored for {who}", kept, changed, "changed bytes, compressed", "B", aim)
    path.unlink()


def fine_tunes(bench: Bench, size: int, many: int) -> Iterator[Figure]:
    """Stored bytes of fine-tunes of one base, each uploaded by somebody who has no cache, against copies of it."""
    path = bench.folder / "family"
    layers = weights.base(7, size)
    weights.write(layers, path)
    with bench.client(xet=True) as client:
        bench.upload(client, "family", path)
    kinds: dict[str, tuple[Callable[[weights.Layers, int], weights.Layers], float | None]] = {
        "two layers of 24": (weights.partial, 0.12),
        "one percent of each layer": (weights.sparse, 0.03),
        "nothing": (lambda layers, _seed: layers, 0.001),
        "all weights": (weights.full, None),
    }
    for kind, (tune, aim) in kinds.items():
        before, logical = bench.stored(), 0
        for seed in range(many):
            logical += weights.write(tune(layers, 100 + seed), path)
            with bench.client(xet=True) as client:
                bench.upload(client, f"family-{kind.replace(' ', '-')}-{seed}", path)
        grown = bench.stored() - before
        yield result(
            f"{many} fine-tunes that change {kind}, stored", grown / MB, logical / MB, "copies of them", "MB", aim
        )
    path.unlink()


def result(name: str, ours: float, other: float, other_name: str, unit: str, aim: float | None) -> Figure:
    ratio = ours / other if other else 0.0
    return Figure(name=name, ours=ours, other=other, other_name=other_name, ratio=ratio, unit=unit, aim=aim)


if __name__ == "__main__":
    run(__doc__, measure)
