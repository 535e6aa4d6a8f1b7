"""Webhooks of a user or an organization: what they are, what they were sent, and sending it again."""

import json
import uuid
from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hub.accounts.models import Namespace, User
from hub.community.models import Webhook, WebhookDelivery, WebhookWatch
from hub.community.webhooks import services
from hub.community.webhooks.messages import without_hidden
from hub.community.webhooks.permissions import (
    get_delivery,
    get_namespace_for_webhooks,
    get_webhook,
    get_webhook_for_change,
    may_see_content,
)
from hub.core.errors import HubError
from hub.repos.models import Repository
from hub.repos.permissions import check_may_act
from hub.web.forms import explain
from hub.web.forms.webhooks import WebhookForm
from hub.web.paging import page_of
from hub.web.requests import MemberRequest

PER_PAGE = 30


@login_required
@require_safe
def show_all(request: MemberRequest, name: str | None = None) -> HttpResponse:
    """The webhooks of the user, or of an organization."""
    namespace = get_namespace_for_webhooks(request.user, name)
    rows = list(namespace.webhooks.order_by("-pk"))
    watched = _watched(request.user, rows)
    hooks = [(hook, watched.get(hook.pk, [])) for hook in rows]
    context = {"hooks": hooks, "most": services.MAX_WEBHOOKS, **_place(namespace)}
    return render(request, "web/webhooks/list.html", context)


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def create(request: MemberRequest, name: str | None = None) -> HttpResponse:
    namespace = get_namespace_for_webhooks(request.user, name)
    form = WebhookForm(request.POST or None, initial={"watched": namespace.name})
    if request.method == "POST" and form.is_valid():
        check_may_act(request.user)
        try:
            made = services.create_webhook(namespace=namespace, actor=request.user, **form.cleaned_data)
        except HubError as error:
            explain(form, error)
        else:
            messages.success(request, _("The webhook is there. Send a ping to try it."))
            return redirect("webhook", key=made.key)
    return render(request, "web/webhooks/form.html", {"form": form, **_place(namespace)})


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: MemberRequest, key: str) -> HttpResponse:
    hook = get_webhook_for_change(request.user, key)
    initial = {
        "url": hook.url,
        "watched": "\n".join(_watched(request.user, [hook]).get(hook.pk, [])),
        "domains": hook.domains,
        "secret": hook.secret,
    }
    form = WebhookForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            services.update_webhook(webhook=hook, actor=request.user, **form.cleaned_data)
        except HubError as error:
            explain(form, error)
        else:
            messages.success(request, _("The webhook is changed."))
            return redirect("webhook", key=hook.key)
    return render(request, "web/webhooks/form.html", {"form": form, "hook": hook, **_place(hook.namespace)})


@never_cache
@login_required
@require_safe
def show(request: MemberRequest, key: str) -> HttpResponse:
    """A webhook with its secrets, and what it was sent lately."""
    hook = get_webhook(request.user, key)
    rows = hook.deliveries.defer("payload").select_related("repository__namespace").order_by("-created_at", "-key")
    page = page_of(request, rows, PER_PAGE)
    asked = [row.repository_id for row in page.rows if row.repository_id]
    visible = set(Repository.objects.visible_to(request.user).filter(pk__in=asked).values_list("pk", flat=True))
    context = {
        "hook": hook,
        "watched": _watched(request.user, [hook]).get(hook.pk, []),
        "deliveries": [(row, row.repository_id in visible) for row in page.rows],
        "previous": page.previous,
        "next": page.next,
        **_place(hook.namespace),
    }
    return render(request, "web/webhooks/show.html", context)


@login_required
@require_POST
def change(request: MemberRequest, key: str, act: str) -> HttpResponse:
    """Switch it on or off, renew the key of its signatures, send a ping, or delete it."""
    hook = get_webhook_for_change(request.user, key)
    if act == "delete":
        services.delete_webhook(webhook=hook, actor=request.user)
        messages.success(request, _("The webhook is deleted."))
        return redirect(_home(hook.namespace))
    acts: dict[str, tuple[Any, str]] = {
        "enable": (services.enable_webhook, _("The webhook is switched on.")),
        "disable": (services.disable_webhook, _("The webhook is switched off. What waited for it is not sent.")),
        "secret": (services.renew_signing_secret, _("Messages are signed by another key from now on.")),
        "ping": (services.ping, _("A ping is on its way. Reload this page to see what came of it.")),
    }
    service, said = acts[act]
    try:
        service(webhook=hook, actor=request.user)
    except HubError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, said)
    return redirect("webhook", key=hook.key)


@never_cache
@login_required
@require_safe
def delivery(request: MemberRequest, key: str, delivery: uuid.UUID) -> HttpResponse:
    """One message: what was sent, and what came back."""
    hook = get_webhook(request.user, key)
    row = get_delivery(hook, delivery)
    shown = may_see_content(request.user, row)
    without_hidden([row.payload])
    context = {
        "hook": hook,
        "delivery": row,
        "shown": shown,
        "headers": _headers(hook, row),
        "payload": json.dumps(row.payload, ensure_ascii=False, indent=2) if shown else "",
        **_place(hook.namespace),
    }
    return render(request, "web/webhooks/delivery.html", context)


def _headers(hook: Webhook, row: WebhookDelivery) -> list[tuple[str, str]]:
    """Return the headers of a message as far as they are the same for each try."""
    headers = [("Content-Type", "application/json"), ("webhook-id", str(row.key))]
    headers += [("webhook-timestamp", "…"), ("webhook-signature", "v1,…")]
    return [*headers, ("X-Webhook-Secret", "…")] if hook.secret else headers


@login_required
@require_POST
def replay(request: MemberRequest, key: str, delivery: uuid.UUID) -> HttpResponse:
    """Send a message once more."""
    hook = get_webhook_for_change(request.user, key)
    try:
        again = services.replay(delivery=get_delivery(hook, delivery), actor=request.user)
    except HubError as error:
        if error.status == 404:
            raise
        messages.error(request, error.message)
        return redirect("webhook", key=hook.key)
    messages.success(request, _("It is sent once more. Reload this page to see what came of it."))
    return redirect("webhook_delivery", key=hook.key, delivery=again.key)


def _watched(user: User, hooks: Iterable[Webhook]) -> dict[int, list[str]]:
    """Return what webhooks watch, as their form takes it, as far as `user` may see it. Two queries."""
    watches = list(WebhookWatch.objects.filter(webhook__in=hooks).select_related("namespace").order_by("pk"))
    asked = [watch.repository_id for watch in watches if watch.repository_id]
    visible = Repository.objects.visible_to(user).filter(pk__in=asked).select_related("namespace").in_bulk()
    told: dict[int, list[str]] = {}
    for watch in watches:
        repo = visible.get(watch.repository_id or 0)
        if watch.namespace is not None:
            told.setdefault(watch.webhook_id, []).append(watch.namespace.name)
        elif repo is not None:
            told.setdefault(watch.webhook_id, []).append(repo.get_absolute_url().removeprefix("/"))
    return told


def _place(namespace: Namespace) -> dict[str, Any]:
    """Return the frame of the page: a person's settings or an organization's, and where the list is."""
    organization = namespace.organization
    return {
        "layout": "web/settings/base.html" if organization is None else "web/organizations/base.html",
        "organization": organization,
        "home": _home(namespace),
    }


def _home(namespace: Namespace) -> str:
    return f"/organizations/{namespace.name}/webhooks" if namespace.organization_id else "/settings/webhooks"
