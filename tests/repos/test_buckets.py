"""Buckets: what becomes of their files, of the content that they hold, and of what is counted."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from hub.accounts.models import User
from hub.core.errors import TooLarge
from hub.core.models import AuditEvent
from hub.repos import bucket_files, buckets
from hub.repos.buckets import Failure, Put, Remove, change_files
from hub.repos.chunking import chunk_pending
from hub.repos.errors import EntryNotFound, RepoExists
from hub.repos.models import (
    Blob,
    BlobClaim,
    BucketFile,
    BucketTotals,
    Gate,
    GitStore,
    Kind,
    RepoBlob,
    Repository,
    Visibility,
)
from hub.repos.permissions import may_propose
from hub.repos.services import delete_repo, move_repo
from tests.factories import make_repo, make_user
from tests.repos.buckets import THEN, make_bucket, put, send
from tests.web.repos import commit_files

CONTENTS = [b"", b"one", b"two", b"three" * 100]


def change(bucket: Repository, *operations: Put | Remove, by: User | None = None) -> list[Failure]:
    actor = by or bucket.created_by
    assert actor is not None
    return change_files(repo=bucket, actor=actor, operations=operations)


def held(bucket: Repository) -> set[str]:
    return set(RepoBlob.objects.filter(repository=bucket).values_list("blob_id", flat=True))


def paths(bucket: Repository) -> list[str]:
    return [entry.path for entry in bucket_files.list_below(bucket, "", limit=1000)]


@pytest.mark.django_db
def test_files_come_and_go_and_the_content_with_them() -> None:
    bucket = make_bucket()
    put(bucket, {"a.bin": b"one", "b/c.bin": b"one", "b/d.bin": b"two"})
    one, two = sha256(b"one").hexdigest(), sha256(b"two").hexdigest()
    assert paths(bucket) == ["a.bin", "b/c.bin", "b/d.bin"]
    assert held(bucket) == {one, two}
    assert change(bucket, Remove("a.bin"), Remove("b/d.bin")) == []
    assert held(bucket) == {one}, "Another file is still this content."
    assert change(bucket, Put("b/c.bin", THEN, sha256=send(bucket, b"new"))) == []
    assert held(bucket) == {sha256(b"new").hexdigest()}
    totals = BucketTotals.objects.get(repository=bucket)
    assert (totals.files, totals.size) == (1, 3)
    act = AuditEvent.objects.filter(target=bucket.audit_name, verb="bucket.change").order_by("pk")[1]
    assert act.data == {"put": 0, "removed": 2, "paths": ["a.bin", "b/d.bin"]}


@pytest.mark.django_db
def test_what_cannot_be_done_is_told_and_the_rest_is_done() -> None:
    bucket = make_bucket()
    put(bucket, {"a": b"one", "d/e/f": b"one"})
    ours = send(bucket, b"two")
    failures = change(
        bucket,
        Put("a/b", THEN, sha256=ours),
        Put("d/e", THEN, sha256=ours),
        Put("d", THEN, sha256=ours),
        Put("../up", THEN, sha256=ours),
        Put("x/" * 65 + "y", THEN, sha256=ours),
        Put("unknown", THEN, sha256="0" * 64),
        Put("odd", THEN, xet_hash="no hash"),
        Remove("nothing"),
        Remove("d"),
        Put("good", THEN, sha256=ours),
    )
    assert [path for path, _error in failures] == [
        "a/b", "d/e", "d", "../up", "x/" * 65 + "y", "unknown", "odd", "nothing", "d",
    ]  # fmt: skip
    assert paths(bucket) == ["a", "d/e/f", "good"]
    assert "is a file here" in failures[0].error
    assert "is a folder here" in failures[1].error


@pytest.mark.django_db
def test_operations_are_done_in_their_order() -> None:
    bucket = make_bucket()
    put(bucket, {"a": b"one", "d/e": b"one"})
    one = send(bucket, b"one")
    assert change(bucket, Remove("a"), Put("a/b", THEN, sha256=one), Remove("d/e"), Put("d", THEN, sha256=one)) == []
    assert paths(bucket) == ["a/b", "d"]
    assert [path for path, _error in change(bucket, Put("d/x", THEN, sha256=one), Remove("d"))] == ["d/x"]
    assert change(bucket, Put("n", THEN, sha256=one), Remove("n")) == []
    assert paths(bucket) == ["a/b"]
    assert BucketTotals.objects.get(repository=bucket).files == 1


@pytest.mark.django_db
def test_a_name_is_no_right() -> None:
    secret = make_bucket(visibility=Visibility.PRIVATE)
    put(secret, {"s": b"secret"})
    name = sha256(b"secret").hexdigest()
    own = make_bucket()
    assert [f.path for f in change(own, Put("s", THEN, sha256=name))] == ["s"]
    source = (Kind.BUCKET.value, secret.full_name)
    (hidden,) = change(own, Put("s", THEN, sha256=name, source=source))
    (absent,) = change(own, Put("s", THEN, sha256=name, source=(Kind.BUCKET.value, "nobody/nothing")))
    assert hidden.error.replace(secret.full_name, "X") == absent.error.replace("nobody/nothing", "X")
    Repository.objects.filter(pk=secret.pk).update(visibility=Visibility.PUBLIC)
    assert change(own, Put("s", THEN, sha256=name, source=source)) == []
    assert change(own, Put("again", THEN, sha256=name)) == []
    # What somebody has sent to one bucket is not sent to all of theirs, nor to others' use of that bucket.
    assert secret.created_by is not None
    send(secret, b"fresh")
    fresh = sha256(b"fresh").hexdigest()
    assert [f.path for f in change(own, Put("f", THEN, sha256=fresh))] == ["f"]


@pytest.mark.django_db
def test_whoever_knows_a_hash_keeps_nothing_from_being_deleted() -> None:
    theirs, own = make_bucket(visibility=Visibility.PRIVATE), make_bucket()
    secret = send(theirs, b"secret")
    Blob.objects.filter(pk=secret).update(unreferenced_at=1, condemned_at=2)
    copy = Put("b", THEN, sha256=secret, source=("bucket", own.full_name))
    assert len(change(own, Put("a", THEN, sha256=secret), copy)) == 2
    assert Blob.objects.filter(pk=secret, unreferenced_at=1, condemned_at=2).exists()
    assert change(theirs, Put("a", THEN, sha256=secret)) == []
    assert Blob.objects.filter(pk=secret, unreferenced_at=None, condemned_at=None).exists()


@pytest.mark.django_db
def test_files_are_copied_from_repositories_that_one_may_fetch() -> None:
    dataset = make_repo(kind=Kind.DATASET)
    commit_files(dataset, {"large.bin": b"\0large" * 100})
    large = sha256(b"\0large" * 100).hexdigest()
    bucket = make_bucket()
    source = ("dataset", dataset.full_name)
    assert change(bucket, Put("l", THEN, sha256=large, source=source)) == []
    Repository.objects.filter(pk=dataset.pk).update(gate=Gate.MANUAL)
    (gated,) = change(bucket, Put("m", THEN, sha256=large, source=source))
    assert "whom its owner lets in" in gated.error
    (no_kind,) = change(bucket, Put("m", THEN, sha256=large, source=("thing", dataset.full_name)))
    assert "type" in no_kind.error
    assert dataset.created_by is not None
    assert held(bucket) == {large}, "What was copied stays."
    move_repo(repo=dataset, actor=dataset.created_by, namespace=dataset.namespace, name="elsewhere")
    Repository.objects.filter(pk=dataset.pk).update(gate=Gate.OPEN)
    assert change(bucket, Put("m", THEN, sha256=large, source=source)) == [], "Its former name leads to it."


@pytest.mark.django_db
def test_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = make_bucket()
    with pytest.raises(TooLarge):
        change(bucket, *[Remove(str(number)) for number in range(1001)])
    monkeypatch.setattr(buckets, "MAX_FILES", 2)
    put(bucket, {"a": b"one", "b": b"two"})
    one = send(bucket, b"one")
    (full,) = change(bucket, Put("c", THEN, sha256=one), Put("a", THEN, sha256=one))
    assert (full.path, paths(bucket)) == ("c", ["a", "b"])


@pytest.mark.django_db
def test_a_call_costs_the_same_for_one_file_and_for_many() -> None:
    bucket = make_bucket()
    put(bucket, {f"old/{number}": b"old" for number in range(50)})
    digest = send(bucket, b"one")

    def cost(operations: Sequence[Put | Remove]) -> int:
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert change(bucket, *operations) == []
        return len(asked)

    one = cost([Put("new/a", THEN, sha256=digest), Remove("old/49")])
    many = cost(
        [*(Put(f"many/{n}/{n}", THEN, sha256=digest) for n in range(300)), *(Remove(f"old/{n}") for n in range(49))]
    )
    assert many <= one <= 21


@pytest.mark.django_db
def test_folders_are_listed_without_a_look_at_what_is_below() -> None:
    bucket = make_bucket()
    put(bucket, dict.fromkeys(["a", "b/1", "b/2", "b/c/3", "b-4", "b0", "é/x", "z.txt", "b.d/x"], b"one"))

    def names(path: str, **more: object) -> list[str]:
        return [entry.cursor for entry in bucket_files.list_at(bucket, path, limit=100, **more)]  # type: ignore[arg-type]

    everything = ["a", "b-4", "b.d/", "b/", "b0", "z.txt", "é/"]
    assert names("") == everything
    assert names("b") == ["b/1", "b/2", "b/c/"]
    assert names("b/c/") == ["b/c/3"]
    assert names("z.txt") == ["z.txt"]
    assert names("b/") == names("b")
    assert names("b/c/3/") == names("z/") == []
    assert names("b.") == ["b.d/"] and names("b/c") == ["b/c/3"] and names("b/") == ["b/1", "b/2", "b/c/"]
    assert bucket_files.list_folder(bucket, "b.", limit=9) == bucket_files.list_folder(bucket, "a", limit=9) == []
    assert names("nothing") == []
    for number, cursor in enumerate(everything, start=1):
        assert names("", after=cursor) == everything[number:]
    # A page that ends with a folder's last entry has an empty page behind it, and not what stands beside the folder.
    assert names("b", after="b/c/") == []
    page = bucket_files.list_folder(bucket, "", limit=3)
    assert [entry.path for entry in page] == everything[:2] + ["b.d"]
    assert [e.path for e in bucket_files.list_below(bucket, "b", limit=100)] == [
        "b-4",
        "b.d/x",
        "b/1",
        "b/2",
        "b/c/3",
        "b0",
    ]
    assert [e.path for e in bucket_files.list_below(bucket, "b/", after="b/1", limit=100)] == ["b/2", "b/c/3"]
    assert [e.path for e in bucket_files.find_files(bucket, ["b", "b0", "a", "x\0"])] == ["a", "b0"]
    assert bucket_files.get_file(bucket, "b/1").blob.size == 3
    for path in ("b", "x\0"):
        with pytest.raises(EntryNotFound):
            bucket_files.get_file(bucket, path)


@pytest.mark.django_db
def test_a_bucket_goes_with_all_that_is_its() -> None:
    bucket = make_bucket()
    owner = bucket.created_by
    assert owner is not None
    put(bucket, {"a": b"one"})
    with pytest.raises(RepoExists):
        make_bucket(owner)
    make_repo(owner, name="things")  # a model may have the name of a bucket
    store = bucket.store_id
    delete_repo(repo=bucket, actor=owner)
    assert not GitStore.objects.filter(pk=store).exists()
    assert not BucketFile.objects.exists() and not RepoBlob.objects.exists() and not BlobClaim.objects.exists()


@pytest.mark.django_db
def test_only_who_may_write_sends_content_to_a_bucket() -> None:
    bucket, stranger = make_bucket(), make_user()
    assert bucket.created_by is not None
    assert may_propose(bucket.created_by, bucket)
    assert not may_propose(stranger, bucket)
    assert may_propose(stranger, make_repo())


NAMES = st.lists(st.sampled_from(["a", "b", "a.b", "a0"]), min_size=1, max_size=3).map("/".join)
STEPS = st.one_of(
    st.tuples(st.just("put"), NAMES, st.sampled_from(range(len(CONTENTS)))), st.tuples(st.just("remove"), NAMES)
)


class BatchesTest(TestCase):
    @settings(max_examples=40, deadline=None)
    @given(st.lists(st.lists(STEPS, min_size=1, max_size=12), min_size=1, max_size=6))
    def test_batches_do_what_a_dictionary_does(self, batches: list[list[tuple[object, ...]]]) -> None:
        bucket = make_bucket(make_user())
        digests = [send(bucket, content) for content in CONTENTS]
        model: dict[str, int] = {}
        for batch in batches:
            operations: list[Put | Remove] = []
            refused = []
            for step in batch:
                path = str(step[1])
                if step[0] == "remove":
                    operations.append(Remove(path))
                    if model.pop(path, None) is None:
                        refused.append(path)
                    continue
                content = step[2]
                assert isinstance(content, int)
                operations.append(Put(path, THEN, sha256=digests[content]))
                above = any(path.startswith(f"{other}/") for other in model)
                if above or any(other.startswith(f"{path}/") for other in model):
                    refused.append(path)
                else:
                    model[path] = content
            assert [path for path, _error in change(bucket, *operations)] == refused
            there = bucket_files.list_below(bucket, "", limit=1000)
            assert {entry.path: entry.sha256 for entry in there} == {p: digests[c] for p, c in model.items()}
            assert held(bucket) == {digests[content] for content in model.values()}
            totals = BucketTotals.objects.get(repository=bucket)
            assert (totals.files, totals.size) == (len(model), sum(len(CONTENTS[c]) for c in model.values()))
            for folder in ("", "a", "a/b"):
                inner = f"{folder}/" if folder else ""
                below = {path[len(inner) :] for path in model if path.startswith(inner)}
                wanted = {inner + rest.partition("/")[0] for rest in below} or {folder} & model.keys()
                listed = [entry.path for entry in bucket_files.list_at(bucket, folder, limit=1000)]
                if wanted:
                    assert sorted(listed) == sorted(wanted)


@pytest.mark.django_db(transaction=True)
def test_batches_at_one_moment_follow_one_another() -> None:
    left, right = make_bucket(name="left"), make_bucket(name="right")
    digests = [send(bucket, content) for content in CONTENTS[1:] for bucket in (left, right)]
    names = [f"f/{number}" for number in range(12)]

    def work(turn: int) -> list[Failure]:
        bucket = left if turn % 2 else right
        try:
            order = names if turn % 3 else names[::-1]
            puts = [Put(path, THEN, sha256=digests[(turn + n) % len(digests)]) for n, path in enumerate(order)]
            return change(bucket, *puts)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        assert all(failures == [] for failures in threads.map(work, range(16)))
    for bucket in (left, right):
        there = bucket_files.list_below(bucket, "", limit=100)
        assert {entry.path for entry in there} == set(names)
        assert held(bucket) == {entry.sha256 for entry in there}
        totals = BucketTotals.objects.get(repository=bucket)
        assert (totals.files, totals.size) == (len(there), sum(entry.size for entry in there))


@pytest.mark.django_db(transaction=True)
def test_small_files_are_cut_into_chunks_too() -> None:
    """Tools know files of buckets by the hash of their chunks, however small they are; what has no bytes has a hash at once."""
    bucket = make_bucket()
    put(bucket, {"empty": b"", "small": b"small"})
    assert [entry.xet_hash for entry in bucket_files.list_folder(bucket, "", limit=9)] == ["0" * 64, None]
    chunk_pending(seconds=60)
    _empty, small = bucket_files.list_folder(bucket, "", limit=9)
    assert small.xet_hash is not None
    named = [Put("a", THEN, xet_hash=small.xet_hash), Put("b", THEN, xet_hash="0" * 64)]
    assert change(bucket, *named) == []
    assert [entry.size for entry in bucket_files.list_folder(bucket, "", limit=2)] == [5, 0]
