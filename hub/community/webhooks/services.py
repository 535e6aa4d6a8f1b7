"""Every change to webhooks: making, changing, switching on and off, deleting; sending one message again, or one to try.

The caller has passed get_webhook_for_change or get_namespace_for_webhooks. What they are told of is in `announcing.py`, how it
is sent in `sending.py`, and when the hub switches one off in `giving_up.py`.
"""

import base64
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from hub.accounts.models import Namespace, User
from hub.community.errors import DeliveryNotReplayable, TooManyWebhooks, WebhookDisabled
from hub.community.models import Domain, Webhook, WebhookDelivery, WebhookWatch
from hub.community.models.webhook import MAX_URL
from hub.community.webhooks.giving_up import switch_off
from hub.community.webhooks.messages import PING, ping_payload
from hub.community.webhooks.tasks import send_webhooks
from hub.core import outgoing
from hub.core.background import queue_on_commit
from hub.core.errors import Invalid
from hub.core.models import record
from hub.core.throttles import check_rate
from hub.repos.models import Repository
from hub.repos.permissions import readers_of

MAX_WEBHOOKS = 20  # of one user or organization
MAX_WATCHED = 100  # accounts and repositories that one webhook watches
MAX_SECRET = 200
# Pings and repeated messages of one person in a minute.
RATE = 20


@dataclass(frozen=True)
class Watched:
    """What a webhook is to watch: `type` is user, org, account (either), model, dataset, space, kernel or bucket."""

    type: str
    name: str


@transaction.atomic
def create_webhook(
    *,
    namespace: Namespace,
    actor: User,
    url: str,
    watched: Iterable[Watched],
    domains: Iterable[str] = tuple(Domain),
    secret: str = "",
) -> Webhook:
    """Make a webhook of a user or an organization. Raises Invalid, TooManyWebhooks."""
    # So that two at once do not pass the limit together.
    Namespace.objects.select_for_update().get(pk=namespace.pk)
    if Webhook.objects.filter(namespace=namespace).count() >= MAX_WEBHOOKS:
        raise TooManyWebhooks(
            _("%(name)s has %(max)d webhooks, as many as one may have. Delete one first.")
            % {"name": namespace.name, "max": MAX_WEBHOOKS}
        )
    items = _find_watched(actor, watched)
    if not items:
        raise Invalid(_("Name at least one account or repository to watch."), field="watched")
    webhook = Webhook.objects.create(
        namespace=namespace,
        key=secrets.token_hex(12),
        created_by=actor,
        url=_clean_url(url),
        secret=_clean_secret(secret),
        signing_secret=_new_signing_secret(),
        domains=_clean_domains(domains),
    )
    _watch(webhook, items)
    record(actor=actor, verb="webhook.create", target=webhook.full_name, url=webhook.url)
    return webhook


@transaction.atomic
def update_webhook(
    *,
    webhook: Webhook,
    actor: User,
    url: str | None = None,
    watched: Iterable[Watched] | None = None,
    domains: Iterable[str] | None = None,
    secret: str | None = None,
) -> Webhook:
    """Change what is given; None stays as it is. Raises Invalid.

    Whoever changes it answers for it from now on: it is told what they may see.
    """
    webhook = _locked(webhook)
    if url is not None:
        webhook.url = _clean_url(url)
    if domains is not None:
        webhook.domains = _clean_domains(domains)
    if secret is not None:
        webhook.secret = _clean_secret(secret)
    if watched is not None:
        items = _find_watched(actor, watched)
        if not items:
            raise Invalid(_("Name at least one account or repository to watch."), field="watched")
        webhook.watches.all().delete()
        _watch(webhook, items)
    if webhook.created_by_id != actor.pk:
        # That something was deleted was for whoever could see it: what is deleted asks nobody's rights any more.
        unsent = webhook.deliveries.filter(state=WebhookDelivery.State.WAITING, repository=None)
        unsent.exclude(scope=PING).update(state=WebhookDelivery.State.GIVEN_UP)
    webhook.created_by = actor
    webhook.save(update_fields=["url", "domains", "secret", "created_by"])
    record(actor=actor, verb="webhook.update", target=webhook.full_name, url=webhook.url)
    return webhook


@transaction.atomic
def renew_signing_secret(*, webhook: Webhook, actor: User) -> Webhook:
    """Put another key of signatures in place; messages are signed by it from now on."""
    webhook = _locked(webhook)
    webhook.signing_secret = _new_signing_secret()
    webhook.save(update_fields=["signing_secret"])
    record(actor=actor, verb="webhook.secret", target=webhook.full_name)
    return webhook


@transaction.atomic
def enable_webhook(*, webhook: Webhook, actor: User) -> Webhook:
    """Switch it on, its failures forgotten. What happened meanwhile it is not told. Where nobody answers for it any more,
    whoever does this does from now on."""
    webhook = _locked(webhook)
    if webhook.disabled_at is not None:
        webhook.disabled_at, webhook.disabled_reason, webhook.failures = None, "", 0
        webhook.created_by = webhook.created_by or actor
        webhook.save(update_fields=["disabled_at", "disabled_reason", "failures", "created_by"])
        record(actor=actor, verb="webhook.enable", target=webhook.full_name)
    return webhook


