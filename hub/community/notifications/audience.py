"""Whom an activity concerns, and why. A constant number of queries, whatever the number of people."""

from collections.abc import Iterable

from django.db.models import Q, QuerySet

from hub.accounts.models import Membership, Namespace, Role, User
from hub.community.models import (
    Activity,
    ActivityKind,
    Block,
    DiscussionEvent,
    NotificationSettings,
    Reason,
    Subscription,
)
from hub.community.writing.references import mentioned_users
from hub.repos.models import Repository
from hub.repos.permissions import readers_of

Delivery = NotificationSettings.Delivery
Level = Subscription.Level

_SAYS = (ActivityKind.DISCUSSION, ActivityKind.QUESTION, ActivityKind.PULL_REQUEST, ActivityKind.COMMENT)
# What those hear of who watch a repository. That it was made, or who follows whom, is for feeds.
_WATCHED = (
    *_SAYS,
    ActivityKind.STATUS,
    ActivityKind.ANSWER,
    ActivityKind.REVIEW,
    ActivityKind.RELEASE,
    ActivityKind.RESULT,
)
_FOR_ADMINS = {
    ActivityKind.JOIN_REQUEST: Reason.DIRECT,
    ActivityKind.WEBHOOK_DISABLED: Reason.DIRECT,
    ActivityKind.JOINED: Reason.WATCHING,
}
_RANK = {reason: rank for rank, reason in enumerate(Reason)}


def audience_of(activity: Activity) -> dict[int, tuple[Reason, Delivery]]:
    """Return who is to be told: user id -> the reason that counts, and how they want to be told for it.

    Left out: whoever did it, who may not see the repository, who muted the thread or the repository, who blocked the actor,
    who wants to hear nothing for that reason.
    """
    reasons: dict[int, Reason] = {}

    def add(people: Iterable[int], reason: Reason) -> None:
        for pk in people:
            if pk not in reasons or _RANK[reason] < _RANK[reasons[pk]]:
                reasons[pk] = reason

    add(_meant(activity), Reason.DIRECT)
    if activity.namespace is not None and activity.kind in _FOR_ADMINS:
        add(_admins_of(activity.namespace), _FOR_ADMINS[ActivityKind(activity.kind)])
    # What is meant for one person is nobody else's.
    muted: set[int] = set()
    if activity.repository is not None and "to" not in activity.data:
        add(_mentioned(activity), Reason.MENTIONED)
        add(_taking_part(activity), Reason.PARTICIPATING)
        watching, muted = _subscribed(activity)
        if activity.kind == ActivityKind.COMMITS:
            # Of those who merely own the repository, whoever has looked takes part.
            add(watching, Reason.WATCHING)
        if activity.kind in _WATCHED:
            add(_owners_of(activity.repository), Reason.WATCHING)
            add(watching, Reason.WATCHING)
    candidates = reasons.keys() - muted - {activity.actor_id}
    return _wanted(activity, {pk: reasons[pk] for pk in candidates if pk is not None})


def _meant(activity: Activity) -> list[int]:
    meant = activity.data.get("to")
    if isinstance(meant, int):
        return [meant]
    if activity.kind == ActivityKind.FOLLOW and activity.namespace is not None and activity.namespace.user_id:
        return [activity.namespace.user_id]
    return []


def _admins_of(namespace: Namespace) -> QuerySet[Membership, int]:
    admins = Membership.objects.standing().filter(organization=namespace.organization_id, role=Role.ADMIN)
    return admins.values_list("user", flat=True)


def _mentioned(activity: Activity) -> list[int]:
    """Return the people whom the text names. Mentions of organizations reach nobody: their members are many."""
    if activity.kind in _SAYS and activity.event is not None and not activity.event.hidden:
        return [user.pk for user in mentioned_users(activity.event.text)]
    if activity.kind == ActivityKind.REVIEW and activity.review is not None:
        return [user.pk for user in mentioned_users(activity.review.text)]
    return []


def _taking_part(activity: Activity) -> set[int]:
    """Return who has said or done something in the thread, or wrote the review that is answered."""
    if activity.discussion is not None:
        said = DiscussionEvent.objects.filter(discussion=activity.discussion).exclude(author=None)
        return set(said.values_list("author", flat=True).distinct()) | {activity.discussion.author_id or 0}
    if activity.kind == ActivityKind.REVIEW_REPLY and activity.review is not None:
        return {activity.review.author_id or 0}
    return set()


def _owners_of(repo: Repository) -> list[int]:
    """Return whose the repository is, as far as they want to watch what is theirs: its user, or whoever may write there."""
    if repo.namespace.user_id is not None:
        owners = User.objects.filter(pk=repo.namespace.user_id)
    else:
        writers = Membership.objects.standing().filter(
            organization=repo.namespace.organization_id, role__in=Role.at_least(Role.WRITE)
        )
        owners = User.objects.filter(pk__in=writers.values("user"))
    return list(owners.exclude(notification_settings__watch_own=False).values_list("pk", flat=True))


def _subscribed(activity: Activity) -> tuple[set[int], set[int]]:
    """Return who watches, and who hears nothing. What somebody said of the thread counts more than of its repository."""
    about = Q(repository=activity.repository)
    if activity.discussion is not None:
        about |= Q(discussion=activity.discussion)
    levels: dict[int, str] = {}
    rows = Subscription.objects.filter(about).values_list("user", "discussion", "level")
    for user, _discussion, level in sorted(rows, key=lambda row: row[1] is not None):
        levels[user] = level
    watching = {user for user, level in levels.items() if level == Level.WATCHING}
    return watching, levels.keys() - watching


def _wanted(activity: Activity, reasons: dict[int, Reason]) -> dict[int, tuple[Reason, Delivery]]:
    """Leave out who may not see it, whom they blocked, and what they switched off; say how the others are told."""
    people = User.objects.filter(is_active=True) if activity.repository is None else readers_of(activity.repository)
    people = people.filter(pk__in=reasons)
    if activity.actor_id is not None:
        people = people.exclude(pk__in=Block.objects.filter(blocked=activity.actor_id).values("blocker"))
    fields = [f"notification_settings__{reason}" for reason in Reason]
    told: dict[int, tuple[Reason, Delivery]] = {}
    for pk, *levels in people.values_list("pk", *fields):
        reason = reasons[pk]
        delivery = Delivery(levels[_RANK[reason]] or default_delivery(reason))
        if delivery != Delivery.OFF:
            told[pk] = (reason, delivery)
    return told


def default_delivery(reason: Reason) -> Delivery:
    """Return how those are told who have not chosen."""
    return Delivery(getattr(NotificationSettings(), reason))
