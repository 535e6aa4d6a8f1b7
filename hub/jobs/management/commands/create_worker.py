"""`create_worker`: make the key of a worker from the command line."""

from argparse import ArgumentParser
from typing import Any

from hub.core.management.base import HubCommand
from hub.jobs.services import create_worker
from workers.contracts import WorkerKind


class Command(HubCommand):
    help = "Make a worker's key and print it, and nothing else."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="what the worker is called; it takes the same name in GROVE_WORKER_NAME")
        parser.add_argument("--kind", required=True, choices=[kind.value for kind in WorkerKind])

    def handle(self, *args: Any, name: str, kind: str, **options: Any) -> None:
        self.stdout.write(create_worker(name=name, kind=WorkerKind(kind))[1])
