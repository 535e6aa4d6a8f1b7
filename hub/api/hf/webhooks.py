"""Webhooks of the caller's own account, and by their ids those of organizations that the caller administers."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from hub.accounts.models import User
from hub.api.bodies import read_object, text_of
from hub.api.edge import json_view, writer
from hub.community.models import Domain, Webhook
from hub.community.webhooks import services
from hub.community.webhooks.permissions import get_webhook, get_webhook_for_change
from hub.community.webhooks.services import MAX_SECRET, MAX_WATCHED, Watched
from hub.core.errors import Invalid, SignInNeeded
from hub.repos.models import Repository
from hub.repos.permissions import check_may_act


@json_view("GET", "POST")
def webhooks(request: Request) -> Response:
    """GET: the caller's webhooks, a bare array. POST (`url`, `watched`, `domains`, `secret`): makes one."""
    if request.method == "POST":
        return _create(request)
    user = _reader(request)
    rows = user.namespace.webhooks.order_by("pk").prefetch_related(
        "watches__namespace", "watches__repository__namespace"
    )
    return Response(_shapes(user, list(rows)))


def _create(request: Request) -> Response:
    check_may_act(request.user)
    user, body = writer(request), read_object(request)
    _check_no_job(body)
    made = services.create_webhook(
        namespace=user.namespace,
        actor=user,
        url=text_of(body, "url"),
        watched=_watched(body),
        domains=_texts(body, "domains") if body.get("domains") is not None else list(Domain.values),
        secret=text_of(body, "secret", limit=MAX_SECRET),
    )
    return _answer(user, made)


@json_view("GET", "POST", "DELETE")
def webhook(request: Request, key: str) -> Response:
    """GET, POST (changes what is given; an empty `watched` stays as it is) or DELETE /api/settings/webhooks/{id}."""
    if request.method == "GET":
        user = _reader(request)
        return _answer(user, get_webhook(user, key))
    found = get_webhook_for_change(request.user, key)
    user = writer(request)
    if request.method == "DELETE":
        services.delete_webhook(webhook=found, actor=user)
        return Response({"success": True})
    body = read_object(request)
    _check_no_job(body)
    changed = services.update_webhook(
        webhook=found,
        actor=user,
        url=text_of(body, "url") if body.get("url") is not None else None,
        watched=_watched(body) or None,
        domains=_texts(body, "domains") if body.get("domains") is not None else None,
        secret=text_of(body, "secret", limit=MAX_SECRET) if body.get("secret") is not None else None,
    )
    return _answer(user, changed)


@json_view("POST")
def enable(request: Request, key: str) -> Response:
    """POST /api/settings/webhooks/{id}/enable."""
    found = get_webhook_for_change(request.user, key)
    return _answer(writer(request), services.enable_webhook(webhook=found, actor=writer(request)))


@json_view("POST")
def disable(request: Request, key: str) -> Response:
    """POST /api/settings/webhooks/{id}/disable."""
    found = get_webhook_for_change(request.user, key)
    return _answer(writer(request), services.disable_webhook(webhook=found, actor=writer(request)))


def _reader(request: Request) -> User:
    if not isinstance(request.user, User):
        raise SignInNeeded("Webhooks are for their owner to see. Send an access token.")
    return request.user


def _check_no_job(body: dict[str, Any]) -> None:
    for key in ("jobSourceId", "secrets"):
        if body.get(key):
            raise Invalid("This hub starts no jobs for webhooks. Give a url that is called instead.", field=key)


def _watched(body: dict[str, Any]) -> list[Watched]:
    given = body.get("watched")
    if given is None:
        return []
    if not isinstance(given, list) or len(given) > MAX_WATCHED:
        raise Invalid(f"watched is a list of at most {MAX_WATCHED} objects with type and name.", field="watched")
    found = []
    for item in given:
        if not isinstance(item, dict):
            raise Invalid("Each of watched is an object with type and name.", field="watched")
        found.append(Watched(text_of(item, "type", limit=20), text_of(item, "name", limit=200)))
    return found


def _texts(body: dict[str, Any], key: str) -> list[str]:
    given = body.get(key)
    if not isinstance(given, list) or not all(isinstance(item, str) for item in given) or len(given) > 10:
        raise Invalid(f"{key} is a list of words.", field=key)
    return given


def _answer(user: User, row: Webhook) -> Response:
    return Response({"webhook": _shapes(user, [row])[0]})


def _shapes(user: User, rows: list[Webhook]) -> list[dict[str, Any]]:
    """Return webhooks as the client reads them, with those of the things they watch that `user` may see. Secrets are for
    tokens that may write."""
    watches = {row.pk: list(row.watches.all()) for row in rows}
    asked = [watch.repository_id for each in watches.values() for watch in each if watch.repository_id]
    visible = Repository.objects.visible_to(user).filter(pk__in=asked).select_related("namespace").in_bulk()
    shows_secrets = user.acting_token is None or user.acting_token.may_write
    shapes = []
    for row in rows:
        watched = []
        for watch in watches[row.pk]:
            if watch.namespace is not None:
                watched.append({"type": "user" if watch.namespace.user_id else "org", "name": watch.namespace.name})
            elif repo := visible.get(watch.repository_id or 0):
                watched.append({"type": repo.kind, "name": repo.full_name})
        shape: dict[str, Any] = {
            "id": row.key,
            "url": row.url,
            "watched": watched,
            "domains": row.domains,
            "disabled": row.disabled_at is not None,
        }
        if row.secret and shows_secrets:
            shape["secret"] = row.secret
        shapes.append(shape)
    return shapes
