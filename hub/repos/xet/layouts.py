"""Layouts of stored xorbs, to and from their rows."""

import logging
from collections import OrderedDict
from collections.abc import Iterable

import numpy as np

from hub.repos.models import Xorb, XorbIndex
from hub.repos.xet.errors import DAMAGED, DamagedContentError, UnknownContent
from hub.repos.xet.xorb import XorbLayout

log = logging.getLogger(__name__)

# A usual layout has 40 KB, the largest 330 KB: a full cache stays below 21 MB.
_KEPT = 64


class Layouts:
    """Loads layouts by xorb hash (hex) and keeps the last few: terms of a file visit xorbs in runs."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, XorbLayout] = OrderedDict()

    def __getitem__(self, name: str) -> XorbLayout:
        """Return the layout of a stored xorb. Raises UnknownContent."""
        if name in self._kept:
            self._kept.move_to_end(name)
            return self._kept[name]
        row = XorbIndex.objects.filter(pk=name).first()
        if row is None:
            raise UnknownContent(f"The hub does not have the xorb {name}. Upload it again.")
        layout = XorbLayout(
            hashes=bytes(row.chunk_hashes),
            raw_ends=np.frombuffer(row.raw_ends, "<u4"),
            ends=np.frombuffer(row.stored_ends, "<u4"),
        )
        self._kept[name] = layout
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return layout


def index_row(name: str, layout: XorbLayout) -> XorbIndex:
    """Return the (unsaved) row of a scanned xorb."""
    return XorbIndex(
        xorb_id=name,
        chunk_hashes=layout.hashes,
        raw_ends=layout.raw_ends.tobytes(),
        stored_ends=layout.ends.tobytes(),
    )


def check_sound(names: Iterable[str]) -> None:
    """Raise DamagedContentError where one of these xorbs is known to be damaged: addresses of the store itself would give its
    bytes unchecked."""
    if damaged := damaged_among(names):
        log.error("xorb %s is damaged and was asked for", damaged)
        raise DamagedContentError(DAMAGED)


def damaged_among(names: Iterable[str]) -> str | None:
    """Return one of these xorbs whose stored bytes were found to be others than its own, None where there is none."""
    return Xorb.objects.filter(pk__in=set(names), damaged_at__isnull=False).values_list("pk", flat=True).first()
