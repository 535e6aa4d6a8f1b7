"""`/api/v1/collections`."""

from collections.abc import Callable
from typing import Any

import pytest

from hub.accounts.models import Role
from hub.accounts.organizations import add_member
from hub.community.collections import add_item, create_collection, set_upvote
from hub.community.models import Collection
from hub.repos.models import Visibility
from hub.repos.services import move_repo
from tests.api.v1.conftest import Call, next_of
from tests.factories import make_organization, make_repo, make_user

pytestmark = pytest.mark.django_db


def test_the_life_of_a_collection(call: Call) -> None:
    ada, eve = make_user(), make_user()
    made = call("POST", "/collections", {"title": "Small models", "description": "For <b>phones</b>."}, by=ada)
    assert made.status == 201
    told = made.json
    names = ("namespace", "title", "theme", "private", "position", "upvotes", "item_count")
    assert [told[name] for name in names] == [ada.username, "Small models", "green", False, 0, 0, 0]
    one = f"/collections/{ada.username}/{told['slug']}"
    assert told["url"] == f"http://testserver{one}" and call("GET", one).json == told
    again = call("POST", "/collections", {"title": "Small models"}, by=ada)
    assert (again.status, again.code) == (409, "CollectionExists")
    changed = call("PATCH", one, {"title": "Tiny models", "private": True, "theme": "blue"}, by=ada).json
    assert (changed["title"], changed["private"], changed["theme"]) == ("Tiny models", True, "blue")
    assert changed["description"] == told["description"]
    # The key leads there, by whatever words; nobody else sees it any more.
    assert call("GET", one, by=ada).json["slug"] == changed["slug"] != told["slug"]
    assert call("GET", one).status == 404 and call("GET", one, by=eve).code == "CollectionNotFound"
    assert call("PATCH", one, {"private": False}, by=eve).status == 404
    call("PATCH", one, {"private": False}, by=ada)
    assert call("PATCH", one, {"title": "Mine"}, by=eve).status == 403
    assert call("PATCH", one, {"title": "Mine"}, by=ada, scope="read").code == "ReadOnlyToken"
    for send, field in [({}, ""), ({"theme": "grey"}, "theme"), ({"title": ""}, "title"), ({"name": "x"}, "name")]:
        refused = call("PATCH", one, send, by=ada)
        assert (refused.status, refused.field) == (400, field)
    for _again in range(2):
        assert call("PUT", f"{one}/upvote", by=eve).status == 204
    assert call("GET", one).json["upvotes"] == 1
    assert call("DELETE", f"{one}/upvote", by=eve).status == 204
    assert call("GET", one).json["upvotes"] == 0
    assert call("DELETE", one, by=eve).status == 403
    assert call("DELETE", one, by=ada).status == 204 and not Collection.objects.exists()


def test_those_who_write_for_an_organization_collect_for_it(call: Call) -> None:
    writer, reader = make_user(), make_user()
    crew = make_organization(make_user(), "crew", write=writer)
    add_member(organization=crew, actor=writer, user=reader, role=Role.READ)
    send = {"title": "Ours", "namespace": "crew", "private": True}
    refused = call("POST", "/collections", send, by=reader)
    assert (refused.status, refused.field) == (403, "namespace")
    made = call("POST", "/collections", send, by=writer).json
    one = f"/collections/crew/{made['slug']}"
    assert call("GET", one, by=reader).status == 200 and call("GET", one, by=make_user()).status == 404
    for title in ("Second", "Third"):
        last = call("POST", "/collections", {"title": title, "namespace": "crew"}, by=writer).json
    assert last["position"] == 2
    moved = call("PATCH", f"/collections/crew/{last['slug']}", {"position": 0}, by=writer).json
    assert moved["position"] == 0 and call("GET", one, by=reader).json["position"] == 1


