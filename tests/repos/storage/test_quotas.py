"""What does not fit is refused before bytes are sent, with the way out; what fits never is."""

import io

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from hub.core.models import AuditEvent
from hub.repos.attributes import LargeFileRule
from hub.repos.duplicating import duplicate_repo
from hub.repos.git.commits import Stage, create_commit
from hub.repos.large_files import delete_large_files
from hub.repos.large_uploads import begin_upload, receive_whole
from hub.repos.models import Blob, Repository, Xorb
from hub.repos.storage import quotas
from hub.repos.storage.accounting import count
from hub.repos.storage.quotas import QuotaExceeded, pending_in, require_quota, set_quota
from hub.repos.uploads import receive_file
from hub.repos.xet.services import store_xorb
from tests.factories import make_organization, make_repo, make_user
from tests.repos.xet.building import file_of, shard_of, term, xorb_of
from tests.repos.xet.conftest import register, store

from .content import commit, noise, put, send

pytestmark = pytest.mark.django_db

MB = 1024 * 1024


@pytest.fixture
def repo(settings: Settings) -> Repository:
    settings.QUOTA_USER, settings.QUOTA_ORGANIZATION = 20_000, 50_000
    return make_repo(make_user("ada"))


def upload(repo: Repository, content: bytes) -> str:
    assert repo.created_by is not None
    stream = io.BytesIO(content)
    blob = receive_whole(repo=repo, user=repo.created_by, stream=stream, length=len(content))
    assert stream.tell() == len(content)
    return blob.sha256


def test_an_upload_that_does_not_fit_says_whose_room_is_used_and_the_way_out(repo: Repository) -> None:
    put(repo, "a.bin", noise(1, 12_000))
    content = io.BytesIO(noise(2, 9000))
    with pytest.raises(QuotaExceeded) as refused:
        receive_whole(repo=repo, user=repo.created_by, stream=content, length=9000)  # type: ignore[arg-type]
    assert content.tell() == 0
    assert (refused.value.status, refused.value.code) == (403, "QuotaExceeded")
    said = refused.value.message
    assert "“ada” uses 12 kB of its 20 kB of storage, so 9 kB more do not fit." in said
    assert "Delete large files" in said
    assert "administrator" in said


def test_what_was_sent_and_not_committed_counts_until_it_is_held(repo: Repository) -> None:
    first = upload(repo, noise(1, 12_000))
    assert pending_in(repo.namespace) == 12_000
    with pytest.raises(QuotaExceeded):
        upload(repo, noise(2, 9000))
    # The same once more takes no more room.
    require_quota(repo=repo, user=repo.created_by, new=12_000, besides=[first])  # type: ignore[arg-type]
    commit(repo, a=first)
    assert pending_in(repo.namespace) == 0
    user = repo.created_by
    assert user is not None
    begin_upload(repo=repo, user=user, sha256="ab" * 32, size=5000, part_size=5000)
    assert pending_in(repo.namespace) == 5000
    assert pending_in(repo.namespace, besides=["ab" * 32]) == 0


def test_deleting_makes_room_at_once(repo: Repository) -> None:
    sha256 = put(repo, "a.bin", noise(1, 18_000))
    with pytest.raises(QuotaExceeded):
        upload(repo, noise(2, 9000))
    delete_large_files(repo=repo, actor=repo.created_by, sha256s=[sha256], rewrite_history=False)  # type: ignore[arg-type]
    put(repo, "b.bin", noise(2, 9000))


def test_the_commit_asks_again(repo: Repository) -> None:
    user = repo.created_by
    assert user is not None
    other = make_repo(user)
    set_quota(namespace=repo.namespace, actor=None, quota=0)
    sent = [send(repo, noise(1, 12_000)), send(other, noise(2, 12_000))]
    set_quota(namespace=repo.namespace, actor=None, quota=20_000)
    for each in (repo, other):
        each.refresh_from_db()
    commit(repo, a=sent[0])
    with pytest.raises(QuotaExceeded):
        commit(other, a=sent[1])


