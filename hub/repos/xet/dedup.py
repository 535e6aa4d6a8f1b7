"""Answers to "is this chunk stored already?", so that a client sends only what is new."""

import time
from collections.abc import Iterable

from django.conf import settings
from django.db import transaction
from django.utils.crypto import salted_hmac

from hub.repos.models import DedupChunk, XetFile, XetFileXorb, Xorb
from hub.repos.storage.keys import touch_xorbs
from hub.repos.xet.access import Access, files_held_by, files_known_to
from hub.repos.xet.hashing import from_hex, hash_modulo
from hub.repos.xet.layouts import Layouts
from hub.repos.xet.shard import build_dedup_answer

# Clients ask about the first chunk of a file, and about chunks whose hash is divisible by this.
MODULUS = 1024
# About 4 GB of a file per answer; further on the client asks again.
_MAX_XORBS = 64
_KEY_SECONDS = 7 * 24 * 3600
_ANSWER_SECONDS = 24 * 3600


def eligible(hashes: bytes) -> Iterable[bytes]:
    """Those of the n raw hashes (concatenated) that clients may ask about wherever they stand."""
    for at in range(0, len(hashes), 32):
        if hash_modulo(hashes[at : at + 32], MODULUS) == 0:
            yield hashes[at : at + 32]


def answer_dedup(*, access: Access, chunk_hash: str) -> bytes | None:
    """Return a shard that lists xorbs of a file with this chunk (hex hash), or None.

    Only files that the caller may know of count, or those of their repository, or none (XET_DEDUP): any other hit would tell
    that a private file exists. No xorb is listed that is damaged or about to be deleted. What is listed counts as used from now
    on, since clients rely on it without asking again.
    """
    if settings.XET_DEDUP == "off":
        return None
    files = files_held_by(access) if settings.XET_DEDUP == "repository" else files_known_to(access)
    sound = Xorb.objects.filter(damaged_at=None, condemned_at=None)
    xorbs = DedupChunk.objects.filter(hash=chunk_hash, xorb__in=sound).values("xorb")
    containing = XetFileXorb.objects.filter(xorb__in=xorbs).values("file")
    file = files.filter(pk__in=containing).order_by("-created_at").first()
    if file is None:
        return None
    having = set(xorbs.values_list("xorb", flat=True))
    names = _from_first(file, having)[:_MAX_XORBS]
    with transaction.atomic():
        there = touch_xorbs(sound.filter(pk__in=names).values_list("pk", flat=True))
    layouts = Layouts()
    now = int(time.time())
    return build_dedup_answer(
        [(from_hex(name), layouts[name]) for name in names if name in there],
        key=_key(now),
        key_expiry=now + _ANSWER_SECONDS,
    )


def _from_first(file: XetFile, having: set[str]) -> list[str]:
    """Xorbs of the file in its order, beginning with the first that has the chunk."""
    names = list(dict.fromkeys(term[0] for term in file.terms))
    start = next(i for i, name in enumerate(names) if name in having)
    return names[start:]


def _key(now: int) -> bytes:
    """The key that hides chunk hashes. It changes weekly: each further key costs clients a look-up."""
    period = str(now // _KEY_SECONDS)
    return salted_hmac("hub.repos.xet.dedup", period, algorithm="sha256").digest()
