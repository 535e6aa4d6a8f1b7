"""The blob store of a hub on several machines: one bucket of any S3-compatible server, which nobody else uses, through boto3.

The hub talks to the endpoint of its own network. Addresses for people and tools are signed for the public one, since a
signature covers the host; where there is none, all content passes through the hub.

What arrives in parts becomes one object below `staging/` first. It is checked there, after the last moment at which anybody
could change it, and then copied to its key by the server itself.
"""

import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import IO, Any, BinaryIO

import boto3
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.httpsession import URLLib3Session
from django.core.exceptions import ImproperlyConfigured
from s3transfer.manager import TransferConfig, TransferManager

from hub.core.blobs import scratch
from hub.core.blobs.configuration import S3Settings
from hub.core.blobs.contract import PIECE, BlobMissing, BlobStore, Check, Part, StoreAway, Stored, UploadIsOver
from hub.core.blobs.intake import copied_part
from hub.core.blobs.s3_answers import (
    answers,
    away,
    code_of,
    explained,
    missing,
    over,
    refuse_another_region,
    unjoinable,
)
from hub.core.errors import StorageFull

log = logging.getLogger(__name__)

_STAGING = "staging/"
# A read is begun again this often where it breaks off.
_READS = 3
_MIB = 1024**2
# Above the threshold an object is sent, or copied, in parts. A server says nothing while it copies one, so they are small.
_PUT = TransferConfig(multipart_threshold=128 * _MIB, multipart_chunksize=64 * _MIB, max_request_concurrency=4)
_COPY = TransferConfig(multipart_threshold=256 * _MIB, multipart_chunksize=128 * _MIB, max_request_concurrency=4)