def test_small_files_count_as_well(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quotas, "SMALL", 1000)
    monkeypatch.setattr("hub.repos.git.commits.SMALL", 1000)
    user = repo.created_by
    assert user is not None

    def write(path: str, content: bytes) -> None:
        stage = Stage(repo)
        operations = [stage.file(path, content)]
        stage.finish()
        create_commit(repo=repo, actor=user, operations=operations, title="Write")

    write("a.txt", b"a" * 15_000)
    count(repo)
    with pytest.raises(QuotaExceeded):
        write("b.txt", b"b" * 6000)
    sent = io.BytesIO(b"b" * 6000)
    with pytest.raises(QuotaExceeded):
        receive_file(repo=repo, user=user, path="b.txt", stream=sent, length=6000, rule=LargeFileRule())
    assert sent.tell() == 0
    # Its card can still be written.
    write("README.md", b"Moved to another hub.")


def test_chunks_count_as_what_they_are_files_of(repo: Repository) -> None:
    user = repo.created_by
    assert user is not None
    pieces = [noise(n, 9000) for n in range(3)]
    name = store(pieces, repo)
    body = shard_of([(file_of(pieces), [term(name, pieces)], None)])
    with pytest.raises(QuotaExceeded, match="so 27 kB"):
        register(body, repo, user)
    assert not Blob.objects.exists()
    with pytest.raises(QuotaExceeded):
        quotas.require_quota_of_xorb(repo=repo, user=user, name="0" * 64, size=1)
    set_quota(namespace=repo.namespace, actor=None, quota=30_000)
    user.refresh_from_db()
    repo.refresh_from_db()
    register(body, repo, user)
    # Once more is no more.
    register(body, repo, user)


def test_xorbs_that_nothing_is_made_of_count_for_who_sent_them(repo: Repository) -> None:
    """Neither for whom they were proposed to, nor for nobody once that repository is gone."""
    stranger = make_user("eve")
    name, body = xorb_of([noise(n, 9000) for n in range(3)])
    store_xorb(stream=io.BytesIO(body), length=len(body), expected_hash=name, repository=repo, user=stranger)
    assert repo.created_by is not None
    quotas.require_quota_of_xorb(repo=repo, user=repo.created_by, name="0" * 64, size=1)
    with pytest.raises(QuotaExceeded, match="“eve”"):
        quotas.require_quota_of_xorb(repo=repo, user=stranger, name="0" * 64, size=1)
    Xorb.objects.filter(pk=name).update(damaged_at=timezone.now())
    quotas.require_quota_of_xorb(repo=repo, user=stranger, name=name, size=1)
    own = make_repo(stranger)
    repo.delete()
    with pytest.raises(QuotaExceeded, match="“eve”"):
        quotas.require_quota_of_xorb(repo=own, user=stranger, name="0" * 64, size=1)


def test_a_copy_takes_room_of_whom_it_is_made_for(repo: Repository) -> None:
    put(repo, "a.bin", noise(1, 12_000))
    count(repo)
    user = repo.created_by
    assert user is not None
    with pytest.raises(QuotaExceeded, match="ada"):
        duplicate_repo(source=repo, actor=user, namespace=user.namespace, name="copy")
    organization = make_organization(user)
    duplicate_repo(source=repo, actor=user, namespace=organization.namespace, name="copy")


def test_nobody_fills_a_strangers_room_by_what_they_propose(repo: Repository) -> None:
    eve = make_user("eve")
    receive_whole(repo=repo, user=eve, stream=io.BytesIO(noise(1, 15_000)), length=15_000)
    assert (pending_in(repo.namespace), pending_in(eve.namespace)) == (0, 15_000)
    put(repo, "a.bin", noise(2, 15_000))
    with pytest.raises(QuotaExceeded, match="eve"):
        receive_whole(repo=repo, user=eve, stream=io.BytesIO(noise(3, 15_000)), length=15_000)


def test_administrators_give_more_room(repo: Repository) -> None:
    call_command("set_quota", "ADA", "30000")
    repo.namespace.refresh_from_db()
    put(repo, "a.bin", noise(1, 28_000))
    call_command("set_quota", "ada", "default")
    repo.namespace.refresh_from_db()
    assert quotas.quota_of(repo.namespace) == 20_000
    assert AuditEvent.objects.filter(verb="namespace.quota", target="ada").count() == 2
    for arguments in (["nobody", "1"], ["ada", "-1"], ["ada", "much"]):
        with pytest.raises(CommandError):
            call_command("set_quota", *arguments)
