"""`create_user`: make an account from the command line."""

from argparse import ArgumentParser
from typing import Any

from hub.accounts.services import create_user
from hub.core.management.base import HubCommand


class Command(HubCommand):
    help = "Make an account."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="the user name")
        parser.add_argument("--email", required=True)
        parser.add_argument("--password", required=True)
        parser.add_argument("--admin", action="store_true", help="make an administrator of the hub")

    def handle(self, *args: Any, name: str, email: str, password: str, admin: bool, **options: Any) -> None:
        user = create_user(name=name, email=email, password=password, admin=admin)
        self.stdout.write(f"Made the {'administrator' if admin else 'user'} {user.username}.")
