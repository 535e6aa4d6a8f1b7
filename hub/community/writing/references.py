"""What a text names: people (`@ada`), discussions and pull requests (`#12`, `ada/tiny#12`, their addresses), commits.

Only in plain words: what stands in code, in mathematics or in a link names nothing. Names are recognised by their
form alone; the database is asked once, for all texts of a page, what is there and who may know of it.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from django.db.models import Q
from django.db.models.functions import Lower

from hub.accounts.models import Namespace, Someone, User
from hub.accounts.names import MAX_NAMESPACE
from hub.community.models import Discussion
from hub.core.links import base_url, repo_path
from hub.core.markdown import Mark, Parsed
from hub.repos.models import VERSIONED, GitCommit, Kind, Repository
from hub.repos.models.repository import MAX_REPO_NAME

_T = TypeVar("_T")

# Of each sort, in one text and in all texts of one page: what is named after that stays plain, and tells nobody.
MAX_IN_TEXT = 20
MAX_ON_PAGE = 400
# Of computing, for one text that people wrote to each other; what takes longer is plain, and names nothing.
MAX_PARSING_SECONDS = 0.05

_NAMESPACE = rf"[A-Za-z0-9](?:[A-Za-z0-9]|[._-](?=[A-Za-z0-9])){{1,{MAX_NAMESPACE - 1}}}+"
_NAME = rf"[A-Za-z0-9_](?:[A-Za-z0-9_]|[.-](?=[A-Za-z0-9_])){{0,{MAX_REPO_NAME - 1}}}+"
_KINDS = {f"{kind}s": kind.value for kind in VERSIONED}
_REPO = rf"(?:(?P<plural>{'|'.join(_KINDS)})/)?(?P<repo>{_NAMESPACE}/{_NAME})"
# Every quantifier is bounded and gives nothing back, and no name starts within another: the time grows with the text alone.
_WORD = re.compile(
    rf"""
    (?<![A-Za-z0-9_@./\#&=-])
    (?:
        @(?P<account>{_NAMESPACE})(?![A-Za-z0-9_@/])
        |
        (?:{_REPO})?
        (?:
            \#(?P<number>[1-9][0-9]{{0,8}}+)(?![A-Za-z0-9_])
            |
            (?(repo)@)(?P<commit>(?=[a-f]*[0-9])[0-9a-f]{{7,40}}+)(?![A-Za-z0-9_@/-])
        )
    )
    """,
    re.VERBOSE,
)
_PATH = re.compile(
    rf"/{_REPO}/(?:discussions/(?P<number>[1-9][0-9]{{0,8}})|commit/(?P<commit>[0-9a-f]{{40}}))(?:[?\#]\S*)?",
    re.VERBOSE,
)


class Place(NamedTuple):
    """A repository by its names in small letters; both empty for the one that the text stands in."""

    kind: str
    full_name: str


HERE = Place("", "")


@dataclass
class Named:
    """What one text names, in the order of the text: names in small letters, (place, number), (place, first digits)."""

    accounts: list[str] = field(default_factory=list)
    discussions: list[tuple[Place, int]] = field(default_factory=list)
    commits: list[tuple[Place, str]] = field(default_factory=list)

    def add(self, found: re.Match[str]) -> None:
        place = _place(found)
        if found["number"]:
            _append(self.discussions, (place, int(found["number"])))
        elif found["commit"]:
            _append(self.commits, (place, found["commit"]))
        else:
            _append(self.accounts, found["account"].lower())


def _place(found: re.Match[str]) -> Place:
    if not found["repo"]:
        return HERE
    return Place(_KINDS.get(found["plural"] or "", Kind.MODEL.value), found["repo"].lower())


def _append(named: list[_T], what: _T) -> None:
    if len(named) < MAX_IN_TEXT and what not in named:
        named.append(what)


def parsed(text: str) -> Parsed:
    """Return a text that people wrote to each other, parsed in bounded time."""
    return Parsed(text, seconds=MAX_PARSING_SECONDS)


def find(text: Parsed) -> Named:
    """Return what a text names."""
    named = Named()
    for words in text.words():
        for found in _WORD.finditer(words):
            named.add(found)
    for address in text.addresses():
        if inside := _inside(address):
            named.add(inside)
    return named


def _inside(address: str) -> re.Match[str] | None:
    """Return the parts of a discussion's or commit's address on this hub, None for other addresses."""
    base = base_url()
    return _PATH.fullmatch(address, len(base)) if address.startswith(f"{base}/") else None


def mentioned_users(text: str) -> list[User]:
    """Return the people whom a text mentions: active accounts, MAX_IN_TEXT at most. One query where any name is there."""
    names = find(parsed(text)).accounts
    if not names:
        return []
    people = User.objects.annotate(key=Lower("username")).filter(key__in=names, is_active=True)
    return sorted(people, key=lambda user: names.index(user.username.lower()))


def referenced_discussions(text: str, *, repo: Repository, user: Someone) -> list[Discussion]:
    """Return the discussions and pull requests that a text in `repo` names and that `user` may see, MAX_IN_TEXT at most,
    each with its repository and namespace at hand. Two queries where any is named."""
    wanted = find(parsed(text)).discussions
    if not wanted:
        return []
    places = _repositories({place for place, _number in wanted}, repo, user)
    rows = Discussion.objects.filter(_numbered(wanted, places)).select_related("repository__namespace", "pull_request")
    return list(rows.order_by("pk"))


def _repositories(places: Iterable[Place], repo: Repository, user: Someone) -> dict[Place, Repository]:
    """Return those repositories of these names that `user` may know of, and `repo`, which they read. One query at most."""
    found = {HERE: repo}
    asked = [place for place in places if place != HERE][:MAX_ON_PAGE]
    if asked:
        owners, _slashes, names = zip(*(place.full_name.partition("/") for place in asked), strict=True)
        rows = (
            Repository.objects.visible_to(user)
            .annotate(owner_key=Lower("namespace__name"), key=Lower("name"))
            .filter(kind__in={place.kind for place in asked}, owner_key__in=set(owners), key__in=set(names))
            .select_related("namespace")
        )
        wanted = set(asked)
        for row in rows:
            if (place := Place(row.kind, row.full_name.lower())) in wanted:
                found[place] = row
    return found


def _numbered(wanted: Iterable[tuple[Place, int]], places: dict[Place, Repository]) -> Q:
    numbers: dict[int, set[int]] = {}
    for place, number in wanted:
        if place in places:
            numbers.setdefault(places[place].pk, set()).add(number)
    condition = Q(pk__in=[])
    for repository, of_it in numbers.items():
        condition |= Q(repository=repository, number__in=of_it)
    return condition


class References:
    """What the texts of one page name, looked up for one reader: a `Marker` for each of these texts.

    Four queries at most, whatever the number of texts. What the reader may not see stays plain, as if it were not there.
    """

    def __init__(self, texts: Iterable[Parsed], *, repo: Repository, reader: Someone) -> None:
        named = [find(text) for text in texts]
        self._accounts = self._find_accounts(_first(name for one in named for name in one.accounts))
        discussions = _first(each for one in named for each in one.discussions)
        commits = _first(each for one in named for each in one.commits)
        places = _repositories({place for place, _what in [*discussions, *commits]}, repo, reader)
        self._paths = self._find_discussions(discussions, places)
        self._paths |= self._find_commits(commits, places)

    @staticmethod
    def _find_accounts(names: list[str]) -> dict[str, str]:
        if not names:
            return {}
        rows = Namespace.objects.annotate(key=Lower("name")).filter(key__in=names)
        return {name.lower(): f"/{name}" for name in rows.exclude(user__is_active=False).values_list("name", flat=True)}

    @staticmethod
    def _find_discussions(
        wanted: list[tuple[Place, int]], places: dict[Place, Repository]
    ) -> dict[tuple[Place, int | str], str]:
        if not wanted:
            return {}
        there = set(Discussion.objects.filter(_numbered(wanted, places)).values_list("repository", "number"))
        return {
            (place, number): repo_path(repo.kind, repo.full_name, "discussions", str(number))
            for place, number in wanted
            if (repo := places.get(place)) and (repo.pk, number) in there
        }

    @staticmethod
    def _find_commits(
        wanted: list[tuple[Place, str]], places: dict[Place, Repository]
    ) -> dict[tuple[Place, int | str], str]:
        stores: dict[int, set[str]] = {}
        for place, start in wanted:
            if place in places:
                stores.setdefault(places[place].store_id, set()).add(start)
        if not stores:
            return {}
        condition = Q()
        for store, starts in stores.items():
            for start in starts:
                condition |= Q(store=store, oid__gte=start.ljust(40, "0"), oid__lte=start.ljust(40, "f"))
        rows = list(GitCommit.objects.filter(condition).values_list("store", "oid")[: 2 * MAX_ON_PAGE])
        found: dict[tuple[Place, int | str], str] = {}
        for place, start in wanted:
            repo = places.get(place)
            meant = [oid for store, oid in rows if repo and store == repo.store_id and oid.startswith(start)]
            # The first digits of two commits name neither.
            if repo and len(meant) == 1:
                found[place, start] = repo_path(repo.kind, repo.full_name, "commit", rev=meant[0])
        return found

    def marks(self, text: str) -> Iterator[Mark]:
        """Yield the links in a piece of plain text."""
        for found in _WORD.finditer(text):
            if found["account"]:
                address = self._accounts.get(found["account"].lower())
            else:
                what = int(found["number"]) if found["number"] else found["commit"]
                address = self._paths.get((_place(found), what))
            if address:
                yield Mark(found.start(), found.end(), address)

    def label(self, address: str) -> str:
        """Return `ada/tiny#12` and `ada/tiny@abcdef1` for addresses of this hub. It tells no more than the address does."""
        found = _inside(address)
        if found is None:
            return address
        what = f"#{found['number']}" if found["number"] else f"@{found['commit'][:7]}"
        return f"{found['plural'] + '/' if found['plural'] else ''}{found['repo']}{what}"


def _first(named: Iterable[_T]) -> list[_T]:
    return list(dict.fromkeys(named))[:MAX_ON_PAGE]
