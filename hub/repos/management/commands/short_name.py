"""`short_name`: give a repository a name without an owner, or take one back."""

from argparse import ArgumentParser
from typing import Any

from hub.core.management.base import HubCommand
from hub.repos.errors import RepoNotFound
from hub.repos.models import VERSIONED, Kind, Repository
from hub.repos.short_names import give_short_name, take_short_name


class Command(HubCommand):
    help = "Let a name without an owner (gpt2) lead to a repository, or, with --take, take it back."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="the short name, such as gpt2")
        parser.add_argument("repository", help="owner/name of the repository")
        parser.add_argument("--kind", choices=VERSIONED, default=Kind.MODEL.value, help="what it is; default: model")
        parser.add_argument("--take", action="store_true", help="take the name back")

    def handle(self, *args: Any, name: str, repository: str, kind: str, take: bool, **options: Any) -> None:
        owner, _slash, last = repository.partition("/")
        repo = Repository.objects.named(kind, owner, last).select_related("namespace").first()
        if repo is None:
            raise RepoNotFound(f"There is no {kind} {repository}.")
        if take:
            take_short_name(repo=repo, actor=None, name=name)
            self.stdout.write(f"{name} leads nowhere now.")
        else:
            give_short_name(repo=repo, actor=None, name=name)
            self.stdout.write(f"{name} leads to {repo.full_name}.")
