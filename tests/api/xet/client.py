"""The real Xet client in a process of its own, as every tool that uses it: `python client.py JOB` with a JSON job.

{"do": "upload", "cas": url, "token": text, "files": [path...]} prints {"files": [{hash, sha256}], "sent": bytes}
{"do": "download", "cas": url, "token": text, "files": [[hash, size, path]...]}
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

EXPIRES = int(time.time()) + 3600


def run(job: dict[str, Any], cache: Path, **settings: str) -> dict[str, Any]:
    """Run a job with the client's caches in `cache`. Raises subprocess.CalledProcessError where the client fails."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    done = subprocess.run(
        [sys.executable, __file__, json.dumps(job)],
        env={**env, "HF_HOME": str(cache), "HF_XET_CACHE": str(cache / "xet"), **settings},
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return json.loads(done.stdout)


def _upload(job: dict[str, Any]) -> dict[str, Any]:
    import hf_xet

    commit = hf_xet.XetSession().new_upload_commit(
        endpoint=job["cas"], token=job["token"], token_expiry_unix_secs=EXPIRES
    )
    handles = [commit.start_upload_file(path) for path in job["files"]]
    report = commit.wait_to_finish()
    found = [handle.result().xet_info for handle in handles]
    return {
        "files": [{"hash": info.hash, "sha256": info.sha256} for info in found],
        "sent": report.dedup_metrics.total_bytes_uploaded,
    }


def _download(job: dict[str, Any]) -> dict[str, Any]:
    import hf_xet

    group = hf_xet.XetSession().new_file_download_group(
        endpoint=job["cas"], token=job["token"], token_expiry_unix_secs=EXPIRES
    )
    for name, size, path in job["files"]:
        group.start_download_file(hf_xet.XetFileInfo(name, size), path)
    group.wait_to_finish()
    return {}


if __name__ == "__main__":
    job = json.loads(sys.argv[1])
    print(json.dumps(_upload(job) if job["do"] == "upload" else _download(job)))
