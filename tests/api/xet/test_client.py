"""The unmodified client against a live hub: what it sends comes back, once, and never wrong."""

import hashlib
import subprocess
from pathlib import Path

import hf_xet
import numpy as np
import pytest

from .conftest import Caller


def half_precision(seed: int, count: int) -> bytes:
    """Weights as bf16: what the client compresses by regrouping bytes."""
    values = np.random.default_rng(seed).normal(0, 0.02, count).astype(np.float32)
    return (values.view(np.uint32) >> 16).astype(np.uint16).tobytes()


def write(path: Path, *parts: bytes) -> Path:
    path.write_bytes(b"".join(parts))
    return path


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_files_of_each_kind_come_back_whole(caller: Caller, tmp_path):
    rng = np.random.default_rng(1)
    paths = [
        write(tmp_path / "half.bin", half_precision(1, 10_000_000), b"odd"),
        write(tmp_path / "random.bin", rng.bytes(80_000_000)),
        write(tmp_path / "text.bin", b"".join(b"line %d of a text\n" % i for i in range(200_000))),
        write(tmp_path / "zeros.bin", bytes(5_000_000)),
        write(tmp_path / "small.bin", b"x"),
    ]
    found = caller.upload(*paths)
    hashes = [info.hash for info in hf_xet.hash_files([str(path) for path in paths])]
    assert [file["hash"] for file in found["files"]] == hashes
    assert [file["sha256"] for file in found["files"]] == [sha256(path) for path in paths]
    caller.download(*[(name, p.stat().st_size, p.with_suffix(".out")) for name, p in zip(hashes, paths, strict=True)])
    for path in paths:
        assert sha256(path.with_suffix(".out")) == sha256(path)
    # A reader gets them once a commit holds them.
    caller.inside(f"RepoBlob.objects.create(repository=repo, blob_id='{sha256(paths[0])}')")
    out = tmp_path / "again"
    caller.download((hashes[0], paths[0].stat().st_size, out), token=caller.token("read"))
    assert sha256(out) == sha256(paths[0])
    with pytest.raises(subprocess.CalledProcessError):
        caller.download((hashes[1], paths[1].stat().st_size, out), token=caller.token("read"))


def test_the_older_calls_and_joined_ranges_lead_to_the_same_bytes(caller: Caller, tmp_path):
    path = write(tmp_path / "file", half_precision(5, 1_000_000), np.random.default_rng(5).bytes(3_000_000))
    [file] = caller.upload(path, HF_XET_CLIENT_SHARD_API_VERSION="1")["files"]
    for name, setting in (("RECONSTRUCTION_API_VERSION", "1"), ("ENABLE_MULTIRANGE_FETCHING", "true")):
        out = tmp_path / name
        caller.download((file["hash"], path.stat().st_size, out), **{f"HF_XET_CLIENT_{name}": setting})
        assert sha256(out) == sha256(path)


def test_a_second_version_sends_what_changed(caller: Caller, tmp_path):
    rng = np.random.default_rng(2)
    content = rng.bytes(60_000_000)
    first = write(tmp_path / "v1", content)
    second = write(
        tmp_path / "v2", rng.bytes(1_000_000), content[:30_000_000], rng.bytes(500_000), content[30_500_000:]
    )
    assert caller.upload(first)["sent"] > 60_000_000
    assert caller.upload(second)["sent"] < 2_000_000
    # Another machine, which has to ask, and a third version with the same beginning.
    caller.inside(f"RepoBlob.objects.create(repository=repo, blob_id='{sha256(first)}')")
    third = write(tmp_path / "v3", content[:45_000_000], rng.bytes(500_000), content[45_500_000:])
    caller.cache = tmp_path / "another machine"
    assert caller.upload(third)["sent"] < 1_000_000
    caller.cache = tmp_path / "a third machine"
    assert caller.upload(first)["sent"] < 10_000


def test_a_damaged_xorb_is_an_error_and_never_wrong_bytes(caller: Caller, tmp_path):
    path = write(tmp_path / "file", np.random.default_rng(3).bytes(20_000_000))
    [file] = caller.upload(path)["files"]
    _, plan = caller.ask(f"/xet/v2/reconstructions/{file['hash']}", token=caller.token())
    [(name, [run])] = plan["xorbs"].items()
    stored = caller.blob_path(name)
    at = (run["ranges"][0]["bytes"]["start"] + run["ranges"][0]["bytes"]["end"]) // 2
    with stored.open("r+b") as handle:
        handle.seek(at)
        byte = handle.read(1)[0]
        handle.seek(at)
        handle.write(bytes([byte ^ 4]))
    out = tmp_path / "out"
    patience = {"HF_XET_CLIENT_RETRY_MAX_ATTEMPTS": "1", "HF_XET_CLIENT_RETRY_BASE_DELAY": "100ms"}
    with pytest.raises(subprocess.CalledProcessError):
        caller.download((file["hash"], path.stat().st_size, out), **patience)
    # Sent again by somebody who has it, it is well again.
    caller.cache = tmp_path / "another machine"
    caller.upload(path)
    caller.download((file["hash"], path.stat().st_size, out))
    assert out.read_bytes() == path.read_bytes()


def test_a_wrong_token_is_refused_with_words(caller: Caller, tmp_path):
    path = write(tmp_path / "file", b"some content" * 1000)
    token = caller.token("read")
    caller.token = lambda scope="write": token  # type: ignore[method-assign]
    with pytest.raises(subprocess.CalledProcessError) as failed:
        caller.upload(path)
    assert "403" in failed.value.stderr or "Forbidden" in failed.value.stderr
