"""`check_health`: a line for each part of the instance."""

import sys
from typing import Any

from hub.core.health import check_all
from hub.core.management.base import HubCommand

WORDS = {"ok": "ok", "missing": "missing", "failing": "FAILS"}


class Command(HubCommand):
    help = (
        "Say how each part of the instance is, a line each. The exit code is 1 if one fails; a missing worker is none."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        checks = check_all()
        for check in checks:
            self.stdout.write(f"{check.name:<10} {WORDS[check.word]:<8} {check.detail}")
        if any(check.word == "failing" for check in checks):
            sys.exit(1)
