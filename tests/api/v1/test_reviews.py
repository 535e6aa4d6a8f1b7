"""`/api/v1/models/{repo}/reviews`."""

import pytest

from hub.community.models import Review
from hub.community.reviews.services import RATE, post_review
from hub.repos.git.files import resolve_revision
from hub.repos.releases import create_release
from tests.api.v1.conftest import Call, next_of
from tests.factories import make_organization, make_repo, make_reviewer, make_user
from tests.web.repos import owner

pytestmark = pytest.mark.django_db


def test_the_life_of_a_review(call: Call) -> None:
    repo, ada = make_repo(), make_user()
    base = f"/models/{repo.full_name}/reviews"
    made = call("POST", base, {"stars": 4, "text": "Good, <script>alert(1)</script>"}, by=ada)
    assert made.status == 201
    assert {name: made.json[name] for name in ("author", "release", "commit", "stars", "text", "edited_at")} == {
        "author": ada.username,
        "release": None,
        "commit": resolve_revision(repo, "main").oid,
        "stars": 4,
        "text": "Good, <script>alert(1)</script>",
        "edited_at": None,
    }
    one = f"{base}/{made.json['id']}"
    assert call("GET", one).json == made.json
    changed = call("PATCH", one, {"stars": 5}, by=ada).json
    assert (changed["stars"], changed["text"], bool(changed["edited_at"])) == (5, made.json["text"], True)
    again = call("POST", base, {"stars": 1, "release": None}, by=ada)
    assert (again.status, again.code, again.field) == (409, "ReviewExists", "release")
    assert call("DELETE", one, by=ada).status == 204
    assert call("GET", one).code == "ReviewNotFound"


def test_lists(call: Call) -> None:
    repo = make_repo()
    create_release(repo=repo, actor=owner(repo), tag="v1")
    for stars, tag, on in [(5, "", "a phone"), (2, "", "RTX 4090"), (4, "v1", "")]:
        post_review(repo=repo, author=make_reviewer(), stars=stars, tag=tag, hardware=on)
    base = f"/models/{repo.full_name}/reviews"
    told = call("GET", base).json
    assert [(r["stars"], r["release"]) for r in told["items"]] == [(4, "v1"), (2, None), (5, None)]
    assert told["count"] == 3
    assert [r["stars"] for r in call("GET", f"{base}?order=lowest&release=").json["items"]] == [2, 5]
    assert [r["stars"] for r in call("GET", f"{base}?about=rtx").json["items"]] == [2]
    assert call("GET", f"{base}?verified=true").json["count"] == 0
    assert call("GET", f"{base}?release=v9").json["items"] == []
    for order, stars in [("highest", [5, 4, 2]), ("helpful", [4, 2, 5])]:
        page = call("GET", f"{base}?order={order}&limit=2")
        assert [r["stars"] for r in page.json["items"]] == stars[:2]
        assert [r["stars"] for r in call("GET", next_of(page)).json["items"]] == stars[2:]
    for query, field in [("order=best", "order"), ("stars=5", "stars"), ("limit=x", "limit")]:
        assert call("GET", f"{base}?{query}").field == field


def test_ratings(call: Call) -> None:
    repo = make_repo()
    create_release(repo=repo, actor=owner(repo), tag="v1")
    address = f"/models/{repo.full_name}/ratings"
    empty = call("GET", address).json
    assert (empty["all"]["count"], empty["all"]["score"], empty["releases"]) == (0, None, {})
    for stars in (5, 4, 3, 4):
        post_review(repo=repo, author=make_reviewer(), stars=stars, quality=5)
    post_review(repo=repo, author=make_user(), stars=1)
    few = call("GET", address).json["all"]
    assert (few["count"], few["counted"], few["score"], few["mean"], few["rubric"]) == (5, 4, None, None, {})
    assert (few["distribution"], few["excluded"]) == ({"5": 1, "4": 2, "3": 1, "2": 0, "1": 1}, {"new": 1})
    post_review(repo=repo, author=make_reviewer(), stars=4, tag="v1")
    told = call("GET", address).json
    assert (told["all"]["counted"], round(told["all"]["mean"], 2)) == (5, 3.5)
    assert 3 < told["all"]["score"] < 5 and told["all"]["rubric"] == {"quality": {"mean": 5, "count": 4}}
    assert set(told["releases"]) == {"", "v1"} and told["releases"]["v1"]["score"] is None


