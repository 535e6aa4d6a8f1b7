"""Collections: the list of them, one with what is in it, and what its owners do with it."""

from contextlib import suppress
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hub.accounts.permissions import check_may_read_hub, get_namespace
from hub.community import collections as services
from hub.community.collections import (
    MAX_ITEMS,
    collecting_namespaces,
    get_collection,
    get_collection_for_write,
    get_item,
    get_namespace_for_collecting,
    may_change,
)
from hub.community.errors import AlreadyCollected
from hub.community.models import Collection, CollectionItem, CollectionUpvote
from hub.core.errors import HubError, Invalid
from hub.core.links import base_url
from hub.core.text import UNSTORABLE, whole_number
from hub.repos.models import Kind, Repository
from hub.repos.permissions import check_may_act
from hub.web.forms import explain
from hub.web.forms.collections import CollectionForm, ItemForm, NewCollectionForm, NoteForm
from hub.web.pages.repo_head import for_posters, repo_page
from hub.web.paging import page_of
from hub.web.requests import MemberRequest

PER_PAGE = 24
ITEMS_IN_LIST = 4
# What a row of an item shows, beside its own columns.
_SHOWN = (
    "repository__namespace__user",
    "repository__namespace__organization",
    "repository__search_row",
    "repository__stats",
    "repository__bucket_totals",
    "nested__namespace__user",
    "nested__namespace__organization",
)


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """The collections that one may see; `?q=` words of the title, `?owner=`, `?sort=upvotes`. Four queries."""
    check_may_read_hub(request.user)
    words, owner = request.GET.get("q", "").strip()[:200], request.GET.get("owner", "").strip()[:60]
    sorts = {"lately": _("Changed last"), "upvotes": _("Most upvoted")}
    sort = request.GET.get("sort") if request.GET.get("sort") in sorts else "lately"
    rows = Collection.objects.visible_to(request.user).titled(words)
    if owner:
        rows = rows.filter(namespace=get_namespace(owner))
    order = ("-upvote_count", "-pk") if sort == "upvotes" else ("-updated_at", "-pk")
    counted = rows.with_counts(request.user).with_first_items(request.user, ITEMS_IN_LIST).order_by(*order)
    return render(
        request,
        "web/collections/list.html",
        {"page": page_of(request, counted, PER_PAGE), "words": words, "owner": owner, "sorts": sorts, "sort": sort},
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: MemberRequest) -> HttpResponse:
    """Make a collection; `item` puts something into it at once."""
    if request.method == "POST":
        check_may_act(request.user)
    namespaces = collecting_namespaces(request.user)
    first = request.POST.get("item") or request.GET.get("item", "")
    form = NewCollectionForm(
        request.POST or None,
        namespaces=namespaces,
        initial={"namespace": request.GET.get("owner", namespaces[0].name), "theme": services.THEMES[0]},
    )
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                namespace = get_namespace_for_collecting(request.user, form.cleaned_data.pop("namespace"))
                thing = _thing(request, first) if first else None
                made = services.create_collection(namespace=namespace, actor=request.user, **form.cleaned_data)
                if thing is not None:
                    services.add_item(collection=made, actor=request.user, thing=thing)
            except HubError as error:
                explain(form, error)
                status = error.status
            else:
                return redirect(made)
    return render(request, "web/collections/new.html", {"form": form, "item": first[:300]}, status=status)


@require_safe
def show(request: HttpRequest, namespace: str, slug: str) -> HttpResponse:
    """One collection; an earlier title's address leads on to today's. Six queries, however much it holds."""
    found = get_collection(request.user, f"{namespace}/{slug}")
    if f"{namespace}/{slug}" != found.full_slug:
        return redirect(found, permanent=False)
    return _page(request, found)


def _page(request: HttpRequest, found: Collection, adding: ItemForm | None = None, status: int = 200) -> HttpResponse:
    items = found.items.visible_to(request.user).select_related(*_SHOWN).in_order()
    may_write = may_change(request.user, found)
    votes = CollectionUpvote.objects.filter(collection=found)
    context = {
        "collection": found,
        "items": items,
        "may_change": may_write,
        "upvoted": request.user.is_authenticated and votes.filter(user=request.user).exists(),
        "adding": adding or ItemForm(auto_id="add-%s"),
        "max_items": MAX_ITEMS,
    }
    return render(request, "web/collections/show.html", context, status=status)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: MemberRequest, namespace: str, slug: str) -> HttpResponse:
    """Change what a collection says of itself, and who sees it."""
    found = get_collection_for_write(request.user, f"{namespace}/{slug}")
    initial = {name: getattr(found, name) for name in ("title", "description", "theme", "is_private")}
    form = CollectionForm(request.POST or None, initial=initial)
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                changed = services.Changed(**form.cleaned_data)
                saved = services.update_collection(collection=found, actor=request.user, changed=changed)
            except HubError as error:
                explain(form, error)
                status = error.status
            else:
                messages.success(request, _("The collection is saved."))
                return redirect(saved)
    return render(request, "web/collections/edit.html", {"form": form, "collection": found}, status=status)


