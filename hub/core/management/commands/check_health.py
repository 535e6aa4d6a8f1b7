"""`check_health`: a line for each part of the instance."""

import sys
from typing import Any

from hub.core.health import check_all
from hub.core.management.base import HubCommand


class Command(HubCommand):
    help = "Say how each part of the instance is, a line each. The exit code is 1 if any part fails."

    def handle(self, *args: Any, **options: Any) -> None:
        checks = check_all()
        for check in checks:
            self.stdout.write(f"{check.name:<10} {'ok' if check.ok else 'FAILS':<6} {check.detail}")
        if not all(check.ok for check in checks):
            sys.exit(1)
