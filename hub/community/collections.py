"""Collections: the way to one, which asks for the right to it, and every change to them.

A namespace's row is locked while its collections get another order or one more, a collection's while its items do.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Case, F, IntegerField, Value, When
from django.utils import timezone
from django.utils.translation import gettext as _

from hub.accounts.models import Namespace, Role, Someone, User
from hub.accounts.permissions import check_may_read_hub
from hub.community.errors import (
    AlreadyCollected,
    CollectionExists,
    CollectionFull,
    CollectionNotFound,
    ItemNotFound,
    NotYourCollection,
)
from hub.community.limits import Act, check_pace, check_words
from hub.community.models import Collection, CollectionItem, CollectionUpvote
from hub.community.models.collection import MAX_COLLECTION_DESCRIPTION, MAX_COLLECTION_TITLE, MAX_NOTE
from hub.core.errors import Invalid
from hub.core.models import record
from hub.core.text import UNSTORABLE, clean_text, clean_title, whole_number
from hub.core.throttles import check_rate
from hub.repos.errors import RepoMoved
from hub.repos.models import Kind, Repository
from hub.repos.permissions import check_may_act, get_repo_for_read

MAX_COLLECTIONS = 500  # of one user or organization
MAX_ITEMS = 300  # of one collection
CHANGES_PER_MINUTE = 120  # of one person
# The words of the client family; each is a colour of the pages.
THEMES = ("green", "blue", "purple", "pink", "orange", "indigo")
KEY_LENGTH = 24


def get_collection(user: Someone, slug: str) -> Collection:
    """Return the collection of that address if `user` may see it, with `item_count` and `upvote_count`. The key at the end
    decides; the words before it may be those of an earlier title. Raises SignInNeeded, CollectionNotFound."""
    check_may_read_hub(user)
    owner, _slash, rest = UNSTORABLE.sub("", slug).partition("/")
    visible = Collection.objects.visible_to(user).filter(key=rest[-KEY_LENGTH:].lower(), namespace__name__iexact=owner)
    found = visible.with_counts(user).first()
    if found is None:
        raise CollectionNotFound(
            _("There is no collection “%(name)s” that you may see. It may have been deleted, or be private.")
            % {"name": slug[:120]}
        )
    return found


def get_collection_for_write(user: Someone, slug: str) -> Collection:
    """Return the collection if `user` may change it. Raises what get_collection raises, and WriteNeedsSignIn, ReadOnlyToken,
    Suspended, NotYourCollection."""
    found = get_collection(user, slug)
    check_may_act(user)
    if not may_change(user, found):
        raise NotYourCollection(
            _("Only %(owner)s may change this collection, or those who write for that organization.")
            % {"owner": found.namespace.name}
        )
    return found


def may_change(user: Someone, collection: Collection) -> bool:
    return Collection.objects.writable_by(user).filter(pk=collection.pk).exists()


def collecting_namespaces(user: User) -> list[Namespace]:
    """Return under which names `user` may make collections: their own first."""
    writing = user.memberships.standing().filter(role__in=Role.at_least(Role.WRITE))
    shared = Namespace.objects.filter(organization__in=writing.values("organization"))
    return [user.namespace, *shared.select_related("organization").order_by("name")]


def get_namespace_for_collecting(user: Someone, name: str) -> Namespace:
    """Return the namespace if `user` may make collections there; their own by default. Raises WriteNeedsSignIn, ReadOnlyToken,
    Suspended, NotYourCollection."""
    check_may_act(user)
    assert isinstance(user, User)
    for namespace in collecting_namespaces(user):
        if namespace.name.lower() == (name or user.username).lower():
            return namespace
    raise NotYourCollection(
        _("You cannot make collections under “%(name)s”: it is not your name, nor an organization that lets you write.")
        % {"name": name[:60]},
        field="namespace",
    )


def get_item(collection: Collection, user: Someone, item_id: str) -> CollectionItem:
    """Return an item that `user` may see. Raises ItemNotFound."""
    found = collection.items.visible_to(user).with_things().filter(pk=whole_number(item_id) or 0).first()
    if found is None:
        raise ItemNotFound(_("This collection has no such item. It may have been taken out."))
    return found


def get_thing(user: Someone, kind: str, name: str) -> Repository | Collection:
    """Return what is to be put into a collection, if `user` may see it. A repository may be called by an earlier name.

    kind: of a repository, or `collection`. name: owner/name, or a collection's address. Raises Invalid, RepoNotFound,
    RepoTakenDown, SignInNeeded, CollectionNotFound.
    """
    if kind == "collection":
        return get_collection(user, name)
    if kind not in Kind.values:
        raise Invalid(
            _("What a collection holds is one of: %(kinds)s.") % {"kinds": ", ".join([*Kind.values, "collection"])},
            field="item",
        )
    owner, _slash, rest = name.partition("/")
    try:
        return get_repo_for_read(user, kind, owner, rest)
    except RepoMoved as moved:
        owner, _slash, rest = moved.full_name.partition("/")
        return get_repo_for_read(user, kind, owner, rest)


# --- changes to collections ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Changed:
    """What is to be different of a collection; None stays as it is. position: from 0, among its owner's."""

    title: str | None = None
    description: str | None = None
    theme: str | None = None
    is_private: bool | None = None
    position: int | None = None


