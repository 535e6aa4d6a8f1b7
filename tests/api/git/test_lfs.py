"""Git LFS: who may send and fetch what, in one piece and in parts, and locks."""

import fcntl
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import LazySettings
from django.http import HttpResponseBase
from django.test import Client

from hub.accounts.models import User
from hub.api.git import lfs_transfers
from hub.community.discussions.pull_requests import open_pull_request
from hub.core.blobs import lfs_key, store
from hub.core.blobs.scratch import staging_folder, sweep_scratch
from hub.core.errors import TooMany
from hub.repos import large_uploads
from hub.repos.git.commits import PutBlob
from hub.repos.large_files import delete_large_files
from hub.repos.large_uploads import UPLOAD_LIFE, drop_old_uploads, part_size_for
from hub.repos.models import BlobClaim, Gate, LargeFileLock, LargeUpload, RepoBlob, Repository, Visibility
from hub.repos.services import create_branch, delete_branch, set_visibility
from tests.factories import make_organization, make_repo, make_token, make_user
from tests.repos.filling import commit, sent

pytestmark = pytest.mark.django_db

TYPE = "application/vnd.git-lfs+json"
KILOBYTE = 1024


@pytest.fixture(autouse=True)
def _parts_of_a_kilobyte(settings: LazySettings) -> None:
    settings.LFS_PART_SIZE = KILOBYTE
    # What earlier tests did not finish.
    sweep_scratch(older_than=-1)
    store().sweep_parts(older_than=-1)


@dataclass
class Caller:
    """Somebody with a token, or nobody, and a repository."""

    repo: Repository
    token: str = ""

    def lfs(self, path: str, body: Mapping[str, Any] | None = None, method: str = "POST") -> Any:
        """Call `info/lfs/{path}` with JSON; the answer has `status_code` and `json()`."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        url = f"/{self.repo.full_name}.git/info/lfs/{path}"
        if method == "GET":
            return Client().get(url, body, headers=headers)
        return Client().post(url, json.dumps(body or {}), content_type=TYPE, headers=headers)

    def batch(self, operation: str, *contents: bytes, **more: Any) -> Any:
        objects = [{"oid": sha(content), "size": len(content)} for content in contents]
        return self.lfs("objects/batch", {"operation": operation, "objects": objects, **more})

    def action(self, operation: str, content: bytes, **more: Any) -> Any:
        """The batch call's action for one object. A KeyError where there is none."""
        (answer,) = self.batch(operation, content, **more).json()["objects"]
        return answer["actions"][operation]


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def put(href: str, content: bytes) -> HttpResponseBase:
    """PUT bytes to an address as it was handed out, with no token."""
    return Client().put(_local(href), content, content_type="application/octet-stream")


def fetch(href: str) -> tuple[int, bytes]:
    answer = Client().get(_local(href))
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]
    return answer.status_code, content


def _local(href: str) -> str:
    parts = urlsplit(href)
    return f"{parts.path}?{parts.query}"


def send_parts(action: dict[str, Any], content: bytes) -> list[dict[str, Any]]:
    """PUT all parts as clients do; return what they say when they complete the upload."""
    size = int(action["header"]["chunk_size"])
    parts = []
    for number, key in enumerate(sorted(set(action["header"]) - {"chunk_size"})):
        answer = put(action["header"][key], content[number * size : (number + 1) * size])
        assert answer.status_code == 200
        parts.append({"partNumber": number + 1, "etag": answer["ETag"]})
    return parts


def complete(action: dict[str, Any], content: bytes, parts: list[dict[str, Any]]) -> Any:
    body = json.dumps({"oid": sha(content), "parts": parts})
    return Client().post(_local(action["href"]), body, content_type=TYPE)


@pytest.fixture
def owner() -> User:
    return make_user()


@pytest.fixture
def repo(owner: User) -> Repository:
    return make_repo(owner)


@pytest.fixture
def writer(repo: Repository, owner: User) -> Caller:
    return Caller(repo, make_token(owner))


