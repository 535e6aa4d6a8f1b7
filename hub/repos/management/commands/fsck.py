"""`fsck`: is everything there that repositories promise?"""

import json
import sys
import time
from argparse import ArgumentParser, ArgumentTypeError
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from django.db.models import QuerySet

from hub.core.errors import HubError
from hub.core.management.base import Error, HubCommand
from hub.repos.fsck import Check
from hub.repos.models import Blob, Kind, RepoBlob, Repository

# What ends with another code than "all is well" and "something is damaged".
NOT_CHECKED = 2
# Seconds between two lines on a terminal that tell how far it has come.
_PROGRESS_SECONDS = 0.5


class Command(HubCommand):
    help = (
        "Check repositories from their refs down to the bytes in the store, and what the store holds. Each damage is a line. "
        "The exit code is 0 where all is well, 1 where something is damaged, 2 where it could not be checked. The hub may go "
        "on working meanwhile; nothing is changed but notes of which content was read when, and of which is damaged."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("repositories", nargs="*", metavar="OWNER/NAME", help="all of them by default")
        parser.add_argument("--type", choices=Kind.values, help="where one name stands for several repositories")
        parser.add_argument("--rehash", action="store_true", help="read all bytes and compare them with their names")
        parser.add_argument(
            "--rolling", type=_share, metavar="1/30", help="read the part of all content that was read longest ago"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object: damages, and counts")

    def handle(self, *args: Any, repositories: list[str], rehash: bool, **options: Any) -> None:
        repos = Repository.objects.select_related("namespace").order_by("pk")
        if options["type"]:
            repos = repos.filter(kind=options["type"])
        chosen = [repo for name in repositories for repo in _named(repos, name)] if repositories else None
        if options["rolling"] and (rehash or chosen is not None):
            raise Error(
                "--rolling chooses what to read by itself: leave out --rehash and the names.", returncode=NOT_CHECKED
            )
        check = Check(rehash=rehash)
        report = _Report(self, check.counts, as_json=options["json"])
        check.progress = report.progress
        try:
            for damage in self._damages(check, repos, chosen, options["rolling"], every=not options["type"]):
                report.damage(damage)
        except HubError as error:
            raise Error(f"It could not be checked to the end: {error.message}", returncode=NOT_CHECKED) from error
        report.end()
        if report.damages:
            sys.exit(1)

    def _damages(
        self,
        check: Check,
        repos: "QuerySet[Repository]",
        chosen: list[Repository] | None,
        rolling: float | None,
        *,
        every: bool,
    ) -> Iterator[str]:
        for repo in chosen if chosen is not None else repos.iterator(chunk_size=100):
            yield from check.repository(repo)
        if chosen is None and every:
            yield from check.all_content()
        else:
            held = RepoBlob.objects.filter(repository__in=repos if chosen is None else chosen)
            yield from check.content(
                Blob.objects.filter(pk__in=held.values("blob")).order_by("pk").iterator(chunk_size=100)
            )
        if rolling:
            yield from check.rolling(rolling)


class _Report:
    """Prints damages as they are found, and how far it has come where somebody watches."""

    def __init__(self, command: HubCommand, counts: Counter[str], *, as_json: bool) -> None:
        self._out, self._err = command.stdout, command.stderr
        self._counts = counts
        self._json = as_json
        self._watched = sys.stderr.isatty()
        self._shown = 0.0
        self.damages = 0
        if as_json:
            self._out.write('{"damages": [', ending="")

    def damage(self, text: str) -> None:
        self.damages += 1
        if self._json:
            self._out.write(f"{',' if self.damages > 1 else ''}\n  {json.dumps(text, ensure_ascii=False)}", ending="")
        else:
            self._clear()
            self._out.write(text)

    def progress(self) -> None:
        if self._watched and time.monotonic() - self._shown > _PROGRESS_SECONDS:
            self._shown = time.monotonic()
            self._err.write(f"\r\033[K{self._looked_at()}", ending="")
            self._err.flush()

    def end(self) -> None:
        self._clear()
        if self._json:
            self._out.write(f'\n], "counts": {json.dumps(self._found())}}}')
            return
        strays = self._counts["orphans"]
        stray = f" {strays} in the store that nothing names: uploads under way, or for the collector." if strays else ""
        said = f"Damages: {self.damages}." if self.damages else "All is well."
        self._out.write(f"Looked at {self._looked_at() or 'nothing'}.{stray} {said}")

    def _clear(self) -> None:
        if self._watched:
            self._err.write("\r\033[K", ending="")

    def _looked_at(self) -> str:
        return ", ".join(f"{count} {what}" for what, count in self._found().items() if what != "orphans")

    def _found(self) -> dict[str, int]:
        return {what: count for what, count in self._counts.items() if count}


def _share(text: str) -> float:
    try:
        share = float(Fraction(text))
    except (ValueError, ZeroDivisionError):
        share = 0
    if not 0 < share <= 1:
        raise ArgumentTypeError(f"{text!r} is no share: it takes a part of 1, such as 1/30.")
    return share


def _named(repos: "QuerySet[Repository]", name: str) -> list[Repository]:
    owner, _slash, last = name.partition("/")
    found = list(repos.filter(namespace__name__iexact=owner, name__iexact=last))
    if not found:
        raise Error(f"There is no repository called {name}.", returncode=NOT_CHECKED)
    return found
