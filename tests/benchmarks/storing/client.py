"""The client library in a process of its own, which stays for several transfers: a job a line, as JSON.

{"do": "download", "endpoint": url, "repo": name, "file": name, "to": folder} gives {"seconds", "sha256"}; the sha256 is taken,
and the folder emptied, when the clock has stopped.
{"do": "upload", "endpoint": url, "repo": name, "file": name, "path": path} gives {"seconds"}. The repository is made first.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

BASE = Path(__file__).resolve().parents[3]
_PYTHON = BASE / ".venv-worker" / "bin" / "python"


class Client:
    """Somebody at a machine of their own. A fresh `home` has no caches; `xet` is whether transfers go by Xet."""

    def __init__(self, home: Path, token: str, *, xet: bool) -> None:
        home.mkdir(parents=True, exist_ok=True)
        env = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING", "PYTHON"))}
        env |= {"HOME": str(home), "HF_HOME": str(home / "hf"), "HF_TOKEN": token, "HF_HUB_DISABLE_TELEMETRY": "1"}
        env |= {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_XET": "0" if xet else "1"}
        self._process = subprocess.Popen(
            [_PYTHON, __file__], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def download(self, endpoint: str, repo: str, file: str, to: Path) -> dict[str, Any]:
        return self._ask(do="download", endpoint=endpoint, repo=repo, file=file, to=str(to))

    def upload(self, endpoint: str, repo: str, file: str, path: Path) -> dict[str, Any]:
        return self._ask(do="upload", endpoint=endpoint, repo=repo, file=file, path=str(path))

    def _ask(self, **job: str) -> dict[str, Any]:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, f"The client ended at {job}."
        return json.loads(answer)


def _download(job: dict[str, str]) -> dict[str, Any]:
    from huggingface_hub import hf_hub_download

    begun = time.perf_counter()
    path = hf_hub_download(job["repo"], job["file"], endpoint=job["endpoint"], local_dir=job["to"], force_download=True)
    seconds = time.perf_counter() - begun
    with open(path, "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    shutil.rmtree(job["to"])
    return {"seconds": seconds, "sha256": sha256}


def _upload(job: dict[str, str]) -> dict[str, Any]:
    from huggingface_hub import HfApi

    api = HfApi(endpoint=job["endpoint"])
    api.create_repo(job["repo"], exist_ok=True)
    begun = time.perf_counter()
    api.upload_file(path_or_fileobj=job["path"], path_in_repo=job["file"], repo_id=job["repo"])
    return {"seconds": time.perf_counter() - begun}


if __name__ == "__main__":
    # The library prints now and then; the answers have the output to themselves.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        job = json.loads(line)
        print(json.dumps(_download(job) if job["do"] == "download" else _upload(job)), file=answers, flush=True)
