"""Every call of every protocol and page, by everybody, on every sort of repository: no cell untested."""

import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cache

import pytest
from django.db import transaction
from django.http import HttpResponse
from django.test import RequestFactory

from hub.catalog.indexing import index_repository
from hub.community.activities import note
from hub.community.models import ActivityKind, Like
from hub.repos.models import Kind, Repository
from hub.repos.takedowns import take_down_repo
from hub.web.middleware import is_site_page
from tests.permissions import rules
from tests.permissions.routes import address, patterns
from tests.permissions.table import NEEDS
from tests.permissions.world import ABSENT, GATED, OWNER, PRIVATE, PUBLIC, REPOS, Principal, World, make_world

pytestmark = pytest.mark.django_db
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
OF_A_REPO = "<str:namespace>/<str:name>"
# Pages know sessions, not tokens.
BY_TOKEN = ("revoked", "owner-reading", "job")
# Different from one answer to the next, whatever was asked.
VARYING = re.compile(rb'name="csrfmiddlewaretoken" value="[^"]*"|Request <span class="mono">[0-9a-f]{32}')
SAID_BY_CHANCE = {"X-Request-Id", "Set-Cookie", "Date", "Server-Timing", "RateLimit", "RateLimit-Policy"}


@dataclass(frozen=True)
class Call:
    need: str
    missing: bool  # what is asked for, below the repository
    method: str
    pattern: str
    send: str

    @property
    def of_a_repo(self) -> bool:
        return OF_A_REPO in self.pattern

    def path(self, world: World, repo: str, pattern: str = "", kind: str = "model", commit: str = "") -> str:
        commit = commit or world.commits[f"{kind}/{repo}"].oid
        query = self.send if self.send.startswith("?") else ""
        return address(pattern or self.pattern, repo, commit) + query

    @property
    def is_page(self) -> bool:
        return is_site_page(RequestFactory().get(address(self.pattern, PUBLIC, "main")))

    def by(self, world: World, who: Principal, path: str) -> HttpResponse:
        body = b"" if self.send.startswith("?") else self.send.encode()
        answer = world.ask(who, self.method, path, page=self.is_page, send=body)
        assert answer.status_code < 500 or answer.status_code == 503, (self, who.name, path, answer.status_code)
        return answer


@cache
def calls() -> list[Call]:
    found = []
    for line in NEEDS.strip().splitlines():
        right, methods, pattern, *sent = re.split(r"\s+", line.strip(), maxsplit=3)
        for method in methods.split(","):
            plain = pattern.replace("REPO", OF_A_REPO).replace("KINDS", "<kinds:kind>") if pattern != "-" else ""
            found.append(Call(right.rstrip("?"), right.endswith("?"), method, plain, sent[0] if sent else ""))
    return found


def by_area() -> dict[str, list[Call]]:
    """The calls in parts of a size that a failure is read in: by the first word of the address."""
    areas = defaultdict(list)
    for call in calls():
        rest = call.pattern.removeprefix(f"{OF_A_REPO}/")
        area = rest.split("/")[0] if rest != call.pattern else "/".join(call.pattern.split("/")[:2])
        areas[f"{'page' if call.is_page else 'call'} {area}"].append(call)
    return dict(areas)


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: pytest.FixtureRequest) -> World:
    """Everybody and everything, made once: each call is taken back, and the whole at the end."""
    with django_db_blocker.unblock(), transaction.atomic():  # type: ignore[attr-defined]
        yield make_world()  # type: ignore[misc]
        transaction.set_rollback(True)


@pytest.fixture(autouse=True)
def _no_limits(settings: pytest.FixtureRequest) -> None:
    settings.RATE_LIMITS = dict.fromkeys(settings.RATE_LIMITS, (0, 0))  # type: ignore[attr-defined]
    settings.POSTS_PER_MINUTE = 1_000_000  # type: ignore[attr-defined]


def test_every_address_is_in_the_table() -> None:
    listed = {call.pattern for call in calls()}
    there = {plain for plain, _route in patterns() if "(?P" not in plain}
    assert there - listed == set(), "Say in table.py which right these need."
    assert listed - there == set(), "These are gone from the hub; take them out of table.py."


@pytest.fixture(scope="module")
def every_cell(request: pytest.FixtureRequest) -> bool:
    """Whether gated repositories are asked about where their gate changes nothing, too: `make test-full`."""
    return bool(request.config.option.markexpr != "not full")


@pytest.mark.parametrize("area", by_area())
def test_everybody_is_answered_as_the_rules_say(world: World, every_cell: bool, area: str) -> None:
    wrong = []
    for call in by_area()[area]:
        # A gate matters to content alone; the rest is asked of a gated repository with `make test-full`.
        repos = [repo for repo in REPOS if every_cell or repo != GATED or call.need in ("fetch", "propose", "ask")]
        for who in world.principals.values():
            if call.is_page and who.name in BY_TOKEN:
                continue
            for repo in repos if call.of_a_repo else [PUBLIC]:
                answer = call.by(world, who, call.path(world, repo))
                if problem := _problem(call, who, repo, answer):
                    wrong.append(problem)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("area", by_area())
def test_a_private_repository_is_told_from_none_by_nobody(world: World, area: str) -> None:
    for call in by_area()[area]:
        if not call.of_a_repo:
            continue
        for name in ("anonymous", "stranger", "site-administrator"):
            who = world.principals[name]
            private = call.by(world, who, call.path(world, PRIVATE))
            commit = world.commits[f"model/{PRIVATE}"].oid
            absent = call.by(world, who, call.path(world, ABSENT, commit=commit))
            assert _said(private) == _said(absent), (call, name)