@pytest.fixture
def reader(repo: Repository) -> Caller:
    return Caller(repo, make_token(make_user(), "read"))


# --- whole objects ------------------------------------------------------------------------------------------------


def test_upload_verify_commit_download(writer: Caller, repo: Repository) -> None:
    content = b"weights"
    action = writer.action("upload", content)
    assert "header" not in action
    told = {"oid": sha(content), "size": len(content)}
    assert writer.lfs("objects/verify", told).status_code == 404
    assert put(action["href"], content).status_code == 200
    assert writer.lfs("objects/verify", told).status_code == 200
    # Nobody reads it before it is committed.
    (answer,) = writer.batch("download", content).json()["objects"]
    assert answer["error"]["code"] == 404
    commit(repo, PutBlob("weights.bin", sha(content)))
    assert fetch(Caller(repo).action("download", content)["href"]) == (200, content)
    # It need not be sent again.
    (answer,) = writer.batch("upload", content).json()["objects"]
    assert answer == {"oid": sha(content), "size": len(content)}


@pytest.mark.parametrize("body", [b"other bytes!!", b"short", b""])
def test_other_bytes_are_refused_and_leave_nothing(writer: Caller, body: bytes) -> None:
    action = writer.action("upload", b"the true thing"[:13])
    assert put(action["href"], body).status_code == 400
    assert not BlobClaim.objects.exists()
    assert not list(staging_folder().glob("tmp*"))


def test_a_wrong_size_is_told_before_anything_is_sent(writer: Caller, repo: Repository) -> None:
    commit(repo, PutBlob("weights.bin", sent(repo, b"weights")))
    body = {"operation": "upload", "objects": [{"oid": sha(b"weights"), "size": 99}]}
    (answer,) = writer.lfs("objects/batch", body).json()["objects"]
    assert answer["error"]["code"] == 422


def test_who_may_upload(reader: Caller, repo: Repository, owner: User) -> None:
    assert reader.batch("upload", b"x").status_code == 403
    assert Caller(repo).batch("upload", b"x").status_code == 401
    # Whoever may propose changes sends content that is theirs alone, for a pull request to come or one of theirs.
    person = make_user()
    stranger = Caller(repo, make_token(person))
    number = open_pull_request(repo=repo, actor=person, title="Take this").discussion.number
    for name, status in {"refs/heads/main": 403, "main": 403, f"refs/pr/{number}": 200, "refs/pr/99": 404}.items():
        assert stranger.batch("upload", b"x", ref={"name": name}).status_code == status
    other = Caller(repo, make_token(make_user()))
    assert other.batch("upload", b"x", ref={"name": f"refs/pr/{number}"}).status_code == 403
    assert put(stranger.action("upload", b"x")["href"], b"x").status_code == 200
    assert Caller(repo, make_token(owner)).lfs("objects/verify", {"oid": sha(b"x"), "size": 1}).status_code == 404
    set_visibility(repo=repo, actor=owner, visibility=Visibility.PRIVATE)
    assert stranger.batch("upload", b"x").status_code == 404


def test_signed_addresses_end_with_the_right(repo: Repository, owner: User) -> None:
    content = b"weights"
    commit(repo, PutBlob("weights.bin", sent(repo, content)))
    guest = make_user()
    caller = Caller(repo, make_token(guest))
    down, up = caller.action("download", content)["href"], caller.action("upload", b"more")["href"]
    assert fetch(down)[0] == 200
    Repository.objects.filter(pk=repo.pk).update(gate=Gate.MANUAL)
    assert fetch(down)[0] == 403
    assert put(up, b"more").status_code == 403
    assert caller.batch("download", content).status_code == 403
    Repository.objects.filter(pk=repo.pk).update(gate=Gate.OPEN, visibility=Visibility.PRIVATE)
    assert fetch(down)[0] == 403
    assert put(up, b"more").status_code == 403


