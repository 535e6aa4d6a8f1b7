"""The token that comes with a job: what it reads, for how long, and that it does nothing else."""

import json
from typing import Any

import pytest
from django.core import signing
from django.test import Client

from hub.accounts.models import User
from hub.jobs import services, tokens
from hub.jobs.models import Job
from hub.repos.models import Kind, Repository, Visibility
from tests.factories import make_repo, make_user
from tests.jobs.conftest import make_job, make_worker

pytestmark = pytest.mark.django_db


class Caller:
    """Speaks to the API as the worker of a job."""

    def __init__(self, client: Client, secret: str) -> None:
        self._client, self._secret = client, secret

    def status(self, method: str, address: str, sent: Any = None) -> int:
        body = sent if isinstance(sent, bytes) else json.dumps(sent or {}).encode()
        more: dict[str, Any] = {} if method == "GET" else {"data": body, "content_type": "application/json"}
        answer = getattr(self._client, method.lower())(address, **more, HTTP_AUTHORIZATION=f"Bearer {self._secret}")
        return int(answer.status_code)


@pytest.fixture
def owner() -> User:
    return make_user()


@pytest.fixture
def model(owner: User) -> Repository:
    return make_repo(owner, visibility=Visibility.PRIVATE)


@pytest.fixture
def dataset(owner: User) -> Repository:
    return make_repo(owner, kind=Kind.DATASET, visibility=Visibility.PRIVATE)


@pytest.fixture
def job(owner: User, model: Repository, dataset: Repository) -> Job:
    job = make_job(owner, repos=[model, dataset])
    return services.claim_job(worker=make_worker(), job_id=str(job.pk))


@pytest.fixture
def worker(client: Client, job: Job) -> Caller:
    return Caller(client, tokens.token_of(job))


def reads(repo: Repository) -> list[str]:
    """Every way to read a repository."""
    api = f"/api/{repo.kind}s/{repo.full_name}"
    files = f"/{'datasets/' if repo.kind == Kind.DATASET else ''}{repo.full_name}"
    return [
        api,
        f"{api}/revision/main",
        f"{api}/tree/main",
        f"{api}/commits/main",
        f"{api}/refs",
        f"{files}/resolve/main/.gitattributes",
    ]


def test_it_reads_the_repositories_of_its_job(worker: Caller, model: Repository, dataset: Repository) -> None:
    for address in [*reads(model), *reads(dataset)]:
        assert worker.status("GET", address) == 200, address


def test_it_reads_them_where_strangers_read_nothing(worker: Caller, model: Repository, settings: Any) -> None:
    settings.ANONYMOUS_READ = False
    for address in reads(model):
        assert worker.status("GET", address) == 200, address


def test_it_reads_no_other(worker: Caller, owner: User) -> None:
    for other in (make_repo(owner, visibility=Visibility.PRIVATE), make_repo()):
        for address in reads(other):
            assert worker.status("GET", address) in (401, 404), address


def test_it_lists_no_other(client: Client, job: Job, owner: User, model: Repository) -> None:
    make_repo(owner)
    answer = client.get("/api/models", HTTP_AUTHORIZATION=f"Bearer {tokens.token_of(job)}")
    assert {entry["id"] for entry in answer.json()} <= {model.full_name}


def test_it_changes_nothing(worker: Caller, model: Repository, owner: User) -> None:
    before = Repository.objects.values().get(pk=model.pk)
    name, api, v1 = model.full_name, f"/api/models/{model.full_name}", f"/api/v1/models/{model.full_name}"
    commit = b'{"key": "header", "value": {"summary": "x"}}\n'
    calls: list[tuple[str, str, Any]] = [
        ("POST", f"{api}/commit/main", commit),
        ("POST", f"{api}/preupload/main", {"files": [{"path": "a", "size": 1, "sample": ""}]}),
        ("POST", f"{api}/branch/other", {}),
        ("DELETE", f"{api}/branch/main", {}),
        ("POST", f"{api}/tag/main", {"tag": "v1"}),
        ("PUT", f"{api}/settings", {"private": False}),
        ("GET", f"{api}/xet-write-token/main", None),
        ("GET", f"{api}/auth-check/write", None),
        ("POST", f"{api}/discussions", {"title": "x", "description": "x"}),
        ("POST", "/api/repos/create", {"name": "x", "type": "model"}),
        ("DELETE", "/api/repos/delete", {"name": name.partition("/")[2], "type": "model"}),
        ("POST", "/api/repos/move", {"fromRepo": name, "toRepo": f"{name}2", "type": "model"}),
        ("POST", f"/{name}.git/info/lfs/objects/batch", {"operation": "upload", "objects": []}),
        ("POST", f"{v1}/releases", {"tag": "v1", "name": "x"}),
        ("POST", f"{v1}/reviews", {"stars": 5, "text": "x"}),
        ("GET", "/api/whoami-v2", None),
        ("GET", "/api/settings/repositories", None),
        ("POST", "/api/worker/start", {"about": {}}),
        ("POST", "/api/worker/heartbeat", {"running": [], "loaded": []}),
    ]
    for method, address, sent in calls:
        assert worker.status(method, address, sent) in (401, 403), (method, address)
    assert Repository.objects.values().get(pk=model.pk) == before


def test_pages_take_no_notice_of_it(worker: Caller, model: Repository) -> None:
    for address in (f"/{model.full_name}", f"/{model.full_name}/tree/main", "/settings/profile"):
        assert worker.status("GET", address) in (302, 404), address


@pytest.mark.parametrize("end", ["finished", "cancelled", "lost", "again"])
def test_it_opens_nothing_once_the_attempt_is_over(worker: Caller, job: Job, model: Repository, end: str) -> None:
    assert job.worker is not None
    said = {"worker": job.worker, "job_id": str(job.pk), "attempt": 1}
    if end == "finished":
        services.finish_job(**said, result=1)
    elif end == "cancelled":
        services.cancel_job(job=job)
    else:
        services.release_job(**said)
        if end == "again":
            services.claim_job(worker=make_worker(), job_id=str(job.pk))
    for address in reads(model):
        assert worker.status("GET", address) == 401, address


def test_a_made_up_one_opens_nothing(client: Client, job: Job, model: Repository) -> None:
    good = tokens.token_of(job)
    made_up = [
        good[:-1] + ("a" if good[-1] != "a" else "b"),
        tokens.PREFIX + signing.dumps([str(job.pk), 1], salt="another use"),
        tokens.PREFIX + signing.dumps([str(job.pk), 2], salt=tokens._SALT),
        tokens.PREFIX,
        f"{tokens.PREFIX}{job.pk}",
    ]
    for secret in made_up:
        assert Caller(client, secret).status("GET", reads(model)[0]) == 401, secret


def test_a_repository_that_was_deleted_meanwhile_takes_no_other_with_it(
    worker: Caller, model: Repository, dataset: Repository
) -> None:
    address = reads(model)[0]
    model.delete()
    assert worker.status("GET", address) in (401, 404)
    assert worker.status("GET", reads(dataset)[0]) == 200
