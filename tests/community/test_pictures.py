"""Pictures beside texts: only what is one, without what it should not tell, in bounded memory, so many for each person."""

import struct
import zlib
from io import BytesIO
from typing import Any

import pytest
from django.test import Client
from PIL import Image, PngImagePlugin

from hub.accounts.models import User
from hub.community.errors import NoPicture, NotYourPicture, PicturesFull, PictureTooLarge
from hub.community.models import Attachment
from hub.community.writing import attachments
from hub.community.writing.attachments import add_attachment, bytes_of, delete_attachment
from hub.community.writing.pictures import MAX_BYTES, MAX_FRAMES, MAX_PIXELS, rewrite
from hub.core.errors import TooMany
from tests.factories import make_token, make_user


def picture(kind: str = "PNG", size: tuple[int, int] = (8, 4), **options: Any) -> bytes:
    out = BytesIO()
    Image.new("RGB", size, "#c03020").save(out, kind, **options)
    return out.getvalue()


def exif() -> Image.Exif:
    notes = Image.Exif()
    notes[0x0112] = 6  # turned by a quarter
    notes[0x010F] = "Secret camera"
    notes.get_ifd(0x8825)[1] = "N"
    return notes


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_what_cameras_note_does_not_come_along(kind: str) -> None:
    options: dict[str, Any] = {"exif": exif()}
    if kind == "PNG":
        options["pnginfo"] = notes = PngImagePlugin.PngInfo()
        notes.add_text("Author", "Secret camera")
    sent = picture(kind, **options) + b"<script>Secret camera</script>"
    kept = rewrite(sent)
    assert b"Secret" in sent
    assert b"Secret" not in kept.content
    with Image.open(BytesIO(kept.content)) as image:
        assert (image.format, image.size) == (kind, (4, 8))
        assert not image.getexif()
        assert kept.content_type == Image.MIME[kind]


def test_points_stay_as_they_were() -> None:
    for mode, color in (("RGBA", (10, 20, 30, 40)), ("L", 77), ("1", 1), ("LA", (9, 99)), ("I;16", 3000)):
        out = BytesIO()
        Image.new(mode, (3, 3), color).save(out, "PNG")
        with Image.open(BytesIO(rewrite(out.getvalue()).content)) as image:
            assert (image.mode, image.getpixel((1, 1))) == (mode, 255 if mode == "1" else color)
    out = BytesIO()
    Image.new("P", (3, 3), 0).save(out, "PNG", transparency=0)
    with Image.open(BytesIO(rewrite(out.getvalue()).content)) as image:
        pixel = image.convert("RGBA").getpixel((1, 1))
        assert isinstance(pixel, tuple)
        assert pixel[3] == 0
    out = BytesIO()
    Image.new("CMYK", (3, 3)).save(out, "JPEG")
    assert rewrite(out.getvalue()).content_type == "image/jpeg"


@pytest.mark.parametrize("kind", ["GIF", "WEBP"])
def test_animations_move_on(kind: str) -> None:
    frames = [Image.new("RGB", (6, 6), color) for color in ("red", "green", "blue")]
    out = BytesIO()
    frames[0].save(out, kind, save_all=True, append_images=frames[1:], duration=[100, 200, 300], loop=0)
    with Image.open(BytesIO(rewrite(out.getvalue()).content)) as image:
        assert image.n_frames == 3  # type: ignore[attr-defined]
        image.seek(2)
        image.load()
        assert image.info["duration"] == 300
        pixel = image.convert("RGB").getpixel((3, 3))
        assert isinstance(pixel, tuple)
        assert pixel[2] > 200


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GIF89a",
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        b"%PDF-1.4",
        b"\x89PNG\r\n\x1a\n" + b"\0" * 100,
        b"RIFF\x00\x00\x00\x00WEBPVP8 ",
        picture()[:-30],
        picture("JPEG")[:60],
        picture("BMP"),
        picture("TIFF"),
        b"<html><script>alert(1)</script>",
    ],
)
def test_what_is_no_picture_is_refused(content: bytes) -> None:
    with pytest.raises(NoPicture):
        rewrite(content)


