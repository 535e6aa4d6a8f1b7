"""What every blob store does: files and S3 are held to the same tests."""

import hashlib
import io
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress

import pytest
import pytest_django

from hub.core.blobs import lfs_key, scratch, xorb_key
from hub.core.blobs.contract import PIECE, BlobMissing, BlobStore, UploadIsOver
from hub.core.blobs.scratch import scratch_file
from hub.core.errors import Conflict, Invalid, StorageFull, Unavailable
from tests.core.blobs.content import KEY, PART, content_of, is_content, left_over, put


class TestContent:
    def test_it_comes_back_whole_and_in_ranges(self, store: BlobStore) -> None:
        content = bytes(range(251)) * 10_000
        put(store, content)
        found = store.stat(KEY)
        assert found is not None
        assert (found.key, found.size) == (KEY, len(content))
        pieces = list(store.read(KEY))
        assert b"".join(pieces) == content
        assert max(map(len, pieces)) <= PIECE
        for start, end in [(0, 1), (7, 1_500_007), (PIECE, None), (len(content) - 1, len(content)), (5, 5)]:
            assert b"".join(store.read(KEY, start, end)) == content[start:end]
        assert b"".join(store.read(KEY, 10, 10**9)) == content[10:]
        assert b"".join(store.read(KEY, len(content))) == b""
        assert b"".join(store.read(KEY, 10**9, 10**9 + 1)) == b""
        if handle := store.open_file(KEY):
            with handle:
                assert handle.read() == content
        assert not left_over()

    def test_what_is_not_there_is_said_before_it_is_read(self, store: BlobStore) -> None:
        assert store.stat(KEY) is None
        for ask in (
            lambda: store.read(KEY),
            lambda: store.read(KEY, 1, 2),
            lambda: store.read(KEY, 2, 2),
        ):
            with pytest.raises(BlobMissing):
                ask()
        store.delete(KEY)
        assert list(store.walk("lfs/")) == []

    def test_nothing_is_content_too(self, store: BlobStore) -> None:
        put(store, b"")
        assert content_of(store) == b""
        assert b"".join(store.read(KEY, 0, 10)) == b""
        found = store.stat(KEY)
        assert found is not None
        assert found.size == 0

    def test_putting_again_mends_what_was_there(self, store: BlobStore) -> None:
        put(store, b"damaged")
        reading = store.read(KEY)
        put(store, b"as it should be")
        assert content_of(store) == b"as it should be"
        # Whoever was reading goes on with what they began.
        assert b"".join(reading) in (b"damaged", b"as it should be")

    def test_deleting_takes_it_away(self, store: BlobStore) -> None:
        put(store, b"bytes")
        store.delete(KEY)
        store.delete(KEY)
        assert store.stat(KEY) is None
        with pytest.raises(BlobMissing):
            store.read(KEY)

    def test_walking_goes_by_key_and_goes_on_where_it_was(self, store: BlobStore) -> None:
        keys = sorted(lfs_key(hashlib.sha256(bytes([number])).hexdigest()) for number in range(5))
        for key in [*reversed(keys), xorb_key("0" * 64)]:
            put(store, key.encode(), key)
        found = list(store.walk("lfs/"))
        assert [each.key for each in found] == keys
        assert [each.size for each in found] == [len(key) for key in keys]
        assert [each.key for each in store.walk("lfs/", after=keys[2])] == keys[3:]
        assert [each.key for each in store.walk(keys[1][:9])] == [key for key in keys if key.startswith(keys[1][:9])]
        assert [each.key for each in store.walk("xorbs/")] == [xorb_key("0" * 64)]
        assert list(store.walk("xorbs/", after=xorb_key("0" * 64))) == []

    def test_its_time_is_that_of_its_coming(self, store: BlobStore) -> None:
        put(store, b"first", KEY)
        put(store, b"second", xorb_key("1" * 64))
        first, second = store.stat(KEY), store.stat(xorb_key("1" * 64))
        assert first is not None
        assert second is not None
        # Servers tell whole seconds.
        assert int(first.modified) <= second.modified
        assert next(store.walk(KEY)).modified == pytest.approx(first.modified, abs=1)

    def test_many_threads_use_it_at_once(self, store: BlobStore) -> None:
        failed: list[BaseException] = []

        def work(number: int) -> None:
            try:
                content = bytes([number]) * 100_000
                put(store, content, lfs_key(f"{number:064x}"))
                assert content_of(store, lfs_key(f"{number:064x}")) == content
            except BaseException as error:
                failed.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failed
        assert len(list(store.walk("lfs/"))) == 8

    def test_it_is_well_and_may_be_prepared_again(self, store: BlobStore) -> None:
        put(store, b"kept")
        store.prepare()
        store.try_out()
        assert content_of(store) == b"kept"
        assert list(store.walk("staging/")) == []


