"""`remove_second_factor`: for somebody who lost their phone, their passkeys and their recovery codes."""

from argparse import ArgumentParser
from typing import Any

from hub.accounts.second_factor import remove_second_factor
from hub.accounts.services import get_user
from hub.core.management.base import HubCommand


class Command(HubCommand):
    help = "Remove the second factor of an account: its app, passkeys and recovery codes. Make sure first that its owner asks."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="the user name")

    def handle(self, *args: Any, name: str, **options: Any) -> None:
        user = get_user(name=name)
        if remove_second_factor(user=user):
            self.stdout.write(f"{user.username} logs in by the password alone now.")
        else:
            self.stdout.write(f"{user.username} has no second factor.")
