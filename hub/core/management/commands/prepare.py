"""`prepare`: everything between the engines' start and the site's: messages, static files, the schema, the store."""

import gc
import hashlib
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command

from hub.core import locks
from hub.core.blobs import store
from hub.core.management.base import Error, HubCommand
from hub.core.signals import prepared
from hub.core.translations import compile_messages


class Command(HubCommand):
    help = "Compile messages, collect static files, make the bucket of large files and update the schema. Safe to run twice."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--no-database", action="store_true", help="leave the schema alone (to build an image)")
        parser.add_argument(
            "--worker",
            nargs=3,
            action="append",
            default=[],
            metavar=("NAME", "KIND", "FILE"),
            help="see that there is a worker of that name whose key is in the file; may be given for several",
        )
        parser.add_argument("--workers", action="store_true", help="see that the workers beside the site have keys")

    def handle(self, *args: Any, no_database: bool, worker: list[list[str]], workers: bool, **options: Any) -> None:
        try:
            compile_messages()
        except OSError as error:
            self.stdout.write(f"{error.filename} cannot be written, so some texts stay in English.")
        self._collect_static()
        if not no_database:
            store().prepare()
            # Several nodes that start together migrate one after the other.
            with locks.alone("migrations", wait_seconds=None):
                # Each step of a migration makes the classes of all models anew. To look through them for garbage as often as
                # a process usually does would take a fifth of a first start.
                usual = gc.get_threshold()
                gc.set_threshold(10_000, *usual[1:])
                call_command("migrate", interactive=False, verbosity=0, stdout=self.stdout)
                gc.set_threshold(*usual)
                prepared.send(sender=Command, workers=workers)
            for name, kind, key_file in worker:
                call_command("create_worker", name, f"--kind={kind}", f"--key-file={key_file}")

    def _collect_static(self) -> None:
        """Compressing takes seconds, so it is done only where a file has changed since the last time."""
        stamp = Path(settings.STATIC_ROOT) / "collected"
        state = _state_of_static_files()
        if stamp.exists() and stamp.read_text() == state:
            return
        try:
            call_command("collectstatic", interactive=False, verbosity=0)
        except ValueError as error:  # The manifest's way to say that a style sheet names a file that is not there.
            raise Error(f"The static files do not fit together: {error}") from error
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.write_text(state)


def _state_of_static_files() -> str:
    found = [django.__version__, settings.STORAGES["staticfiles"]["BACKEND"]]
    for finder in get_finders():
        for path, storage in finder.list([]):
            stat = Path(storage.path(path)).stat()
            found.append(f"{path} {stat.st_size} {stat.st_mtime_ns}")
    return hashlib.sha256("\n".join(found).encode()).hexdigest()