@login_required
@require_POST
def delete(request: MemberRequest, namespace: str, slug: str) -> HttpResponse:
    """Delete a collection."""
    found = get_collection_for_write(request.user, f"{namespace}/{slug}")
    services.delete_collection(collection=found, actor=request.user)
    messages.success(request, _("The collection is deleted. What was in it is where it was."))
    return redirect("profile", found.namespace.name)


@login_required
@require_POST
def upvote(request: MemberRequest, namespace: str, slug: str) -> HttpResponse:
    """Find a collection good, or no longer (`up` is 0)."""
    found = get_collection(request.user, f"{namespace}/{slug}")
    check_may_act(request.user)
    services.set_upvote(collection=found, actor=request.user, up=request.POST.get("up") != "0")
    return redirect(found)


@login_required
@require_POST
def add(request: MemberRequest, namespace: str, slug: str) -> HttpResponse:
    """Put something into a collection by its name or address."""
    found = get_collection_for_write(request.user, f"{namespace}/{slug}")
    form = ItemForm(request.POST, auto_id="add-%s")
    status = 400
    if form.is_valid():
        try:
            thing = _thing(request, form.cleaned_data["item"])
            services.add_item(collection=found, actor=request.user, thing=thing, note=form.cleaned_data["note"])
        except HubError as error:
            form.add_error("note" if error.field == "note" else "item", error.message)
            status = error.status
        else:
            return redirect(found)
    return _page(request, found, adding=form, status=status)


@login_required
@require_POST
def note(request: MemberRequest, namespace: str, slug: str, item_id: str) -> HttpResponse:
    """Change the note on an item."""
    found, item = _item(request, namespace, slug, item_id)
    form = NoteForm(request.POST)
    if not form.is_valid():
        raise Invalid(" ".join(str(error) for error in form.errors.get("note", [])), field="note")
    services.update_item(item=item, actor=request.user, note=form.cleaned_data["note"])
    return redirect(f"{found.get_absolute_url()}#item-{item.pk}")


@login_required
@require_POST
def move(request: MemberRequest, namespace: str, slug: str, item_id: str) -> HttpResponse:
    """Have an item stand at `position`, from 0, among those that one sees."""
    found, item = _item(request, namespace, slug, item_id)
    place = whole_number(request.POST.get("position", ""), MAX_ITEMS)
    if place is None:
        raise Invalid(_("A position is a whole number from 0."), field="position")
    services.update_item(item=item, actor=request.user, position=place)
    return redirect(f"{found.get_absolute_url()}#item-{item.pk}")


@login_required
@require_POST
def remove(request: MemberRequest, namespace: str, slug: str, item_id: str) -> HttpResponse:
    """Take an item out. The message says how it comes back."""
    found, item = _item(request, namespace, slug, item_id)
    services.remove_item(item=item, actor=request.user)
    messages.success(request, _("It is taken out of the collection. Adding it again puts it at the end."))
    return redirect(found)


@require_http_methods(["GET", "HEAD", "POST"])
@for_posters
def collect(request: MemberRequest, repo: Repository) -> HttpResponse:
    """Put a repository into collections of one's own and of one's organizations (`add`), or take it out (`remove`)."""
    if request.method == "POST":
        slug = request.POST.get("add") or request.POST.get("remove", "")
        found = get_collection_for_write(request.user, slug)
        if "add" in request.POST:
            # Where the button was pressed twice it is as was wanted.
            with suppress(AlreadyCollected):
                services.add_item(collection=found, actor=request.user, thing=repo)
        elif item := found.items.filter(repository=repo).first():
            services.remove_item(item=item, actor=request.user)
        return redirect(f"{repo.get_absolute_url()}/collect")
    return repo_page(
        request,
        "web/collections/collect.html",
        repo,
        tab="",
        collections=Collection.objects.writable_by(request.user)
        .with_counts(request.user)
        .order_by("-updated_at", "-pk"),
        held=set(CollectionItem.objects.filter(repository=repo).values_list("collection", flat=True)),
        name=_name_of(repo),
    )


def _item(request: MemberRequest, namespace: str, slug: str, item_id: str) -> tuple[Collection, CollectionItem]:
    found = get_collection_for_write(request.user, f"{namespace}/{slug}")
    return found, get_item(found, request.user, item_id)


def _name_of(repo: Repository) -> str:
    return repo.full_name if repo.kind == Kind.MODEL else f"{repo.plural}/{repo.full_name}"


def _thing(request: MemberRequest, said: str) -> Any:
    """Return what `ada/tiny`, `datasets/ada/notes`, `collections/ada/…` or an address of this hub names."""
    name = said.strip().removeprefix(base_url(request)).removeprefix(base_url()).strip("/").removeprefix("models/")
    parts = name.split("?")[0].split("#")[0].split("/")
    if parts[0] == "collections" and len(parts) == 3:
        return services.get_thing(request.user, "collection", "/".join(parts[1:]))
    kind = Kind.MODEL
    if parts[0].removesuffix("s") in Kind.values and parts[0].endswith("s"):
        kind, parts = Kind(parts[0].removesuffix("s")), parts[1:]
    if len(parts) < 2 or not all(parts[:2]) or UNSTORABLE.search(name):
        raise Invalid(_("A name has the form owner/name, or datasets/owner/name."), field="item")
    return services.get_thing(request.user, kind, "/".join(parts[:2]))
