"""What an address of the S3 store opens, and everything else that the server refuses with it. Asked as any client would."""

import base64
import hashlib
import io
import time
import zlib
from urllib.parse import parse_qs, urlsplit

import httpx2 as httpx
import pytest

from hub.core.blobs.contract import BlobStore
from hub.core.blobs.files import FileStore
from hub.core.blobs.s3 import S3Store
from tests import s3
from tests.core.blobs.conftest import s3_settings
from tests.core.blobs.content import KEY, PART, content_of, is_content, put

CONTENT = bytes(range(256)) * 8


def address_of(store: BlobStore, **options: object) -> str:
    found = store.sign_get(KEY, **{"seconds": 60, **options})  # type: ignore[arg-type]
    assert found is not None
    return found


def tampered(url: str, name: str, value: str) -> str:
    """The address with another value of a parameter that was signed."""
    assert parse_qs(urlsplit(url).query)[name] != [value]
    return str(httpx.URL(url).copy_set_param(name, value))


@pytest.fixture
def kept(s3_store: S3Store) -> S3Store:
    put(s3_store, CONTENT)
    return s3_store


class TestOfContent:
    def test_it_opens_the_whole_and_ranges_of_it(self, kept: S3Store) -> None:
        url = address_of(kept, content_type="text/plain", disposition="attachment; filename*=UTF-8''%E6%A8%A1.txt")
        answer = httpx.get(url)
        assert answer.content == CONTENT
        assert answer.headers["Content-Type"].split(";")[0] == "text/plain"
        assert answer.headers["Content-Disposition"] == "attachment; filename*=UTF-8''%E6%A8%A1.txt"
        answer = httpx.get(url, headers={"Range": "bytes=100-199"})
        assert (answer.status_code, answer.content) == (206, CONTENT[100:200])

    def test_one_of_a_range_opens_that_range_alone(self, kept: S3Store) -> None:
        url = address_of(kept, span=(100, 200))
        answer = httpx.get(url, headers={"Range": "bytes=100-199"})
        assert (answer.status_code, answer.content) == (206, CONTENT[100:200])
        for other in ({}, {"Range": "bytes=0-199"}, {"Range": "bytes=100-200"}, {"Range": "bytes=100-"}):
            assert httpx.get(url, headers=other).status_code == 403

    def test_it_opens_nothing_else(self, kept: S3Store) -> None:
        url = address_of(kept)
        put(kept, b"another", KEY[:-1] + "0")
        for other in (
            url.replace(KEY, KEY[:-1] + "0"),
            tampered(url, "X-Amz-Expires", "86400"),
            tampered(url, "X-Amz-Signature", "0" * 64),
            tampered(url, "response-content-type", "text/html"),
            tampered(url, "X-Amz-Credential", "another/20200101/us-east-1/s3/aws4_request"),
        ):
            assert httpx.get(other).status_code in (400, 403)
        for method in ("PUT", "DELETE"):
            assert httpx.request(method, url, content=b"other").status_code == 403
        # Nor does its path without a signature.
        bare = url.partition("?")[0]
        assert httpx.get(bare).status_code in (400, 403)
        assert httpx.put(bare, content=b"other").status_code in (400, 403)
        assert content_of(kept) == CONTENT

    def test_it_opens_nothing_once_its_time_is_over(self, kept: S3Store) -> None:
        url = address_of(kept, seconds=1)
        made = time.monotonic()
        while (answer := httpx.get(url)).status_code == 200:
            assert time.monotonic() < made + 30
            time.sleep(0.2)
        assert answer.status_code == 403
        assert answer.text.count("AccessDenied") or answer.text.count("expired")

    def test_one_that_somebody_else_signed_opens_nothing(self, kept: S3Store, swift: s3.S3Server) -> None:
        bucket = urlsplit(address_of(kept)).path.split("/")[1]
        for changes in ({"secret_key": "guessed"}, {"access_key": "test:nobody"}):
            stranger = S3Store(s3_settings(swift, bucket, **changes))
            assert httpx.get(address_of(stranger)).status_code == 403