def test_an_address_opens_one_object_for_one_purpose(writer: Caller, repo: Repository) -> None:
    for content in (b"one", b"two"):
        commit(repo, PutBlob(f"{content.decode()}.bin", sent(repo, content)))
    href = writer.action("download", b"one")["href"]
    assert fetch(href.replace(sha(b"one"), sha(b"two")))[0] == 403
    assert put(href, b"one").status_code == 403
    assert fetch(writer.action("upload", b"three")["href"])[0] == 403


def test_content_of_a_deleted_branch_is_gone_for_whoever_knows_its_hash(repo: Repository, owner: User) -> None:
    create_branch(repo=repo, actor=owner, name="side")
    commit(repo, PutBlob("secret.bin", sent(repo, b"secret")), branch="side")
    anybody = Caller(repo)
    href = anybody.action("download", b"secret")["href"]
    assert fetch(href) == (200, b"secret")
    delete_branch(repo=repo, actor=owner, name="side")
    assert fetch(href)[0] == 404
    (answer,) = anybody.batch("download", b"secret").json()["objects"]
    assert answer["error"]["code"] == 404
    # Nor can a writer bring it back without the bytes.
    assert "upload" in Caller(repo, make_token(owner)).batch("upload", b"secret").json()["objects"][0]["actions"]


def test_deleted_content_that_a_writer_sends_again_is_served_again(
    writer: Caller, repo: Repository, owner: User
) -> None:
    content = b"weights"
    commit(repo, PutBlob("weights.bin", sent(repo, content)))
    delete_large_files(repo=repo, actor=owner, sha256s=[sha(content)], rewrite_history=False)
    stranger = Caller(repo, make_token(make_user()))
    assert put(stranger.action("upload", content)["href"], content).status_code == 200
    assert not RepoBlob.objects.filter(repository=repo).exists()
    assert put(writer.action("upload", content)["href"], content).status_code == 200
    assert fetch(Caller(repo).action("download", content)["href"]) == (200, content)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"operation": "steal", "objects": []},
        {"operation": "upload"},
        {"operation": "upload", "objects": [{"oid": "AB" * 32, "size": 1}]},
        {"operation": "upload", "objects": [{"oid": "ab" * 32, "size": -1}]},
        {"operation": "upload", "objects": [{"oid": "ab" * 32, "size": True}]},
        {"operation": "upload", "objects": ["ab"]},
        {"operation": "upload", "objects": [], "transfers": ["tus"]},
        {"operation": "upload", "objects": [], "transfers": [["basic"]]},
        {"operation": "upload", "objects": [], "transfers": "basic"},
        {"operation": "upload", "objects": [], "ref": "main"},
        {"operation": "upload", "objects": [], "ref": {"name": 7}},
    ],
)
def test_what_cannot_be_read_is_refused(writer: Caller, body: dict[str, Any]) -> None:
    answer = writer.lfs("objects/batch", body)
    assert answer.status_code == 400
    assert answer.json()["message"] == answer.json()["error"]


# --- parts --------------------------------------------------------------------------------------------------------


def test_a_large_file_in_parts(writer: Caller, repo: Repository) -> None:
    content = bytes(range(256)) * 11
    body = writer.batch("upload", content, b"small", transfers=["multipart", "basic"]).json()
    assert body["transfer"] == "multipart"
    large, small = (item["actions"]["upload"] for item in body["objects"])
    assert list(large["header"]) == ["chunk_size", "000001", "000002", "000003"]
    assert list(small["header"]) == ["chunk_size", "000001"]
    for action, whole in ((large, content), (small, b"small")):
        parts = send_parts(action, whole)
        assert not BlobClaim.objects.filter(blob=sha(whole)).exists()
        assert complete(action, whole, parts).status_code == 200
        # A client that did not hear the answer asks again.
        assert complete(action, whole, parts).status_code == 200
        assert writer.lfs("objects/verify", {"oid": sha(whole), "size": len(whole)}).status_code == 200
    commit(repo, PutBlob("large.bin", sha(content)))
    assert fetch(Caller(repo).action("download", content)["href"]) == (200, content)
    assert not LargeUpload.objects.exists()
    assert not list(staging_folder().iterdir())


