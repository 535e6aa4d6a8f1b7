"""Pages of buckets: the list, a new one, its files, sending and deleting some, its settings."""

import json
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from hub.accounts.models import User
from hub.repos.bucket_files import list_below
from hub.repos.models import Kind, RepositoryAlias, Visibility
from tests.factories import make_repo, make_user
from tests.repos.buckets import make_bucket, put
from tests.web.conftest import browser_of
from tests.web.repos import get, text_of

pytestmark = pytest.mark.django_db


def cost(client: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as asked:
        text_of(client, address)
    return len(asked)


def paths(bucket: object) -> list[str]:
    return [entry.path for entry in list_below(bucket, "", limit=1000)]  # type: ignore[arg-type]


def test_the_list_shows_what_one_may_know_of(browser: Client, member: User) -> None:
    assert "No bucket yet" in text_of(Client(), "/buckets")
    mine = make_bucket(member, name="mine", visibility=Visibility.PRIVATE)
    put(mine, {"a": b"one", "b": b"two"})
    make_bucket(name="theirs")
    make_bucket(name="secret", visibility=Visibility.PRIVATE)
    make_repo(member, name="no-bucket")
    strangers, own = text_of(Client(), "/buckets"), text_of(browser, "/buckets")
    assert (
        "theirs" in strangers and "mine" not in strangers and "secret" not in strangers and "no-bucket" not in strangers
    )
    assert "2 files" in own and "6\xa0B" in own
    assert "theirs" not in text_of(browser, "/buckets?search=min")
    assert "mine" in text_of(browser, f"/buckets?search={member.username}/M")
    assert "mine" in text_of(browser, f"/buckets?author={member.username}")
    assert "No bucket has this name" in text_of(browser, "/buckets?search=nothing%00")


def test_the_list_goes_on_where_a_page_ended(browser: Client, member: User) -> None:
    for number in range(65):
        make_bucket(member, name=f"b{number}")
    seen: list[str] = []
    address, pages = "/buckets", 0
    while address:
        text = text_of(browser, address)
        seen += re.findall(r'class="name" href="[^"]*/(b\d+)"', text)
        following = re.search(r'href="(\?[^"]*cursor=[^"]*)" rel="next"', text)
        address, pages = f"/buckets{following[1]}" if following else "", pages + 1
    assert (pages, len(seen), len(set(seen))) == (3, 65, 65)
    assert seen[0] == "b64"
    for cursor in ("x", "1-", "9" * 17 + "-1", "99999999999999999-999999999999999"):
        assert get(browser, f"/buckets?cursor={cursor}").status_code == 200


def test_making_one(browser: Client, member: User) -> None:
    assert get(Client(), "/new/bucket").status_code == 302
    form = {"owner": member.username, "name": "fresh", "visibility": "private"}
    made = browser.post("/new/bucket", form)
    assert made["Location"] == f"/buckets/{member.username}/fresh"
    assert "This bucket is empty" in text_of(browser, made["Location"])
    again = browser.post("/new/bucket", form)
    assert again.status_code == 409 and "exists already" in again.content.decode()
    assert "free" in get(browser, f"/new/bucket/check?owner={member.username}&name=other").content.decode()
    assert get(Client(), made["Location"]).status_code == 404
    assert browser_of(make_user()).post("/new/bucket", {**form, "name": "n"}).status_code == 200


def test_files_by_folder(browser: Client, member: User) -> None:
    bucket = make_bucket(member)
    address = bucket.get_absolute_url()
    put(
        bucket,
        {"README.md": b"---\na: b\n---\n# Hello *you*\n\n[data](deep/x.csv)", "deep/x.csv": b"1", "deep/er/y": b"2"},
    )
    top = text_of(Client(), address)
    assert "Hello <em>you</em>" in top and f'href="{address}/tree/deep/x.csv"' in top
    assert f'href="{address}/tree/deep"' in top and "y" not in re.findall(r"<bdi[^>]*>([^<]*)</bdi>", top)
    assert 'name="path"' not in top and 'name="path"' in text_of(browser, address)
    deep = text_of(Client(), f"{address}/tree/deep")
    assert f'href="{address}/resolve/deep/x.csv?download=true"' in deep
    assert get(Client(), f"{address}/tree/deep/x.csv")["Location"] == f"{address}/resolve/deep/x.csv"
    for missing in ("nothing", "dee", "deep/x"):
        assert get(Client(), f"{address}/tree/{missing}").status_code == 404
    content = get(Client(), f"{address}/resolve/deep/x.csv")
    assert b"".join(content.streaming_content) == b"1"  # type: ignore[attr-defined]
    assert content["Content-Security-Policy"].startswith("default-src 'none'")


def test_a_large_folder_comes_in_pages(browser: Client, member: User) -> None:
    bucket = make_bucket(member)
    put(bucket, {f"f/{number:03}.bin": b"one" for number in range(310)})
    first = text_of(browser, f"{bucket.get_absolute_url()}/tree/f")
    assert "299.bin" in first and "300.bin" not in first and "?after=f%2F299.bin" in first
    second = text_of(browser, f"{bucket.get_absolute_url()}/tree/f?after=f/299.bin")
    assert "300.bin" in second and "309.bin" in second and "298.bin" not in second


def test_what_pages_cost(browser: Client, member: User) -> None:
    one, many = make_bucket(member, name="one"), make_bucket(member, name="many")
    put(one, {"a/b": b"one", "README.md": b"# One"})
    put(many, {f"a{number}/b": b"one" for number in range(200)} | {"README.md": b"# Many"})
    assert cost(browser, many.get_absolute_url()) == cost(browser, one.get_absolute_url()) <= 10
    assert cost(Client(), "/buckets") <= 2
    lists = cost(browser, "/buckets")
    for number in range(10):
        make_bucket(member, name=f"more{number}")
    assert cost(browser, "/buckets") == lists <= 5


def test_sending_from_the_browser(browser: Client, member: User) -> None:
    bucket = make_bucket(member)
    address = f"{bucket.get_absolute_url()}/upload"
    assert "data-upload" in text_of(browser, address)
    files = []
    for path, content in {"in/a.txt": b"one", "in/é b.txt": b""}.items():
        sent = browser.put(f"{address}/{path}", content, content_type="application/octet-stream")
        assert sent.status_code == 201, sent.content
        files.append({"path": path, "receipt": sent.json()["receipt"]})
    assert paths(bucket) == []
    body = {"title": "", "description": "", "files": files}
    done = browser.post(address, json.dumps(body), content_type="application/json")
    assert done.json()["address"] == bucket.get_absolute_url()
    assert paths(bucket) == ["in/a.txt", "in/é b.txt"]
    # Half of what was asked is said, and the rest is done.
    body["files"] = [{**files[0], "path": "in"}, {**files[0], "path": "top.txt"}]
    half = browser.post(address, json.dumps(body), content_type="application/json")
    assert half.status_code == 400 and "is a folder here" in half.json()["error"]
    assert "top.txt" in paths(bucket)
    other = make_bucket(member, name="other")
    stolen = browser.post(f"{other.get_absolute_url()}/upload", json.dumps(body), content_type="application/json")
    assert stolen.status_code == 400 and paths(other) == []
    assert browser.put(f"{address}/..", b"x", content_type="application/octet-stream").status_code == 400


def test_sending_without_scripts(browser: Client, member: User) -> None:
    bucket = make_bucket(member)
    address = f"{bucket.get_absolute_url()}/upload/in"
    done = browser.post(address, {"file": SimpleUploadedFile("a.txt", b"one"), "folder": "in"})
    assert done["Location"] == f"{bucket.get_absolute_url()}/tree/in"
    assert paths(bucket) == ["in/a.txt"]
    refused = browser.post(address, {"file": SimpleUploadedFile("b", b"one"), "folder": "in/a.txt"})
    assert refused.status_code == 400 and "is a file here" in refused.content.decode()


def test_deleting_files_and_folders(browser: Client, member: User) -> None:
    bucket = make_bucket(member)
    address = f"{bucket.get_absolute_url()}/delete"
    put(bucket, dict.fromkeys(["a", "d/1", "d/2", "d/e/3", "k/l"], b"one"))
    done = browser.post(address, {"path": ["a", "d/"]})
    assert done["Location"] == bucket.get_absolute_url() and paths(bucket) == ["k/l"]
    assert "4 files are deleted" in text_of(browser, done["Location"])
    nothing = browser.post(address)
    assert "No file was chosen" in text_of(browser, nothing["Location"])
    gone = browser.post(address, {"path": ["k/nothing"]})
    assert gone["Location"] == f"{bucket.get_absolute_url()}/tree/k"
    assert "There is no file" in text_of(browser, gone["Location"])
    assert browser_of(make_user()).post(address, {"path": ["k/l"]}).status_code == 403
    assert browser.post(address, {"path": ["k/l"]})["Location"] == bucket.get_absolute_url()


def test_settings(browser: Client, member: User) -> None:
    bucket = make_bucket(member)
    old = bucket.get_absolute_url()
    assert "Delete this bucket" in text_of(browser, f"{old}/settings")
    assert get(browser_of(make_user()), f"{old}/settings").status_code == 403
    taken = make_bucket(member, name="taken")
    refused = browser.post(f"{old}/settings/move", {"owner": member.username, "name": taken.name})
    assert refused.status_code == 409 and "exists already" in refused.content.decode()
    moved = browser.post(f"{old}/settings/move", {"owner": member.username, "name": "renamed"})
    new = f"/buckets/{member.username}/renamed"
    assert moved["Location"] == f"{new}/settings"
    assert get(Client(), f"{old}?x=1")["Location"] == f"{new}?x=1"
    assert RepositoryAlias.objects.get().kind == Kind.BUCKET
    browser.post(f"{new}/settings/visibility", {"visibility": "private"})
    assert get(Client(), new).status_code == 404
    browser.post(f"{new}/settings/delete", {"confirm": "something else"})
    assert get(browser, new).status_code == 200
    assert browser.post(f"{new}/settings/delete", {"confirm": f"{member.username}/renamed"}).status_code == 302
    assert get(browser, new).status_code == 404


def test_hostile_names_stay_names(browser: Client, member: User) -> None:
    bucket = make_bucket(member)
    put(
        bucket,
        {"<b>&\"'.txt": b"one", "a\u202etxt.exe": b"one", "README.md": b"<script>alert(1)</script>\n\n![x](y.png)"},
    )
    text = text_of(browser, bucket.get_absolute_url())
    assert "<b>&" not in text and "<script>alert" not in text and "U+202E" in text
    assert f'src="{bucket.get_absolute_url()}/resolve/y.png"' in text
