"""Pull requests as the client family sees them: opened, filled, listed, merged, and who may do what."""

import hashlib
import re
from base64 import b64encode

from tests.api.hf.conftest import Answer, Hub, put

API = "/api/models"


def read(hub: Hub, repo: str, path: str, revision: str = "main") -> Answer:
    return hub.call("GET", f"/{repo}/resolve/{revision}/{path}")


def open_by_commit(hub: Hub, repo: str, *operations: dict, by: str = "sven", **how: str) -> int:
    """Commit with create_pr; return the number of the pull request."""
    made = hub.commit(repo, *operations, by=by, revision=how.pop("base", "main") + "?create_pr=1", **how)
    assert made.status == 200, made
    assert made.json["commitUrl"].endswith(f"/{repo}/commit/{made.json['commitOid']}")
    url = made.json["pullRequestUrl"]
    assert url.startswith(f"{hub.url}/{repo}/discussions/")
    return int(url.rpartition("/")[2])


def details(hub: Hub, repo: str, number: int, by: str = "") -> dict:
    answer = hub.call("GET", f"{API}/{repo}/discussions/{number}?diff=1", by=by)
    assert answer.status == 200, answer
    return answer.json


def listed(hub: Hub, repo: str, query: str) -> list[int]:
    answer = hub.call("GET", f"{API}/{repo}/discussions?{query}").json
    assert answer["count"] == len(answer["discussions"])
    return [row["num"] for row in answer["discussions"]]


def test_a_stranger_proposes_by_one_commit(hub: Hub) -> None:
    repo = hub.new_repo()
    head = hub.commit(repo, put("notes.md", "one\n"), put("gone.md", "x\n")).json["commitOid"]
    lines = [put("notes.md", "one\ntwo\n"), {"key": "deletedFile", "value": {"path": "gone.md"}}]
    number = open_by_commit(hub, repo, *lines, summary="Say more", description="*Two* lines say more.")
    told = details(hub, repo, number)
    assert (told["status"], told["isPullRequest"], told["title"]) == ("open", True, "Say more")
    assert told["changes"]["base"] == "refs/heads/main"
    assert told["changes"]["baseSha"] == head
    assert "mergeCommitId" not in told["changes"]
    assert told["filesWithConflicts"] == []
    assert [event["type"] for event in told["events"]] == ["comment", "commit"]
    assert told["events"][0]["data"]["latest"]["raw"] == "*Two* lines say more."
    made = told["events"][1]["data"]
    assert (made["subject"], made["oid"]) == ("Say more", told["changes"]["headSha"])
    assert told["diff"] == (
        "diff --git a/gone.md b/gone.md\ndeleted file mode 100644\n--- a/gone.md\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-x\n"
        "diff --git a/notes.md b/notes.md\n--- a/notes.md\n+++ b/notes.md\n@@ -1,1 +1,2 @@\n one\n+two\n"
    )
    # Nothing has changed in the branch, and the pull request's own revision reads everywhere.
    assert read(hub, repo, "notes.md").body == b"one\n"
    revision = f"refs%2Fpr%2F{number}"
    assert read(hub, repo, "notes.md", revision).body == b"one\ntwo\n"
    assert read(hub, repo, "gone.md", revision).code == "EntryNotFound"
    assert hub.call("GET", f"{API}/{repo}/revision/{revision}").json["sha"] == made["oid"]
    assert [e["path"] for e in hub.call("GET", f"{API}/{repo}/tree/{revision}").json] == [".gitattributes", "notes.md"]
    assert hub.call("GET", f"{API}/{repo}/commits/{revision}").json[0]["title"] == "Say more"
    for page in (f"tree/{revision}", f"blob/{revision}/notes.md", f"commits/{revision}", f"discussions/{number}"):
        assert hub.call("GET", f"/{repo}/{page}").status == 200, page


