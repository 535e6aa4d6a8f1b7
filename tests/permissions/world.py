"""Everybody, and a repository of each sort: what the matrix of permissions asks its questions about."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from hub.accounts.models import AccessToken, Role, User
from hub.accounts.models.tokens import digest_of
from hub.accounts.organizations import add_member
from hub.accounts.services import revoke_token
from hub.community.collections import create_collection
from hub.community.discussions.services import open_discussion
from hub.community.models import Collection
from hub.jobs import services as jobs
from hub.jobs import tokens as job_tokens
from hub.repos.buckets import create_bucket
from hub.repos.git.files import resolve_revision
from hub.repos.models import VERSIONED, Gate, GitCommit, Kind, Repository, Visibility
from hub.repos.releases import create_release
from hub.repos.services import create_branch
from tests.factories import make_organization, make_repo, make_token, make_user
from tests.jobs.conftest import make_job, make_worker
from tests.repos.buckets import put
from tests.web.repos import commit_files

OWNER = "guild"
# Names of one length, so that whatever is said of one of them is as long as of another.
PUBLIC, PRIVATE, GATED, ABSENT = "public", "hidden", "behind", "absent"
REPOS = (PUBLIC, PRIVATE, GATED)


@dataclass
class Principal:
    """Somebody who asks: what they are to the organization, and how they say who they are."""

    name: str
    role: Role | None = None
    creator: bool = False  # of all the repositories here
    signed_in: bool = True
    writes: bool = True  # their token may
    suspended: bool = False  # by a moderator: they look, and change nothing
    site_admin: bool = False
    valid: bool = True  # the token is still good, and the account open
    job: bool = False
    user: User | None = None
    secret: str = ""
    session: str = ""

    @property
    def acts(self) -> bool:
        """Whether they change anything at all, tokens aside."""
        return not self.job and not self.suspended

    def may_know(self, repo: str) -> bool:
        return repo != PRIVATE or self.role is not None or self.job

    def may_fetch(self, repo: str) -> bool:
        return repo == PUBLIC or self.role is not None or self.job

    def may_write(self) -> bool:
        return self.acts and (self.role in (Role.WRITE, Role.ADMIN) or self.creator)

    def may_administer(self) -> bool:
        return self.acts and (self.role == Role.ADMIN or self.creator)


PRINCIPALS = [
    Principal("anonymous", signed_in=False),
    Principal("stranger"),
    Principal("reader", Role.READ),
    Principal("contributor", Role.CONTRIBUTOR),
    Principal("creator", Role.CONTRIBUTOR, creator=True),
    Principal("writer", Role.WRITE),
    Principal("owner", Role.ADMIN),
    Principal("owner-reading", Role.ADMIN, writes=False),
    Principal("site-administrator", site_admin=True),
    Principal("suspended", Role.ADMIN, suspended=True),
    Principal("closed", Role.ADMIN, valid=False),
    Principal("revoked", Role.ADMIN, valid=False),
    Principal("job", job=True, writes=False),
]


@dataclass
class World:
    principals: dict[str, Principal]
    commits: dict[str, GitCommit]

    def ask(self, who: Principal, method: str, path: str, *, page: bool, send: Any = None) -> HttpResponse:
        """One request, and nothing of it left behind."""
        headers: dict[str, str] = {}
        if not page and who.secret:
            headers["Authorization"] = f"Bearer {who.secret}"
        client = Client(raise_request_exception=False)
        if page and who.session:
            client.cookies[settings.SESSION_COOKIE_NAME] = who.session
        before = transaction.savepoint()
        try:
            body = b"" if method in ("GET", "HEAD") else send if isinstance(send, bytes) else b"{}"
            kind = "application/x-www-form-urlencoded" if page else "application/json"
            answer = client.generic(method, path, body, content_type=kind, headers=headers)
            if answer.streaming:
                list(answer)  # To its end: what it holds is let go then.
        finally:
            transaction.savepoint_rollback(before)
        return answer  # type: ignore[return-value]


def make_world() -> World:
    """Make them all: to be called within a transaction that is taken back."""
    people = {one.name: Principal(**{name: getattr(one, name) for name in _GIVEN}) for one in PRINCIPALS}
    for one in people.values():
        if one.signed_in and not one.job and one.name not in ("owner-reading", "revoked"):
            one.user = make_user(one.name, admin=one.site_admin)
    owner = people["owner"].user
    assert owner is not None
    people["owner-reading"].user = people["revoked"].user = owner
    organization = make_organization(owner, OWNER)
    for one in people.values():
        if one.role is not None and one.user not in (None, owner):
            assert one.user is not None
            add_member(organization=organization, actor=owner, user=one.user, role=one.role)
    creator = people["creator"].user
    assert creator is not None
    repos, commits = [], {}
    for kind in VERSIONED:
        for name in REPOS:
            visibility = Visibility.PRIVATE if name == PRIVATE else Visibility.PUBLIC
            repo = make_repo(creator, name=name, kind=kind, visibility=visibility, organization=organization)
            commit_files(repo, {"README.md": "# Here\n", "config.json": "{}", "large.bin": b"\0large" * 1000})
            open_discussion(repo=repo, actor=creator, title="Why?", text="Tell me.")
            create_branch(repo=repo, actor=creator, name="side")
            create_release(repo=repo, actor=creator, tag="v1", notes="First.")
            if name == GATED:
                Repository.objects.filter(pk=repo.pk).update(gate=Gate.MANUAL)
            repos.append(repo)
            commits[f"{kind}/{name}"] = resolve_revision(repo, "main")
    made = create_collection(namespace=organization.namespace, actor=owner, title="Small models")
    Collection.objects.filter(pk=made.pk).update(key="0" * 24)
    for name in REPOS:
        visibility = Visibility.PRIVATE if name == PRIVATE else Visibility.PUBLIC
        bucket = create_bucket(actor=creator, namespace=organization.namespace, name=name, visibility=visibility)
        put(bucket, {"README.md": b"# Here\n", "config.json": b"{}"})
        repos.append(bucket)
    for one in people.values():
        if one.user is not None:
            one.secret = make_token(one.user, "write" if one.writes else "read")
            if one.name != "revoked":
                browser = Client()
                browser.force_login(one.user)
                one.session = browser.cookies[settings.SESSION_COOKIE_NAME].value
    closed = people["closed"].user
    assert closed is not None
    User.objects.filter(pk=closed.pk).update(is_active=False)
    User.objects.filter(username="suspended").update(suspended_at=timezone.now(), suspension_reason="Spam.")
    for token in AccessToken.objects.filter(digest=digest_of(people["revoked"].secret)):
        revoke_token(user=owner, token_id=token.pk)
    job = jobs.claim_job(
        worker=make_worker(),
        job_id=str(make_job(owner, repos=[repo for repo in repos if repo.kind in (Kind.MODEL, Kind.BUCKET)]).pk),
    )
    people["job"].secret = job_tokens.token_of(job)
    return World(people, commits)


_GIVEN = ("name", "role", "creator", "signed_in", "writes", "suspended", "site_admin", "valid", "job")