def test_votes_replies_and_edits(call: Call) -> None:
    repo, ada, bob = make_repo(), make_user(), make_user()
    made = post_review(repo=repo, author=ada, stars=3, text="So so.")
    one = f"/models/{repo.full_name}/reviews/{made.pk}"
    for _ in range(2):
        assert call("PUT", f"{one}/vote", by=bob).status == 204
    assert call("GET", one).json["helpful"] == 1
    assert call("PUT", f"{one}/vote", by=ada).code == "OwnReview"
    assert call("DELETE", f"{one}/vote", by=bob).status == 204
    assert call("GET", one).json["helpful"] == 0
    assert call("PUT", f"{one}/reply", {"text": "Why?"}, by=bob).status == 403
    replied = call("PUT", f"{one}/reply", {"text": "Why?"}, by=owner(repo)).json["reply"]
    assert (replied["by"], replied["text"]) == (owner(repo).username, "Why?")
    assert call("DELETE", f"{one}/reply", by=owner(repo)).status == 204
    assert call("DELETE", f"{one}/reply", by=owner(repo)).code == "ReviewNotFound"
    call("PATCH", one, {"stars": 1, "quality": 2}, by=ada)
    edits = call("GET", f"{one}/edits").json
    assert (edits["count"], edits["items"][0]["said"]["stars"]) == (1, 3)
    ada.delete()
    assert call("GET", one).json["author"] is None


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 400, "stars"),
        ({"stars": 0}, 400, "stars"),
        ({"stars": 6}, 400, "stars"),
        ({"stars": "many"}, 400, "stars"),
        ({"stars": 3.5}, 400, "stars"),
        ({"stars": True}, 400, "stars"),
        ({"stars": 3, "safety": 7}, 400, "safety"),
        ({"stars": 3, "hardware": "x" * 201}, 400, "hardware"),
        ({"stars": 3, "text": "x" * 10_001}, 400, "text"),
        ({"stars": 3, "text": "NUL \0"}, 400, ""),
        ({"stars": 3, "author": "olga"}, 400, "author"),
        ({"stars": 3, "release": "v9"}, 404, "release"),
    ],
)
def test_what_is_refused(call: Call, body: dict[str, object], status: int, field: str) -> None:
    repo = make_repo()
    refused = call("POST", f"/models/{repo.full_name}/reviews", body, by=make_user())
    assert (refused.status, refused.field) == (status, field)
    assert not Review.objects.exists()


def test_who_may(call: Call) -> None:
    boss = make_user()
    team = make_organization(boss, read=(member := make_user()))
    stranger = make_user()
    public = make_repo(boss, organization=team)
    hidden = make_repo(boss, organization=team, visibility="private")
    base, private = f"/models/{public.full_name}/reviews", f"/models/{hidden.full_name}/reviews"
    assert call("POST", base, {"stars": 3}).status == 401
    assert call("POST", base, {"stars": 3}, by=stranger, scope="read").code == "ReadOnlyToken"
    for own in (boss, member):
        for target in (base, private):
            assert call("POST", target, {"stars": 3}, by=own).code == "OwnModel"
    made = call("POST", base, {"stars": 3}, by=stranger)
    one = f"{base}/{made.json['id']}"
    for method, body in [("PATCH", {"stars": 1}), ("DELETE", None)]:
        assert call(method, one, body).status == 401
        assert call(method, one, body, by=boss).code == "NotYourReview"
        assert call(method, one, body, by=stranger, scope="read").code == "ReadOnlyToken"
    # A private model looks like an absent one, and its reviews with it.
    public.visibility = "private"
    public.save()
    for method, target, body in [
        ("GET", base, None),
        ("GET", one, None),
        ("POST", base, {"stars": 3}),
        ("PATCH", one, {"stars": 1}),
        ("DELETE", one, None),
    ]:
        # Whoever may change nothing hears that of any address.
        code = "RepoNotFound" if method == "GET" else "SignInNeeded"
        assert (call(method, target, body).status, call(method, target, body).code) == (401, code)
        assert (call(method, target, body, by=stranger).status) == 404
    assert call("GET", one, by=member, scope="read").json["stars"] == 3
    # Of another model it is not.
    assert call("GET", f"{private}/{made.json['id']}", by=boss).code == "ReviewNotFound"
    assert call("GET", f"{private}/{10**30}", by=boss).code == "ReviewNotFound"


def test_datasets_have_none(call: Call) -> None:
    repo = make_repo(kind="dataset")
    assert call("GET", f"/datasets/{repo.full_name}/reviews").status == 404
    assert call("POST", f"/models/{repo.full_name}/reviews", {"stars": 3}, by=make_user()).code == "RepoNotFound"


def test_the_limit_says_when_to_come_back(call: Call) -> None:
    ada = make_user()
    for _ in range(2 * RATE + 1):
        answer = call("POST", f"/models/{make_repo().full_name}/reviews", {"stars": 3}, by=ada)
        if answer.status != 201:
            break
    assert (answer.status, answer.code) == (429, "TooMany")
    assert 0 < int(answer.headers["Retry-After"]) <= 61
