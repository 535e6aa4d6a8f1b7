"""The files of repositories on this worker's disk: fetched by commit, whole or not at all, and the least used dropped."""

import contextlib
import hashlib
import json
import logging
import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
from huggingface_hub import HfApi, hf_hub_download
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
from huggingface_hub.hf_api import RepoFile
from tqdm.auto import tqdm

from workers import logs
from workers.contracts import DATA_FILES, WEIGHTS, WEIGHTS_INDEX, FailureCode, Snapshot
from workers.refusals import Refused, first_line

log = logging.getLogger(__name__)

CARD = "README.md"
# What loading a model can need besides its weights; all of it lies in the repository's root.
MODEL_FILES = re.compile(r"[\w.+-]+\.(json|txt|model|jinja|tiktoken|vocab|merges|spm|bpe)")
# Files other than weights; no tokenizer is larger.
MAX_SIDE_FILE = 512 * 1024**2
# The worker itself reads it, and JSON takes some twenty times its length in memory.
MAX_INDEX = 16 * 1024**2

OnProgress = Callable[[int, int], None]


class Snapshots:
    """A folder of snapshots, one for each commit of a repository, within `room` bytes of disk as far as use allows."""

    def __init__(self, folder: Path, hub: str, room: int) -> None:
        self._folder = folder
        self._hub = hub
        self._room = room
        self._lock = threading.Lock()
        self._locks: dict[Path, threading.Lock] = {}
        self._used: dict[Path, int] = {}

    @contextlib.contextmanager
    def open(
        self, snapshot: Snapshot, token: str, on_progress: OnProgress = lambda done, total: None
    ) -> Iterator[Path]:
        """Give the folder with the snapshot's files, fetching what is missing; it stays for the length of the block.

        on_progress: called with (bytes fetched, bytes in all). Raises Refused.
        """
        place = self._place(snapshot)
        with self._lock:
            self._used[place] = self._used.get(place, 0) + 1
            lock = self._locks.setdefault(place, threading.Lock())
        try:
            with lock:
                if not (place / "complete.json").exists():
                    self._fetch(snapshot, place, token, on_progress)
                os.utime(place / "complete.json")
            yield place / "files"
        finally:
            with self._lock:
                self._used[place] -= 1

    def sha256_of(self, snapshot: Snapshot) -> dict[str, str]:
        """Return path -> sha256 of the large files of a snapshot that is open."""
        return dict(json.loads((self._place(snapshot) / "complete.json").read_text())["sha256"])

    def _place(self, snapshot: Snapshot) -> Path:
        # A name has no "--" by the hub's rules, and a slash once.
        return self._folder / snapshot.kind / snapshot.name.replace("/", "--").lower() / snapshot.commit

    def _fetch(self, snapshot: Snapshot, place: Path, token: str, on_progress: OnProgress) -> None:
        api = HfApi(endpoint=self._hub, token=token, headers=logs.headers())
        try:
            files = self._choose(api, snapshot, place, token)
            total = sum(file.size for file in files)
            self._make_room(total)
            done = 0
            on_progress(0, total)
            for file in files:
                self._download(snapshot, file.path, place, token, partial(_add_to, on_progress, done, total))
                self._check(file, place)
                done += file.size
                on_progress(done, total)
        except (HfHubHTTPError, LocalEntryNotFoundError, httpx2.TransportError, OSError) as error:
            raise Refused(FailureCode.FILES_UNAVAILABLE, detail=first_line(error)) from error
        hashes = {file.path: file.lfs.sha256 for file in files if file.lfs}
        draft = place / "complete.json.new"
        draft.write_text(json.dumps({"sha256": hashes, "bytes": total}))
        draft.replace(place / "complete.json")

    def _choose(self, api: HfApi, snapshot: Snapshot, place: Path, token: str) -> list[RepoFile]:
        """Return the files to fetch. Raises Refused for a model without safetensors."""
        listed = api.list_repo_tree(
            snapshot.name, repo_type=snapshot.kind, revision=snapshot.commit, recursive=snapshot.kind == "dataset"
        )
        files = {entry.path: entry for entry in listed if isinstance(entry, RepoFile)}
        if snapshot.kind == "dataset":
            return [file for path, file in files.items() if path == CARD or DATA_FILES.fullmatch(path)]
        weights: set[str] = set()
        if WEIGHTS in files:
            weights = {WEIGHTS}
        elif WEIGHTS_INDEX in files and files[WEIGHTS_INDEX].size <= MAX_INDEX:
            self._download(snapshot, WEIGHTS_INDEX, place, token, lambda more: None)
            weights = _shards((place / "files" / WEIGHTS_INDEX).read_bytes()) & files.keys()
        if not weights:
            raise Refused(FailureCode.NO_SAFETENSORS)
        return [
            file
            for path, file in files.items()
            if path in weights or (MODEL_FILES.fullmatch(path) and file.size <= MAX_SIDE_FILE)
        ]

    def _download(
        self, snapshot: Snapshot, path: str, place: Path, token: str, on_bytes: Callable[[int], None]
    ) -> None:
        class Progress(tqdm):
            """Tells how far the download is, and draws nothing."""

            def __init__(self, *_args: Any, initial: int = 0, **_kwargs: Any) -> None:
                super().__init__(disable=True)
                self.n: float = initial

            def update(self, n: float | None = 1) -> None:
                self.n += n or 0
                on_bytes(int(self.n))

        hf_hub_download(
            snapshot.name,
            path,
            repo_type=snapshot.kind,
            revision=snapshot.commit,
            local_dir=place / "files",
            token=token,
            headers=logs.headers(),
            endpoint=self._hub,
            tqdm_class=Progress,
        )

    def _check(self, file: RepoFile, place: Path) -> None:
        """A flipped byte gives an error, never another model."""
        if file.lfs is None:
            return
        with open(place / "files" / file.path, "rb") as content:
            found = hashlib.file_digest(content, "sha256").hexdigest()
        if found != file.lfs.sha256:
            shutil.rmtree(place, ignore_errors=True)
            raise OSError(f"{file.path} arrived damaged")

    def _make_room(self, wanted: int) -> None:
        """Drop the snapshots that were used longest ago until `wanted` bytes fit. Raises Refused where they never will."""
        if wanted > self._room:
            raise Refused(FailureCode.TOO_LARGE, needed=wanted, available=self._room)
        with self._lock:
            marks = sorted(self._folder.glob("*/*/*/complete.json"), key=lambda mark: mark.stat().st_mtime)
            sizes = {mark.parent: int(json.loads(mark.read_text())["bytes"]) for mark in marks}
            taken = sum(sizes.values())
            for place, size in sizes.items():
                if taken + wanted <= self._room:
                    break
                if not self._used.get(place):
                    # Without its mark it is no snapshot any more, even if the rest were to stay.
                    (place / "complete.json").unlink()
                    shutil.rmtree(place, ignore_errors=True)
                    taken -= size


def _add_to(on_progress: OnProgress, done: int, total: int, more: int) -> None:
    on_progress(done + more, total)


def _shards(index: bytes) -> set[str]:
    """Return the names of the weight files that an index lists."""
    try:
        listed = set(json.loads(index)["weight_map"].values())
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise Refused(FailureCode.BROKEN_MODEL, detail=f"{WEIGHTS_INDEX} is not readable") from error
    return {name for name in listed if isinstance(name, str) and name.endswith(".safetensors")}
