"""Who has used which version: what counts, that it is kept once, and that it verifies the right reviews."""

import io
from collections.abc import Iterator

import pytest
from django.test import Client
from redis import RedisError

from hub.api.git.http import _fetched
from hub.catalog import services
from hub.catalog.services import USES, count_download, drain_uses, note_uses
from hub.community.models import Review
from hub.community.reviews.services import post_review
from hub.jobs.services import Asker, claim_job, finish_job
from hub.repos.git.files import resolve_revision
from hub.repos.models import Repository, Use
from hub.repos.releases import create_release
from hub.repos.services import delete_repo
from hub.repos.uses import follow_uses, keep_run
from tests.factories import make_repo, make_user
from tests.inference.conftest import ask, make_demo_worker, make_model
from tests.web.conftest import browser_of
from tests.web.repos import commit_files, get, owner
from workers.contracts import Failure, FailureCode

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    services._valkey().delete(USES)
    yield
    services._valkey().delete(USES)


def verified(repo: Repository) -> list[bool]:
    return [review.verified for review in Review.objects.filter(repository=repo).with_use().order_by("pk")]


def head(repo: Repository) -> str:
    return resolve_revision(repo, "main").oid


def test_weights_are_a_use_and_a_card_is_none(client: Client) -> None:
    repo, ada = make_model(), make_user()
    commit_files(repo, {"README.md": "# Tiny", "shot.png": b"\x89PNG" + bytes(2000)})
    browser = browser_of(ada)
    for path in ("README.md", "config.json", "shot.png"):
        assert get(browser, f"{repo.get_absolute_url()}/resolve/main/{path}").status_code == 200
    weights = f"{repo.get_absolute_url()}/resolve/main/model.safetensors"
    # Somebody without an account, and whoever only asks for the headers.
    assert get(client, weights).status_code == 200
    assert browser.head(weights).status_code == 200
    assert drain_uses() == 0
    for _ in range(2):
        assert get(browser, weights).status_code == 200
    assert drain_uses() == 1
    assert drain_uses() == 0
    used = Use.objects.get()
    assert (used.user, used.repository, used.commit, used.ran_at) == (ada, repo, head(repo), None)
    assert used.downloaded_at is not None


def test_datasets_are_not_kept() -> None:
    data = make_repo(kind="dataset")
    commit_files(data, {"data.bin": b"\0" * 400})
    get(browser_of(make_user()), f"{data.get_absolute_url()}/resolve/main/data.bin")
    assert drain_uses() == 0


def test_a_fetch_by_git_asks_for_what_it_wants_whole() -> None:
    repo = make_repo()
    commit_files(repo, {"a.txt": "a"})
    create_release(repo=repo, actor=owner(repo), tag="v1")
    want = f"0032want {head(repo)}\n".encode()
    assert _fetched(repo, io.BytesIO(b"0011command=fetch0001000fno-progress" + want + b"0009done\n0000")) == [
        head(repo),
        head(repo),
    ]
    assert _fetched(repo, io.BytesIO(b"0014command=ls-refs\n0000")) == []
    assert _fetched(repo, io.BytesIO(want + b"0014filter blob:none0000")) == []
    assert _fetched(repo, io.BytesIO(b"0032want " + b"0" * 40 + b"\n")) == []


def test_a_demo_that_ended_well_is_a_run() -> None:
    repo, ada = make_model(), make_user()
    worker = make_demo_worker()
    for failure in (True, False):
        job = ask(repo, Asker(ada))
        claim = claim_job(worker=worker, job_id=str(job.pk))
        assert claim is not None
        more = {"failure": Failure(FailureCode.BROKEN_MODEL)} if failure else {"result": {}}
        finish_job(worker=worker, job_id=str(job.pk), attempt=claim.attempt, **more)  # type: ignore[arg-type]
        assert Use.objects.exists() == (not failure)
    used = Use.objects.get()
    assert (used.user, used.commit, used.downloaded_at) == (ada, head(repo), None) and used.ran_at is not None


def test_a_review_is_verified_by_the_commit_that_it_names() -> None:
    repo, ada, bob = make_repo(), make_user(), make_user()
    create_release(repo=repo, actor=owner(repo), tag="v1")
    first = head(repo)
    commit_files(repo, {"a.txt": "a"})
    create_release(repo=repo, actor=owner(repo), tag="v2")
    for tag in ("v1", "v2", ""):
        post_review(repo=repo, author=ada, stars=3, tag=tag)
    post_review(repo=repo, author=bob, stars=3)
    other = make_repo()
    note_uses(repo=other, user_id=ada.pk, commits=[first])
    drain_uses()
    assert verified(repo) == [False] * 4
    # One of main by any commit of the model.
    note_uses(repo=repo, user_id=ada.pk, commits=[first])
    drain_uses()
    assert verified(repo) == [True, False, True, False]


def test_what_is_gone_meanwhile_is_left_out() -> None:
    repo, ada, bob = make_repo(), make_user(), make_user()
    other = make_repo()
    for kept in (repo, other):
        note_uses(repo=kept, user_id=ada.pk, commits=["12" * 20])
        note_uses(repo=kept, user_id=bob.pk, commits=["12" * 20])
    delete_repo(repo=repo, actor=owner(repo))
    bob.delete()
    assert drain_uses() == 1
    assert [(used.user, used.repository) for used in Use.objects.all()] == [(ada, other)]


def test_uses_follow_history_that_is_written_again() -> None:
    repo, other, ada = make_repo(), make_repo(), make_user()
    for kept in (repo, other):
        note_uses(repo=kept, user_id=ada.pk, commits=["11" * 20, "22" * 20, "33" * 20])
    drain_uses()
    # Two commits that have become one.
    follow_uses(repo=repo, names={"11" * 20: "44" * 20, "22" * 20: "44" * 20})
    assert set(Use.objects.filter(repository=repo).values_list("commit", flat=True)) == {"44" * 20, "33" * 20}
    assert Use.objects.filter(repository=other).count() == 3


def test_more_than_one_message_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.catalog.services.USES_AT_ONCE", 100)
    repo, ada = make_repo(), make_user()
    note_uses(repo=repo, user_id=ada.pk, commits=[f"{n:040x}" for n in range(1000)])
    assert drain_uses() == 1000 and services._valkey().hlen(USES) == 0


def test_downloads_go_on_without_valkey(monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise RedisError("away")

    with monkeypatch.context() as patched:
        patched.setattr("hub.catalog.services._valkey", away)
        count_download(repo=make_repo(), client="a", user_id=make_user().pk, used=["12" * 20])
        note_uses(repo=make_repo(), user_id=make_user().pk, commits=["12" * 20])


def test_first_times_are_kept() -> None:
    repo, ada = make_repo(), make_user()
    note_uses(repo=repo, user_id=ada.pk, commits=["12" * 20])
    drain_uses()
    first = Use.objects.get()
    assert keep_run(user=ada, repo=repo, commit="12" * 20, at=first.downloaded_at) == 1  # type: ignore[arg-type]
    note_uses(repo=repo, user_id=ada.pk, commits=["12" * 20])
    assert drain_uses() == 0
    again = Use.objects.get()
    assert (again.downloaded_at, again.ran_at) == (first.downloaded_at, first.downloaded_at)
