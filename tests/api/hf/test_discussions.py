"""The calls on discussions, byte by byte: who may make them, what they refuse, and the shapes that clients read."""

import re
from typing import Any

import pytest
from redis import Redis

from hub.embedded import engines_of
from tests.api.hf.conftest import Hub

WRITES: list[tuple[str, dict[str, Any]]] = [
    ("", {"title": "in", "description": "in"}),
    ("/{n}/comment", {"comment": "in"}),
    ("/{n}/comment/{c}/edit", {"content": "in"}),
    ("/{n}/comment/{c}/hide", {}),
    ("/{n}/title", {"title": "in"}),
    ("/{n}/status", {"status": "closed"}),
]


@pytest.fixture(autouse=True)
def _fresh_limits(hub: Hub) -> None:
    """Forget how often the tests before this one posted."""
    with Redis.from_url(engines_of(hub.instance.data).redis_url(0)) as cache:
        for key in cache.scan_iter("*rate:post:*"):
            cache.delete(key)


def opened(hub: Hub, repo: str, *, by: str = "olga", kind: str = "model") -> tuple[str, int, str]:
    """Open a discussion; return the address of all, its number, and the id of its opening comment."""
    base = f"/api/{kind}s/{repo}/discussions"
    made = hub.call("POST", base, by=by, send={"title": "Which tokenizer?", "description": "Not said."})
    assert made.status == 200, made
    number = made.json["num"]
    details = hub.call("GET", f"{base}/{number}?diff=1", by=by).json
    return base, number, details["events"][0]["id"]


@pytest.mark.parametrize(("end", "sent"), WRITES)
def test_who_may_write(hub: Hub, end: str, sent: dict[str, Any]) -> None:
    for kind in ("model", "dataset"):
        repo = hub.new_repo(organization="guild", private=True, kind=kind)
        base, number, comment = opened(hub, repo, kind=kind)
        address = base + end.format(n=number, c=comment)
        for by, status, code in [
            ("", 401, "RepoNotFound"),
            ("sven", 404, "RepoNotFound"),
            ("sven-reads", 404, "RepoNotFound"),
            ("olga-reads", 403, "ReadOnlyToken"),
        ]:
            answer = hub.call("POST", address, by=by, send=sent)
            assert (answer.status, answer.code) == (status, code), (by, answer)
        assert hub.call("POST", address, by="olga", send=sent).status == 200


@pytest.mark.parametrize(("end", "sent"), WRITES)
def test_nobody_in_particular_writes_nothing_in_public(hub: Hub, end: str, sent: dict[str, Any]) -> None:
    base, number, comment = opened(hub, hub.new_repo())
    address = base + end.format(n=number, c=comment)
    answer = hub.call("POST", address, send=sent)
    assert (answer.status, answer.code) == (401, "SignInNeeded")
    assert hub.call("PUT", address, by="olga", send=sent).status == 405


def test_who_may_read(hub: Hub) -> None:
    base, number, _comment = opened(hub, hub.new_repo(organization="guild", private=True))
    for address in (base, f"{base}/{number}"):
        assert hub.call("GET", address, by="rita-reads").status == 200
        assert (hub.call("GET", address, by="sven").status, hub.call("GET", address).status) == (404, 401)
    public, number, _comment = opened(hub, hub.new_repo())
    assert hub.call("GET", f"{public}/{number}").json["title"] == "Which tokenizer?"


def test_members_who_only_read_may_talk_but_not_keep_order(hub: Hub) -> None:
    base, number, comment = opened(hub, hub.new_repo(organization="guild", private=True))
    assert hub.call("POST", f"{base}/{number}/comment", by="rita", send={"comment": "Me too"}).status == 200
    for end, sent in WRITES[2:]:
        answer = hub.call("POST", base + end.format(n=number, c=comment), by="rita", send=sent)
        assert answer.status == 403 and answer.code.startswith("NotYour"), end
    mine = hub.call("POST", base, by="rita", send={"title": "t", "description": "t"}).json["num"]
    assert hub.call("POST", f"{base}/{mine}/status", by="rita", send={"status": "closed"}).status == 200
    assert hub.call("POST", f"{base}/{mine}/status", by="walter", send={"status": "open"}).status == 200


