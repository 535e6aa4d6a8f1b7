"""`create_token`: make an access token from the command line."""

from argparse import ArgumentParser
from typing import Any

from hub.accounts.models import Scope
from hub.accounts.services import create_token, get_user
from hub.core.management.base import HubCommand


class Command(HubCommand):
    help = "Make an access token and print it, and nothing else."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", help="the user whom the token speaks for")
        parser.add_argument("--scope", required=True, choices=[Scope.READ.value, Scope.WRITE.value])
        parser.add_argument("--name", required=True, help="what the token is called in the user's list")

    def handle(self, *args: Any, user: str, scope: str, name: str, **options: Any) -> None:
        _, secret = create_token(user=get_user(name=user), name=name, scope=scope)
        self.stdout.write(secret)
