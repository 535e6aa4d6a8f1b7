"""`restore`: make this hub the one that was backed up."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from hub.core.management.base import HubCommand
from hub.repos.storage.restoring import Options, restore


class Command(HubCommand):
    help = (
        "Make this hub the one of a backup: content first, then the database, which is brought up to date. It refuses a hub "
        "that has accounts or repositories. Have only the engines run meanwhile (`manage.py up --engines`), and start the hub "
        "after it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("source", type=Path, metavar="FOLDER")
        parser.add_argument(
            "--backup", default="", metavar="NAME", help="which one of the folder, the newest by default"
        )
        parser.add_argument("--force", action="store_true", help="lose what this hub has")
        parser.add_argument(
            "--verify", action="store_true", help="compare all content of the backup with its name first"
        )
        parser.add_argument(
            "--with-secrets", action="store_true", help="take over the keys of the hub that was backed up"
        )

    def handle(self, *args: Any, source: Path, **options: Any) -> None:
        chosen = Options(
            name=options["backup"], force=options["force"], verify=options["verify"], secrets=options["with_secrets"]
        )
        counts, damages = restore(source.absolute(), chosen, self.stdout.write)
        for damage in damages:
            self.stdout.write(damage)
        looked_at = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
        said = f"Damages: {len(damages)}." if damages else "All is well."
        self.stdout.write(f"Restored. Looked at {looked_at or 'nothing'}. {said}")
        if not chosen.secrets:
            self.stdout.write("Everybody signs in anew: this hub signs sessions and links with a key of its own.")
        self.stdout.write(
            "Start the hub again. Where clients uploaded after the backup was made, count GROVE_XET_GENERATION up: they "
            "remember content that is not here any more."
        )
        if damages:
            sys.exit(1)
