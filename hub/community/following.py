"""Liking repositories, and following people, organizations and repositories. Doing it twice is doing it once."""

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from hub.accounts.models import Namespace, User
from hub.community.activities import note
from hub.community.errors import Blocked, TooManyFollows
from hub.community.limits import Act, check_pace
from hub.community.models import Activity, ActivityKind, Block, Follow, Like
from hub.community.permissions import check_not_blocked
from hub.community.signals import likes_changed
from hub.core.errors import Invalid
from hub.core.throttles import check_rate
from hub.repos.models import Kind, Repository
from hub.repos.permissions import check_may_act

# Likes and follows, given or taken back, of one person in a minute.
RATE = 60
# What one person follows. A feed is made from all of it.
MAX_FOLLOWS = 2000


@transaction.atomic
def like(*, repo: Repository, actor: User) -> bool:
    """Like a repository; returns whether that is new. The caller has passed get_repo_for_posting.

    Raises Invalid for buckets, Blocked, TooMany, Suspended.
    """
    if repo.kind == Kind.BUCKET:
        raise Invalid(_("Buckets are not liked. Like the model or dataset that is made from one."))
    check_may_act(actor)
    check_not_blocked(actor, repo.namespace.user_id)
    check_rate("like", actor.pk, limit=RATE, seconds=60)
    check_pace(actor, Act.LIKE)
    _like, new = Like.objects.get_or_create(user=actor, repository=repo)
    if new:
        likes_changed.send(sender=Like, repository=repo)
    return new


@transaction.atomic
def unlike(*, repo: Repository, actor: User) -> bool:
    """Like a repository no more; returns whether it was liked. The caller has passed get_repo_for_posting. Raises TooMany."""
    check_may_act(actor)
    check_rate("like", actor.pk, limit=RATE, seconds=60)
    gone, _rows = Like.objects.filter(user=actor, repository=repo).delete()
    if gone:
        likes_changed.send(sender=Like, repository=repo)
    return gone > 0


@transaction.atomic
def follow(*, actor: User, namespace: Namespace) -> bool:
    """Follow a user or an organization; returns whether that is new. A user is told of it, the first time.

    Raises Invalid for oneself and closed accounts, Blocked, TooManyFollows, TooMany, Suspended.
    """
    check_may_act(actor)
    followed = namespace.user
    if followed == actor:
        raise Invalid(_("Nobody follows themselves: your own activity is on your profile."))
    if followed is not None:
        if not followed.is_active:
            raise Invalid(_("This account is closed."))
        check_not_blocked(actor, followed.pk)
        if Block.objects.filter(blocker=actor, blocked=followed).exists():
            raise Blocked(_("You have blocked %(name)s. Lift that first.") % {"name": followed.username})
    new = _follow(actor, namespace=namespace)
    if new and followed is not None and not _was_told(actor, namespace):
        note(ActivityKind.FOLLOW, actor=actor, namespace=namespace, to=followed)
    return new


@transaction.atomic
def follow_repo(*, actor: User, repo: Repository) -> bool:
    """Follow a repository; returns whether that is new. The caller has passed get_repo_for_posting.

    Raises Blocked, TooManyFollows, TooMany, Suspended.
    """
    check_may_act(actor)
    check_not_blocked(actor, repo.namespace.user_id)
    return _follow(actor, repository=repo)


@transaction.atomic
def unfollow(*, actor: User, namespace: Namespace | None = None, repo: Repository | None = None) -> bool:
    """Follow a user, an organization or a repository no more; returns whether they did. Raises TooMany, Suspended."""
    check_may_act(actor)
    check_rate("follow", actor.pk, limit=RATE, seconds=60)
    gone, _rows = Follow.objects.filter(follower=actor, namespace=namespace, repository=repo).delete()
    return gone > 0


def _follow(actor: User, **what: Any) -> bool:
    check_rate("follow", actor.pk, limit=RATE, seconds=60)
    check_pace(actor, Act.FOLLOW)
    # Of one person one after the other, so that what is counted is what is there; it also keeps the news of it to one.
    User.objects.select_for_update(no_key=True).get(pk=actor.pk)
    if Follow.objects.filter(follower=actor).count() >= MAX_FOLLOWS:
        raise TooManyFollows(
            _("You follow %(number)d already, which is as many as one can. Let go of some first.")
            % {"number": MAX_FOLLOWS}
        )
    _row, new = Follow.objects.get_or_create(follower=actor, **what)
    return new


def _was_told(actor: User, namespace: Namespace) -> bool:
    return Activity.objects.filter(kind=ActivityKind.FOLLOW, actor=actor, namespace=namespace).exists()
