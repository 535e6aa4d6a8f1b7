"""The few calls of the Xet protocol that the chunker makes, answered over a unix socket.

What is stored already is looked for among public files and those of the same repository: nothing else, or the size of what is
stored for a repository would tell of files that its readers must not know of.
"""

import json
import logging
import os
import re
import socketserver
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db import close_old_connections, connections

from hub.core.errors import HubError
from hub.repos.models import BlobClaim, Repository
from hub.repos.xet.access import Access
from hub.repos.xet.dedup import answer_dedup
from hub.repos.xet.services import register_shard, store_xorb

log = logging.getLogger(__name__)

_CALL = re.compile(r"/xet/v1/(chunks|xorbs|shards)(?:/[\w-]+/([0-9a-f]{64}))?")


@contextmanager
def answering(path: str, repo: Repository) -> Iterator[list[str]]:
    """Answer calls at the socket `path` for the length of the block. What is sent is kept for `repo`, as content that a reader
    of it would have sent. Yields what went wrong, which grows."""
    with _Server(path, _Calls) as server:
        server.repo = repo
        server.troubles = []
        threading.Thread(target=server.serve_forever, name="chunk-calls", daemon=True).start()
        try:
            yield server.troubles
        finally:
            server.shutdown()


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    # Ending it waits for the calls that are under way.
    daemon_threads = False
    repo: Repository
    troubles: list[str]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """The chunker has hung up; what it asked for is answered, or it was given up."""
        log.info("a connection of the chunker broke off: %s", sys.exception())


class _Calls(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body of an answer go as one: who reads no more than a status hangs up after it.
    wbufsize = 64 * 1024
    # Seconds of silence between two calls, after which a connection ends.
    timeout = 30
    server: _Server

    def setup(self) -> None:
        super().setup()
        # Whoever waits for a page goes first. Of threads, Linux lets this be said one by one.
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)

    def finish(self) -> None:
        try:
            super().finish()
        finally:
            connections.close_all()

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile)

    def _answer(self, body: Any) -> None:
        close_old_connections()
        call = _CALL.fullmatch(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        unread = length
        try:
            if call is None:
                # Of an upload grant, or of the newer shards: the chunker then does without.
                status, answer = 404, b""
            else:
                unread = 0
                status, answer = self._call(call[1], call[2] or "", length)
        except HubError as error:
            self.server.troubles.append(error.message)
            status, answer = error.status, json.dumps({"error": error.message}).encode()
            self.close_connection = True
        except Exception:
            log.exception("a call of the chunker failed")
            self.server.troubles.append("a call failed; the log says why")
            status, answer = 500, b""
            self.close_connection = True
        while unread > 0 and (piece := self.rfile.read(min(unread, 1024 * 1024))):
            unread -= len(piece)
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def _call(self, what: str, name: str, length: int) -> tuple[int, bytes]:
        repo = self.server.repo
        nobody = AnonymousUser()
        if what == "chunks":
            found = answer_dedup(access=Access(repo, nobody, writes=False), chunk_hash=name)
            return (200, found) if found else (404, b"")
        if what == "xorbs":
            new = store_xorb(stream=self.rfile, length=length, expected_hash=name, repository=repo, user=nobody)
            return 200, json.dumps({"was_inserted": new}).encode()
        for _progress in register_shard(stream=self.rfile, length=length, repository=repo, user=nobody):
            pass
        # Nobody sent it, so nobody's commits may name it for that.
        BlobClaim.objects.filter(repository=repo, user=None).delete()
        return 200, b'{"result": 1}'

    def address_string(self) -> str:
        return "chunker"

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Nobody reads a line for each call."""
