"""Pictures that people paste, written anew: what is kept is made of the picture's pixels alone.

What cameras and programs note in a file (places, names, thumbnails, anything behind its end) does not come along, and no
browser ever reads what a stranger put together.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from django.utils.translation import gettext as _
from PIL import Image, ImageOps

from hub.community.errors import NoPicture, PictureTooLarge

MAX_BYTES = 5_000_000
# All frames of an animation together. What is read takes four bytes for each, and as much again while it is written.
MAX_PIXELS = 16_000_000
MAX_FRAMES = 200
# Format -> how it is served, and how it is written.
_FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    "PNG": ("image/png", {}),
    "JPEG": ("image/jpeg", {"quality": 90, "optimize": True}),
    "GIF": ("image/gif", {}),
    "WEBP": ("image/webp", {"quality": 90, "method": 2}),
}
# What a PNG holds as it is; everything else becomes colours of eight bits.
_KEPT_MODES = {"PNG": {"1", "L", "LA", "I;16", "RGB", "RGBA"}, "JPEG": {"L", "RGB"}}
# The library's own guard, for frames that turn out to be larger than what the file said first.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
# One after the other in each process: the memory of one picture, however many come at once.
_ALONE = threading.Lock()


@dataclass(frozen=True)
class Picture:
    content: bytes
    content_type: str


def rewrite(content: bytes) -> Picture:
    """Return a PNG, JPEG, GIF or WebP file with the same pixels, turned as its camera noted. Memory: about 10 bytes for each of
    MAX_PIXELS. Raises NoPicture, PictureTooLarge."""
    if len(content) > MAX_BYTES:
        raise PictureTooLarge(
            _("A picture has at most %(limit)d MB. Make it smaller, and send it again.") % {"limit": MAX_BYTES // 10**6}
        )
    with _ALONE:
        try:
            return _rewrite(content)
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise _too_many_points() from error
        except (NoPicture, PictureTooLarge):
            raise
        except Exception as error:
            # A damaged file fails in as many ways as there are readers of formats.
            raise NoPicture(
                _("This is no picture that can be shown: send a PNG, JPEG, GIF or WebP file that is whole.")
            ) from error


def _rewrite(content: bytes) -> Picture:
    with Image.open(BytesIO(content), formats=list(_FORMATS)) as image:
        # Cameras put several pictures into one JPEG file; the first is the one that was taken.
        kind = "JPEG" if image.format == "MPO" else str(image.format)
        content_type, options = _FORMATS[kind]
        loop = image.info.get("loop")
        durations: list[int] = []
        frames = list(_frames(image, kind, durations))
    if len(frames) > 1:
        options = options | {"save_all": True, "append_images": frames[1:], "duration": durations}
        if isinstance(loop, int):
            options["loop"] = loop
    written = BytesIO()
    frames[0].save(written, kind, **options)
    if written.tell() > 2 * MAX_BYTES:
        raise _too_many_points()
    return Picture(written.getvalue(), content_type)


def _frames(image: Image.Image, kind: str, durations: list[int]) -> Iterator[Image.Image]:
    points = 0
    for number in range(MAX_FRAMES + 1):
        if number:
            try:
                image.seek(number)
            except EOFError:
                return
        points += image.width * image.height
        if points > MAX_PIXELS or number == MAX_FRAMES:
            raise _too_many_points()
        frame = _plain(ImageOps.exif_transpose(image), kind)
        durations.append(max(20, min(int(image.info.get("duration", 100)), 60_000)))
        yield frame
        if kind not in ("GIF", "WEBP"):
            return


def _plain(image: Image.Image, kind: str) -> Image.Image:
    """Return the pixels alone, in a form that the format can hold."""
    clear = "transparency" in image.info or "A" in image.getbands()
    kept = _KEPT_MODES.get(kind, {"RGB", "RGBA"})
    if image.mode not in kept or "transparency" in image.info:
        image = image.convert("RGBA" if clear and kind != "JPEG" else "RGB")
    plain = image.copy()
    plain.info = {}
    return plain


def _too_many_points() -> PictureTooLarge:
    return PictureTooLarge(
        _(
            "A picture has at most %(limit)d million points, and %(frames)d frames that have so many together. Scale it down."
        )
        % {"limit": MAX_PIXELS // 10**6, "frames": MAX_FRAMES}
    )
