"""Xet's tables: xorbs, what is in them, and how files are put together from them. Hashes are in the protocol's hex order."""

from uuid import uuid4

from django.db import models

from hub.accounts.models import Namespace, User
from hub.core.fields import HexField
from hub.repos.models.keeping import Kept


class Xorb(Kept):
    """A validated container of chunks, stored once. Rows come from our own scan of the bytes, never from a client's word."""

    hash = HexField(length=32, primary_key=True)
    chunks = models.PositiveIntegerField()
    raw_size = models.PositiveIntegerField()  # bytes, all chunks inflated
    stored_size = models.PositiveIntegerField()  # bytes in the store
    # Whose room it takes until a file is made of it; nobody's where the hub itself made it.
    payer = models.ForeignKey(Namespace, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    # Clients remember for weeks that a xorb exists and do not ask again; deletion must wait that long after this.
    last_touched_at = models.DateTimeField(auto_now_add=True)


class XorbGrant(models.Model):
    """Leave to send one xorb straight to the store. It is checked, and counts, once its sender says that it is there."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    xorb = HexField(length=32)
    repository = models.ForeignKey("repos.Repository", on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    size = models.PositiveIntegerField()  # bytes that were announced
    parts = models.TextField()  # the store's name of the upload
    created_at = models.DateTimeField(auto_now_add=True)


class XorbIndex(models.Model):
    """Where the chunks of a xorb are. A row of arrays, not a row per chunk: a terabyte has 15 million chunks."""

    xorb = models.OneToOneField(Xorb, primary_key=True, on_delete=models.CASCADE, related_name="index")
    chunk_hashes = models.BinaryField()  # 32 bytes each
    raw_ends = models.BinaryField()  # u32 little-endian each: end of the chunk in the inflated xorb
    stored_ends = models.BinaryField()  # u32 little-endian each: end of the chunk in the stored xorb


class XetFile(models.Model):
    """A file as a list of terms `[xorb hash, first chunk, end chunk, bytes]`, with its sha256 checked by reading it once."""

    hash = HexField(length=32, primary_key=True)
    size = models.PositiveBigIntegerField()  # bytes
    sha256 = HexField(length=32, db_index=True)
    terms = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)


class XetFileXorb(models.Model):
    """Which xorbs a file needs: for deletion, and for the scope of dedup answers."""

    file = models.ForeignKey(XetFile, on_delete=models.CASCADE, related_name="+", db_index=False)
    xorb = models.ForeignKey(Xorb, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["file", "xorb"], name="file_xorb_once")]


class DedupChunk(models.Model):
    """A chunk that clients may ask about (the first of a file, or one whose hash is divisible by 1024), and a xorb with it.

    One row per xorb that has it: whoever asks may read one of them and not the other.
    """

    hash = HexField(length=32)
    xorb = models.ForeignKey(Xorb, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["hash", "xorb"], name="dedup_chunk_once")]
