"""`backup`: copy this hub into a folder while it works."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from hub.core.management.base import HubCommand
from hub.repos.storage.backing_up import Options, back_up


class Command(HubCommand):
    help = (
        "Copy this hub into a folder: the database as it is at one moment, then the content that it names. The hub goes on "
        "working; nothing is deleted from its store meanwhile. Content that an earlier backup in the same folder has is not "
        "copied again. The folder holds password hashes and addresses, so only its owner can enter it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("target", type=Path, metavar="FOLDER")
        parser.add_argument(
            "--keep", type=int, default=0, metavar="N", help="delete all but the newest N backups after it"
        )
        parser.add_argument(
            "--verify", action="store_true", help="compare all content with its name, earlier copies too"
        )
        parser.add_argument(
            "--hard-links",
            action="store_true",
            help="share files with a store on the same disk, which a bad disk takes, too",
        )
        parser.add_argument(
            "--with-secrets",
            action="store_true",
            help="copy the keys that sign sessions, links and id tokens: whoever reads the backup can sign in as anybody",
        )

    def handle(self, *args: Any, target: Path, **options: Any) -> None:
        chosen = Options(
            keep=max(options["keep"], 0),
            verify=options["verify"],
            hard_links=options["hard_links"],
            secrets=options["with_secrets"],
        )
        made = back_up(target.absolute(), chosen, self.stdout.write)
        counts = made.counts
        self.stdout.write(
            f"The backup is made: a dump of {made.dump_size} bytes, {counts['content']} files of content, "
            f"{counts['copied']} of them copied now ({counts['bytes']} bytes)."
        )
        if made.secrets:
            self.stdout.write("It has the hub's secrets: keep it as safe as the hub itself.")
        if counts["missing"]:
            for key in made.missing:
                self.stdout.write(f"{key}: the database names it, and the store does not have it as it should be.")
            self.stdout.write(
                f"{counts['missing']} files of content are not in the backup. `manage.py fsck` says whose they are."
            )
            sys.exit(1)