def test_ids_of_other_discussions_open_nothing(hub: Hub) -> None:
    base, number, _comment = opened(hub, hub.new_repo())
    _other, _number, foreign = opened(hub, hub.new_repo())
    for wrong in (foreign, "0", "x", "9" * 30):
        for end, sent in (("edit", {"content": "in"}), ("hide", {})):
            answer = hub.call("POST", f"{base}/{number}/comment/{wrong}/{end}", by="olga", send=sent)
            assert (answer.status, answer.code) == (404, "CommentNotFound")
    for wrong in ("0", "2", str(2**31), str(2**70)):
        assert hub.call("GET", f"{base}/{wrong}", by="olga").code == "DiscussionNotFound"
    assert hub.call("GET", f"{base}/one", by="olga").status == 404


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 200),
        ("?p=0&type=all&status=all", 200),
        ("?type=pull_request", 200),
        ("?status=merged", 200),
        ("?p=1000000", 200),
        ("?author=%00", 400),
        ("?p=-1", 400),
        ("?p=x", 400),
        ("?p=99999999999999999999", 400),
        ("?type=issue", 400),
        ("?status=Open", 400),
    ],
)
def test_filters_of_the_list(hub: Hub, query: str, status: int) -> None:
    base, _number, _comment = opened(hub, hub.new_repo())
    answer = hub.call("GET", base + query)
    assert answer.status == status
    if status == 200:
        told = answer.json
        # Or clients would ask for pages for ever.
        assert told["discussions"] or told["count"] <= told["start"]


@pytest.mark.parametrize(
    "sent",
    [
        {"title": "t"},
        {"title": None, "description": "d"},
        {"title": 5, "description": "d"},
        {"title": "t", "description": ["d"]},
        {"title": "t", "description": "nul\0"},
        {"title": "t", "description": "half \ud800"},
        {"title": "", "description": "d", "pullRequest": True},
        {"title": "t", "description": "x" * 70_000},
    ],
)
def test_what_cannot_be_opened_takes_no_number(hub: Hub, sent: dict[str, Any]) -> None:
    repo = hub.new_repo()
    answer = hub.call("POST", f"/api/models/{repo}/discussions", by="olga", send=sent)
    assert answer.status == 400 and answer.json["error"]
    assert hub.call("GET", f"/api/models/{repo}/discussions").json["count"] == 0


def test_shapes_have_no_nulls_and_dates_that_clients_parse(hub: Hub) -> None:
    base, number, comment = opened(hub, hub.new_repo())
    edited = hub.call("POST", f"{base}/{number}/comment/{comment}/edit", by="olga", send={"content": "**new**"}).json
    latest = edited["updatedComment"]["data"]["latest"]
    assert latest["raw"] == "**new**" and "<strong>new</strong>" in latest["html"]
    assert latest["author"]["name"] == "olga"
    assert len(edited["updatedComment"]["data"]["history"]) == 1
    changed = hub.call("POST", f"{base}/{number}/status", by="olga", send={"status": "closed", "comment": "why"}).json
    assert changed["newStatus"]["data"] == {"status": "closed"}
    again = hub.call("POST", f"{base}/{number}/status", by="olga", send={"status": "closed"})
    assert (again.status, again.code) == (409, "NothingChanged")
    hub.call("POST", f"{base}/{number}/title", by="olga", send={"title": "Other"})
    hub.call("POST", f"{base}/{number}/comment/{comment}/hide", by="olga")
    details = hub.call("GET", f"{base}/{number}?diff=1")
    assert b"null" not in details.body and b"new" not in details.body.replace(b"newest", b"")
    dates = re.findall(r'(?:createdAt|updatedAt)":"([^"]+)"', details.body.decode())
    assert dates and all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", d) for d in dates)
    assert [e["type"] for e in details.json["events"]] == ["comment", "comment", "status-change", "title-change"]
    assert details.json["events"][0]["data"]["hidden"] is True
    assert details.json["events"][3]["data"] == {"from": "Which tokenizer?", "to": "Other"}


def test_too_many_posts_say_when_to_come_back(hub: Hub) -> None:
    base, number, _comment = opened(hub, hub.new_repo(by="cora"), by="cora")
    for _ in range(70):
        answer = hub.call("POST", f"{base}/{number}/comment", by="cora", send={"comment": "again"})
        if answer.status != 200:
            break
    assert (answer.status, answer.code) == (429, "TooMany")
    assert 1 <= int(answer.headers["retry-after"]) <= 61


def test_a_renamed_repository_is_still_talked_about_under_its_old_name(hub: Hub) -> None:
    repo = hub.new_repo()
    base, number, _comment = opened(hub, repo)
    hub.call("POST", "/api/repos/move", by="olga", send={"fromRepo": repo, "toRepo": f"{repo}-new", "type": "model"})
    answer = hub.call("POST", f"{base}/{number}/comment", by="olga", send={"comment": "still here"})
    assert answer.status == 307
    assert answer.headers["location"] == f"/api/models/{repo}-new/discussions/{number}/comment"