class S3Store(BlobStore):
    """Objects named by their keys. Threads share it; a forked process makes one of its own."""

    is_far = True

    def __init__(self, settings: S3Settings) -> None:
        self._bucket = settings.bucket
        self._region = settings.region
        self._direct = bool(settings.public_endpoint)
        session = boto3.session.Session()

        def client(endpoint: str, **options: Any) -> Any:
            return _client(session, settings, endpoint, options)

        # All content is checked against hashes of ours when it is read; what is sent carries a checksum that the server checks.
        self._client = client(settings.endpoint)
        # An upload begun with a kind of checksum takes no part without one, and clients that send parts straight to the
        # server compute none. The whole is checked by the hub.
        self._uploads = client(settings.endpoint, request_checksum_calculation="when_required")
        # Health is asked every few seconds, and an answer that takes long is one, too.
        self._probe = client(settings.endpoint, connect_timeout=2, read_timeout=3, retries={"total_max_attempts": 1})
        # It signs, and sends nothing.
        self._public = client(
            settings.public_endpoint or settings.endpoint, request_checksum_calculation="when_required"
        )

    def put(self, handle: IO[bytes], key: str) -> None:
        with scratch.room_for_bytes():
            handle.flush()
        with answers(), TransferManager(self._client, _PUT) as transfers:
            transfers.upload(handle.name, self._bucket, key).result()

    def stat(self, key: str) -> Stored | None:
        try:
            with answers(missing(key)):
                found = self._client.head_object(Bucket=self._bucket, Key=key)
        except BlobMissing:
            return None
        return Stored(key, found["ContentLength"], found["LastModified"].timestamp())

    def read(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        def get(start: int, **condition: str) -> Any:
            if start or end is not None:
                condition["Range"] = f"bytes={start}-{'' if end is None else end - 1}"
            with answers({**missing(key), "InvalidRange": _PastTheEnd()}):
                return self._client.get_object(Bucket=self._bucket, Key=key, **condition)

        if end is not None and start >= end:
            if self.stat(key) is None:
                raise BlobMissing(key)
            return iter(())
        try:
            return _Reading(key, start, get)
        except _PastTheEnd:
            return iter(())

    def open_file(self, key: str) -> BinaryIO | None:
        return None

    def delete(self, key: str) -> None:
        with suppress(BlobMissing), answers(missing(key)):
            self._client.delete_object(Bucket=self._bucket, Key=key)

    def walk(self, prefix: str, after: str = "") -> Iterator[Stored]:
        with answers():
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=prefix, **({"StartAfter": after} if after else {})
            )
            for page in pages:
                for item in page.get("Contents", []):
                    yield Stored(item["Key"], item["Size"], item["LastModified"].timestamp())

    # --- parts ------------------------------------------------------------------------------------------------------

    def begin_parts(self) -> str:
        name = secrets.token_hex(16)
        with answers():
            begun = self._uploads.create_multipart_upload(Bucket=self._bucket, Key=f"{_STAGING}{name}")
        return f"{name}.{begun['UploadId']}"

    def put_part(self, upload: str, number: int, stream: BinaryIO, *, length: int) -> str:
        scratch.require_room(length)
        with scratch.scratch_file() as handle:
            for _piece in copied_part(stream, handle, number, length=length):
                pass
            handle.seek(0)
            with answers(over()):
                sent = self._uploads.upload_part(**self._named(upload), PartNumber=number, Body=handle)
        return str(sent["ETag"]).strip('"')

    def is_open(self, upload: str) -> bool:
        try:
            with answers(over()):
                self._client.list_parts(**self._named(upload), MaxParts=1)
        except UploadIsOver:
            # What was put together and not yet checked can still be joined.
            return self.stat(self._named(upload)["Key"]) is not None
        return True

    def parts(self, upload: str) -> list[Part]:
        try:
            with answers(over()):
                pages = self._client.get_paginator("list_parts").paginate(**self._named(upload))
                found = [item for page in pages for item in page.get("Parts", [])]
        except UploadIsOver:
            return []
        return [Part(item["PartNumber"], item["Size"], item["ETag"].strip('"')) for item in found]

    def join_parts(self, upload: str, tags: list[str], key: str, check: Check) -> None:
        """Asked again after the server, or this process, died in the middle, it goes on with what was put together."""
        staged = self._named(upload)["Key"]
        self._complete(upload, tags)
        try:
            check(self.read(staged))
            with answers(missing(staged)), TransferManager(self._client, _COPY) as transfers:
                transfers.copy({"Bucket": self._bucket, "Key": staged}, self._bucket, key).result()
        except BlobMissing as error:
            # Another call has put the same parts together, and was faster.
            raise UploadIsOver from error
        except (StoreAway, StorageFull):
            raise
        except Exception:
            self._drop_staged(staged)
            raise
        self._drop_staged(staged)

    def _complete(self, upload: str, tags: list[str]) -> None:
        named = self._named(upload)
        try:
            with answers({**over(), **unjoinable()}):
                if tags:
                    parts = [{"PartNumber": number, "ETag": f'"{tag}"'} for number, tag in enumerate(tags, start=1)]
                    self._uploads.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
                else:
                    # There is no upload without parts.
                    self._client.abort_multipart_upload(**named)
                    self._client.put_object(Bucket=self._bucket, Key=named["Key"], Body=b"")
        except UploadIsOver:
            if self.stat(named["Key"]) is None:
                raise

    def _drop_staged(self, staged: str) -> None:
        # What stays is swept.
        with suppress(StoreAway):
            self.delete(staged)

    def drop_parts(self, upload: str) -> None:
        with suppress(UploadIsOver), answers(over()):
            self._client.abort_multipart_upload(**self._named(upload))

    def sweep_parts(self, *, older_than: float) -> int:
        """Those that this hub's own large objects are sent and copied in belong to them, wherever they lie."""
        before = self._now() - timedelta(seconds=older_than)
        swept = 0
        with answers():
            pages = self._client.get_paginator("list_multipart_uploads").paginate(Bucket=self._bucket)
            old = [item for page in pages for item in page.get("Uploads", []) if item["Initiated"] < before]
        for item in old:
            named = {"Bucket": self._bucket, "Key": item["Key"], "UploadId": item["UploadId"]}
            with suppress(UploadIsOver), answers(over()):
                parts = self._client.get_paginator("list_parts").paginate(**named)
                if all(part["LastModified"] < before for page in parts for part in page.get("Parts", [])):
                    self._client.abort_multipart_upload(**named)
                    swept += 1
        for found in list(self.walk(_STAGING)):
            if found.modified < before.timestamp():
                self.delete(found.key)
                swept += 1
        return swept

    def _now(self) -> Any:
        """The server's time, which no jump of this machine's clock touches."""
        with answers():
            answer = self._client.head_bucket(Bucket=self._bucket)
        return parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])

    def _named(self, upload: str) -> dict[str, str]:
        name, _dot, upload_id = upload.partition(".")
        return {"Bucket": self._bucket, "Key": f"{_STAGING}{name}", "UploadId": upload_id}

    # --- addresses --------------------------------------------------------------------------------------------------

    @property
    def is_direct(self) -> bool:
        return self._direct

    def sign_get(
        self,
        key: str,
        *,
        seconds: int,
        span: tuple[int, int] | None = None,
        content_type: str = "application/octet-stream",
        disposition: str = "attachment",
    ) -> str | None:
        if not self._direct:
            return None
        params = {"Bucket": self._bucket, "Key": key}
        if span is None:
            params |= {"ResponseContentType": content_type, "ResponseContentDisposition": disposition}
        else:
            # Signed along with the address, so the server refuses any other.
            params["Range"] = f"bytes={span[0]}-{span[1] - 1}"
        return str(self._public.generate_presigned_url("get_object", Params=params, ExpiresIn=seconds))

    def sign_part(self, upload: str, number: int, *, seconds: int, length: int | None = None) -> str | None:
        if not self._direct:
            return None
        params: dict[str, Any] = {**self._named(upload), "PartNumber": number}
        if length is not None:
            params["ContentLength"] = length
        return str(self._public.generate_presigned_url("upload_part", Params=params, ExpiresIn=seconds))

    # --- how it is --------------------------------------------------------------------------------------------------

    def free_bytes(self) -> int | None:
        return None

    def prepare(self) -> None:
        with explained():
            try:
                self._client.list_objects_v2(Bucket=self._bucket, MaxKeys=1)
            except ClientError as error:
                if code_of(error) != "NoSuchBucket":
                    raise
                # Amazon wants its first region named by silence.
                place = {} if self._region == "us-east-1" else {"LocationConstraint": self._region}
                self._client.create_bucket(
                    Bucket=self._bucket, **({"CreateBucketConfiguration": place} if place else {})
                )
            # Who may look may not always write.
            self._client.put_object(Bucket=self._bucket, Key=f"{_STAGING}prepared", Body=b"prepared")
            if self._direct:
                self._refuse_unsigned_copies(f"{_STAGING}prepared")
            self._client.delete_object(Bucket=self._bucket, Key=f"{_STAGING}prepared")

    def _refuse_unsigned_copies(self, key: str) -> None:
        """Raise StoreAway where whoever has an address to send a part to can have the server copy another object there: that
        would open all content to whoever knows its name."""
        upload = self.begin_parts()
        try:
            params = {**self._named(upload), "PartNumber": 1}
            address = self._uploads.generate_presigned_url("upload_part", Params=params, ExpiresIn=60)
            if _copies(address, f"{self._bucket}/{key}"):
                raise StoreAway(
                    "The S3 server obeys headers that nobody has signed, so people must not be given its addresses. Unset "
                    "S3_PUBLIC_ENDPOINT, or take another server."
                )
        finally:
            self.drop_parts(upload)

    def try_out(self) -> None:
        with explained():
            # An answer to GET says what is wrong; one to HEAD has no room for it.
            self._probe.list_objects_v2(Bucket=self._bucket, MaxKeys=1)


