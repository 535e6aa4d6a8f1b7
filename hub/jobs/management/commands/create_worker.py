"""`create_worker`: make the key of a worker from the command line."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from hub.core.management.base import Error, HubCommand
from hub.jobs.services import create_worker, keep_worker
from workers.contracts import WorkerKind


class Command(HubCommand):
    help = "Make a worker's key and print it, and nothing else; or take the key that an operator has made."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="what the worker is called; it takes the same name in GROVE_WORKER_NAME")
        parser.add_argument("--kind", required=True, choices=[kind.value for kind in WorkerKind])
        parser.add_argument(
            "--key-file",
            type=Path,
            help="a file with the key that the worker is to have; prints nothing, and may be run again",
        )

    def handle(self, *args: Any, name: str, kind: str, key_file: Path | None, **options: Any) -> None:
        if key_file is not None:
            try:
                key = key_file.read_text().strip()
            except OSError as error:
                raise Error(f"{key_file} cannot be read: {error.strerror}.") from error
            keep_worker(name=name, kind=WorkerKind(kind), key=key)
            return
        self.stdout.write(create_worker(name=name, kind=WorkerKind(kind))[1])