def test_a_draft_is_filled_published_and_merged(hub: Hub) -> None:
    repo = hub.new_repo()
    asked = {"title": "Two steps", "description": "Step by step", "pullRequest": True}
    number = hub.call("POST", f"{API}/{repo}/discussions", by="sven", send=asked).json["num"]
    assert details(hub, repo, number)["status"] == "draft"
    revision = f"refs%2Fpr%2F{number}"
    first = hub.commit(repo, put("a/one.txt", "1"), by="sven", revision=revision, summary="One")
    assert first.status == 200, first
    assert "pullRequestUrl" not in first.json
    stale = hub.commit(repo, put("b", "2"), by="sven", revision=revision, parentCommit="0" * 40)
    assert (stale.status, stale.code) == (412, "StaleParent")
    second = hub.commit(
        repo, put("b", "2"), by="sven", revision=revision, parentCommit=first.json["commitOid"], summary="Two"
    )
    assert second.status == 200, second
    # The branch goes on meanwhile, elsewhere.
    hub.commit(repo, put("c", "3"))
    status, merge = f"{API}/{repo}/discussions/{number}/status", f"{API}/{repo}/discussions/{number}/merge"
    assert hub.call("POST", merge, by="sven").status == 403
    refused = hub.call("POST", merge, by="olga")
    assert refused.status == 409
    assert "draft" in refused.json["error"]
    published = hub.call("POST", status, by="sven", send={"status": "open", "comment": "Ready"})
    assert published.json["newStatus"]["data"] == {"status": "open"}
    # Who names what they have looked at merges nothing else.
    unseen = hub.call("POST", merge, by="olga", send={"headSha": first.json["commitOid"]})
    assert (unseen.status, unseen.code) == (409, "HeadMoved")
    merged = hub.call("POST", merge, by="olga", send={"comment": "Thank you", "headSha": second.json["commitOid"]})
    assert merged.status == 200, merged
    told = details(hub, repo, number)
    assert told["status"] == "merged"
    assert told["changes"]["mergeCommitId"] == hub.call("GET", f"{API}/{repo}").json["sha"]
    kinds = [event["type"] for event in told["events"]]
    assert kinds == ["comment", "commit", "commit", "comment", "status-change", "comment", "status-change"]
    # What it changed stays readable.
    assert "+1" in told["diff"]
    newest = hub.call("GET", f"{API}/{repo}/commits/main").json[0]
    assert newest["title"] == f"Two steps (#{number})"
    assert "- One (" in newest["message"]
    assert "Co-authored-by: sven" in newest["message"]
    for path, content in (("a/one.txt", b"1"), ("b", b"2"), ("c", b"3")):
        assert read(hub, repo, path).body == content
    tree = {e["path"]: e for e in hub.call("GET", f"{API}/{repo}/tree/main?expand=1&recursive=1").json}
    assert tree["a/one.txt"]["lastCommit"]["id"] == newest["id"]
    # It is over.
    for answer in (
        hub.commit(repo, put("d", "4"), by="sven", revision=revision),
        hub.call("POST", status, by="olga", send={"status": "open"}),
        hub.call("POST", merge, by="olga"),
    ):
        assert answer.status == 409, answer


def test_both_sides_have_changed_a_file(hub: Hub) -> None:
    repo = hub.new_repo()
    hub.commit(repo, put("shared", "1"), put("folder/x", "1"), put("same", "1"))
    number = open_by_commit(
        hub, repo, put("shared", "theirs"), put("folder/y", "2"), put("same", "both"), put("fresh/z", "1"), by="olga"
    )
    hub.commit(repo, put("shared", "ours"), put("same", "both"), put("fresh", "a file now"))
    assert details(hub, repo, number)["filesWithConflicts"] == ["fresh/z", "shared"]
    refused = hub.call("POST", f"{API}/{repo}/discussions/{number}/merge", by="olga")
    assert (refused.status, refused.code) == (409, "MergeConflict")
    assert "shared" in refused.json["error"]
    # Settled in the pull request: it takes the branch's word there.
    settled = [put("shared", "ours"), {"key": "deletedFolder", "value": {"path": "fresh/"}}]
    hub.commit(repo, *settled, revision=f"refs%2Fpr%2F{number}")
    assert details(hub, repo, number)["filesWithConflicts"] == []
    assert hub.call("POST", f"{API}/{repo}/discussions/{number}/merge", by="olga").status == 200
    assert read(hub, repo, "folder/y").body == b"2"
    assert read(hub, repo, "fresh").body == b"a file now"


def test_who_may_do_what(hub: Hub) -> None:
    repo = hub.new_repo(organization="guild")
    number = open_by_commit(hub, repo, put("a", "1"))
    revision = f"refs%2Fpr%2F{number}"
    refused = hub.commit(repo, put("a", "2"), by="rita", revision=revision)
    assert (refused.status, refused.code) == (403, "NotYourPullRequest")
    assert hub.commit(repo, put("a", "2"), by="walter", revision=revision).status == 200
    assert hub.commit(repo, put("a", "3"), by="sven-reads", revision=revision).code == "ReadOnlyToken"
    assert hub.commit(repo, put("a", "3"), by="sven-reads", revision="main?create_pr=1").code == "ReadOnlyToken"
    assert hub.commit(repo, put("a", "3"), by="sven").code == "NotWritable"
    for by, status in (("sven", 200), ("rita", 403), ("walter", 200), ("sven-reads", 403)):
        for call, how in (("preupload", "POST"), ("xet-write-token", "GET")):
            answer = hub.call(
                how, f"{API}/{repo}/{call}/{revision}", by=by, send={"files": []} if how == "POST" else None
            )
            assert answer.status == status, (by, call, answer)
    for by, status in (("sven", 200), ("rita", 200), ("sven-reads", 403), ("", 401)):
        for call, how in (("preupload", "POST"), ("xet-write-token", "GET")):
            # As clients spell a revision that they do not know.
            revision = "None" if call == "xet-write-token" else "main"
            target = f"{API}/{repo}/{call}/{revision}?create_pr=1"
            answer = hub.call(how, target, by=by, send={"files": []} if how == "POST" else None)
            assert answer.status == status, (by, call, answer)
    # Closed: its author adds nothing, a maintainer may.
    revision = f"refs%2Fpr%2F{number}"
    hub.call("POST", f"{API}/{repo}/discussions/{number}/status", by="sven", send={"status": "closed"})
    assert hub.commit(repo, put("a", "4"), by="sven", revision=revision).code == "PullRequestClosed"
    assert hub.commit(repo, put("a", "4"), by="walter", revision=revision).status == 200
    assert hub.commit(repo, put("a", "4"), by="sven", revision="refs%2Fpr%2F99").code == "PullRequestNotFound"
    private = hub.new_repo(private=True)
    assert hub.commit(private, put("a", "1"), by="sven", revision="main?create_pr=1").code == "RepoNotFound"


