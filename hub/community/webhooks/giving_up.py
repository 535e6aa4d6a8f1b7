"""When the hub switches a webhook off by itself: its receiver fails, too much waits for it, or nobody
answers for it any more."""

from django.db import transaction
from django.db.models import Count
from django.utils import timezone
from django.utils.translation import gettext_noop

from hub.accounts.models import User
from hub.community.activities import note
from hub.community.models import ActivityKind, Webhook, WebhookDelivery
from hub.core.models import record

# Deliveries in a row that were given up, after which a webhook is switched off.
MAX_FAILURES = 5
# Messages that wait for one webhook. The hub switches off what has so many.
MAX_WAITING = 1000

GAVE_UP = gettext_noop("Several messages in a row could not be delivered.")
PILED_UP = gettext_noop("Too many messages were waiting for it.")
MAKER_GONE = gettext_noop(
    "Whoever answered for it has deleted their account. Look at its address, then switch it on: you answer for it then."
)

State = WebhookDelivery.State


def switch_off(webhook: Webhook, *, actor: User | None, reason: str = "") -> None:
    """Switch a webhook off, in the caller's transaction, which holds its row; what waits for it is not sent any more.

    reason: why, where nobody asked for it.
    """
    webhook.disabled_at, webhook.disabled_reason = timezone.now(), reason
    webhook.save(update_fields=["disabled_at", "disabled_reason"])
    webhook.deliveries.filter(state=State.WAITING).update(state=State.GIVEN_UP)
    record(actor=actor, verb="webhook.disable", target=webhook.full_name, reason=reason)


def give_up_on(webhook: Webhook, reason: str) -> None:
    """Switch a webhook off that cannot go on, and tell whoever answers for it, and the administrators of an organization's; in
    the caller's transaction, which holds its row. reason: GAVE_UP, PILED_UP or MAKER_GONE."""
    if webhook.disabled_at is not None:
        return
    switch_off(webhook, actor=None, reason=reason)
    note(
        ActivityKind.WEBHOOK_DISABLED,
        actor=None,
        namespace=webhook.namespace,
        to=webhook.created_by,
        webhook=webhook.key,
        url=webhook.url,
        reason=reason,
    )


def give_up_on_full() -> None:
    """Switch off webhooks for which more waits than is kept: from there on they would miss what happens."""
    waiting = WebhookDelivery.objects.filter(state=State.WAITING, webhook__disabled_at=None).values("webhook")
    full = waiting.annotate(count=Count("pk")).filter(count__gte=MAX_WAITING)
    for pk in list(full.values_list("webhook", flat=True)[:100]):
        with transaction.atomic():
            locked = Webhook.objects.select_for_update(of=("self",)).select_related("namespace", "created_by")
            webhook = locked.filter(pk=pk).first()
            if webhook is not None:
                give_up_on(webhook, PILED_UP)


def give_up_on_those_of(user: User) -> None:
    """Switch off the organizations' webhooks that `user` answers for, who is about to go; in the caller's transaction.

    The address was theirs to choose, so nothing is sent there until another administrator has looked at it.
    """
    theirs = Webhook.objects.filter(created_by=user, namespace__organization__isnull=False)
    for webhook in theirs.select_for_update(of=("self",)).select_related("namespace", "created_by").order_by("pk"):
        give_up_on(webhook, MAKER_GONE)