@transaction.atomic
def create_collection(
    *,
    namespace: Namespace,
    actor: User,
    title: str,
    description: str = "",
    theme: str = "green",
    is_private: bool = False,
) -> Collection:
    """Make a collection, the last of its owner's. Raises Invalid, CollectionExists where one has that title, CollectionFull,
    TooMany, NewAccount."""
    title, description = _title(title), _description(description)
    check_words(actor, f"{title}\n{description}", field="description")
    _count(actor)
    check_pace(actor, Act.COLLECTION)
    Namespace.objects.select_for_update(no_key=True).get(pk=namespace.pk)
    there = namespace.collections.filter(taken_down_at=None)
    if same := there.filter(title=title).first():
        same.namespace = namespace
        raise CollectionExists(_("There is a collection of that title already. Choose another one."), collection=same)
    if (count := namespace.collections.count()) >= MAX_COLLECTIONS:
        raise CollectionFull(
            _("%(owner)s has %(max)d collections, which is all that one may have. Delete one first.")
            % {"owner": namespace.name, "max": MAX_COLLECTIONS}
        )
    made = Collection.objects.create(
        namespace=namespace,
        key=secrets.token_hex(KEY_LENGTH // 2),
        title=title,
        description=description,
        theme=_theme(theme),
        is_private=is_private,
        position=count,
        created_by=actor,
    )
    record(actor=actor, verb="collection.create", target=_target(made), title=title, private=is_private)
    return made


@transaction.atomic
def update_collection(*, collection: Collection, actor: User, changed: Changed) -> Collection:
    """Change what is said of a collection, who sees it, and where it stands. Raises Invalid, TooMany, TooManyLinks,
    CollectionExists, CollectionNotFound."""
    _count(actor)
    Namespace.objects.select_for_update(no_key=True).get(pk=collection.namespace_id)
    collection = _locked(collection)
    before = collection.is_private
    if changed.title is not None:
        collection.title = _title(changed.title)
        there = collection.namespace.collections.filter(taken_down_at=None).exclude(pk=collection.pk)
        if same := there.filter(title=collection.title).first():
            raise CollectionExists(
                _("There is a collection of that title already. Choose another one."), collection=same
            )
    if changed.description is not None:
        collection.description = _description(changed.description)
    check_words(actor, f"{collection.title}\n{collection.description}", field="description")
    if changed.theme is not None:
        collection.theme = _theme(changed.theme)
    if changed.is_private is not None:
        collection.is_private = changed.is_private
    collection.updated_at = timezone.now()
    collection.save(update_fields=["title", "description", "theme", "is_private", "updated_at"])
    if changed.position is not None:
        owned = list(collection.namespace.collections.in_owners_order().values_list("pk", flat=True))
        _place(Collection.objects.all(), _moved(owned, collection.pk, _position(changed.position)))
        collection.refresh_from_db(fields=["position"])
    if collection.is_private != before:
        verb = "collection.hide" if collection.is_private else "collection.publish"
        record(actor=actor, verb=verb, target=_target(collection))
    return collection


@transaction.atomic
def delete_collection(*, collection: Collection, actor: User) -> None:
    """Delete a collection for good. What it held stays. Raises CollectionNotFound, TooMany."""
    _count(actor)
    collection = _locked(collection)
    record(actor=actor, verb="collection.delete", target=_target(collection), title=collection.title)
    collection.delete()


@transaction.atomic
def set_upvote(*, collection: Collection, actor: User, up: bool) -> None:
    """Find a collection good, or no longer. Twice is once. Raises TooMany, NewAccount."""
    _count(actor)
    if not up:
        CollectionUpvote.objects.filter(collection=collection, user=actor).delete()
        return
    check_pace(actor, Act.LIKE)
    CollectionUpvote.objects.bulk_create([CollectionUpvote(collection=collection, user=actor)], ignore_conflicts=True)


# --- changes to what is in them -----------------------------------------------------------------------------------------


@transaction.atomic
def add_item(*, collection: Collection, actor: User, thing: Repository | Collection, note: str = "") -> CollectionItem:
    """Put a repository or another collection, which `actor` may see, at the end. Raises Invalid, AlreadyCollected,
    CollectionFull, CollectionNotFound, TooMany, TooManyLinks."""
    note = _note(actor, note)
    _count(actor)
    collection = _locked(collection)
    if thing == collection:
        raise Invalid(_("A collection does not hold itself."), field="item")
    positions = list(collection.items.order_by("-position").values_list("position", flat=True))
    if len(positions) >= MAX_ITEMS:
        raise CollectionFull(
            _("A collection holds at most %(max)d things. Take one out, or begin another collection.")
            % {"max": MAX_ITEMS}
        )
    named = {"repository": thing} if isinstance(thing, Repository) else {"nested": thing}
    try:
        with transaction.atomic():
            item = CollectionItem.objects.create(
                collection=collection,
                note=note,
                position=positions[0] + 1 if positions else 0,
                added_by=actor,
                **named,
            )
    except IntegrityError as error:
        raise AlreadyCollected(_("It is in this collection already."), field="item") from error
    _touch(collection)
    return item


@transaction.atomic
def update_item(
    *, item: CollectionItem, actor: User, note: str | None = None, position: int | None = None
) -> CollectionItem:
    """Change the note on an item, or its place: from 0, among the items that `actor` sees. Raises Invalid, TooMany,
    TooManyLinks, CollectionNotFound, ItemNotFound."""
    _count(actor)
    collection = _locked(item.collection)
    if note is not None:
        item.note = _note(actor, note)
        item.save(update_fields=["note"])
    if position is not None:
        every = list(collection.items.in_order().values_list("pk", flat=True))
        seen = list(collection.items.visible_to(actor).in_order().values_list("pk", flat=True))
        _place(CollectionItem.objects.all(), _moved(every, item.pk, _position(position), seen=seen))
        item.refresh_from_db(fields=["position"])
    _touch(collection)
    return item


@transaction.atomic
def remove_item(*, item: CollectionItem, actor: User) -> None:
    """Take an item out. Raises CollectionNotFound, TooMany."""
    _count(actor)
    collection = _locked(item.collection)
    CollectionItem.objects.filter(pk=item.pk).delete()
    _touch(collection)


def _moved(every: list[int], moved: int, place: int, *, seen: Sequence[int] | None = None) -> list[int]:
    """Return the order in which `moved` comes to stand at `place` among `seen`; what is not seen stays behind
    what it followed."""
    rest = [key for key in every if key != moved]
    shown = rest if seen is None else [key for key in seen if key != moved]
    at = rest.index(shown[place]) if place < len(shown) else len(rest)
    return [*rest[:at], moved, *rest[at:]]


def _place(rows: Any, order: list[int]) -> None:
    """Number rows by their order. One statement."""
    places = Case(
        *(When(pk=key, then=Value(place)) for place, key in enumerate(order)),
        default=F("position"),
        output_field=IntegerField(),
    )
    rows.filter(pk__in=order).update(position=places)


def _locked(collection: Collection) -> Collection:
    locked = (
        Collection.objects.select_for_update(no_key=True, of=("self",))
        .select_related("namespace")
        .filter(pk=collection.pk)
        .first()
    )
    if locked is None:
        raise CollectionNotFound(_("This collection has just been deleted."))
    return locked


def _touch(collection: Collection) -> None:
    collection.updated_at = timezone.now()
    collection.save(update_fields=["updated_at"])


def _count(actor: User) -> None:
    check_rate("collection", actor.pk, limit=CHANGES_PER_MINUTE, seconds=60)


def _title(text: str) -> str:
    return clean_title(text, limit=MAX_COLLECTION_TITLE)


def _description(text: str) -> str:
    return clean_text(text.strip(), field="description", limit=MAX_COLLECTION_DESCRIPTION, optional=True)


def _note(actor: User, text: str) -> str:
    note = clean_text(text.strip(), field="note", limit=MAX_NOTE, optional=True)
    check_words(actor, note, field="note")
    return note


def _theme(name: str) -> str:
    if name not in THEMES:
        raise Invalid(_("A theme is one of %(themes)s.") % {"themes": ", ".join(THEMES)}, field="theme")
    return name


def _position(number: int) -> int:
    if not 0 <= number < 10**6:
        raise Invalid(_("A position is a whole number from 0."), field="position")
    return number


def _target(collection: Collection) -> str:
    return f"collection {collection.key}"
