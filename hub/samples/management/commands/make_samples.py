"""`make_samples`: fill a hub with sample content. `make demo` runs it once the site is up."""

import signal
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings

from hub.core.management.base import Error, HubCommand
from hub.samples import content
from hub.samples.errors import SamplesExist
from hub.samples.services import make_samples


class Command(HubCommand):
    help = (
        "Train small models, upload them with datasets, and let sample people talk about them. Takes about two minutes."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--url", default=f"http://127.0.0.1:{settings.PORT}", help="where this hub answers")
        parser.add_argument(
            "--if-missing", action="store_true", help="do nothing where the samples are there, and say so"
        )

    def handle(self, *args: Any, url: str, if_missing: bool, **options: Any) -> None:
        python = settings.BASE_DIR / ".venv-worker" / "bin" / "python"
        if not Path(python).exists():
            raise Error("The workers' environment is not there. `make run` installs it; `make demo` waits for it.")
        # Told to stop, it removes what it has made so far, like after any other mishap.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        began = time.monotonic()

        def say(text: str) -> None:
            self.stdout.write(text)
            sys.stdout.flush()

        try:
            password = make_samples(url=url, python=python, say=say)
        except SamplesExist as error:
            if not if_missing:
                raise
            say(error.message)
            return
        say(f"done in {time.monotonic() - began:.0f} s; the evaluations go on, and show on the models' pages")
        names = ", ".join(person.name for person in content.PEOPLE)
        say(f"log in as one of {names}")
        say(f"with the password {password}")
        say("to remove all of it: make demo-remove")
