"""A real S3 server for tests: OpenStack Swift with its S3 interface, from an environment of its own (`.venv-swift`).

    with s3.running(folder) as server:
        bucket = server.make_bucket()
        with live.running(data, **server.settings(bucket)) as hub: ...

Four small processes and no memcached: a request that carries an S3 signature is checked against the accounts in the proxy's
configuration, and without a cache the proxy asks the container server each time. Single copies, on the disk of `folder`.
"""

import fcntl
import getpass
import json
import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
import httpx2 as httpx
from botocore.config import Config

from tests import needs
from tests.ports import free_ports

SERVER = Path(__file__).resolve().with_name("swift_server.py")
ACCESS_KEY = "test:tester"
SECRET_KEY = "testing"
REGION = "us-east-1"
START_SECONDS = 180

COMMON = """
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
user = {user}
swift_dir = {folder}
devices = {folder}
mount_check = false
workers = 0
log_level = WARNING
log_udp_host = 127.0.0.1
log_udp_port = {log}
"""

# Large chunks, as of a server that is set up for large objects. One node alone is never given up, and a listing always knows
# of what has been written, however busy the machine is.
STORAGE = """
[pipeline:main]
pipeline = {kind}-server

[app:{kind}-server]
use = egg:swift#{kind}
disk_chunk_size = 1048576
network_chunk_size = 1048576
container_update_timeout = 30
node_timeout = 30
conn_timeout = 10
"""

# Addresses are signed, so a browser may be let fetch them from anywhere. All limits as with Amazon: 10,000 parts.
PROXY = """
[pipeline:main]
pipeline = catch_errors healthcheck listing_formats bulk s3api tempauth copy container_quotas slo dlo proxy-logging proxy-server

[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
object_chunk_size = 1048576
client_chunk_size = 1048576
node_timeout = 30
conn_timeout = 10
error_suppression_limit = 1000000
cors_allow_origin = *

[filter:catch_errors]
use = egg:swift#catch_errors
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:bulk]
use = egg:swift#bulk
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
max_upload_part_num = 10000
cors_preflight_allow_origin = *
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
# Tokens that hold all there is to know, so that they need no memcached either.
fernet_key_tests = Zm9yIHRlc3RzLCBhbmQgZm9yIG5vdGhpbmcgc2VjcmU=
active_fernet_key_id = tests
[filter:copy]
use = egg:swift#copy
[filter:container_quotas]
use = egg:swift#container_quotas
[filter:slo]
use = egg:swift#slo
max_manifest_segments = 10000
rate_limit_segments_per_sec = 0
[filter:dlo]
use = egg:swift#dlo
[filter:proxy-logging]
use = egg:swift#proxy_logging
access_log_level = INFO
"""


