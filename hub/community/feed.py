"""What happened in what somebody follows."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from django.db.models import Q

from hub.accounts.models import Namespace, Someone, User
from hub.community.models import Activity, ActivityKind, Block, Follow, Subscription
from hub.community.models.activity import ActivityQuerySet
from hub.repos.models import Repository

PER_PAGE = 30
# Of the organizations and people that somebody follows, the repositories that changed last are looked at.
MAX_REPOSITORIES = 10_000

# What one may look at alone, by its word in addresses.
KINDS = {
    "releases": (ActivityKind.RELEASE, ActivityKind.REPOSITORY),
    "discussions": (
        ActivityKind.DISCUSSION,
        ActivityKind.QUESTION,
        ActivityKind.PULL_REQUEST,
        ActivityKind.COMMENT,
        ActivityKind.STATUS,
        ActivityKind.ANSWER,
    ),
    "reviews": (ActivityKind.REVIEW, ActivityKind.REVIEW_REPLY),
    "results": (ActivityKind.RESULT,),
}


@dataclass(frozen=True)
class Page:
    """Some activities, newest first. `older`: the id behind which the next page goes on, or None. `follows`: whether there is
    anything that could be in it."""

    activities: list[Activity]
    older: int | None
    follows: bool = True

    @property
    def together(self) -> list[list[Activity]]:
        """The activities in entries, each newest first: what belongs together and stands next to each other makes one."""
        return together(self.activities)


def feed_of(user: User, *, kind: str = "", before: int | None = None) -> Page:
    """Return a page of what happened in what `user` follows, and in what is theirs or their organizations', as far as they
    may know of it now: not what they did themselves, nor what they have muted, nor anything by people whom they have
    blocked or who have blocked them.

    kind: one of KINDS, or "" for everything. before: `older` of the page before. Five queries, however much there is.
    """
    follows, silent = Follow.objects.filter(follower=user), _not_heard_from(user)
    people = list(
        Namespace.objects.filter(pk__in=follows.values("namespace"), user__isnull=False)
        .exclude(user__in=silent)
        .values_list("user", flat=True)
    )
    own = Namespace.objects.filter(Q(user=user) | Q(organization__memberships__user=user)).values("pk")
    followed = Repository.objects.visible_to(user).filter(
        Q(pk__in=follows.values("repository")) | Q(namespace__in=follows.values("namespace")) | Q(namespace__in=own)
    )
    muted = Subscription.objects.filter(user=user, level=Subscription.Level.MUTED)
    heard = followed.exclude(pk__in=muted.filter(repository__isnull=False).values("repository"))
    repositories = list(heard.order_by("-updated_at").values_list("pk", flat=True)[:MAX_REPOSITORIES])
    if not people and not repositories:
        return Page([], None, follows.exists())
    rows = (
        Activity.objects.visible_to(user)
        # By their ids: so the database knows how many there are, and by which of its indexes it finds them best.
        .filter(Q(repository__in=repositories) | Q(actor__in=people))
        .exclude(actor__in=[user.pk, *silent])
        .exclude(repository__in=muted.filter(repository__isnull=False).values("repository"))
        .exclude(discussion__in=muted.filter(discussion__isnull=False).values("discussion"))
    )
    return page_of(rows, kind=kind, before=before)


def activity_of(namespace: Namespace, user: Someone, *, before: int | None = None) -> Page:
    """Return a page of what a user did, or of what happened in an organization's repositories, as far as `user` may know."""
    own = Q(actor=namespace.user_id) if namespace.user_id is not None else Q(repository__namespace=namespace)
    return page_of(Activity.objects.visible_to(user).filter(own), before=before)


def page_of(rows: ActivityQuerySet, *, kind: str = "", before: int | None = None) -> Page:
    """Return a page of `rows`, newest first, loaded with what it takes to say them. Two queries."""
    # They are for who takes part: a feed would hold little else.
    rows = rows.exclude(kind=ActivityKind.COMMITS)
    if kind:
        rows = rows.filter(kind__in=KINDS[kind])
    if before is not None:
        rows = rows.filter(pk__lt=before)
    # First which, then what it takes to say them: together the database takes longer to plan it than to do it.
    found = list(rows.order_by("-pk").values_list("pk", flat=True)[: PER_PAGE + 1])
    shown = Activity.objects.filter(pk__in=found[:PER_PAGE]).with_details().order_by("-pk")
    return Page(list(shown), found[PER_PAGE - 1] if len(found) > PER_PAGE else None)


def together(activities: Iterable[Activity]) -> list[list[Activity]]:
    """Return the entries that `activities` make: comments on one thread with nothing else between them are one, and so are
    results of one model: whoever evaluates it does so on many datasets, or many times."""

    def entry(activity: Activity) -> tuple[str, int | None]:
        if activity.kind == ActivityKind.COMMENT:
            return "thread", activity.discussion_id
        if activity.kind == ActivityKind.RESULT:
            return "results", activity.repository_id
        return "alone", activity.pk

    return [list(run) for _entry, run in groupby(activities, entry)]


def _not_heard_from(user: User) -> list[int]:
    """Return whom `user` has blocked, and who has blocked them."""
    blocks = Block.objects.filter(Q(blocker=user) | Q(blocked=user)).values_list("blocker", "blocked")
    return [other for pair in blocks for other in pair if other != user.pk]
