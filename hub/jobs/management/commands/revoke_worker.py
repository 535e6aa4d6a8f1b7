"""`revoke_worker`: take a worker's key away."""

from argparse import ArgumentParser
from typing import Any

from hub.core.management.base import HubCommand
from hub.jobs.services import revoke_worker


class Command(HubCommand):
    help = "Take a worker's key away and give its jobs to others. One that `make run` starts gets a new key at the next start."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")

    def handle(self, *args: Any, name: str, **options: Any) -> None:
        revoke_worker(name=name)
        self.stdout.write(f"The key of {name} opens nothing any more.")
