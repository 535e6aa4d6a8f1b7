"""Gated repositories by the client protocol: the doors to contents, and the calls about requests."""

from typing import Any

import pytest

from .conftest import Answer, Hub, put

CARD = """---
extra_gated_fields:
  Company: text
  I agree: checkbox
---
# A model
"""
ANSWERS = {"Company": "Ada & Co", "I agree": True}


@pytest.fixture
def repo(hub: Hub) -> str:
    """A model of olga's, whose gate she watches."""
    made = hub.new_repo()
    assert hub.commit(made, put("README.md", CARD), put("config.json", "{}")).status == 200
    gate(hub, made, "manual")
    return made


def gate(hub: Hub, repo: str, gated: Any, by: str = "olga") -> Answer:
    return hub.call("PUT", f"/api/models/{repo}/settings", by=by, send={"gated": gated})


def contents(repo: str) -> list[tuple[str, str, Any]]:
    """Every call that gives contents, or the right to get some."""
    api = f"/api/models/{repo}"
    return [
        ("GET", f"/{repo}/resolve/main/config.json", None),
        ("HEAD", f"/{repo}/resolve/main/config.json", None),
        ("GET", f"/{repo}/resolve/main/absent.json", None),
        ("GET", f"{api}/xet-read-token/main", None),
        ("GET", f"{api}/auth-check", None),
        ("POST", f"/{repo}.git/info/lfs/objects/batch", {"operation": "download", "objects": []}),
        ("GET", f"/{repo}.git/info/refs?service=git-upload-pack", None),
        ("GET", f"/v1/models/{repo}", None),
    ]


def facts(repo: str) -> list[tuple[str, str, Any]]:
    """Calls that tell of a repository and not of what its files hold."""
    api = f"/api/models/{repo}"
    return [
        ("GET", api, None),
        ("GET", f"{api}/revision/main", None),
        ("GET", f"{api}/tree/main", None),
        ("POST", f"{api}/paths-info/main", "paths=config.json"),
        ("GET", f"{api}/refs", None),
        ("GET", f"{api}/commits/main", None),
    ]


def asks(hub: Hub, repo: str, who: str, fields: Any = ANSWERS) -> Answer:
    return hub.call("POST", f"/api/v1/models/{repo}/access", by=who, send={"fields": fields})


def decides(hub: Hub, repo: str, by: str = "olga", **body: Any) -> Answer:
    return hub.call("POST", f"/api/models/{repo}/user-access-request/handle", by=by, send=body)


def test_contents_are_for_those_who_were_let_in(hub: Hub, repo: str) -> None:
    for method, target, send in contents(repo):
        strangers = {"sven": (403, "GatedRepo"), "": (401, "GatedRepo")}
        if target.startswith("/v1/"):
            del strangers[""]  # This call takes a token of somebody anyway.
        for who, refusal in strangers.items():
            answer = hub.call(method, target, by=who, send=send)
            assert (answer.status, answer.code) == refusal, (method, target, who)
            assert (
                "Ask for access" in answer.headers["x-error-message"]
                or "ask for access" in answer.headers["x-error-message"]
            )
    for method, target, send in facts(repo):
        for who in ("sven", ""):
            assert hub.call(method, target, by=who, send=send).status == 200, (method, target, who)
    assert asks(hub, repo, "sven").status == 201
    assert decides(hub, repo, user="sven", status="accepted").status == 200
    for method, target, send in contents(repo):
        answer = hub.call(method, target, by="sven", send=send)
        assert answer.code != "GatedRepo", (method, target)
        assert answer.status == (404 if "absent" in target else answer.status)
    assert hub.call("GET", f"/{repo}/resolve/main/config.json", by="sven").body == b"{}"
    # Access that is taken away is gone with the next call.
    assert decides(hub, repo, user="sven", status="pending").status == 200
    assert hub.call("GET", f"/{repo}/resolve/main/config.json", by="sven").code == "GatedRepo"


def test_info_says_how_it_is_gated(hub: Hub, repo: str) -> None:
    for value in ("auto", "manual", False):
        told = gate(hub, repo, value)
        assert (told.status, told.json["gated"]) == (200, value)
        assert hub.call("GET", f"/api/models/{repo}").json["gated"] == value
    for wrong in (True, "ajar", "", 1, ["auto"]):
        refused = gate(hub, repo, wrong)
        assert (refused.status, refused.json["field"]) == (400, "gated"), wrong
    assert gate(hub, repo, "auto", by="sven").status == 403
    # A call about visibility alone leaves the gate as it is.
    gate(hub, repo, "manual")
    hub.call("PUT", f"/api/models/{repo}/settings", by="olga", send={"visibility": "public"})
    assert hub.call("GET", f"/api/models/{repo}").json["gated"] == "manual"


