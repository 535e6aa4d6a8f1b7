"""What the worker is told while the program runs."""

import time

from workers import channel
from workers.contracts import Stage


class Reporter:
    """Tells the worker how far the run is."""

    def __init__(self, line: channel.Channel) -> None:
        self._line = line
        self._told = self._logged = self._logged_at = 0.0
        self._first: tuple[float, int] | None = None

    def log(self, text: str) -> None:
        self._line.send({"type": "log", "text": text})

    def stage(self, stage: Stage) -> None:
        self._line.send({"type": "progress", "stage": stage})

    def windows(self, done: int, total: int, perplexity: float) -> None:
        """Progress twice a second; a line of the log every second, as long as it tells of another hundredth."""
        now = time.monotonic()
        if now - self._told >= 0.5 or done == total:
            self._told = now
            said = {"stage": Stage.RUNNING, "done": done, "total": total, "perplexity": round(perplexity, 4)}
            if self._first and done > self._first[1]:
                # By the pace since the first batch, which also warms up.
                said["left"] = round((now - self._first[0]) / (done - self._first[1]) * (total - done), 1)
            self._line.send({"type": "progress", **said})
        self._first = self._first or (now, done)
        if done == total or (now - self._logged >= 1 and done / total - self._logged_at >= 0.01):
            self._logged, self._logged_at = now, done / total
            self.log(f"{done} of {total} windows, perplexity so far {perplexity:.4f}")
