"""`remove_samples`: take the sample content away again."""

from argparse import ArgumentParser
from typing import Any

from hub.core.management.base import Error, HubCommand
from hub.samples.services import remove_samples


class Command(HubCommand):
    help = "Delete the sample repositories with everything said about them, their organization and the sample accounts."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *args: Any, yes: bool, **options: Any) -> None:
        if not yes and input("Delete all sample content, and what others said about it? [y/N] ").strip().lower() != "y":
            raise Error("Nothing was deleted.")
        count = remove_samples(say=self.stdout.write)
        self.stdout.write(
            f"Removed the sample content and {count} accounts." if count else "There are no samples here."
        )
