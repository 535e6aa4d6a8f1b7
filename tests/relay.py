"""A relay between a client and a server of a test, on which connections can be cut or held."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Relay:
    """Passes bytes on in both directions.

    ``cut_after``: how many answered bytes each connection from now on lives for, None for ever; ``cuts``: how many connections
    are still cut, None for all; ``silent``: whether what the server answers is held back.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.cut_after: int | None = None
        self.cuts: int | None = None
        self.silent = False
        self.was_cut = 0
        self._held, self._holding, self._let_go = b"", threading.Event(), threading.Event()
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def hold(self, words: bytes) -> threading.Event:
        """Hold back the next request that has these words in it, until `let_go`. Returns what is set once it has come."""
        self._held, self._holding, self._let_go = words, threading.Event(), threading.Event()
        return self._holding

    def let_go(self) -> None:
        self._held = b""
        self._let_go.set()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _address = self._listener.accept()
                try:
                    server = socket.create_connection(("127.0.0.1", self._target))
                except OSError:
                    client.close()
                    continue
                self._open += [client, server]
                threading.Thread(target=self._ask, args=(client, server), daemon=True).start()
                threading.Thread(target=self._answer, args=(server, client), daemon=True).start()

    def _ask(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(65536):
                if self._held and self._held in data:
                    let_go = self._let_go
                    self._holding.set()
                    let_go.wait()
                server.sendall(data)
        _end(client, server)

    def _answer(self, server: socket.socket, client: socket.socket) -> None:
        passed = 0
        with suppress(OSError):
            while data := server.recv(65536):
                if self.silent:
                    continue
                left = None if self.cut_after is None or self.cuts == 0 else self.cut_after - passed
                client.sendall(data[:left])
                passed += len(data)
                if left is not None and len(data) > left:
                    self.was_cut += 1
                    if self.cuts is not None:
                        self.cuts -= 1
                    break
        _end(client, server)

    def close(self) -> None:
        _end(self._listener, *self._open)


def _end(*sockets: socket.socket) -> None:
    for each in sockets:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()


@contextmanager
def relaying(port: int) -> Iterator[Relay]:
    """A relay to a port of this machine, for the length of the block."""
    relay = Relay(port)
    try:
        yield relay
    finally:
        relay.close()
