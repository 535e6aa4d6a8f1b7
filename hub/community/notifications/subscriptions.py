"""What people want to hear of: watching, muting, and how they are told."""

from django.db import transaction
from django.utils.translation import gettext as _

from hub.accounts.models import Someone, User
from hub.community.models import Discussion, NotificationSettings, Reason, Subscription
from hub.core.errors import Invalid
from hub.repos.models import Repository

Level = Subscription.Level
Delivery = NotificationSettings.Delivery

# Of one person; whoever has so many takes some back first.
MAX_SUBSCRIPTIONS = 2000


def level_of(user: Someone, *, repository: Repository | None = None, discussion: Discussion | None = None) -> str:
    """Return what `user` wants to hear of it: `watching`, `muted`, or "" where they never said. One query."""
    if not isinstance(user, User):
        return ""
    mine = Subscription.objects.filter(user=user, repository=repository, discussion=discussion)
    return mine.values_list("level", flat=True).first() or ""


@transaction.atomic
def subscribe(
    *, user: User, level: str, repository: Repository | None = None, discussion: Discussion | None = None
) -> None:
    """Watch or mute one repository or discussion, which `user` may read; "" takes back what they said. Raises Invalid."""
    if level not in ("", *Level.values):
        raise Invalid(_("One watches a thing or mutes it."), field="level")
    mine = Subscription.objects.filter(user=user)
    if not level:
        mine.filter(repository=repository, discussion=discussion).delete()
        return
    if mine.count() >= MAX_SUBSCRIPTIONS:
        raise Invalid(
            _("You watch and mute %(max)d things, as many as one can. Take some back under Settings, Notifications.")
            % {"max": MAX_SUBSCRIPTIONS},
            field="level",
        )
    Subscription.objects.update_or_create(
        user=user, repository=repository, discussion=discussion, defaults={"level": level}
    )


def subscriptions_of(user: User) -> list[Subscription]:
    """Return what somebody watches and mutes, as far as they may see it, newest first. One query."""
    visible = Repository.objects.visible_to(user)
    mine = Subscription.objects.filter(user=user)
    seen = mine.filter(repository__in=visible) | mine.filter(discussion__repository__in=visible)
    return list(
        seen.select_related("repository__namespace", "discussion__repository__namespace").order_by("-pk")[
            :MAX_SUBSCRIPTIONS
        ]
    )


def unsubscribe(*, user: User, subscription_id: int) -> None:
    """Take back that something is watched or muted; twice changes nothing."""
    Subscription.objects.filter(user=user, pk=subscription_id).delete()


def settings_of(user: User) -> NotificationSettings:
    """Return how somebody wants to be told; the defaults, unsaved, where they never said."""
    return NotificationSettings.objects.filter(user=user).first() or NotificationSettings(user=user)


@transaction.atomic
def set_deliveries(*, user: User, watch_own: bool, **deliveries: str) -> NotificationSettings:
    """Choose how to be told, for each Reason. Raises Invalid."""
    for reason, delivery in deliveries.items():
        if reason not in Reason.values or delivery not in Delivery.values:
            raise Invalid(_("Choose one of the ways."), field=reason)
    changed, _made = NotificationSettings.objects.update_or_create(
        user=user, defaults={**deliveries, "watch_own": watch_own}
    )
    return changed


@transaction.atomic
def stop_mail(*, user: User, reasons: list[Reason], what: str) -> None:
    """Tell on the site alone for these reasons, where `what` (mail or digest) is how they were told until now."""
    chosen, _made = NotificationSettings.objects.select_for_update().get_or_create(user=user)
    for reason in reasons:
        if getattr(chosen, reason) == what:
            setattr(chosen, reason, Delivery.SITE)
    chosen.save(update_fields=[*reasons])