@dataclass
class S3Server:
    """One Swift on `folder`. It keeps its ports and its content when it is stopped and started again."""

    folder: Path

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @cached_property
    def client(self) -> Any:
        """A boto3 client of the server itself, to look at what a store has done."""
        return boto3.session.Session().client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
        )

    def make_bucket(self) -> str:
        """Make a bucket that nobody else uses; returns its name."""
        name = f"grove-{secrets.token_hex(6)}"
        self.client.create_bucket(Bucket=name)
        return name

    def limit(self, bucket: str, size: int | None) -> None:
        """Let the bucket hold no more than `size` bytes, as a full disk does; None: as many as there are.

        Swift counts the parts of objects in a bucket beside it.
        """
        sign_in = {"X-Auth-User": ACCESS_KEY, "X-Auth-Key": SECRET_KEY}
        signed_in = httpx.get(f"{self.endpoint}/auth/v1.0", headers=sign_in).raise_for_status().headers
        for name in (bucket, f"{bucket}+segments"):
            httpx.post(
                f"{self.endpoint}/v1/AUTH_test/{name}",
                headers={
                    "X-Auth-Token": signed_in["X-Auth-Token"],
                    "X-Container-Meta-Quota-Bytes": "" if size is None else str(size),
                },
            ).raise_for_status()

    def settings(self, bucket: str, *, public: bool = True) -> dict[str, str]:
        """The environment of a hub that keeps its content in `bucket`.

        public: whether people and tools reach the server too, so that the hub signs addresses for them.
        """
        return {
            "S3_ENDPOINT": self.endpoint,
            "S3_PUBLIC_ENDPOINT": self.endpoint if public else "",
            "S3_BUCKET": bucket,
            "S3_REGION": REGION,
            "S3_ACCESS_KEY": ACCESS_KEY,
            "S3_SECRET_KEY": SECRET_KEY,
        }

    @property
    def port(self) -> int:
        return self._ports["proxy"]

    # --- its processes ----------------------------------------------------------------------------------------------

    def start(self, owner: int = 0) -> None:
        """Start it and wait until it answers. It ends with the process `owner` (the caller's own where none is named)."""
        if not (self.folder / "ports.json").exists():
            self._configure()
        with (self.folder / "output").open("ab") as output:
            done = subprocess.run(
                [needs.swift(), "-P", str(SERVER), str(self.folder), str(owner or os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        assert done.returncode == 0, f"Swift does not start:\n{self.said()}"
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            assert self._is_alive(), f"Swift ended:\n{self.said()}"
            assert time.monotonic() < deadline, f"Swift is not ready:\n{self.said()}"
            time.sleep(0.05)

    def stop(self) -> None:
        """End it at once, in the middle of whatever it does, and wait until nothing listens any more."""
        with suppress(ProcessLookupError):
            os.kill(int((self.folder / "pid").read_text()), signal.SIGKILL)
        deadline = time.monotonic() + START_SECONDS
        while any(_listens(port) for kind, port in self._ports.items() if kind != "log"):
            assert time.monotonic() < deadline, "Swift does not end"
            time.sleep(0.02)

    def answers(self) -> bool:
        """Whether all its parts are up."""
        if not all(_listens(port) for kind, port in self._ports.items() if kind != "log"):
            return False
        try:
            return httpx.get(f"{self.endpoint}/healthcheck", timeout=30).status_code == 200
        except httpx.HTTPError:
            return False

    def said(self) -> str:
        texts = [self.folder / name for name in ("output", "log")]
        return "\n".join(path.read_text(errors="replace") for path in texts if path.exists())

    def _is_alive(self) -> bool:
        return Path(f"/proc/{(self.folder / 'pid').read_text()}").exists()

    @cached_property
    def _ports(self) -> dict[str, int]:
        ports: dict[str, int] = json.loads((self.folder / "ports.json").read_text())
        return ports

    def _configure(self) -> None:
        (self.folder / "device").mkdir(parents=True)
        kinds = ("account", "container", "object", "proxy", "log")
        ports = dict(zip(kinds, free_ports(len(kinds)), strict=True))
        (self.folder / "swift.conf").write_text(
            "[swift-hash]\nswift_hash_path_suffix = tests\n[swift-constraints]\nmax_header_size = 16384\n"
        )
        for kind in kinds[:4]:
            common = COMMON.format(port=ports[kind], user=getpass.getuser(), folder=self.folder, log=ports["log"])
            (self.folder / f"{kind}.conf").write_text(
                common + (PROXY if kind == "proxy" else STORAGE.format(kind=kind))
            )
        (self.folder / "ports.json").write_text(json.dumps(ports))


@contextmanager
def running(folder: Path) -> Iterator[S3Server]:
    """A server of your own on `folder`, which need not exist, for the length of the block."""
    server = S3Server(folder)
    server.start()
    try:
        yield server
    finally:
        server.client.close()
        server.stop()


def shared(folder: Path, owner: int) -> S3Server:
    """The one server on `folder`, started by whichever process asks first. It ends with the process `owner`."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        server = S3Server(folder)
        if not (folder / "started").exists():
            server.start(owner)
            (folder / "started").touch()
    return server


def stop_shared(folder: Path) -> None:
    """End the one server on `folder`, if anybody asked for it."""
    if (folder / "started").exists():
        S3Server(folder).stop()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