class TestParts:
    def test_they_come_in_any_order_and_again(self, store: BlobStore) -> None:
        first, last = b"a" * PART, b"end"
        upload = store.begin_parts()
        assert store.parts(upload) == []
        tag_of_last = store.put_part(upload, 2, io.BytesIO(last), length=len(last))
        store.put_part(upload, 1, io.BytesIO(b"x" * PART), length=PART)
        tag_of_first = store.put_part(upload, 1, io.BytesIO(first), length=PART)
        assert [tuple(part) for part in store.parts(upload)] == [(1, PART, tag_of_first), (2, 3, tag_of_last)]
        store.join_parts(upload, [tag_of_first, tag_of_last], KEY, is_content(first + last))
        assert content_of(store) == first + last
        assert store.parts(upload) == []
        assert not left_over()
        assert list(store.walk("staging/")) == []

    def test_none_is_empty_content(self, store: BlobStore) -> None:
        store.join_parts(store.begin_parts(), [], KEY, is_content(b""))
        assert content_of(store) == b""

    def test_what_the_check_refuses_is_gone(self, store: BlobStore) -> None:
        upload = store.begin_parts()
        tag = store.put_part(upload, 1, io.BytesIO(b"bytes"), length=5)
        with pytest.raises(Invalid, match="nothing was stored"):
            store.join_parts(upload, [tag], KEY, is_content(b"other"))
        assert store.stat(KEY) is None
        assert store.parts(upload) == []
        assert not left_over()
        assert list(store.walk("staging/")) == []
        with pytest.raises(Conflict):
            store.join_parts(upload, [tag], KEY, is_content(b"bytes"))

    @pytest.mark.parametrize(("length", "sent"), [(5, b"four"), (5, b"sixsix"), (0, b"one")])
    def test_a_part_has_its_length(self, store: BlobStore, length: int, sent: bytes) -> None:
        upload = store.begin_parts()
        with pytest.raises(Invalid, match=f"has {length} bytes"):
            store.put_part(upload, 1, io.BytesIO(sent), length=length)
        assert store.parts(upload) == []
        store.drop_parts(upload)
        assert not left_over()

    @pytest.mark.parametrize("tags", [["{tag}", "0" * 32], ["0" * 64], ["../../{tag}"]])
    def test_only_what_has_come_is_put_together(self, store: BlobStore, tags: list[str]) -> None:
        upload = store.begin_parts()
        tag = store.put_part(upload, 1, io.BytesIO(bytes(PART)), length=PART)
        with pytest.raises(Conflict, match=r"named here|arrived"):
            store.join_parts(upload, [each.format(tag=tag) for each in tags], KEY, is_content(bytes(PART)))
        # It is not over, so what is missing can still be sent.
        assert [part.tag for part in store.parts(upload)] == [tag]
        store.join_parts(upload, [tag], KEY, is_content(bytes(PART)))
        assert content_of(store) == bytes(PART)

    def test_what_is_over_takes_no_part(self, store: BlobStore) -> None:
        upload = store.begin_parts()
        tag = store.put_part(upload, 1, io.BytesIO(b"bytes"), length=5)
        assert store.is_open(upload)
        store.drop_parts(upload)
        store.drop_parts(upload)
        assert not store.is_open(upload)
        assert store.parts(upload) == []
        with pytest.raises(UploadIsOver):
            store.put_part(upload, 1, io.BytesIO(b"bytes"), length=5)
        with pytest.raises(UploadIsOver):
            store.join_parts(upload, [tag], KEY, is_content(b"bytes"))
        assert not left_over()
        assert store.stat(KEY) is None

    def test_nothing_comes_of_bytes_that_change_during_the_check(self, store: BlobStore) -> None:
        upload = store.begin_parts()
        tag = store.put_part(upload, 1, io.BytesIO(b"right"), length=5)

        def send_others() -> None:
            # Swift takes them, and from then on refuses to give out the object that they are no part of.
            with suppress(Conflict, Unavailable):
                store.put_part(upload, 1, io.BytesIO(b"wrong"), length=5)

        def check(pieces: Iterable[bytes]) -> None:
            is_content(b"right")(pieces)
            send_others()
            assert store.stat(KEY) is None

        try:
            store.join_parts(upload, [tag], KEY, check)
        except Unavailable:
            assert store.stat(KEY) is None
            with pytest.raises((Conflict, Unavailable)):
                store.join_parts(upload, [tag], KEY, is_content(b"wrong"))
            assert store.stat(KEY) is None
        else:
            assert content_of(store) == b"right"

    def test_two_that_put_the_same_together_do_no_harm(self, store: BlobStore) -> None:
        upload = store.begin_parts()
        tag = store.put_part(upload, 1, io.BytesIO(b"bytes"), length=5)
        refused: list[Exception] = []

        def check(pieces: Iterable[bytes]) -> None:
            try:
                store.join_parts(upload, [tag], KEY, is_content(b"bytes"))
            except (Conflict, Unavailable) as error:
                refused.append(error)
            is_content(b"bytes")(pieces)

        try:
            store.join_parts(upload, [tag], KEY, check)
        except (Conflict, Unavailable) as error:
            refused.append(error)
        assert len(refused) == 1
        assert content_of(store) == b"bytes"
        assert list(store.walk("staging/")) == []

    def test_it_goes_on_after_whoever_joined_it_was_killed_or_is_over(self, store: BlobStore) -> None:
        upload = store.begin_parts()
        tag = store.put_part(upload, 1, io.BytesIO(b"bytes"), length=5)

        def join_and_die() -> None:
            store.join_parts(upload, [tag], KEY, lambda pieces: os._exit(7))

        child = multiprocessing.get_context("fork").Process(target=join_and_die)
        child.start()
        child.join()
        assert child.exitcode == 7
        assert store.stat(KEY) is None
        if store.is_open(upload):
            store.join_parts(upload, [tag], KEY, is_content(b"bytes"))
            assert content_of(store) == b"bytes"
        else:
            with pytest.raises(UploadIsOver):
                store.join_parts(upload, [tag], KEY, is_content(b"bytes"))
        assert not store.is_open(upload)
        assert list(store.walk("staging/joining")) == []

    def test_only_old_ones_are_swept(self, store: BlobStore) -> None:
        uploads = [store.begin_parts(), store.begin_parts()]
        tag = store.put_part(uploads[0], 1, io.BytesIO(b"bytes"), length=5)
        put(store, b"content")
        assert store.sweep_parts(older_than=60) == 0
        assert [part.tag for part in store.parts(uploads[0])] == [tag]
        assert store.sweep_parts(older_than=-2) == 2
        assert store.parts(uploads[0]) == []
        assert store.sweep_parts(older_than=-2) == 0
        assert content_of(store) == b"content"

    def test_a_full_disk_is_said_and_leaves_nothing(self, store: BlobStore, limit_files: Callable[[int], None]) -> None:
        upload = store.begin_parts()
        limit_files(PIECE)
        with pytest.raises(StorageFull):
            store.put_part(upload, 1, io.BytesIO(bytes(4 * PIECE)), length=4 * PIECE)
        assert store.parts(upload) == []
        store.drop_parts(upload)
        assert not left_over()

    def test_a_part_that_leaves_no_room_is_not_read(self, store: BlobStore, settings: pytest_django.Settings) -> None:
        upload = store.begin_parts()
        settings.KEEP_FREE_BYTES = 10**18
        body = io.BytesIO(b"abc")
        with pytest.raises(StorageFull, match="room for 0 bytes"):
            store.put_part(upload, 1, body, length=3)
        assert body.tell() == 0


class TestScratch:
    def test_only_old_files_are_swept(self, file_store: BlobStore) -> None:
        with scratch_file():
            assert scratch.sweep_scratch(older_than=60) == 0
            assert len(left_over()) == 1
            assert scratch.sweep_scratch(older_than=-1) == 1
        assert not left_over()
