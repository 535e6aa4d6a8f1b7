"""What concerns the S3 store alone: a server that is away, slow, full or set up otherwise; processes; large objects."""

import io
import multiprocessing
import re
import time
from collections.abc import Iterator

import pytest
import pytest_django
from django.core.exceptions import ImproperlyConfigured
from s3transfer.manager import TransferConfig

from hub.core import blobs
from hub.core.blobs import s3 as s3_module
from hub.core.blobs.contract import StoreAway
from hub.core.blobs.s3 import S3Store
from hub.core.blobs.scratch import scratch_file
from hub.core.errors import StorageFull
from tests import s3
from tests.core.blobs.conftest import s3_settings
from tests.core.blobs.content import KEY, PART, content_of, is_content, left_over, put
from tests.relay import Relay, relaying

CONTENT = bytes(range(256)) * 4096 * 3


@pytest.fixture
def relay(swift: s3.S3Server) -> Iterator[Relay]:
    with relaying(swift.port) as relay:
        yield relay


@pytest.fixture
def relayed(swift: s3.S3Server, s3_store: S3Store, relay: Relay) -> S3Store:
    """A store with CONTENT under KEY, whose server is reached through `relay`."""
    put(s3_store, CONTENT)
    return S3Store(s3_settings(swift, s3_store._bucket, endpoint=relay.url))


class TestAway:
    def test_it_is_said_soon(self, swift: s3.S3Server, s3_store: S3Store, relay: Relay) -> None:
        relay.close()
        store = S3Store(s3_settings(swift, s3_store._bucket, endpoint=relay.url))
        began = time.monotonic()
        with pytest.raises(StoreAway, match=r"does not answer.*Try again") as caught:
            store.stat(KEY)
        assert caught.value.status == 503
        assert caught.value.retry_after
        with pytest.raises(StoreAway, match="S3_ENDPOINT is not reached"):
            store.try_out()
        assert time.monotonic() - began < 50

    def test_one_that_hangs_is_not_waited_for(self, relayed: S3Store, relay: Relay) -> None:
        relay.silent = True
        began = time.monotonic()
        with pytest.raises(StoreAway, match="not reached"):
            relayed.try_out()
        assert time.monotonic() - began < 50
        relay.silent = False
        relayed.try_out()

    def test_what_breaks_off_is_read_on(self, relayed: S3Store, relay: Relay) -> None:
        relay.cut_after, relay.cuts = 1_500_000, 2
        assert content_of(relayed) == CONTENT
        assert relay.was_cut == 2
        relay.cuts = 2
        assert b"".join(relayed.read(KEY, 100, len(CONTENT) - 100)) == CONTENT[100:-100]
        assert relay.was_cut == 4

    def test_what_keeps_breaking_off_is_never_taken_for_the_end(self, relayed: S3Store, relay: Relay) -> None:
        relay.cut_after = 500_000
        pieces = relayed.read(KEY)
        read = b""
        with pytest.raises(StoreAway):
            for piece in pieces:
                read += piece
        assert 0 < len(read) < len(CONTENT)
        assert CONTENT.startswith(read)

    def test_what_changes_between_two_reads_is_never_mixed(self, relayed: S3Store, relay: Relay) -> None:
        relay.cut_after, relay.cuts = 1_500_000, 1
        pieces = relayed.read(KEY)
        read = next(pieces)
        put(relayed, bytes(len(CONTENT)))
        with pytest.raises(StoreAway):
            for piece in pieces:
                read += piece
        assert CONTENT.startswith(read)

    def test_an_upload_that_breaks_off_is_sent_again(self, relayed: S3Store, relay: Relay) -> None:
        # The answer is lost, so nobody knows whether it was stored.
        relay.cut_after, relay.cuts = 0, 1
        put(relayed, b"other", KEY[:-1] + "0")
        assert relay.was_cut == 1
        assert content_of(relayed, KEY[:-1] + "0") == b"other"

    def test_a_join_whose_answer_is_lost_goes_on(self, relayed: S3Store, relay: Relay) -> None:
        upload = relayed.begin_parts()
        tag = relayed.put_part(upload, 1, io.BytesIO(b"bytes"), length=5)
        relay.cut_after, relay.cuts = 0, 1
        relayed.join_parts(upload, [tag], KEY, is_content(b"bytes"))
        assert relay.was_cut == 1
        assert content_of(relayed) == b"bytes"

    def test_a_join_that_failed_goes_on_when_it_is_asked_again(self, relayed: S3Store, relay: Relay) -> None:
        upload = relayed.begin_parts()
        tag = relayed.put_part(upload, 1, io.BytesIO(b"bytes"), length=5)

        def check(pieces: object) -> None:
            relay.cut_after = 0

        with pytest.raises(StoreAway):
            relayed.join_parts(upload, [tag], KEY, check)
        relay.cut_after = None
        assert content_of(relayed) == CONTENT
        relayed.join_parts(upload, [tag], KEY, is_content(b"bytes"))
        assert content_of(relayed) == b"bytes"
        assert list(relayed.walk("staging/")) == []


