"""`collect_garbage`: what nothing needs any more, now instead of in its turn."""

import json
from argparse import ArgumentParser
from typing import Any

from hub.core.management.base import Error, HubCommand
from hub.repos.storage import collecting


class Command(HubCommand):
    help = (
        "Make a pass over all that the hub stores: mark what nothing refers to, delete what was marked long enough ago. "
        "Graces hold as ever, so nothing goes that was needed within days. The hub makes such a pass every few hours by itself."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="change nothing, and tell what would be done")
        parser.add_argument("--json", action="store_true", help="print the counts as JSON")

    def handle(self, *args: Any, dry_run: bool, **options: Any) -> None:
        if dry_run:
            counts = collecting.what_would_go()
        elif run := collecting.collect_now():
            counts = run.counts
        else:
            raise Error("Garbage is being collected by another process. Try again in a few minutes.")
        if options["json"]:
            self.stdout.write(json.dumps(counts, indent=2))
            return
        for what, count in counts.items():
            self.stdout.write(f"{what}: {count}")
        if not counts:
            self.stdout.write("There is nothing to do.")