def test_asking_and_taking_back(hub: Hub, repo: str) -> None:
    address = f"/api/v1/models/{repo}/access"
    nothing = hub.call("GET", address, by="sven").json
    assert (nothing["gated"], nothing["access"], nothing["request"]) == ("manual", False, None)
    assert [(field["name"], field["type"]) for field in nothing["form"]["fields"]] == [
        ("Company", "text"),
        ("I agree", "checkbox"),
    ]
    for fields, field in [({}, "Company"), ({**ANSWERS, "I agree": "yes"}, "I agree"), ({**ANSWERS, "Age": 3}, "Age")]:
        refused = asks(hub, repo, "sven", fields)
        assert (refused.status, refused.code, refused.json["field"]) == (400, "AnswerInvalid", field)
    assert asks(hub, repo, "").status == 401
    assert asks(hub, repo, "sven-reads").code == "ReadOnlyToken"
    assert asks(hub, repo, "olga").code == "HasAccess"
    assert asks(hub, repo, "sven").json["request"]["status"] == "pending"
    assert asks(hub, repo, "sven").code == "AccessPending"
    assert hub.call("DELETE", address, by="sven").status == 204
    assert hub.call("DELETE", address, by="sven").status == 404
    gate(hub, repo, "auto")
    assert asks(hub, repo, "sven").json["access"] is True


def test_deciding(hub: Hub, repo: str) -> None:
    calls = f"/api/models/{repo}/user-access-request"
    assert decides(hub, repo, user="sven", status="accepted").status == 404
    assert decides(hub, repo, user="nobody-at-all", status="accepted").status == 404
    asks(hub, repo, "sven")
    (asked,) = hub.call("GET", f"{calls}/pending", by="olga").json
    assert asked["user"] == {"user": "sven", "fullname": "sven", "type": "user"}
    assert (asked["status"], asked["fields"]) == ("pending", ANSWERS)
    assert asked["timestamp"].endswith("Z")
    number = asked["requestId"]
    assert decides(hub, repo, requestId=number, status="accepted").status == 200
    assert decides(hub, repo, requestId=number, status="accepted").status == 404
    assert decides(hub, repo, requestId=number, status="rejected", rejectionReason="No room").status == 200
    assert hub.call("GET", f"{calls}/rejected", by="olga").json[0]["rejectionReason"] == "No room"
    for wrong in ({"status": "pending"}, {"user": "sven", "requestId": number, "status": "pending"}, {"user": "sven"}):
        assert decides(hub, repo, **wrong).status == 400, wrong
    for number in ("0", "-1", "x", "9" * 40):
        assert decides(hub, repo, requestId=number, status="pending").status == 404, number
    granted = hub.call("POST", f"{calls}/grant", by="olga", send={"user": "rita"})
    assert (granted.status, granted.json["status"]) == (200, "accepted")
    assert hub.call("POST", f"{calls}/grant", by="olga", send={"user": "rita"}).status == 409
    assert hub.call("POST", f"{calls}/grant", by="olga", send={"user": "nobody-at-all"}).status == 404
    assert hub.call("GET", f"{calls}/elsewhere", by="olga").status == 400
    for who, status in (("sven", 403), ("", 401), ("olga-reads", 403)):
        assert hub.call("GET", f"{calls}/pending", by=who).status == status
        assert decides(hub, repo, by=who, user="sven", status="accepted").status == status
        assert hub.call("POST", f"{calls}/grant", by=who, send={"user": "sven"}).status == status
    gate(hub, repo, False)
    assert hub.call("GET", f"{calls}/pending", by="olga").code == "NotGated"
    assert hub.call("POST", f"{calls}/grant", by="olga", send={"user": "sven"}).code == "NotGated"


def test_requests_come_in_pages(hub: Hub, repo: str) -> None:
    for who in ("sven", "rita", "walter"):
        asks(hub, repo, who)
    target, seen = f"/api/models/{repo}/user-access-request/pending?limit=2", []
    while target:
        answer = hub.call("GET", target, by="olga")
        seen += [asked["user"]["user"] for asked in answer.json]
        target = answer.headers.get("link", "").partition(">")[0].removeprefix(f"<{hub.url}")
    assert seen == ["walter", "rita", "sven"]


def test_a_link_ends_with_the_access(hub: Hub, repo: str) -> None:
    """What was handed out before is asked about again when it is used."""
    oid = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"  # of b"foo"
    asks(hub, repo, "sven")
    decides(hub, repo, user="sven", status="accepted")
    batch = {"operation": "upload", "transfers": ["basic"], "objects": [{"oid": oid, "size": 3}]}
    given = hub.call("POST", f"/{repo}.git/info/lfs/objects/batch", by="olga", send=batch).json["objects"][0]
    href = given["actions"]["upload"]["href"].removeprefix(hub.url)
    assert hub.call("PUT", href, send=b"foo").status == 200
    large = {"key": "lfsFile", "value": {"path": "a.bin", "algo": "sha256", "oid": oid, "size": 3}}
    assert hub.commit(repo, large).status == 200
    batch["operation"] = "download"
    given = hub.call("POST", f"/{repo}.git/info/lfs/objects/batch", by="sven", send=batch).json["objects"][0]
    href = given["actions"]["download"]["href"].removeprefix(hub.url)
    assert hub.call("GET", href).body == b"foo"
    decides(hub, repo, user="sven", status="rejected")
    assert hub.call("GET", href).status == 403