def test_lists_tell_pull_requests_from_discussions(hub: Hub) -> None:
    repo = hub.new_repo()
    hub.call("POST", f"{API}/{repo}/discussions", by="olga", send={"title": "Talk", "description": "hello"})
    opened = open_by_commit(hub, repo, put("a", "1"))
    draft = hub.call(
        "POST", f"{API}/{repo}/discussions", by="olga", send={"title": "Later", "description": "", "pullRequest": True}
    ).json["num"]
    merged = open_by_commit(hub, repo, put("b", "1"), by="olga")
    hub.call("POST", f"{API}/{repo}/discussions/{merged}/merge", by="olga")
    assert (opened, draft, merged) == (2, 3, 4)
    assert listed(hub, repo, "") == [4, 3, 2, 1]
    assert listed(hub, repo, "type=pull_request") == [4, 3, 2]
    assert listed(hub, repo, "type=discussion&status=open") == [1]
    assert listed(hub, repo, "type=pull_request&status=open") == [3, 2]
    assert listed(hub, repo, "status=closed") == [4]
    assert listed(hub, repo, "status=merged") == [4]
    assert listed(hub, repo, "status=draft") == [3]
    assert listed(hub, repo, "author=sven") == [2]
    refs = hub.call("GET", f"{API}/{repo}/refs?include_prs=1").json
    assert [ref["ref"] for ref in refs["pullRequests"]] == ["refs/pr/2", "refs/pr/3", "refs/pr/4"]
    assert refs["pullRequests"][1]["targetCommit"] != refs["branches"][0]["targetCommit"]
    assert "pullRequests" not in hub.call("GET", f"{API}/{repo}/refs").json


def test_a_pull_request_begins_where_its_author_was(hub: Hub) -> None:
    repo = hub.new_repo()
    old = hub.commit(repo, put("a", "1")).json["commitOid"]
    hub.commit(repo, put("a", "2"))
    number = open_by_commit(hub, repo, put("b", "1"), parentCommit=old)
    assert read(hub, repo, "a", f"refs%2Fpr%2F{number}").body == b"1"
    other = hub.commit(repo, put("c", "1"), by="sven", revision=f"refs%2Fpr%2F{number}").json["commitOid"]
    elsewhere = hub.commit(repo, put("d", "1"), by="rita", revision="main?create_pr=1", parentCommit=other)
    assert (elsewhere.status, elsewhere.json["field"]) == (400, "parentCommit")
    nowhere = hub.commit(repo, put("d", "1"), by="rita", revision="nobranch?create_pr=1")
    assert (nowhere.status, nowhere.code) == (404, "RevisionNotFound")


def test_what_somebody_uploads_is_theirs_until_they_commit_it(hub: Hub) -> None:
    """A stranger's proposal names no content that a maintainer has uploaded and not committed, and the other way round."""
    repo = hub.new_repo()
    content = b"weights" * 100
    batch = {"operation": "upload", "transfers": ["basic"], "objects": [{"oid": "", "size": len(content)}]}
    sha256 = hashlib.sha256(content).hexdigest()
    batch["objects"][0]["oid"] = sha256
    href = hub.call("POST", f"/{repo}.git/info/lfs/objects/batch", by="olga", send=batch).json["objects"][0]
    assert hub.call("PUT", href["actions"]["upload"]["href"].removeprefix(hub.url), send=content).status == 200
    line = {"key": "lfsFile", "value": {"path": "w.bin", "algo": "sha256", "oid": sha256, "size": len(content)}}
    refused = hub.commit(repo, line, by="sven", revision="main?create_pr=1")
    assert (refused.status, refused.code) == (400, "BlobMissing")
    assert listed(hub, repo, "") == []
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {len(content)}\n"
    assert hub.commit(repo, put("w.bin", pointer), by="sven", revision="main?create_pr=1").code == "BlobMissing"
    assert hub.commit(repo, line).status == 200


def test_the_body_of_a_commit_may_be_odd_for_a_pull_request_too(hub: Hub) -> None:
    repo = hub.new_repo()
    odd = {"key": "file", "value": {"path": "../x", "content": b64encode(b"1").decode(), "encoding": "base64"}}
    assert hub.commit(repo, odd, by="sven", revision="main?create_pr=1").status == 400
    assert listed(hub, repo, "") == []
    long = hub.commit(repo, put("a", "1"), by="sven", revision="main?create_pr=1", summary="word " * 200)
    assert re.search(r"/discussions/1$", long.json["pullRequestUrl"])
    assert len(details(hub, repo, 1)["title"]) <= 200
