"""Lines of JSON both ways over a socket that two processes share: a worker and the confined child that it started.

Neither side opens a socket for it: the child inherits its end, so a child that may not call `socket()` can speak all the same.
"""

import contextlib
import json
import os
import select
import threading
import time
from collections import deque
from typing import Any

# The child finds the number of its end here.
VARIABLE = "GROVE_CHANNEL"
# What a child says is not trusted: one message is never longer.
LONGEST = 32 << 20
_SEND_SECONDS = 30


class ChannelClosed(Exception):
    """The other side is gone, or does not read, or speaks nonsense."""


class Channel:
    """One end. Any thread may send; one thread receives."""

    def __init__(self, fd: int) -> None:
        os.set_blocking(fd, False)
        self._fd = fd
        self._sending = threading.Lock()
        self._rest = b""
        self._lines: deque[bytes] = deque()
        self._gone = False

    def send(self, *messages: dict[str, Any]) -> None:
        """Send messages; several in one call cost one system call. Raises ChannelClosed."""
        data = memoryview("".join(json.dumps(message, separators=(",", ":")) + "\n" for message in messages).encode())
        until = time.monotonic() + _SEND_SECONDS
        with self._sending:
            while data:
                if self._fd < 0:
                    raise ChannelClosed
                try:
                    data = data[os.write(self._fd, data) :]
                except BlockingIOError:
                    if not _ready(self._fd, select.POLLOUT, until - time.monotonic()):
                        raise ChannelClosed from None
                except OSError as error:
                    raise ChannelClosed from error

    def receive(self, timeout: float | None = None) -> dict[str, Any] | None:
        """Return the next message, or None where none came within `timeout` seconds (None: wait). Raises ChannelClosed."""
        until = None if timeout is None else time.monotonic() + timeout
        while not self._lines:
            if self._gone:
                raise ChannelClosed
            left = None if until is None else max(0.0, until - time.monotonic())
            if not _ready(self._fd, select.POLLIN, left):
                return None
            self._read()
        try:
            message = json.loads(self._lines.popleft())
            # Whoever passes it on meets what no JSON has: NaN, infinities, half a surrogate pair, numbers without end.
            json.dumps(message, ensure_ascii=False, allow_nan=False).encode()
        except (ValueError, RecursionError) as error:
            raise ChannelClosed from error
        if not isinstance(message, dict):
            raise ChannelClosed
        return message

    def close(self) -> None:
        """Close this end. Only where no thread receives any more."""
        with self._sending, contextlib.suppress(OSError):
            fd, self._fd = self._fd, -1
            self._gone = True
            if fd >= 0:
                os.close(fd)

    def _read(self) -> None:
        try:
            data = os.read(self._fd, 1 << 20)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data or len(self._rest) > LONGEST:
            self._gone = True
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._lines.extend(lines)


def inherited() -> Channel:
    """Return the child's end, in the child."""
    return Channel(int(os.environ[VARIABLE]))


def _ready(fd: int, event: int, timeout: float | None) -> bool:
    if fd < 0:
        raise ChannelClosed
    poll = select.poll()
    poll.register(fd, event)
    return bool(poll.poll(None if timeout is None else max(0, timeout) * 1000))