def test_parts_are_for_large_files_and_those_who_can(writer: Caller) -> None:
    assert writer.batch("upload", b"x" * 1024, transfers=["basic", "multipart"]).json()["transfer"] == "basic"
    assert writer.batch("upload", b"x" * 1025, transfers=["basic"]).json()["transfer"] == "basic"
    assert writer.batch("upload", b"x" * 1025).json()["transfer"] == "basic"


def test_parts_grow_with_what_is_sent(settings: LazySettings) -> None:
    settings.LFS_PART_SIZE = 512 * 1024**2
    assert part_size_for([]) is None
    assert part_size_for([512 * 1024**2] * 1000) is None
    assert part_size_for([1, 512 * 1024**2 + 1]) == 512 * 1024**2
    size = part_size_for([5 * 1024**4])
    assert size is not None and size % 1024**2 == 0 and 5 * 1024**4 / size <= 2000


def test_a_batch_that_is_repeated_goes_on_with_the_parts_that_are_there(writer: Caller) -> None:
    content = b"a" * KILOBYTE + b"b" * KILOBYTE
    offer = {"transfers": ["multipart"]}
    first = writer.action("upload", content, **offer)
    one = put(first["header"]["000001"], content[:KILOBYTE])
    again = writer.action("upload", content, **offer)
    two = put(again["header"]["000002"], content[KILOBYTE:])
    parts = [{"partNumber": 2, "etag": two["ETag"]}, {"partNumber": 1, "etag": one["ETag"]}]
    assert complete(again, content, parts).status_code == 200
    assert LargeUpload.objects.count() == 0


def test_each_part_has_its_size(writer: Caller) -> None:
    content = b"a" * KILOBYTE + b"b"
    header = writer.action("upload", content, transfers=["multipart"])["header"]
    assert put(header["000001"], b"a" * (KILOBYTE - 1)).status_code == 400
    assert put(header["000001"], b"a" * (KILOBYTE + 1)).status_code == 400
    assert put(header["000002"], b"bb").status_code == 400
    assert put(header["000002"].replace("/parts/2", "/parts/3"), b"b").status_code == 400
    assert put(header["000002"].replace("/parts/2", "/parts/0"), b"b").status_code == 400
    assert not list(staging_folder().glob("tmp*"))


def test_completion_names_every_part_as_it_arrived(writer: Caller) -> None:
    content = b"a" * KILOBYTE + b"b"
    action = writer.action("upload", content, transfers=["multipart"])
    parts = send_parts(action, content)
    for wrong in (
        [],
        parts[:1],
        [*parts, {"partNumber": 3, "etag": parts[0]["etag"]}],
        [parts[0], {"partNumber": 2, "etag": None}],
        [parts[0], {"partNumber": 2, "etag": "\x01"}],
        [parts[0], {"partNumber": 2, "etag": "a" * 1000}],
        [{"partNumber": "1", "etag": "x"}, 7],
    ):
        assert complete(action, content, wrong).status_code == 400  # type: ignore[arg-type]
    swapped = [{"partNumber": 1, "etag": parts[1]["etag"]}, {"partNumber": 2, "etag": parts[0]["etag"]}]
    assert complete(action, content, swapped).status_code == 409
    assert complete(action, content, [parts[0], {"partNumber": 2, "etag": "../../../etc/passwd"}]).status_code == 409
    assert complete(action, content, parts).status_code == 200


def test_parts_that_are_not_the_object_count_for_nothing(writer: Caller) -> None:
    content = b"not stored yet" * KILOBYTE
    action = writer.action("upload", content, transfers=["multipart"])
    parts = send_parts(action, b"x" * len(content))
    answer = complete(action, content, parts)
    assert answer.status_code == 400
    assert "sha256" in answer.json()["message"]
    assert not BlobClaim.objects.exists()
    assert not store().stat(lfs_key(sha(content)))
    # The parts are gone, and the same upload may start again.
    assert complete(action, content, parts).status_code == 409
    assert complete(action, content, send_parts(action, content)).status_code == 200


