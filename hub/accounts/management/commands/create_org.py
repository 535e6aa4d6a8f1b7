"""`create_org`: make an organization from the command line."""

from argparse import ArgumentParser
from typing import Any

from hub.accounts.organizations import create_organization
from hub.accounts.services import get_user
from hub.core.management.base import HubCommand


class Command(HubCommand):
    help = "Make an organization."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="the organization's name")
        parser.add_argument("--owner", required=True, help="the user who becomes its administrator")

    def handle(self, *args: Any, name: str, owner: str, **options: Any) -> None:
        create_organization(name=name, owner=get_user(name=owner))
        self.stdout.write(f"Made the organization {name}, administered by {owner}.")
