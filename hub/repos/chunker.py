"""A program of its own: cuts what comes on its standard input into chunks, with the library that clients do it with, and sends
them to the hub behind a unix socket (see `chunking`, which starts it). The library holds what it reads in native memory and
threads of its own; in a process it can be given up at any moment, and all of it is gone.

    python -I chunker.py SHA256
"""

import os
import sys
import time

import hf_xet

_PIECE = 4 * 1024 * 1024


def main(sha256: str) -> None:
    os.nice(19)
    commit = hf_xet.XetSession().new_upload_commit(
        # All calls go to the socket that HF_XET_CLIENT_UNIX_SOCKET_PATH names; whoever reaches that may call.
        endpoint="http://hub/xet",
        token="none",  # noqa: S106
        token_expiry_unix_secs=int(time.time()) + 10**8,
    )
    stream = commit.start_upload_stream(sha256=sha256)
    while piece := sys.stdin.buffer.read(_PIECE):
        stream.write(piece)
    stream.finish()
    commit.wait_to_finish()


if __name__ == "__main__":
    main(sys.argv[1])
