"""`set_quota`: how much one user or organization may keep."""

from argparse import ArgumentParser
from typing import Any

from hub.accounts.models import Namespace
from hub.core.management.base import Error, HubCommand
from hub.repos.storage.quotas import set_quota


class Command(HubCommand):
    help = "Set how many bytes the repositories of a user or an organization may hold."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="the user or the organization")
        parser.add_argument("bytes", help="a number; 0: no limit, default: what this hub gives to everybody")

    def handle(self, *args: Any, name: str, **options: Any) -> None:
        namespace = Namespace.objects.filter(name__iexact=name).first()
        if namespace is None:
            raise Error(f"There is no user or organization called {name}.")
        asked = options["bytes"]
        if asked != "default" and not (asked.isascii() and asked.isdecimal() and int(asked) < 2**63):
            raise Error("Give a number of bytes, 0 for no limit, or default.")
        set_quota(namespace=namespace, actor=None, quota=None if asked == "default" else int(asked))
        self.stdout.write(f"{namespace.name} may hold {asked} bytes." if asked not in ("0", "default") else "Done.")
