"""Loading webhooks, for those who administer what they belong to."""

import uuid

from django.db.models import Q
from django.utils.translation import gettext as _

from hub.accounts.models import Namespace, Role, Someone, User
from hub.accounts.permissions import get_organization_for_admin
from hub.community.errors import DeliveryNotFound, WebhookNotFound
from hub.community.models import Webhook, WebhookDelivery
from hub.community.webhooks.messages import PING
from hub.repos.permissions import check_may_act, readers_of


def get_namespace_for_webhooks(user: User, organization: str | None = None) -> Namespace:
    """Return the user's own namespace, or that of an organization which they administer.

    Raises AccountNotFound, NotYours, Suspended.
    """
    return user.namespace if organization is None else get_organization_for_admin(user, organization).namespace


def get_webhook(user: Someone, key: str) -> Webhook:
    """Return a webhook of the user's own, or of an organization that they administer. Raises WebhookNotFound."""
    found = None
    if isinstance(user, User):
        admin_of = user.memberships.standing().filter(role=Role.ADMIN).values("organization")
        theirs = Webhook.objects.filter(Q(namespace__user=user) | Q(namespace__organization__in=admin_of))
        found = theirs.filter(key=key[:24]).select_related("namespace__organization", "created_by").first()
    if found is None:
        raise WebhookNotFound(_("You have no such webhook. It may have been deleted."))
    return found


def get_webhook_for_change(user: Someone, key: str) -> Webhook:
    """Return a webhook that `user` may change. Raises WebhookNotFound, WriteNeedsSignIn, ReadOnlyToken, Suspended."""
    check_may_act(user)
    return get_webhook(user, key)


def get_delivery(webhook: Webhook, key: uuid.UUID) -> WebhookDelivery:
    """Return a message to this webhook, which the caller may see. Raises DeliveryNotFound."""
    found = webhook.deliveries.select_related("repository__namespace", "replay_of").filter(key=key).first()
    if found is None:
        raise DeliveryNotFound(_("There is no such message. They are kept for 30 days."))
    found.webhook = webhook
    return found


def may_see_content(user: User, delivery: WebhookDelivery) -> bool:
    """Tell whether `user` may read what a message says: who may not know of its repository any more sees that there was one.

    Of what was deleted since, that alone is told, and of private ones nothing: who might know of them is not known any more.
    """
    if delivery.repository is None:
        deleted = (delivery.scope, delivery.action) == ("repo", "delete") and not delivery.payload["repo"]["private"]
        return delivery.scope == PING or deleted
    return readers_of(delivery.repository).filter(pk=user.pk).exists()