def test_what_is_in_it(call: Call) -> None:
    ada, eve = make_user(), make_user()
    model, dataset, moved = make_repo(), make_repo(kind="dataset"), make_repo(ada, name="before")
    hidden = make_repo(ada, visibility=Visibility.PRIVATE)
    other = create_collection(namespace=eve.namespace, actor=eve, title="Others")
    found = create_collection(namespace=ada.namespace, actor=ada, title="All sorts")
    base = f"/collections/{found.full_slug}/items"
    move_repo(repo=moved, actor=ada, namespace=ada.namespace, name="after")
    wanted = [
        ("model", model.full_name),
        ("dataset", dataset.full_name),
        ("model", hidden.full_name),
        ("collection", other.full_slug),
        ("model", f"{ada.username}/before"),
    ]
    ids = []
    for kind, name in wanted:
        made = call("POST", base, {"kind": kind, "name": name, "note": f"The {kind}."}, by=ada)
        assert made.status == 201, made.json
        ids.append(made.json["id"])
    listed = call("GET", base, by=ada).json["items"]
    assert [(each["kind"], each["name"]) for each in listed] == [*wanted[:-1], ("model", f"{ada.username}/after")]
    assert listed[0]["note"] == "The model."
    # Others see neither what is hidden from them nor that there is something.
    seen = call("GET", base).json["items"]
    assert [each["id"] for each in seen] == [ids[0], ids[1], ids[3], ids[4]]
    assert call("GET", f"/collections/{found.full_slug}").json["item_count"] == 4
    again = call("POST", base, {"kind": "model", "name": model.full_name}, by=ada)
    assert (again.status, again.code, again.field) == (409, "AlreadyCollected", "item")
    for kind, name, code in [
        ("model", "no/body", "RepoNotFound"),
        ("collection", "no/body", "CollectionNotFound"),
        ("model", make_repo(visibility=Visibility.PRIVATE).full_name, "RepoNotFound"),
    ]:
        assert call("POST", base, {"kind": kind, "name": name}, by=ada).code == code
    assert call("POST", base, {"kind": "paper", "name": "a/b"}, by=ada).field == "kind"
    assert call("POST", base, {"kind": "model", "name": "a/b"}, by=eve).status == 403
    changed = call("PATCH", f"{base}/{ids[3]}", {"note": "First of all.", "position": 0}, by=ada)
    assert (changed.status, changed.json["note"]) == (200, "First of all.")
    order = [each["id"] for each in call("GET", base, by=ada).json["items"]]
    assert order == [ids[3], ids[0], ids[1], ids[2], ids[4]]
    assert call("DELETE", f"{base}/{ids[0]}", by=eve).status == 403
    assert call("DELETE", f"{base}/{ids[0]}", by=ada).status == 204
    assert call("DELETE", f"{base}/{ids[0]}", by=ada).code == "ItemNotFound"


def test_lists(call: Call, django_assert_max_num_queries: Callable[[int], Any]) -> None:
    ada, eve = make_user(), make_user()
    made = [
        create_collection(namespace=owner.namespace, actor=owner, title=title, is_private=private)
        for owner, title, private in [
            *((ada, "Small models", False), (ada, "Large models", False), (eve, "Data", False), (ada, "Mine", True)),
        ]
    ]
    for voter in (ada, eve):
        set_upvote(collection=made[1], actor=voter, up=True)
    set_upvote(collection=made[2], actor=ada, up=True)
    add_item(collection=made[0], actor=ada, thing=make_repo(ada, visibility=Visibility.PRIVATE))

    def titles(query: str, by: Any = None) -> list[str]:
        return [each["title"] for each in call("GET", f"/collections{query}", by=by).json["items"]]

    with django_assert_max_num_queries(3):
        assert titles("") == ["Data", "Large models", "Small models"]
    assert titles(f"?owner={ada.username.upper()}", by=ada) == ["Mine", "Large models", "Small models"]
    assert titles("?search=models%20larg") == ["Large models"] and titles("?owner=nobody") == []
    first = call("GET", "/collections?order=upvotes&limit=2")
    assert [each["title"] for each in first.json["items"]] == ["Large models", "Data"]
    assert [each["title"] for each in call("GET", next_of(first)).json["items"]] == ["Small models"]
    counts = {each["title"]: each["item_count"] for each in first.json["items"]}
    assert first.json["count"] == 3 and set(counts.values()) == {0}
    assert call("GET", "/collections?order=best").field == "order"