@transaction.atomic
def disable_webhook(*, webhook: Webhook, actor: User) -> Webhook:
    """Switch it off; what waits for it is not sent any more."""
    webhook = _locked(webhook)
    if webhook.disabled_at is None:
        switch_off(webhook, actor=actor)
    return webhook


@transaction.atomic
def delete_webhook(*, webhook: Webhook, actor: User) -> None:
    """Delete it with the record of what it was sent."""
    record(actor=actor, verb="webhook.delete", target=webhook.full_name, url=webhook.url)
    webhook.delete()


@transaction.atomic
def ping(*, webhook: Webhook, actor: User) -> WebhookDelivery:
    """Send a message that tells nothing, to try the address. Raises WebhookDisabled, TooMany."""
    _check_may_send(webhook, actor)
    delivery = WebhookDelivery.objects.create(
        webhook=webhook, scope=PING, action="create", payload=ping_payload(webhook)
    )
    queue_on_commit(send_webhooks)
    return delivery


@transaction.atomic
def replay(*, delivery: WebhookDelivery, actor: User) -> WebhookDelivery:
    """Send a message once more, as one of its own. Raises WebhookDisabled, DeliveryNotReplayable, TooMany."""
    webhook, repo = delivery.webhook, delivery.repository
    _check_may_send(webhook, actor)
    if delivery.scope != PING and (repo is None or not readers_of(repo).filter(pk=actor.pk).exists()):
        raise DeliveryNotReplayable(_("The repository that this tells of is gone, so it is not sent again."))
    again = WebhookDelivery.objects.create(
        webhook=webhook,
        repository=repo,
        scope=delivery.scope,
        action=delivery.action,
        payload=delivery.payload,
        replay_of=delivery,
    )
    queue_on_commit(send_webhooks)
    return again


def _check_may_send(webhook: Webhook, actor: User) -> None:
    if webhook.disabled_at is not None:
        raise WebhookDisabled(_("This webhook is switched off. Switch it on first."))
    check_rate("webhook-send", actor.pk, limit=RATE, seconds=60)


def _locked(webhook: Webhook) -> Webhook:
    return Webhook.objects.select_for_update(of=("self",)).select_related("namespace", "created_by").get(pk=webhook.pk)


def _find_watched(actor: User, watched: Iterable[Watched]) -> list[WebhookWatch]:
    """Return unsaved rows of what is to be watched. Raises Invalid for what is not there, or not theirs to see."""
    asked = list(dict.fromkeys(watched))
    if len(asked) > MAX_WATCHED:
        raise Invalid(_("A webhook watches at most %(max)d things.") % {"max": MAX_WATCHED}, field="watched")
    rows: dict[tuple[str, int], WebhookWatch] = {}
    for item in asked:
        row = _find(actor, item)
        if row is None:
            raise Invalid(
                _("There is no %(type)s “%(name)s” here that you may see.")
                % {"type": item.type[:20], "name": item.name[:160]},
                field="watched",
            )
        rows["account" if row.namespace_id else "repository", row.namespace_id or row.repository_id or 0] = row
    return list(rows.values())


def _find(actor: User, item: Watched) -> WebhookWatch | None:
    if item.type in ("user", "org", "account"):
        found = Namespace.objects.named(item.name).exclude(user__is_active=False)
        namespace = (found if item.type == "account" else found.filter(user__isnull=item.type == "org")).first()
        return WebhookWatch(namespace=namespace) if namespace is not None else None
    owner, _slash, name = item.name.partition("/")
    repo = Repository.objects.named(item.type, owner, name).visible_to(actor).first()
    return WebhookWatch(repository=repo) if repo is not None else None


def _watch(webhook: Webhook, items: list[WebhookWatch]) -> None:
    for item in items:
        item.webhook = webhook
    WebhookWatch.objects.bulk_create(items)


def _clean_url(url: str) -> str:
    url = url.strip()
    if len(url) > MAX_URL:
        raise Invalid(_("An address has at most %(max)d characters.") % {"max": MAX_URL}, field="url")
    outgoing.parse(url)
    return url


def _clean_secret(secret: str) -> str:
    """Return the secret, which goes out as a header: printable ASCII."""
    if len(secret) > MAX_SECRET or not all(33 <= ord(sign) <= 126 for sign in secret):
        raise Invalid(
            _("A secret has at most %(max)d characters: plain letters, digits and signs, no blanks.")
            % {"max": MAX_SECRET},
            field="secret",
        )
    return secret


def _clean_domains(domains: Iterable[str]) -> list[str]:
    asked = set(domains)
    if not asked or not asked <= set(Domain.values):
        raise Invalid(
            _("A webhook hears of one or both of: %(known)s.") % {"known": ", ".join(Domain.values)}, field="domains"
        )
    return [domain for domain in Domain.values if domain in asked]


def _new_signing_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
