"""Where the bucket of an S3-compatible store is. Apart from the store itself, which settings cannot load."""

from dataclasses import dataclass


@dataclass(frozen=True)
class S3Settings:
    """Where the bucket is. ``public_endpoint``: under which address people and tools reach it, "" where they do not."""

    endpoint: str
    public_endpoint: str
    bucket: str
    region: str
    access_key: str
    secret_key: str
