"""What the answers of an S3 server mean: our own errors for whoever asked, and for the operator what to do."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from hub.core.blobs.contract import BlobMissing, StoreAway, UploadIsOver
from hub.core.blobs.scratch import storage_full
from hub.core.errors import Conflict, HubError, Invalid

log = logging.getLogger(__name__)

Meanings = Mapping[str, Exception]

# Swift says of a bucket whose quota is used up that the object is too large, which ours never are for another reason.
_FULL = {"507", "InsufficientStorage", "QuotaExceeded", "XMinioStorageFull", "EntityTooLarge"}

_ANOTHER_REGION = ("AuthorizationHeaderMalformed", "PermanentRedirect", "301")
_REASONS = {
    "InvalidAccessKeyId": "It does not know the key in S3_ACCESS_KEY.",
    "SignatureDoesNotMatch": "It refuses the signature: S3_ACCESS_KEY and S3_SECRET_KEY are not a pair that it knows.",
    **dict.fromkeys(_ANOTHER_REGION, "It refuses the signature: S3_REGION is not the region of the bucket."),
    "RequestTimeTooSkewed": "It refuses the signature: its clock and this machine's differ by more than 15 minutes.",
    "AccessDenied": "It does not let S3_ACCESS_KEY use the bucket in S3_BUCKET: that key lists, reads, writes and deletes.",
    "NoSuchBucket": "It has no bucket of the name in S3_BUCKET. `manage.py prepare` makes it, where S3_ACCESS_KEY may.",
}


def missing(key: str) -> Meanings:
    """What it means that nothing lies under `key`."""
    return dict.fromkeys(("NoSuchKey", "404", "NotFound"), BlobMissing(key))


def over() -> Meanings:
    """What it means that there is no such upload."""
    return {"NoSuchUpload": UploadIsOver()}


def unjoinable() -> Meanings:
    """What it means that parts cannot be put together."""
    changed = Conflict("A part has not arrived as it is named here. Send the parts again.")
    return {
        "InvalidPart": changed,
        "InvalidPartOrder": changed,
        "EntityTooSmall": Invalid("Every part but the last has at least 5 MiB.", field="parts"),
    }


@contextmanager
def answers(meanings: Meanings | None = None) -> Iterator[None]:
    """Turn what boto3 raises into our own errors: by the server's code for it where that is expected, else StorageFull or
    StoreAway, whose reason stands in the log."""
    try:
        yield
    except ClientError as error:
        if meanings and (meaning := meanings.get(code_of(error))):
            raise meaning from error
        if _status(error) == 507 or code_of(error) in _FULL:
            raise storage_full() from error
        log.warning("the blob store: %s", _reason(error))
        raise away() from error
    except BotoCoreError as error:
        log.warning("the blob store: %s", error)
        raise away() from error


@contextmanager
def explained() -> Iterator[None]:
    """Raise StoreAway with what the operator can do about it. Not for requests of users."""
    try:
        yield
    except ClientError as error:
        raise StoreAway(f"The S3 server does not work for this hub. {_reason(error)}") from error
    except BotoCoreError as error:
        raise StoreAway(f"The S3 server in S3_ENDPOINT is not reached: {error}") from error


def refuse_another_region(response: tuple[Any, Any] | None, operation: Any, **_context: Any) -> None:
    """A handler of boto3's `needs-retry`: it would find out the region and go on. Nobody who is given an address can."""
    if response and response[1].get("Error", {}).get("Code") in _ANOTHER_REGION:
        raise ClientError(response[1], operation.name)


def away() -> HubError:
    return StoreAway("The hub's storage does not answer, so nothing was stored. Try again in a moment.", retry_after=5)


def code_of(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _reason(error: ClientError) -> str:
    return _REASONS.get(code_of(error), str(error))