class TestSettings:
    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"access_key": "test:nobody"}, "S3_ACCESS_KEY and S3_SECRET_KEY are not"),
            ({"secret_key": "wrong"}, "S3_ACCESS_KEY and S3_SECRET_KEY are not"),
            ({"region": "elsewhere"}, "S3_REGION is not the region"),
        ],
    )
    def test_what_does_not_fit_is_named(
        self,
        swift: s3.S3Server,
        s3_store: S3Store,
        changes: dict[str, str],
        said: str,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        store = S3Store(s3_settings(swift, s3_store._bucket, **changes))
        for ask in (store.try_out, store.prepare):
            with pytest.raises(StoreAway, match=re.escape(said)):
                ask()
        # Whoever uploads learns no more than that it does not work; the log tells the rest.
        with pytest.raises(StoreAway, match="does not answer"):
            put(store, b"bytes")
        assert said in caplog.text

    def test_a_bucket_that_is_not_there_is_made(self, swift: s3.S3Server, s3_store: S3Store) -> None:
        store = S3Store(s3_settings(swift, f"{s3_store._bucket}-new"))
        with pytest.raises(StoreAway, match="no bucket of the name in S3_BUCKET"):
            store.try_out()
        with pytest.raises(StoreAway):
            store.read(KEY)
        store.prepare()
        store.try_out()
        assert store.stat(KEY) is None

    def test_whoever_may_send_a_part_has_nothing_copied(self, s3_store: S3Store) -> None:
        put(s3_store, CONTENT)
        upload, source = s3_store.begin_parts(), f"{s3_store._bucket}/{KEY}"
        handed_out = s3_store.sign_part(upload, 1, seconds=60)
        assert handed_out
        assert not s3_module._copies(handed_out, source)
        assert s3_store.parts(upload) == []
        # What a server would do that obeys all headers.
        params = {**s3_store._named(upload), "PartNumber": 1, "CopySource": source}
        for_copies = s3_store._public.generate_presigned_url("upload_part_copy", Params=params, ExpiresIn=60)
        assert s3_module._copies(for_copies, source)
        assert [part.size for part in s3_store.parts(upload)] == [len(CONTENT)]

    def test_an_address_that_is_none_is_said(self, swift: s3.S3Server) -> None:
        with pytest.raises(ImproperlyConfigured, match="S3_ENDPOINT"):
            S3Store(s3_settings(swift, "grove", endpoint="no address"))


class TestFull:
    def test_it_is_said_and_nothing_stays(self, swift: s3.S3Server, s3_store: S3Store) -> None:
        upload = s3_store.begin_parts()
        swift.limit(s3_store._bucket, 3 * PART)
        put(s3_store, bytes(PART), KEY)
        another = KEY[:-1] + "0"
        with pytest.raises(StorageFull):
            put(s3_store, bytes(3 * PART), another)
        assert s3_store.stat(another) is None
        s3_store.put_part(upload, 1, io.BytesIO(bytes(2 * PART)), length=2 * PART)
        with pytest.raises(StorageFull):
            s3_store.put_part(upload, 2, io.BytesIO(bytes(2 * PART)), length=2 * PART)
        assert [part.number for part in s3_store.parts(upload)] == [1]
        swift.limit(s3_store._bucket, None)
        put(s3_store, bytes(3 * PART), another)
        assert not left_over()


class TestLargeObjects:
    @pytest.fixture(autouse=True)
    def _in_small_parts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        small = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART)
        monkeypatch.setattr(s3_module, "_PUT", small)
        monkeypatch.setattr(s3_module, "_COPY", small)

    def test_they_are_sent_and_copied_in_parts(self, s3_store: S3Store, swift: s3.S3Server) -> None:
        content = CONTENT * 4
        put(s3_store, content)
        assert content_of(s3_store) == content
        assert b"".join(s3_store.read(KEY, PART - 1, 2 * PART + 1)) == content[PART - 1 : 2 * PART + 1]
        upload = s3_store.begin_parts()
        tag = s3_store.put_part(upload, 1, io.BytesIO(content), length=len(content))
        another = KEY[:-1] + "0"
        s3_store.join_parts(upload, [tag], another, is_content(content))
        assert content_of(s3_store, another) == content
        for key in (KEY, another):
            # How S3 marks what came in parts.
            assert swift.client.head_object(Bucket=s3_store._bucket, Key=key)["ETag"].endswith('-3"')
        s3_store.delete(KEY)
        s3_store.delete(another)
        assert list(s3_store.walk("")) == []

    def test_parts_of_one_that_was_never_finished_are_swept(self, s3_store: S3Store, swift: s3.S3Server) -> None:
        named = {"Bucket": s3_store._bucket, "Key": KEY}
        begun = swift.client.create_multipart_upload(**named)["UploadId"]
        swift.client.upload_part(**named, UploadId=begun, PartNumber=1, Body=b"bytes")
        assert s3_store.sweep_parts(older_than=60) == 0
        assert s3_store.sweep_parts(older_than=-2) == 1
        assert "Uploads" not in swift.client.list_multipart_uploads(Bucket=s3_store._bucket)


def _read_in_a_child(parent: int) -> None:
    assert id(blobs.store()) != parent
    for _ in range(5):
        assert content_of(blobs.store()) == CONTENT


def test_a_forked_process_opens_connections_of_its_own(
    swift: s3.S3Server, s3_store: S3Store, settings: pytest_django.Settings
) -> None:
    put(s3_store, CONTENT)
    settings.S3 = s3_settings(swift, s3_store._bucket)
    blobs.store.cache_clear()
    try:
        assert content_of(blobs.store()) == CONTENT
        child = multiprocessing.get_context("fork").Process(target=_read_in_a_child, args=(id(blobs.store()),))
        child.start()
        for _ in range(5):
            assert content_of(blobs.store()) == CONTENT
        child.join()
        assert child.exitcode == 0
    finally:
        blobs.store.cache_clear()


def test_what_is_not_read_to_its_end_is_closed(s3_store: S3Store) -> None:
    """Else a download that people give up keeps a connection each."""
    put(s3_store, CONTENT)
    for _ in range(3):
        reading = s3_store.read(KEY)
        next(reading)
        reading.close()  # type: ignore[attr-defined]
        s3_store.read(KEY).close()  # type: ignore[attr-defined]
    pools = s3_store._client._endpoint.http_session._manager.pools
    assert len(pools) == 1
    with scratch_file() as handle:
        s3_store.put(handle, KEY)
