"""`setup_link`: the way in for the first administrator."""

from typing import Any

from django.conf import settings

from hub.accounts.services import issue_setup_link
from hub.core.management.base import HubCommand


class Command(HubCommand):
    help = "While there is no administrator, print a one-time link that makes one. An earlier link stops working."

    def handle(self, *args: Any, **options: Any) -> None:
        if secret := issue_setup_link():
            host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.HOST, settings.HOST)  # noqa: S104 (compared only)
            local = f"http://[{host}]:{settings.PORT}" if ":" in host else f"http://{host}:{settings.PORT}"
            self.stdout.write("There is no administrator yet. This link makes one, once:")
            self.stdout.write(f"  {settings.PUBLIC_URL or local}/setup/{secret}")
