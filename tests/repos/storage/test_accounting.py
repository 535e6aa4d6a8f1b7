"""What repositories take up, against a recount by hand, whatever has been done to them."""

import random
from collections.abc import Callable

import pytest

from hub.repos.duplicating import duplicate_repo
from hub.repos.large_files import delete_large_files
from hub.repos.models import Blob, GitObject, RepoBlob, Repository, RepositoryUsage, XetFile, XetFileXorb, Xorb
from hub.repos.services import delete_repo
from hub.repos.storage import accounting, collecting
from hub.repos.storage.accounting import Usage, count, count_due, usage_in, usage_of
from tests.factories import make_repo, make_user

from .content import commit, noise, put, remove, send, send_chunks

pytestmark = pytest.mark.django_db

# Contents that several files are made of, in turn whole and in chunks, some of them in common.
_PIECES = [noise(n, 9000 + n) for n in range(8)]


def recount(repo: Repository) -> Usage:
    """The same by other means: row by row, from the rows of the store to whoever was first."""
    blobs = [row.blob for row in RepoBlob.objects.filter(repository=repo).select_related("blob")]
    first: dict[str, RepoBlob] = {}
    of_xorb: dict[str, RepoBlob] = {}
    for row in RepoBlob.objects.order_by("pk").select_related("blob"):
        first.setdefault(row.blob_id, row)
        for each in XetFileXorb.objects.filter(file=row.blob.xet_file_id):
            of_xorb.setdefault(each.xorb_id, row)
    whole = sum(blob.size for blob in blobs if blob.whole and first[blob.pk].repository_id == repo.pk)
    chunks = sum(
        x.stored_size for x in Xorb.objects.all() if x.pk in of_xorb and of_xorb[x.pk].repository_id == repo.pk
    )
    git = sum(GitObject.objects.filter(store=repo.store_id).values_list("size", flat=True))
    return Usage(sum(blob.size for blob in blobs), git, whole + chunks)


def change(dice: random.Random, repos: list[Repository], turn: int) -> None:
    repo = dice.choice(repos)
    user = repo.created_by
    assert user is not None
    held = list(RepoBlob.objects.filter(repository=repo).values_list("blob_id", flat=True))
    match dice.randrange(8):
        case 0 | 1:
            put(repo, f"whole{turn}", b"".join(dice.sample(_PIECES, 2)))
        case 2 | 3:
            commit(repo, **{f"chunks{turn}": send_chunks(repo, dice.sample(_PIECES, 3))})
        case 4:
            send(repo, noise(100 + turn, 5000))
        case 5 if held:
            delete_large_files(repo=repo, actor=user, sha256s=[dice.choice(held)], rewrite_history=dice.random() < 0.5)
        case 6:
            repos.append(duplicate_repo(source=repo, actor=user, namespace=user.namespace, name=f"copy{turn}"))
        case 7 if len(repos) > 2:
            repos.remove(repo)
            delete_repo(repo=repo, actor=user)


@pytest.mark.parametrize("seed", range(4))
def test_accounts_are_right_after_any_history_and_all_goes_in_the_end(
    seed: int, age: Callable[[float], None], stored: Callable[[], set[str]]
) -> None:
    dice = random.Random(seed)
    repos = [make_repo(), make_repo()]
    for turn in range(12):
        change(dice, repos, turn)
        for repo in repos:
            # Right already, before anybody counts.
            assert usage_of(repo).large == recount(repo).large
        if turn % 4 == 3:
            age(dice.choice([1, 9, 30]))
            collecting.collect_now()
            for repo in repos:
                assert count(repo) == recount(repo) == usage_of(repo)
    names = {repo.namespace for repo in repos}
    totals = [usage_in(namespace) for namespace in names]
    kept = sum(blob.size for blob in Blob.objects.filter(whole=True, pk__in=RepoBlob.objects.values("blob")))
    used = XetFileXorb.objects.filter(
        file__in=Blob.objects.filter(pk__in=RepoBlob.objects.values("blob")).values("xet_file")
    )
    kept += sum(xorb.stored_size for xorb in Xorb.objects.filter(pk__in=used.values("xorb")))
    assert sum(total.stored for total in totals) == kept
    for repo in repos:
        delete_repo(repo=repo, actor=repo.created_by)  # type: ignore[arg-type]
    for days in (15, 8, 1, 28.1, 0, 1, 3):
        age(days)
        collecting.collect_now()
    assert not stored()
    for model in (Blob, Xorb, XetFile, RepositoryUsage, GitObject):
        assert not model.objects.exists(), model


def test_content_that_several_share_is_there_for_the_first_of_them() -> None:
    ada = make_user()
    first, second = make_repo(ada), make_repo(ada)
    for repo in (first, second):
        put(repo, "a.bin", _PIECES[0])
        commit(repo, b=send_chunks(repo, _PIECES[1:3]))
        count(repo)
    size = len(_PIECES[0]) + Xorb.objects.get().stored_size
    assert (usage_of(first).stored, usage_of(second).stored) == (size, 0)
    assert usage_of(first).large == usage_of(second).large == sum(map(len, _PIECES[:3]))
    assert usage_in(ada.namespace).stored == size
    delete_repo(repo=first, actor=ada)
    assert count(second).stored == size
    # A file that goes from `main` is still in history.
    remove(second, "a.bin")
    assert count(second).stored == size


def test_all_are_counted_once_a_day(monkeypatch: pytest.MonkeyPatch, age: Callable[[float], None]) -> None:
    repos = [make_repo() for _ in range(5)]
    monkeypatch.setattr(accounting, "_AT_ONCE", 2)
    turns = 1
    while count_due(seconds=-1):
        turns += 1
    assert turns == 3
    assert all(usage_of(repo).git for repo in repos)
    RepositoryUsage.objects.all().delete()
    assert not count_due(seconds=10)
    assert not RepositoryUsage.objects.exists()
    age(1)
    assert not count_due(seconds=10)
    assert RepositoryUsage.objects.count() == 5
