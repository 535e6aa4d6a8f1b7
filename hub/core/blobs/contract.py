"""What a blob store does. `tests/core/blobs` holds every store to it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import IO, BinaryIO, NamedTuple

from hub.core.errors import Conflict, Unavailable

# One read of a store and one piece of an answer, in bytes.
PIECE = 1024 * 1024

Check = Callable[[Iterable[bytes]], object]
"""Reads content to its end, piece by piece, and raises where it is not what was announced."""


class BlobMissing(Exception):
    """There is nothing under this key. What was asked for is promised by a row, so it is a damage, not a refusal."""


class StoreAway(Unavailable):
    """The store does not answer, or not as it should."""

    code = "StoreAway"


class UploadIsOver(Conflict):
    """It was completed, or thrown away, or whoever was completing it died in the middle."""

    code = "UploadIsOver"

    def __init__(self) -> None:
        super().__init__("This upload is over. Ask for a new one.")


class Stored(NamedTuple):
    """What lies under a key. ``modified``: unix seconds, by the store's clock."""

    key: str
    size: int  # bytes
    modified: float


class Part(NamedTuple):
    """A part of an upload that has arrived. ``tag``: by which `join_parts` wants it named."""

    number: int
    size: int  # bytes
    tag: str


class BlobStore(ABC):
    """Whole, immutable content under keys. Any call may raise StoreAway."""

    # Whether each read waits for a network, so that reading ahead pays.
    is_far: bool

    @abstractmethod
    def put(self, handle: IO[bytes], key: str) -> None:
        """Make the content of a scratch file durable under `key`, in one step. What was there was the same content, and gives
        way to it. Raises StorageFull."""

    @abstractmethod
    def stat(self, key: str) -> Stored | None:
        """Return what lies under `key`, None where nothing does."""

    @abstractmethod
    def read(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Return bytes `start` to `end` (exclusive; None: the end) in pieces of at most PIECE bytes.

        The store has been asked when this returns: raises BlobMissing. Memory: a few pieces.
        """

    @abstractmethod
    def open_file(self, key: str) -> BinaryIO | None:
        """Return the content as a file of this machine, None where it is not one. Raises BlobMissing."""

    @abstractmethod
    def delete(self, key: str) -> None:
        """Take away what lies under `key`, if anything does."""

    @abstractmethod
    def walk(self, prefix: str, after: str = "") -> Iterator[Stored]:
        """Yield what lies under keys that begin with `prefix` and come after `after`, in the order of keys."""

    # --- content that arrives in parts ------------------------------------------------------------------------------

    @abstractmethod
    def begin_parts(self) -> str:
        """Return the name of a new upload in parts. Parts may come in any order, and again."""

    @abstractmethod
    def put_part(self, upload: str, number: int, stream: BinaryIO, *, length: int) -> str:
        """Keep exactly `length` bytes of `stream` as part `number`, from 1; return its tag.

        Raises Invalid where there are fewer bytes or more, UploadIsOver, StorageFull.
        """

    @abstractmethod
    def is_open(self, upload: str) -> bool:
        """Tell whether an upload goes on: takes parts, or can be joined."""

    @abstractmethod
    def parts(self, upload: str) -> list[Part]:
        """Return the parts that have arrived, by number; none where the upload is over."""

    @abstractmethod
    def join_parts(self, upload: str, tags: list[str], key: str, check: Check) -> None:
        """Put the parts with these tags together, have the whole checked, and make it durable under `key`.

        No part can change once the check has begun. Whatever `check` raises is passed on; then, as after success, the upload
        is over and its parts are gone. Raises Conflict where a part is missing, UploadIsOver,
        Unavailable while another call joins them.
        """

    @abstractmethod
    def drop_parts(self, upload: str) -> None:
        """End an upload and throw its parts away; one that is over already is none."""

    @abstractmethod
    def sweep_parts(self, *, older_than: float) -> int:
        """Throw away uploads that began, or were last added to, more than `older_than` seconds ago; return how many."""

    # --- addresses that go around the hub ---------------------------------------------------------------------------

    @property
    @abstractmethod
    def is_direct(self) -> bool:
        """Whether people and tools reach the store itself, so that addresses can be signed."""

    @abstractmethod
    def sign_get(
        self,
        key: str,
        *,
        seconds: int,
        span: tuple[int, int] | None = None,
        content_type: str = "application/octet-stream",
        disposition: str = "attachment",
    ) -> str | None:
        """Return an address that gives the content to whoever has it, for `seconds`; None where the store is not direct.

        span: the address opens bytes start to end (exclusive) alone, to whoever asks for exactly these by `Range`.
        """

    @abstractmethod
    def sign_part(self, upload: str, number: int, *, seconds: int, length: int | None = None) -> str | None:
        """Return an address that takes part `number` by PUT, for `seconds`; None where the store is not direct.

        length: in bytes; the address takes as many, no more and no less.
        """

    # --- how it is --------------------------------------------------------------------------------------------------

    @abstractmethod
    def free_bytes(self) -> int | None:
        """Return what it has room for, None where it does not tell."""

    @abstractmethod
    def prepare(self) -> None:
        """Make the folder or bucket that content lies in, where there is none yet."""

    @abstractmethod
    def try_out(self) -> None:
        """Raise whatever keeps the store from working, if anything does. Asked every few seconds."""
