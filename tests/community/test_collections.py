"""Collections: who may change them, what each visitor sees of them, and in which order."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import Client

from hub.accounts.models import User
from hub.community import collections as services
from hub.community.collections import (
    Changed,
    add_item,
    collecting_namespaces,
    create_collection,
    delete_collection,
    get_collection,
    get_collection_for_write,
    get_item,
    remove_item,
    set_upvote,
    update_collection,
    update_item,
)
from hub.community.errors import (
    AlreadyCollected,
    CollectionExists,
    CollectionFull,
    CollectionNotFound,
    NotYourCollection,
)
from hub.community.models import Collection, CollectionItem
from hub.core.errors import Invalid
from hub.core.models import AuditEvent
from hub.repos.models import Kind, Repository, Visibility
from tests.factories import make_organization, make_repo, make_token, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(db: None) -> User:
    return make_user()


@pytest.fixture
def mine(ada: User) -> Collection:
    return create_collection(namespace=ada.namespace, actor=ada, title="Small models", description="That fit.")


def fill(mine: Collection, ada: User, count: int) -> list[CollectionItem]:
    return [add_item(collection=mine, actor=ada, thing=make_repo()) for _ in range(count)]


def order(mine: Collection, user: Any) -> list[int]:
    return list(mine.items.visible_to(user).in_order().values_list("pk", flat=True))


def test_the_key_decides_and_the_title_may_change(mine: Collection, ada: User) -> None:
    slug = mine.full_slug
    assert slug == f"{ada.username}/small-models-{mine.key}"
    changed = update_collection(
        collection=mine, actor=ada, changed=Changed(title="大模型", theme="pink", description="", is_private=True)
    )
    assert (changed.full_slug, changed.theme, changed.description) == (f"{ada.username}/{mine.key}", "pink", "")
    assert get_collection(ada, slug) == get_collection(ada, f"{ada.username}/{mine.key}") == mine
    for stranger in (AnonymousUser(), make_user()):
        with pytest.raises(CollectionNotFound):
            get_collection(stranger, slug)
    verbs = AuditEvent.objects.filter(target=f"collection {mine.key}").values_list("verb", flat=True)
    assert list(verbs.order_by("pk")) == ["collection.create", "collection.hide"]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        (Changed(title=" "), "title"),
        (Changed(title="x" * 101), "title"),
        (Changed(description="x" * 501), "description"),
        (Changed(description="a\0"), "description"),
        (Changed(theme="red"), "theme"),
        (Changed(position=-1), "position"),
    ],
)
def test_what_cannot_be_said_is_refused_by_name(mine: Collection, ada: User, changed: Changed, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        update_collection(collection=mine, actor=ada, changed=changed)
    assert refused.value.field == field


def test_one_owner_has_one_of_each_title_and_so_many(
    mine: Collection, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CollectionExists) as refused:
        create_collection(namespace=ada.namespace, actor=ada, title="  Small  models ")
    assert refused.value.collection == mine
    other = create_collection(namespace=ada.namespace, actor=ada, title="Others")
    with pytest.raises(CollectionExists):
        update_collection(collection=other, actor=ada, changed=Changed(title="Small models"))
    monkeypatch.setattr(services, "MAX_COLLECTIONS", 2)
    with pytest.raises(CollectionFull):
        create_collection(namespace=ada.namespace, actor=ada, title="Third")
    update_collection(collection=other, actor=ada, changed=Changed(position=0))
    assert list(ada.namespace.collections.in_owners_order()) == [other, mine]


def test_writers_of_an_organization_manage_its_collections(ada: User) -> None:
    people = {role: make_user() for role in ("read", "contributor", "write")}
    organization = make_organization(ada, **people)
    made = create_collection(namespace=organization.namespace, actor=ada, title="Ours", is_private=True)
    assert get_collection_for_write(people["write"], made.full_slug) == made
    for role in ("read", "contributor"):
        assert get_collection(people[role], made.full_slug) == made
        with pytest.raises(NotYourCollection):
            get_collection_for_write(people[role], made.full_slug)
        assert collecting_namespaces(people[role]) == [people[role].namespace]
    with pytest.raises(NotYourCollection):
        services.get_namespace_for_collecting(people["read"], organization.namespace.name)


def test_things_stand_in_order_and_once(mine: Collection, ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third = fill(mine, ada, 3)
    with pytest.raises(AlreadyCollected):
        add_item(collection=mine, actor=ada, thing=first.repository)  # type: ignore[arg-type]
    with pytest.raises(Invalid):
        add_item(collection=mine, actor=ada, thing=mine)
    update_item(item=third, actor=ada, position=0)
    update_item(item=first, actor=ada, position=99, note=" Best. ")
    assert order(mine, ada) == [third.pk, second.pk, first.pk]
    assert get_item(mine, ada, str(first.pk)).note == "Best."
    remove_item(item=second, actor=ada)
    assert order(mine, ada) == [third.pk, first.pk]
    monkeypatch.setattr(services, "MAX_ITEMS", 2)
    with pytest.raises(CollectionFull):
        fill(mine, ada, 1)


def test_a_visitor_sees_and_counts_what_they_may_see(mine: Collection, ada: User, client: Client) -> None:
    """And somebody who moves things moves them among those, the others staying by what they follow."""
    first, hidden, third, fourth = fill(mine, ada, 4)
    nested = create_collection(namespace=ada.namespace, actor=ada, title="Secret", is_private=True)
    inner = add_item(collection=mine, actor=ada, thing=nested)
    assert hidden.repository is not None
    Repository.objects.filter(pk=hidden.repository.pk).update(visibility=Visibility.PRIVATE)
    stranger = AnonymousUser()
    assert order(mine, stranger) == [first.pk, third.pk, fourth.pk]
    assert get_collection(stranger, mine.full_slug).item_count == 3  # type: ignore[attr-defined]
    assert get_collection(ada, mine.full_slug).item_count == 4  # type: ignore[attr-defined]
    # A private repository of somebody else's is not Ada's to see either.
    update_item(item=fourth, actor=ada, position=1)
    every = list(mine.items.in_order().values_list("pk", flat=True))
    assert order(mine, ada) == [first.pk, fourth.pk, third.pk, inner.pk]
    assert set(every) == {first.pk, hidden.pk, third.pk, fourth.pk, inner.pk}
    for address in (mine.get_absolute_url(), "/collections", f"/api/collections/{mine.full_slug}", "/api/collections"):
        told = client.get(address).content.decode()
        assert hidden.repository.name not in told
        assert "Secret" not in told
    shown = client.get(f"/api/collections/{mine.full_slug}").json()
    assert [item["position"] for item in shown["items"]] == [0, 1, 2]
    assert client.get(f"/api/collections?item=models/{hidden.repository.full_name}").json() == []
    held = client.get(f"/api/collections?item=models/{first.repository.full_name}").json()  # type: ignore[union-attr]
    assert [one["slug"] for one in held] == [mine.full_slug]


def test_an_upvote_counts_once(mine: Collection, ada: User) -> None:
    bob = make_user()
    for _ in range(2):
        set_upvote(collection=mine, actor=bob, up=True)
    set_upvote(collection=mine, actor=ada, up=True)
    assert get_collection(bob, mine.full_slug).upvote_count == 2  # type: ignore[attr-defined]
    User.objects.filter(pk=ada.pk).update(is_active=False)
    set_upvote(collection=mine, actor=bob, up=False)
    assert get_collection(bob, mine.full_slug).upvote_count == 0  # type: ignore[attr-defined]


def test_deleting_leaves_what_was_in_it(mine: Collection, ada: User) -> None:
    (item,) = fill(mine, ada, 1)
    delete_collection(collection=mine, actor=ada)
    assert Repository.objects.filter(pk=item.repository_id).exists()
    with pytest.raises(CollectionNotFound):
        update_item(item=item, actor=ada, position=0)


def test_pages_take_the_same_queries_however_much_there_is(
    mine: Collection, ada: User, client: Client, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    fill(mine, ada, 8)
    for number in range(8):
        fill(create_collection(namespace=ada.namespace, actor=ada, title=f"Number {number}"), ada, 2)
    with django_assert_max_num_queries(3):
        assert "Number 7" in client.get("/collections").content.decode()
    with django_assert_max_num_queries(4):
        assert client.get(mine.get_absolute_url()).status_code == 200
    with django_assert_max_num_queries(3):
        assert len(client.get("/api/collections").json()) == 9
    with django_assert_max_num_queries(3):
        assert len(client.get(f"/api/collections/{mine.full_slug}").json()["items"]) == 8


def test_lists_come_in_pages(ada: User, client: Client) -> None:
    for number in range(5):
        create_collection(namespace=ada.namespace, actor=ada, title=f"Number {number}")
    first = client.get(f"/api/collections?owner={ada.username}&limit=3")
    assert [one["title"] for one in first.json()] == ["Number 4", "Number 3", "Number 2"]
    assert "position" not in first.json()[0]
    rest = client.get(first["Link"].partition(">")[0].removeprefix("<http://testserver"))
    assert [one["title"] for one in rest.json()] == ["Number 1", "Number 0"]
    assert "Link" not in rest
    assert client.get("/api/collections?sort=size").status_code == 400
    assert client.get("/api/collections?item=x").status_code == 400


def test_what_is_not_here_is_refused_clearly(mine: Collection, ada: User, client: Client) -> None:
    headers = {"Authorization": f"Bearer {make_token(ada)}"}

    def post(below: str, body: dict[str, Any]) -> Any:
        address = f"/api/collections/{mine.full_slug}{below}"
        return client.post(address, body, content_type="application/json", headers=headers)

    assert "resource groups" in post("/resource-group", {"resourceGroupId": "0" * 24}).json()["error"]
    assert post("/resource-group", {"resourceGroupId": None}).status_code == 200
    assert "papers" in post("/items", {"item": {"id": "2307.09288", "type": "paper"}}).json()["error"]
    for item in (None, [], {"id": 1, "type": "model"}, {"id": "x", "type": "cat"}, {"id": "a/b", "type": "model"}):
        assert post("/items", {"item": item}).status_code in (400, 404)


def test_a_collection_is_kept_from_the_pages(ada: User, client: Client) -> None:
    client.force_login(ada)
    repo = make_repo(ada, kind=Kind.DATASET)
    assert client.get(f"{repo.get_absolute_url()}/collect").status_code == 200
    named = f"datasets/{repo.full_name}"
    assert named in client.get(f"/collections/new?item={named}").content.decode()
    answer = client.post(
        "/collections/new", {"namespace": ada.username, "title": "<b>Mine</b>", "theme": "blue", "item": named}
    )
    address = answer["Location"]
    shown = client.get(address).content.decode()
    assert "&lt;b&gt;Mine&lt;/b&gt;" in shown
    assert "<b>Mine</b>" not in shown
    assert repo.name in shown
    mine = Collection.objects.get(title="<b>Mine</b>")
    for slug in (mine.key, f"other-{mine.key}"):
        assert client.get(f"/collections/{ada.username}/{slug}")["Location"] == address
    # By its address, as people copy it.
    model = make_repo(ada)
    assert client.post(f"{address}/items", {"item": f"http://testserver{model.get_absolute_url()}"}).status_code == 302
    again = client.post(f"{address}/items", {"item": model.full_name, "note": "x"})
    assert (again.status_code, "already" in again.content.decode()) == (409, True)
    assert client.post(f"{address}/items", {"item": "nothing"}).status_code == 400
    first, second = mine.items.in_order()
    assert client.post(f"{address}/items/{second.pk}/move", {"position": "0"}).status_code == 302
    assert order(mine, ada) == [second.pk, first.pk]
    assert client.post(f"{address}/items/{second.pk}/note", {"note": "Good."}).status_code == 302
    assert "Good." in client.get(address).content.decode()
    collect = f"{repo.get_absolute_url()}/collect"
    assert client.post(collect, {"remove": mine.full_slug}).status_code == 302
    for _ in range(2):
        assert client.post(collect, {"add": mine.full_slug}).status_code == 302
    assert mine.items.count() == 2
    assert client.post(f"{address}/edit", {"title": "", "theme": "blue"}).status_code == 400
    moved = client.post(f"{address}/edit", {"title": "Ours", "theme": "pink", "is_private": "on"})["Location"]
    assert Client().get(moved).status_code == 404
    assert client.post(f"{moved}/upvote", {"up": "1"}).status_code == 302
    stranger = Client()
    stranger.force_login(make_user())
    assert stranger.post(f"{moved}/delete").status_code == 404
    assert client.post(f"{moved}/delete").status_code == 302
    assert not Collection.objects.exists()