def test_the_same_holds_for_every_kind_and_spelling(world: World) -> None:
    known = {(call.pattern, call.method): call for call in calls()}
    wrong = []
    stranger = world.principals["stranger"]
    for plain, route in patterns():
        if plain == route or not known.get((plain, "GET"), known.get((plain, "POST"))) or OF_A_REPO not in plain:
            continue
        for method in METHODS:
            call = known.get((plain, method))
            if call is None or call.need in ("nobody", "open", "public", "signed"):
                continue
            kind = route.split("s/")[0] if route.startswith(("datasets/", "spaces/", "kernels/")) else "model"
            answer = call.by(world, stranger, call.path(world, PRIVATE, route, kind))
            if problem := _problem(call, stranger, PRIVATE, answer):
                wrong.append(f"{route}: {problem}")
    assert not wrong, "\n".join(wrong)


# What tells of a takedown on purpose.
TELLS_OF_TAKEDOWNS = ("transparency", "transparency.json", "settings/standing", "moderation/log", "moderation/log.csv")


def test_what_is_taken_down_is_reached_by_nobody(world: World) -> None:
    """No call of its own answers with anything but a refusal, to whoever it belongs; and no list, page or feed names it."""
    before = transaction.savepoint()
    repos = Repository.objects.filter(name=PUBLIC)
    for repo in repos.exclude(kind=Kind.BUCKET):
        index_repository(repo.pk)
    owner = world.principals["owner"]
    creator = world.principals["creator"].user
    assert creator is not None and owner.user is not None
    for repo in repos:
        Like.objects.create(user=owner.user, repository=repo)
        note(ActivityKind.REPOSITORY, actor=creator, repository=repo)
    try:
        standing = _naming(world, owner)
        assert len(standing) > 5, standing
        for repo in repos:
            take_down_repo(repo=repo, actor=creator, reason="It steals keys.")
        wrong = sorted(_naming(world, owner) | _naming(world, world.principals["anonymous"]))
        for name in ("owner", "anonymous", "job"):
            who = world.principals[name]
            for call in calls():
                if not call.of_a_repo or call.need == "nobody" or (call.is_page and name in BY_TOKEN):
                    continue
                if call.method != "GET" and name == "anonymous":
                    continue
                answer = call.by(world, who, call.path(world, PUBLIC))
                content = b"" if answer.streaming else answer.content
                refused = answer.status_code >= 400 or answer.headers.get("Location", "").startswith("/login")
                if not refused or b"# Here" in content or b"Tell me." in content:
                    wrong.append(f"{call.method} {call.pattern} by {name}: {answer.status_code}")
        assert not wrong, "\n".join(wrong)
    finally:
        transaction.savepoint_rollback(before)


def _naming(world: World, who: Principal) -> set[str]:
    """The addresses of no one repository whose answers name the public one of any kind."""
    found = set()
    for call in calls():
        if call.of_a_repo or call.method != "GET" or call.pattern in TELLS_OF_TAKEDOWNS or call.need == "nobody":
            continue
        answer = call.by(world, who, call.path(world, PUBLIC))
        if not answer.streaming and answer.status_code == 200 and f"{OWNER}/{PUBLIC}".encode() in answer.content:
            found.add(call.pattern)
    return found


def test_what_is_not_in_the_table_is_refused(world: World) -> None:
    """Another method is no way in: not for a stranger, to what is private."""
    known = {(call.pattern, call.method) for call in calls()}
    wrong = []
    for pattern in {call.pattern for call in calls() if call.of_a_repo}:
        for method in METHODS:
            if (pattern, method) in known:
                continue
            call = Call("", False, method, pattern, "")
            answer = call.by(world, world.principals["stranger"], call.path(world, PRIVATE))
            if answer.status_code < 400 and not answer.headers.get("Location", "").startswith("/login"):
                wrong.append(f"{method} {pattern}: {answer.status_code}")
    assert not wrong, "\n".join(wrong)


def _problem(call: Call, who: Principal, repo: str, answer: HttpResponse) -> str:
    if call.need == "nobody":
        return "" if 400 <= answer.status_code < 500 else f"{call}: {who.name}: {answer.status_code}"
    wanted = rules.expected(call.need, who, repo, page=call.is_page)
    status = answer.status_code
    anonymous = not who.signed_in or who.job or (call.is_page and not who.valid)
    if call.is_page:
        statuses = {rules.SIGN_IN: {302, 401}, rules.ABSENT: {404}, rules.REFUSED: {403}}
        wanted_now = wanted
        if wanted == rules.GATED:
            wanted_now = rules.SIGN_IN if anonymous else rules.REFUSED
    else:
        statuses = {
            rules.SIGN_IN: {401},
            rules.INVALID: {401},
            rules.REFUSED: {403},
            rules.ABSENT: {401 if anonymous else 404},
            rules.GATED: {401 if anonymous else 403},
        }
        wanted_now = wanted
    if wanted_now in statuses:
        good = status in statuses[wanted_now]
    else:
        good = status not in (401, 403) or answer.headers.get("X-Error-Code") == "RefProtected"
        read = rules.read(answer, page=call.is_page)
        good = (good and read == rules.OK) or (call.missing and read == rules.ABSENT)
    if good and not call.is_page and wanted in (rules.ABSENT, rules.GATED) and call.need != "push":
        good = rules.read(answer, page=False) == wanted
    return "" if good else f"{call.method} {call.pattern} ({call.need}) by {who.name} on {repo}: {status}, not {wanted}"


def _said(answer: HttpResponse) -> tuple[int, dict[str, str], bytes]:
    headers = {
        name: value.replace(PRIVATE, ABSENT) for name, value in answer.headers.items() if name not in SAID_BY_CHANCE
    }
    body = b"" if answer.streaming else VARYING.sub(b"", answer.content)
    return answer.status_code, headers, body.replace(PRIVATE.encode(), ABSENT.encode())
