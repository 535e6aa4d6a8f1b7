"""`up` in the list of commands. `manage.py` itself runs it, without Django."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from hub.embedded.instance import main


class Command(BaseCommand):
    help = "Start Grove and keep it running."

    def run_from_argv(self, argv: list[str]) -> None:
        sys.exit(main(argv[2:]))

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(main([]))
