"""The services of docker-compose.yml as processes on this machine: each with its own command, variables and health check.

Docker is not needed, and so is not tried: images, networks, volumes and limits. What a container finds under a name or a path
of its own is found here under another port or folder (`Stack._here`). PostgreSQL is that of the test run, S3 is Swift.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from django.conf import settings
from psycopg import sql

from hub.embedded import valkey
from tests import live, needs, s3
from tests.ports import free_ports
from tests.production import compose
from tests.resident import Resident

# In the order in which `depends_on` has them; engines that are not those of the compose file are left out.
SERVICES = ["valkey", "prepare", "web", "stream", "hub-worker", "beat", "nginx", "demo-worker", "job-worker"]
PORTS = ["web", "stream", "valkey", "nginx", "s3", "status"]
SECONDS = 120
S3_NAME = "s3.example"


@dataclass
class Service:
    """One of them, running or ended."""

    name: str
    settings: dict[str, Any]
    env: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes]

    def said(self) -> str:
        return self.log.read_text(errors="replace")


class Stack:
    """All of them on `folder`. `url` is the hub's address behind nginx."""

    def __init__(self, folder: Path, swift: s3.S3Server) -> None:
        self.folder, self.swift = folder, swift
        self.ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
        self.url = f"http://127.0.0.1:{self.ports['nginx']}"
        self.store_url = f"http://127.0.0.1:{self.ports['s3']}"
        self.bucket = f"grove-{folder.name.lower()}-{os.getpid()}"
        self.database = f"production_{os.getpid()}"
        self.document = compose.load(
            GROVE_HOST="127.0.0.1", GROVE_S3_HOST=S3_NAME, GROVE_PORT=str(self.ports["nginx"]), GROVE_WEB_WORKERS="2"
        )
        self.services: dict[str, Service] = {}
        self._commands: Resident | None = None

    # --- what is there before -----------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Make the database, the secrets (by the shipped script) and nginx's configuration (the shipped one)."""
        with self._administration() as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self.database)))
        secrets = self.folder / "secrets"
        subprocess.run([live.BASE / "deploy" / "make_secrets", secrets], check=True, stdout=subprocess.DEVNULL)
        place = settings.DATABASES["default"]
        own = {
            "database_url": f"postgres://{place['USER']}@/{self.database}?host={place['HOST']}&port={place['PORT']}",
            "s3_access_key": s3.ACCESS_KEY,
            "s3_secret_key": s3.SECRET_KEY,
        }
        for path in secrets.iterdir():
            path.chmod(0o600)
            path.write_text(own.get(path.name) or path.read_text().replace("valkey:6379", self._at("valkey")))
        shutil.copytree(live.BASE / "deploy" / "nginx", self.folder / "nginx")
        for name in ("nginx.conf", "http.conf", "forwarded.conf"):
            path = self.folder / "nginx" / name
            path.write_text(self._nginx(path.read_text()))
        (self.folder / "nginx" / "http.conf").rename(self.folder / "nginx" / "listen.conf")
        shutil.copy2("/etc/nginx/mime.types", self.folder / "nginx")

    def _nginx(self, text: str) -> str:
        """The store has a port of its own here, since no name leads to this machine but its own."""
        own = f"listen 127.0.0.1:{self.ports['s3']};"
        text = text.replace("include /etc/nginx/listen.conf;\n        server_name ~^s3\\.;", own)
        text = text.replace("listen 80;\nlisten [::]:80;", f"listen 127.0.0.1:{self.ports['nginx']};")
        # Root's own folders are closed to the account that nginx takes for its workers otherwise.
        text = text.replace("worker_processes auto;", "worker_processes auto;" + "user root;" * (os.geteuid() == 0))
        return self._here(text, "nginx")

    def remove(self) -> None:
        with self._administration() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(self.database)))

    def _administration(self) -> psycopg.Connection[Any]:
        place = settings.DATABASES["default"]
        # Tests have a database of their own; this is the one beside it.
        return psycopg.connect(
            dbname="postgres", user=place["USER"], host=place["HOST"], port=place["PORT"], autocommit=True
        )

    # --- from a container's world to this one -------------------------------------------------------------------------

    def _at(self, name: str) -> str:
        return f"127.0.0.1:{self.ports[name]}"

    def _here(self, text: str, service: str) -> str:
        """Put this machine's ports and folders where a container has names and paths."""
        if text == "6379":
            return str(self.ports["valkey"])
        places = {
            "0.0.0.0:8000": self._at("web"),
            "web:8000": self._at("web"),
            "127.0.0.1:8000": self._at("web"),
            "stream:8001": self._at("stream"),
            "127.0.0.1:8001": self._at("stream"),
            "--port=8001": f"--port={self.ports['stream']}",
            "valkey:6379": self._at("valkey"),
            "-p 6379": f"-p {self.ports['valkey']}",
            "0.0.0.0": "127.0.0.1",  # noqa: S104
            "garage:3900": urlsplit(self.swift.endpoint).netloc,
            f"{S3_NAME}:{self.ports['nginx']}": self._at("s3"),
            "127.0.0.1:8080": self._at("status"),
            "/run/secrets/": f"{self.folder}/secrets-of/{service}/",
            "/var/lib/grove-worker": f"{self.folder}/volumes/{service}",
            "/var/lib/grove": f"{self.folder}/volumes/site",
            "/etc/nginx/": f"{self.folder}/nginx/",
            "/srv": f"{self.folder}/srv",
            "/tmp/": f"{self.folder}/tmp/{service}/",
        }
        # The longest first, and what was put in stays as it is.
        known = "|".join(re.escape(there) for there in sorted(places, key=len, reverse=True))
        return re.sub(known, lambda found: places[found[0]], text)

    def _is_site(self, service: str) -> bool:
        return str(self.document["services"][service].get("image", "")).startswith("grove-site")

    def _environment(self, name: str) -> dict[str, str]:
        """The variables of the image and of the service, and nothing of the test's own but where programs are."""
        given = self.document["services"][name]
        image = image_environment(given["build"]["target"]) if "build" in given else {}
        env = {**image, **given.get("environment", {})}
        env = {key: self._here(str(value), name) for key, value in env.items()}
        programs = {
            "valkey": valkey.find_server(None).parent,
            "nginx": Path(shutil.which("nginx", path="/usr/sbin") or needs.program("nginx")).parent,
        }.get(name, Path(sys.executable).parent if self._is_site(name) else needs.CLIENTS)
        env["PATH"] = f"{programs}:{os.environ['PATH']}"
        if "S3_REGION" in env:
            env |= {"S3_REGION": s3.REGION, "S3_BUCKET": self.bucket}
        return env

    def _code_of(self, name: str) -> Path:
        """A folder with what the service's image holds of this repository, and nothing more."""
        build = self.document["services"][name].get("build")
        if build is None:
            return self.folder
        folder = self.folder / "images" / build["target"]
        if not folder.exists():
            folder.mkdir(parents=True)
            for path in image_files(build["target"]):
                source, copied = live.BASE / path, folder / path
                # With their times, so that what is compiled already need not be compiled again by each process.
                shutil.copytree(source, copied) if source.is_dir() else shutil.copy2(source, copied)
        return folder

    # --- running --------------------------------------------------------------------------------------------------------

    def start(self, name: str) -> Service:
        """Start a service as the compose file says."""
        given = self.document["services"][name]
        mounted = self.folder / "secrets-of" / name
        mounted.mkdir(parents=True)
        for secret in given.get("secrets", []):
            source, target = (secret, secret) if isinstance(secret, str) else (secret["source"], secret["target"])
            file = Path(self.document["secrets"][source]["file"]).name
            (mounted / target).symlink_to(self.folder / "secrets" / file)
        for folder in ("tmp", "volumes"):
            (self.folder / folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "volumes" / "site").mkdir(exist_ok=True)
        command = [self._here(word, name) for word in given["command"]]
        if name == "valkey":
            command[command.index("/data")] = str(self.folder / "volumes" / name)
        if name == "nginx":
            command += ["-c", f"{self.folder}/nginx/nginx.conf", "-e", "stderr"]
        log = self.folder / f"{name}.log"
        env = self._environment(name)
        with log.open("wb") as out:
            process = subprocess.Popen(
                command,
                cwd=self._code_of(name),
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                executable=shutil.which(command[0], path=env["PATH"]),
            )
        service = self.services[name] = Service(name, given, env, log, process)
        return service

    def wait(self, *names: str) -> None:
        """Wait until the health checks of these pass. Raises AssertionError with the log of one that does not get there."""
        deadline = time.monotonic() + SECONDS
        for name in names:
            service = self.services[name]
            while not self.is_healthy(name):
                assert service.process.poll() is None, f"{name} ended:\n{service.said()}"
                assert time.monotonic() < deadline, f"{name} is not healthy:\n{service.said()}"
                time.sleep(0.2)

    def is_healthy(self, name: str) -> bool:
        """Run a service's health check as it is written."""
        service = self.services[name]
        kind, *words = service.settings["healthcheck"]["test"]
        words = [self._here(word, name) for word in words]
        command = ["sh", "-c", words[0]] if kind == "CMD-SHELL" else words
        seconds = float(service.settings["healthcheck"]["timeout"].rstrip("s"))
        try:
            done = subprocess.run(command, env=service.env, capture_output=True, timeout=seconds, check=False)
        except subprocess.TimeoutExpired:
            return False
        return done.returncode == 0

    def up(self) -> None:
        """Start all in their order."""
        self.start("valkey")
        self.wait_for_valkey()
        once = self.start("prepare")
        assert once.process.wait(SECONDS) == 0, once.said()
        site = ["web", "stream", "hub-worker", "beat"]
        for name in site:
            self.start(name)
        self.wait("web")
        workers = ["demo-worker", "job-worker"]
        for name in workers:
            self.start(name)
        self.wait("stream")
        self.start("nginx")
        self.wait("nginx", "hub-worker", "beat", *workers)

    def wait_for_valkey(self) -> None:
        """By its own check where this machine has its command line, else by asking it."""
        if shutil.which("valkey-cli", path=self.services["valkey"].env["PATH"]):
            self.wait("valkey")
            return
        import redis

        url = (self.folder / "secrets" / "redis_url").read_text()
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            with suppress(redis.ConnectionError), redis.Redis.from_url(url) as client:
                client.ping()
                return
            time.sleep(0.05)
        raise AssertionError(self.services["valkey"].said())

    def manage(self, *args: str) -> str:
        """Run a management command as `docker compose exec web python manage.py ...` does; returns what it printed."""
        if self._commands is None:
            self._commands = Resident(sys.executable, live.BASE, self.services["web"].env)
        done = self._commands.run("manage", *args)
        assert done.returncode == 0, f"{args}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def stop(self, *names: str) -> dict[str, int]:
        """Stop services as Docker does, and return their exit codes. Raises TimeoutExpired where one takes too long."""
        if self._commands:
            self._commands.stop()
            self._commands = None
        for name in names:
            service = self.services[name]
            assert service.process.poll() is None, f"{name} has ended:\n{service.said()}"
            service.process.send_signal(signal.Signals[service.settings.get("stop_signal", "SIGTERM")])
        return {name: self.services[name].process.wait(self._patience(name)) for name in names}

    def _patience(self, name: str) -> float:
        return float(self.services[name].settings.get("stop_grace_period", "10s").rstrip("s"))

    def kill(self) -> None:
        """End what is left, whatever has become of it."""
        if self._commands:
            self._commands.stop()
        for service in reversed(self.services.values()):
            if service.process.poll() is None:
                service.process.terminate()
                try:
                    service.process.wait(15)
                except subprocess.TimeoutExpired:
                    service.process.kill()


def _stages() -> dict[str, tuple[str, str]]:
    """The stages of the Dockerfile: what each is made from, and its lines."""
    text = (live.BASE / "Dockerfile").read_text().replace("\\\n", " ")
    found = re.findall(r"^FROM (\S+) AS (\S+)\n(.*?)(?=^FROM |\Z)", text, re.MULTILINE | re.DOTALL)
    return {name: (base, lines) for base, name, lines in found}


def image_files(target: str) -> list[str]:
    """The files and folders of this repository that an image holds in /app."""
    base, lines = _stages().get(target, ("", ""))
    words = [line.split() for line in re.findall(r"^COPY (?!--from)(.*)", lines, re.MULTILINE)]
    found = [path for *paths, _place in words for path in paths if not path.startswith("deploy/")]
    return found + (image_files(base) if base else [])


def image_environment(target: str) -> dict[str, str]:
    """The variables that an image of the Dockerfile sets, with those of what it is made from."""
    base, lines = _stages().get(target, ("", ""))
    found = image_environment(base) if base else {}
    for line in re.findall(r"^ENV (.*)", lines, re.MULTILINE):
        found |= dict(pair.split("=", 1) for pair in line.split())
    return found