def test_parts_are_somebodys_own_and_end_with_the_right(repo: Repository, owner: User) -> None:
    content = b"a" * KILOBYTE + b"b"
    one, other = (Caller(repo, make_token(make_user())) for _number in range(2))
    first, second = (caller.action("upload", content, transfers=["multipart"]) for caller in (one, other))
    parts = send_parts(first, content)
    assert complete(second, content, parts).status_code == 409
    whole = one.action("upload", b"whole")
    assert put(first["header"]["000001"].split("?")[0] + "?" + whole["href"].split("?")[1], b"a").status_code == 403
    set_visibility(repo=repo, actor=owner, visibility=Visibility.PRIVATE)
    assert put(first["header"]["000001"], content[:KILOBYTE]).status_code == 403
    assert complete(first, content, parts).status_code == 403


def test_while_parts_are_put_together_others_wait(writer: Caller) -> None:
    content = b"a" * KILOBYTE + b"b"
    action = writer.action("upload", content, transfers=["multipart"])
    parts = send_parts(action, content)
    upload = LargeUpload.objects.get()
    folder = staging_folder()
    busy = (folder / f"parts-{upload.parts}").rename(folder / f"joining-{upload.parts}-somebody")
    # As the process that joins them holds it.
    lock = os.open(busy, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    answer = complete(action, content, parts)
    os.close(lock)
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    busy.rename(folder / f"parts-{upload.parts}")
    assert complete(action, content, parts).status_code == 200


def test_uploads_are_finished_before_many_more_begin(writer: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_uploads, "MAX_BEGUN", 1)
    content = b"a" * KILOBYTE + b"b"
    action = writer.action("upload", content, transfers=["multipart"])
    refused = writer.batch("upload", b"b" + content, transfers=["multipart"])
    assert (refused.status_code, refused["Retry-After"]) == (429, "3600")
    assert LargeUpload.objects.count() == 1
    assert complete(action, content, send_parts(action, content)).status_code == 200
    assert writer.batch("upload", b"b" + content, transfers=["multipart"]).status_code == 200


def test_whoever_has_uploads_checked_leaves_threads_for_others(
    writer: Caller, owner: User, settings: LazySettings
) -> None:
    settings.WEB_THREADS = 4
    content = b"a" * KILOBYTE + b"b"
    action = writer.action("upload", content, transfers=["multipart"])
    parts = send_parts(action, content)
    with lfs_transfers.place_for_check(owner):
        assert complete(action, content, parts).status_code == 429
        assert writer.lfs("objects/verify", {"oid": sha(content), "size": len(content)}).status_code == 429
        with (
            lfs_transfers.place_for_check(make_user()),
            pytest.raises(TooMany),
            lfs_transfers.place_for_check(make_user()),
        ):
            pass
    assert complete(action, content, parts).status_code == 200


def test_uploads_that_nobody_finishes_are_swept(writer: Caller) -> None:
    content = b"a" * KILOBYTE + b"b"
    send_parts(writer.action("upload", content, transfers=["multipart"]), content)
    folder = staging_folder() / f"parts-{LargeUpload.objects.get().parts}"
    assert drop_old_uploads() == 0
    assert store().sweep_parts(older_than=60) == 0
    assert len(list(folder.iterdir())) == 2
    LargeUpload.objects.update(created_at=LargeUpload.objects.get().created_at - UPLOAD_LIFE)
    assert drop_old_uploads() == 1
    assert not folder.exists()
    send_parts(writer.action("upload", content, transfers=["multipart"]), content)
    assert store().sweep_parts(older_than=-1) == 1
    assert not list(staging_folder().iterdir())


# --- locks --------------------------------------------------------------------------------------------------------


@pytest.fixture
def team(owner: User) -> dict[str, Caller]:
    """A repository of an organization, and callers by their roles."""
    people = {"write": make_user(), "read": make_user()}
    organization = make_organization(owner, **people)
    repo = make_repo(owner, organization=organization)
    callers = {role: Caller(repo, make_token(user)) for role, user in {**people, "admin": owner}.items()}
    return {**callers, "stranger": Caller(repo, make_token(make_user())), "nobody": Caller(repo)}


def test_lock_list_verify_unlock(team: dict[str, Caller]) -> None:
    made = team["write"].lfs("locks", {"path": "art/scene.psd", "ref": {"name": "refs/heads/main"}})
    assert made.status_code == 201
    lock = made.json()["lock"]
    assert set(lock) == {"id", "path", "locked_at", "owner"} and lock["locked_at"].endswith("Z")
    refused = team["admin"].lfs("locks", {"path": "art/scene.psd"})
    assert (refused.status_code, refused.json()["lock"]) == (409, lock)
    assert lock["owner"]["name"] in refused.json()["message"]
    assert team["nobody"].lfs("locks", method="GET").json() == {"locks": [lock]}
    assert team["nobody"].lfs("locks", {"path": "other"}, method="GET").json() == {"locks": []}
    assert team["nobody"].lfs("locks", {"id": lock["id"]}, method="GET").json() == {"locks": [lock]}
    assert team["write"].lfs("locks/verify").json() == {"ours": [lock], "theirs": []}
    assert team["admin"].lfs("locks/verify").json() == {"ours": [], "theirs": [lock]}
    assert team["write"].lfs(f"locks/{lock['id']}/unlock").json() == {"lock": lock}
    assert team["write"].lfs(f"locks/{lock['id']}/unlock").status_code == 404
    assert not LargeFileLock.objects.exists()


def test_who_may_lock_and_unlock(team: dict[str, Caller]) -> None:
    for who, status in {"nobody": 401, "stranger": 403, "read": 403}.items():
        assert team[who].lfs("locks", {"path": "a"}).status_code == status
    theirs = team["write"].lfs("locks", {"path": "a"}).json()["lock"]["id"]
    admins = team["admin"].lfs("locks", {"path": "b"}).json()["lock"]["id"]
    for who, status in {"nobody": 401, "stranger": 403, "read": 403}.items():
        assert team[who].lfs(f"locks/{theirs}/unlock", {"force": True}).status_code == status
    # A writer's force is none; an administrator has to say that they mean it.
    assert team["write"].lfs(f"locks/{admins}/unlock", {"force": True}).status_code == 403
    assert team["admin"].lfs(f"locks/{theirs}/unlock").status_code == 403
    assert team["admin"].lfs(f"locks/{theirs}/unlock", {"force": True}).status_code == 200


def test_locks_in_pages(team: dict[str, Caller]) -> None:
    for number in range(5):
        team["write"].lfs("locks", {"path": f"file{number}"})
    seen, cursor = [], {}
    while True:
        page = team["read"].lfs("locks", {"limit": "2", **cursor}, method="GET").json()
        seen += [lock["path"] for lock in page["locks"]]
        if "next_cursor" not in page:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == [f"file{number}" for number in range(5)]
    first = team["write"].lfs("locks/verify", {"limit": 3}).json()
    rest = team["write"].lfs("locks/verify", {"limit": 3, "cursor": first["next_cursor"]}).json()
    assert len(first["ours"]) == 3 and len(rest["ours"]) == 2 and "next_cursor" not in rest


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("locks", {}),
        ("locks", {"path": "../up"}),
        ("locks", {"path": 7}),
        ("locks/verify", {"limit": 0}),
        ("locks/verify", {"cursor": "9" * 30}),
        ("locks/verify", {"cursor": [1]}),
        ("locks/1/unlock", {"force": "yes"}),
    ],
)
def test_what_locks_cannot_be(writer: Caller, path: str, body: dict[str, Any]) -> None:
    assert writer.lfs(path, body).status_code == 400


def test_a_lock_that_no_number_could_be(writer: Caller) -> None:
    assert writer.lfs(f"locks/{'9' * 40}/unlock").status_code == 404
