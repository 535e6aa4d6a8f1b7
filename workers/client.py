"""Speaking to the hub: claims and reports by the worker's own key, over connections that stay open."""

import time
from typing import Any

import httpx2

from workers import logs
from workers.contracts import LEASE_SECONDS, Claim, Failure

CONNECT_SECONDS, ANSWER_SECONDS = 5, 60
# A hub that restarts is waited for: a finished job must not be lost because its report came at the wrong second.
PATIENCE_SECONDS = 300
_TEMPORARY = {429, 502, 503, 504}


class JobGone(Exception):
    """The job is somebody else's by now, or nobody's: stop, and say no more of it."""


class HubRefused(Exception):
    """The hub does not take what this worker says; its key is wrong, or the two are of different versions."""


class Hub:
    """The hub's calls for workers. Threads may share one."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url.rstrip("/")
        self._http = httpx2.Client(
            base_url=f"{self.url}/api/worker/",
            headers={"Authorization": f"Bearer {key}"},
            timeout=httpx2.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
            limits=httpx2.Limits(max_connections=64, max_keepalive_connections=64, keepalive_expiry=25),
            trust_env=False,
        )

    def start(self, about: dict[str, Any]) -> None:
        """Tell that this worker's process has started, and what it is. Waits for a hub that is away."""
        self._call("start", {"about": about}, patience=float("inf"))

    def heartbeat(self, running: list[dict[str, Any]], loaded: list[list[str]]) -> list[str]:
        """Renew the leases of `running` (job, attempt, progress); returns the jobs to stop."""
        answer = self._call("heartbeat", {"running": running, "loaded": loaded}, patience=0)
        return list(answer["stop"])

    def claim(self, job: str) -> Claim:
        """Take a job. Raises JobGone where there is nothing to take any more."""
        # For longer than a lease the message is better left to another worker, and to the reaper.
        return Claim.from_json(self._call(f"jobs/{job}/claim", None, patience=LEASE_SECONDS))

    def add_events(self, claim: Claim, lines: list[str]) -> None:
        """Pass on what the job logged. Raises JobGone."""
        plain = [line.replace("\0", "�") for line in lines]
        self._call(f"jobs/{claim.job}/events", {"attempt": claim.attempt, "lines": plain}, patience=LEASE_SECONDS)

    def finish(self, claim: Claim, *, result: Any = None, failure: Failure | None = None) -> None:
        """Report the end of a job. Raises JobGone."""
        said: dict[str, Any] = {"attempt": claim.attempt}
        said |= {"failure": failure.to_json()} if failure else {"result": result}
        self._call(f"jobs/{claim.job}/finish", said, patience=PATIENCE_SECONDS)

    def release(self, claim: Claim) -> None:
        """Give a job back because this worker stops. Raises JobGone."""
        self._call(f"jobs/{claim.job}/release", {"attempt": claim.attempt}, patience=0)

    def _call(self, path: str, said: dict[str, Any] | None, *, patience: float) -> dict[str, Any]:
        """Post and return the answer, trying again for `patience` seconds while the hub is away."""
        until, pause = time.monotonic() + patience, 0.2
        while True:
            try:
                answer = self._http.post(path, json=said or {}, headers=logs.headers())
            except httpx2.TransportError as error:
                trouble: Exception = error
            else:
                if answer.is_success:
                    return dict(answer.json())
                if answer.status_code in (404, 409):
                    raise JobGone(answer.text[:300])
                trouble = HubRefused(f"{path}: {answer.status_code} {answer.text[:300]}")
                if answer.status_code not in _TEMPORARY and answer.status_code < 500:
                    raise trouble
            if time.monotonic() + pause > until:
                raise trouble
            time.sleep(pause)
            pause = min(pause * 2, 5)
