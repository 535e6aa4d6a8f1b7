"""The blob store of a hub on several machines: one bucket of any S3-compatible server, through boto3.

The hub talks to the endpoint of its own network. Addresses for people and tools are signed for the public one, since a
signature covers the host; where there is none, all content passes through the hub.

What arrives in parts becomes one object below `staging/` first. It is checked there, after the last moment at which anybody
could change it, and then copied to its key by the server itself.
"""

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import IO, Any, BinaryIO

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.exceptions import ConnectionError as BotoConnectionError

from hub.core.blobs import scratch
from hub.core.blobs.configuration import S3Settings
from hub.core.blobs.contract import PIECE, BlobMissing, BlobStore, Check, Part, StoreAway, Stored
from hub.core.errors import Conflict, Invalid, StorageFull

log = logging.getLogger(__name__)

_STAGING = "staging/"
_MISSING = {"NoSuchKey", "404", "NotFound"}
_OVER = {"NoSuchUpload"}
_FULL = {"507", "InsufficientStorage", "QuotaExceeded", "XMinioStorageFull"}
# One read of a large object is begun again this often where it breaks off.
_READS = 3
# A server copies up to 5 GB in one call.
_COPY = TransferConfig(multipart_threshold=4 * 1024**3, multipart_chunksize=1024**3, max_concurrency=4)
_PUT = TransferConfig(multipart_threshold=128 * 1024**2, multipart_chunksize=64 * 1024**2, max_concurrency=4)


class S3Store(BlobStore):
    """Objects named by their keys."""

    def __init__(self, settings: S3Settings) -> None:
        self._settings = settings
        self._bucket = settings.bucket

    @cached_property
    def _client(self) -> Any:
        return _client(self._settings, self._settings.endpoint)

    @cached_property
    def _public(self) -> Any:
        return _client(self._settings, self._settings.public_endpoint)

    def put(self, handle: IO[bytes], key: str) -> None:
        with scratch.room_for_bytes():
            handle.flush()
        with _answers():
            self._client.upload_file(handle.name, self._bucket, key, Config=_PUT)

    def stat(self, key: str) -> Stored | None:
        with _answers(), suppress(BlobMissing), _missing(key):
            found = self._client.head_object(Bucket=self._bucket, Key=key)
            return Stored(key, found["ContentLength"], found["LastModified"].timestamp())
        return None

    def read(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        if end is not None and start >= end:
            return iter(())
        with _answers(), _missing(key):
            found = self._get(key, start, end)
        return self._pieces(key, start, end, found)

    def _get(self, key: str, start: int, end: int | None, etag: str = "") -> Any:
        options = {"Range": f"bytes={start}-{'' if end is None else end - 1}"} if start or end is not None else {}
        if etag:
            options["IfMatch"] = etag
        return self._client.get_object(Bucket=self._bucket, Key=key, **options)

    def _pieces(self, key: str, start: int, end: int | None, found: Any) -> Iterator[bytes]:
        """Yield the body; where it breaks off, ask for the rest of the same object."""
        left = found["ContentLength"]
        tries = 1
        while True:
            try:
                for piece in found["Body"].iter_chunks(PIECE):
                    start += len(piece)
                    left -= len(piece)
                    yield piece
            except (BotoCoreError, OSError) as error:
                log.warning("reading %s broke off: %s", key, error)
            finally:
                found["Body"].close()
            if left <= 0:
                return
            if tries == _READS:
                raise _away()
            tries += 1
            with _answers(), _missing(key):
                found = self._get(key, start, end, etag=found["ETag"])

    def open_file(self, key: str) -> BinaryIO | None:
        return None

    def delete(self, key: str) -> None:
        with _answers():
            self._client.delete_object(Bucket=self._bucket, Key=key)

    def walk(self, prefix: str, after: str = "") -> Iterator[Stored]:
        with _answers():
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=prefix, StartAfter=after
            )
            for page in pages:
                for item in page.get("Contents", []):
                    yield Stored(item["Key"], item["Size"], item["LastModified"].timestamp())

    # --- parts ------------------------------------------------------------------------------------------------------

    def begin_parts(self) -> str:
        name = secrets.token_hex(16)
        with _answers():
            begun = self._client.create_multipart_upload(Bucket=self._bucket, Key=f"{_STAGING}{name}")
        return f"{name}.{begun['UploadId']}"

    def put_part(self, upload: str, number: int, stream: BinaryIO, *, length: int) -> str:
        scratch.require_room(length)
        with scratch.scratch_file() as handle:
            left = length
            while left and (piece := stream.read(min(PIECE, left))):
                with scratch.room_for_bytes():
                    handle.write(piece)
                left -= len(piece)
            if left or stream.read(1):
                raise Invalid(f"Part {number} has {length} bytes, no more and no less. Send it again.")
            handle.seek(0)
            with _answers(), _over():
                sent = self._client.upload_part(**self._upload(upload), PartNumber=number, Body=handle)
        return str(sent["ETag"]).strip('"')

    def parts(self, upload: str) -> list[Part]:
        return [Part(item["PartNumber"], item["Size"], item["ETag"].strip('"')) for item in self._parts(upload)]

    def _parts(self, upload: str) -> list[Any]:
        try:
            with _answers(), _over():
                pages = self._client.get_paginator("list_parts").paginate(**self._upload(upload))
                return [item for page in pages for item in page.get("Parts", [])]
        except Conflict:
            return []

    def join_parts(self, upload: str, tags: list[str], key: str, check: Check) -> None:
        """Asked again after this process died in the middle, it goes on with what was put together."""
        staged = self._upload(upload)["Key"]
        try:
            self._complete(upload, tags)
            with _missing(staged):
                check(self.read(staged))
            with _answers():
                self._client.copy({"Bucket": self._bucket, "Key": staged}, self._bucket, key, Config=_COPY)
        except (StoreAway, StorageFull):
            raise
        except BlobMissing as error:
            raise _upload_is_over() from error
        except Conflict:
            raise
        except BaseException:
            self.delete(staged)
            raise
        self.delete(staged)

    def _complete(self, upload: str, tags: list[str]) -> None:
        named = self._upload(upload)
        if not tags:
            with _answers():
                self._client.abort_multipart_upload(**named)
                self._client.put_object(Bucket=self._bucket, Key=named["Key"], Body=b"")
            return
        parts = [{"PartNumber": number, "ETag": f'"{tag}"'} for number, tag in enumerate(tags, start=1)]
        try:
            with _answers():
                self._client.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
        except ClientError as error:
            match _code(error):
                case "NoSuchUpload":
                    if self.stat(named["Key"]) is None:
                        raise _upload_is_over() from error
                case "InvalidPart" | "InvalidPartOrder":
                    raise Conflict("A part has not arrived as it is named here. Send the parts again.") from error
                case "EntityTooSmall":
                    raise Invalid("Every part but the last has at least 5 MiB.", field="parts") from error
                case _:
                    raise

    def drop_parts(self, upload: str) -> None:
        with suppress(Conflict), _answers(), _over():
            self._client.abort_multipart_upload(**self._upload(upload))

    def sweep_parts(self, *, older_than: float) -> int:
        before = datetime.now(UTC) - timedelta(seconds=older_than)
        swept = 0
        with _answers():
            pages = self._client.get_paginator("list_multipart_uploads").paginate(Bucket=self._bucket, Prefix=_STAGING)
            old = [item for page in pages for item in page.get("Uploads", []) if item["Initiated"] < before]
        for item in old:
            upload = f"{item['Key'].removeprefix(_STAGING)}.{item['UploadId']}"
            if all(part["LastModified"] < before for part in self._parts(upload)):
                self.drop_parts(upload)
                swept += 1
        for found in list(self.walk(_STAGING)):
            if found.modified < before.timestamp():
                self.delete(found.key)
                swept += 1
        return swept

    def _upload(self, upload: str) -> dict[str, str]:
        name, _dot, upload_id = upload.partition(".")
        return {"Bucket": self._bucket, "Key": f"{_STAGING}{name}", "UploadId": upload_id}

    # --- addresses --------------------------------------------------------------------------------------------------

    @property
    def is_direct(self) -> bool:
        return bool(self._settings.public_endpoint)

    def sign_get(
        self,
        key: str,
        *,
        seconds: int,
        span: tuple[int, int] | None = None,
        content_type: str = "application/octet-stream",
        disposition: str = "attachment",
    ) -> str | None:
        if not self.is_direct:
            return None
        params = {"Bucket": self._bucket, "Key": key}
        if span is None:
            params |= {"ResponseContentType": content_type, "ResponseContentDisposition": disposition}
        else:
            # Signed along with the address, so the server refuses any other.
            params["Range"] = f"bytes={span[0]}-{span[1] - 1}"
        return str(self._public.generate_presigned_url("get_object", Params=params, ExpiresIn=seconds))

    def sign_part(self, upload: str, number: int, *, seconds: int, length: int | None = None) -> str | None:
        if not self.is_direct:
            return None
        params: dict[str, Any] = {**self._upload(upload), "PartNumber": number}
        if length is not None:
            params["ContentLength"] = length
        return str(self._public.generate_presigned_url("upload_part", Params=params, ExpiresIn=seconds))

    # --- how it is --------------------------------------------------------------------------------------------------

    def free_bytes(self) -> int | None:
        return None

    def prepare(self) -> None:
        try:
            with _answers():
                self._client.head_bucket(Bucket=self._bucket)
        except ClientError as error:
            if _code(error) not in _MISSING | {"NoSuchBucket"}:
                raise
            with _answers():
                self._client.create_bucket(Bucket=self._bucket)

    def try_out(self) -> None:
        with _answers():
            self._client.head_bucket(Bucket=self._bucket)