def _copies(address: str, source: str) -> bool:
    """Tell whether a PUT to `address` makes a part of a copy of the object `source`."""
    request = AWSRequest("PUT", address, headers={"x-amz-copy-source": source})
    return bool(URLLib3Session(timeout=30).send(request.prepare()).status_code < 300)


class _PastTheEnd(Exception):
    """The range begins where the object has ended."""


class _Reading(Iterator[bytes]):
    """The bytes of one object from `start`; where they break off, the rest of the same object is asked for.

    get: asks for the object from a byte on. It has been called when this is made. What is not read to its end is closed.
    """

    def __init__(self, key: str, start: int, get: Callable[..., Any]) -> None:
        self._key, self._at, self._get = key, start, get
        self._tries = 1
        self._answer = get(start)
        self._left = self._answer["ContentLength"]

    def __next__(self) -> bytes:
        while self._left:
            try:
                piece: bytes = self._answer["Body"].read(min(PIECE, self._left))
            except (BotoCoreError, OSError) as error:
                self._begin_again(error)
                continue
            if not piece:
                self._begin_again("it ended early")
                continue
            self._at += len(piece)
            self._left -= len(piece)
            if not self._left:
                self.close()
            return piece
        self.close()
        raise StopIteration

    def _begin_again(self, reason: object) -> None:
        log.warning("reading %s broke off after byte %s: %s", self._key, self._at, reason)
        self.close()
        if self._tries == _READS:
            raise away()
        self._tries += 1
        self._answer = self._get(self._at, IfMatch=self._answer["ETag"])

    def close(self) -> None:
        self._answer["Body"].close()


def _client(session: Any, settings: S3Settings, endpoint: str, options: dict[str, Any]) -> Any:
    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": "path"},
        connect_timeout=5,
        read_timeout=30,
        max_pool_connections=64,
        retries={"mode": "standard", "total_max_attempts": 3},
        response_checksum_validation="when_required",
    )
    try:
        client = session.client(
            "s3",
            endpoint_url=endpoint,
            region_name=settings.region,
            aws_access_key_id=settings.access_key,
            aws_secret_access_key=settings.secret_key,
            config=config.merge(Config(**options)),
        )
    except ValueError as error:
        raise ImproperlyConfigured(
            f"S3_ENDPOINT and S3_PUBLIC_ENDPOINT are addresses like https://s3.example: {error}"
        ) from error
    client.meta.events.register_first("needs-retry.s3", refuse_another_region)
    return client
