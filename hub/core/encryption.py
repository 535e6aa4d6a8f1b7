"""Secrets that the hub itself has to read again, as they stand in the database: encrypted by keys made of its secret key.

What is encrypted tells by which key, so that one look finds what an earlier key encrypted. Whoever reads the database, or a
dump of it, without the secret key reads none of them.
"""

import base64
import hashlib
from functools import cache

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

MARK = "enc:"


class Unreadable(Exception):
    """It was encrypted by a key that the hub has no more, or is damaged."""


def encrypt(text: str, *, purpose: str) -> str:
    """Return the text encrypted by the present key. purpose: what is encrypted for one cannot be read for another."""
    return mark(purpose) + _fernet(settings.SECRET_KEY, purpose).encrypt(text.encode()).decode()


def decrypt(encrypted: str, *, purpose: str) -> str:
    """Return what was encrypted by the present key or one of SECRET_KEY_FALLBACKS, and a text that never was as it is.

    Raises Unreadable.
    """
    if not encrypted.startswith(MARK):
        return encrypted
    for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        if encrypted.startswith(_mark(key, purpose)):
            try:
                return _fernet(key, purpose).decrypt(encrypted.removeprefix(_mark(key, purpose))).decode()
            except InvalidToken as error:
                raise Unreadable from error
    raise Unreadable


def mark(purpose: str) -> str:
    """Return how everything begins that is encrypted for this by the present key."""
    return _mark(settings.SECRET_KEY, purpose)


@cache
def _mark(key: str, purpose: str) -> str:
    return f"{MARK}{hashlib.sha256(_derived(key, purpose)).hexdigest()[:8]}:"


@cache
def _fernet(key: str, purpose: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(_derived(key, purpose)))


def _derived(key: str, purpose: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"grove {purpose}".encode()).derive(key.encode())