def _client(settings: S3Settings, endpoint: str) -> Any:
    return boto3.session.Session().client(
        "s3",
        endpoint_url=endpoint,
        region_name=settings.region,
        aws_access_key_id=settings.access_key,
        aws_secret_access_key=settings.secret_key,
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            connect_timeout=5,
            read_timeout=60,
            max_pool_connections=64,
            retries={"mode": "standard", "total_max_attempts": 3},
        ),
    )


@contextmanager
def _answers() -> Iterator[None]:
    """Turn what boto3 raises where the server is away, or full, into our own errors. Other refusals of the server pass."""
    try:
        yield
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if status == 507 or _code(error) in _FULL:
            raise StorageFull(
                "The hub's storage is full, so nothing was stored. Ask its operator to make room, then try again."
            ) from error
        if status >= 500 or status == 429 or _code(error) in ("SlowDown", "RequestTimeout"):
            log.warning("the blob store: %s", error)
            raise _away() from error
        raise
    except (BotoConnectionError, BotoCoreError) as error:
        log.warning("the blob store: %s", error)
        raise _away() from error


@contextmanager
def _missing(key: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if _code(error) in _MISSING:
            raise BlobMissing(key) from error
        raise


@contextmanager
def _over() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if _code(error) in _OVER:
            raise _upload_is_over() from error
        raise


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _upload_is_over() -> Conflict:
    return Conflict("This upload is over. Ask for a new one.")


def _away() -> StoreAway:
    return StoreAway("The hub's storage does not answer, so nothing was stored. Try again in a moment.", retry_after=5)