class TestOfParts:
    def test_parts_go_straight_to_the_store(self, s3_store: S3Store) -> None:
        upload = s3_store.begin_parts()
        first, last = bytes(PART), b"the end"
        for number, content in [(2, last), (1, first)]:
            url = s3_store.sign_part(upload, number, seconds=60)
            assert url is not None
            answer = httpx.put(url, content=content)
            assert answer.status_code == 200
            # Clients send this back, and name the part by it.
            assert (
                answer.headers["ETag"].strip('"') == {part.number: part.tag for part in s3_store.parts(upload)}[number]
            )
        tags = [part.tag for part in s3_store.parts(upload)]
        s3_store.join_parts(upload, tags, KEY, is_content(first + last))
        assert content_of(s3_store) == first + last

    def test_an_address_takes_one_part_of_one_length(self, s3_store: S3Store) -> None:
        upload, other = s3_store.begin_parts(), s3_store.begin_parts()
        url = s3_store.sign_part(upload, 1, seconds=60, length=5)
        assert url is not None
        for content in (b"four", b"sixsix", b""):
            assert httpx.put(url, content=content).status_code == 403
        assert httpx.put(tampered(url, "partNumber", "2"), content=b"bytes").status_code == 403
        assert httpx.put(tampered(url, "uploadId", other.split(".")[1]), content=b"bytes").status_code == 403
        assert httpx.get(url).status_code == 403
        assert httpx.put(url.replace("uploadId=", "noUpload="), content=b"bytes").status_code == 403
        assert s3_store.parts(upload) == s3_store.parts(other) == []
        assert httpx.put(url, content=b"bytes").status_code == 200

    def test_it_takes_nothing_once_the_upload_is_over(self, s3_store: S3Store) -> None:
        upload = s3_store.begin_parts()
        url = s3_store.sign_part(upload, 1, seconds=60)
        assert url is not None
        tag = s3_store.put_part(upload, 1, io.BytesIO(b"bytes"), length=5)
        s3_store.join_parts(upload, [tag], KEY, is_content(b"bytes"))
        assert httpx.put(url, content=b"other").status_code == 404
        assert content_of(s3_store) == b"bytes"

    @pytest.mark.parametrize(
        "header",
        [
            {"Content-MD5": base64.b64encode(hashlib.md5(b"other", usedforsecurity=False).digest()).decode()},
            {"x-amz-checksum-crc32": base64.b64encode(zlib.crc32(b"other").to_bytes(4, "big")).decode()},
            {"x-amz-checksum-sha256": base64.b64encode(hashlib.sha256(b"other").digest()).decode()},
        ],
    )
    def test_a_part_has_the_checksum_that_comes_with_it(self, s3_store: S3Store, header: dict[str, str]) -> None:
        upload = s3_store.begin_parts()
        url = s3_store.sign_part(upload, 1, seconds=60)
        assert url is not None
        answer = httpx.put(url, content=b"bytes", headers=header)
        assert answer.status_code in (400, 403)
        assert s3_store.parts(upload) == []


def test_a_store_that_nobody_reaches_signs_nothing(swift: s3.S3Server, file_store: FileStore) -> None:
    hidden = S3Store(s3_settings(swift, swift.make_bucket(), public_endpoint=""))
    for store in (hidden, file_store):
        assert not store.is_direct
        assert store.sign_get(KEY, seconds=60) is None
        assert store.sign_part("0" * 32, 1, seconds=60) is None


def test_an_address_names_the_host_that_people_reach(swift: s3.S3Server) -> None:
    store = S3Store(s3_settings(swift, "grove", public_endpoint="https://s3.example"))
    assert store.is_direct
    assert address_of(store).startswith(f"https://s3.example/grove/{KEY}?")