def test_bombs_are_refused_before_they_are_unpacked() -> None:
    """A picture of 60,000 by 60,000 points in a few bytes, and an animation without end."""
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    chunk = b"IHDR" + header
    bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    data = b"IDAT" + zlib.compress(b"\0" * 10_000)
    bomb += struct.pack(">I", len(data) - 4) + data + struct.pack(">I", zlib.crc32(data))
    with pytest.raises(PictureTooLarge):
        rewrite(bomb)
    with pytest.raises(PictureTooLarge):
        rewrite(picture(size=(4001, MAX_PIXELS // 4000)))
    frames = [Image.new("L", (2, 2), number) for number in range(MAX_FRAMES + 1)]
    out = BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    with pytest.raises(PictureTooLarge):
        rewrite(out.getvalue())
    with pytest.raises(PictureTooLarge):
        rewrite(b"\0" * (MAX_BYTES + 1))


def test_later_frames_are_no_larger_than_they_may_be() -> None:
    """A GIF whose second frame says that it is 65,000 points wide and high."""
    small = b"GIF89a" + struct.pack("<HH", 1, 1) + b"\x80\0\0" + b"\0\0\0\xff\xff\xff"
    points = b"\x02\x02\x44\x01\0"
    first = b"," + struct.pack("<HHHH", 0, 0, 1, 1) + b"\0" + points
    second = b"," + struct.pack("<HHHH", 0, 0, 65_000, 65_000) + b"\0" + points
    with pytest.raises((PictureTooLarge, NoPicture)):
        rewrite(small + first + second + b";")


@pytest.fixture
def ada(db: None) -> User:
    return make_user()


def test_one_person_has_so_much_and_so_often(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    made = add_attachment(owner=ada, content=picture())
    assert bytes_of(ada) == len(bytes(made.content))
    with pytest.raises(NoPicture, match="no video"):
        add_attachment(owner=ada, content=picture(), content_type="video/mp4")
    monkeypatch.setattr(attachments, "MAX_OF_ONE", bytes_of(ada) + 1)
    with pytest.raises(PicturesFull):
        add_attachment(owner=ada, content=picture())
    with pytest.raises(NotYourPicture):
        delete_attachment(attachment=made, actor=make_user())
    delete_attachment(attachment=made, actor=ada)
    assert not Attachment.objects.exists()
    monkeypatch.setattr(attachments, "PER_HOUR", 3)
    add_attachment(owner=ada, content=picture())
    with pytest.raises(TooMany):
        add_attachment(owner=ada, content=picture())


def test_a_picture_is_sent_from_the_page_and_shown(ada: User, client: Client) -> None:
    client.force_login(ada)
    answer = client.post("/uploads/new", picture("GIF"), content_type="image/gif")
    assert answer.status_code == 201
    address = answer.json()["address"]
    shown = Client().get(address)
    assert (shown["Content-Type"], shown["Content-Disposition"]) == ("image/gif", "inline")
    assert shown["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in shown["Content-Security-Policy"]
    assert "sandbox" in shown["Content-Security-Policy"]
    assert "immutable" in shown["Cache-Control"]
    assert address in client.get("/settings/uploads").content.decode()
    refused = client.post("/uploads/new", b"<svg/>", content_type="image/svg+xml")
    assert (refused.status_code, refused.json()["code"]) == (415, "UnsupportedMediaType")
    assert client.post("/uploads/new", b"\0" * (MAX_BYTES + 9), content_type="image/png").status_code == 413
    stranger = Client()
    stranger.force_login(make_user())
    assert stranger.post(f"/settings{address}/delete").status_code == 403
    assert client.post(f"/settings{address}/delete").status_code == 302
    assert client.get(address).status_code == 404


def test_tools_and_scripts_say_who_they_are(ada: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ada)
    assert strict.post("/uploads/new", picture(), content_type="image/png").status_code == 403
    # A browser's log-in does not speak where tools do.
    assert strict.post("/uploads", picture(), content_type="image/png").status_code == 401
    headers = {"Authorization": f"Bearer {make_token(ada, 'read')}"}
    assert Client().post("/uploads", picture(), content_type="image/png", headers=headers).status_code == 403
    headers = {"Authorization": f"Bearer {make_token(ada)}"}
    answer = Client().post("/uploads", picture(), content_type="image/png", headers=headers)
    assert answer.status_code == 200
    assert answer.content.decode().startswith("http://testserver/uploads/")
    sound = Client().post("/uploads", b"ID3", content_type="audio/mpeg", headers=headers)
    assert (sound.status_code, sound["X-Error-Code"]) == (415, "UnsupportedMediaType")
