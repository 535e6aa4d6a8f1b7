"""`fsck`: is everything there that repositories promise?"""

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from hub.core.management.base import Error, HubCommand
from hub.repos.fsck import Check
from hub.repos.models import Blob, Kind, RepoBlob, Repository


class Command(HubCommand):
    help = (
        "Check repositories from their refs down to the bytes in the store. Each damage is a line; the exit code is 1 where "
        "there is one. It changes nothing, and the hub may go on working meanwhile."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("repositories", nargs="*", metavar="OWNER/NAME", help="all of them by default")
        parser.add_argument("--type", choices=Kind.values, help="where one name stands for several repositories")
        parser.add_argument("--rehash", action="store_true", help="read all bytes and compare them with their names")

    def handle(self, *args: Any, repositories: list[str], rehash: bool, **options: Any) -> None:
        repos = Repository.objects.select_related("namespace").order_by("pk")
        if options["type"]:
            repos = repos.filter(kind=options["type"])
        chosen = [repo for name in repositories for repo in _named(repos, name)] if repositories else None
        check = Check(rehash=rehash)
        damages = 0
        for damage in self._damages(check, repos, chosen):
            damages += 1
            self.stdout.write(damage)
        looked_at = ", ".join(f"{count} {what}" for what, count in check.counts.items())
        self.stdout.write(
            f"Looked at {looked_at or 'nothing'}. {f'Damages: {damages}.' if damages else 'All is well.'}"
        )
        if damages:
            sys.exit(1)

    def _damages(self, check: Check, repos: Any, chosen: list[Repository] | None) -> Iterator[str]:
        blobs = Blob.objects.select_related("xet_file").order_by("pk")
        if chosen is not None:
            blobs = blobs.filter(pk__in=RepoBlob.objects.filter(repository__in=chosen).values("blob"))
        for repo in chosen if chosen is not None else repos.iterator(chunk_size=100):
            yield from check.repository(repo)
        yield from check.content(blobs.iterator(chunk_size=100))


def _named(repos: Any, name: str) -> list[Repository]:
    owner, _slash, last = name.partition("/")
    found = list(repos.filter(namespace__name__iexact=owner, name__iexact=last))
    if not found:
        raise Error(f"There is no repository called {name}.")
    return found
