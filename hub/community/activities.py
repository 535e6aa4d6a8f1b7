"""Writing down what happened: the one way to feeds, profiles and notifications."""

from typing import Any

from hub.accounts.models import Namespace, User
from hub.community.models import Activity, ActivityKind, Discussion, DiscussionEvent, Review
from hub.community.notifications.tasks import tell
from hub.core.background import queue_on_commit
from hub.repos.models import Release, Repository


def note(
    kind: ActivityKind,
    *,
    actor: User | None,
    repository: Repository | None = None,
    namespace: Namespace | None = None,
    discussion: Discussion | None = None,
    event: DiscussionEvent | None = None,
    review: Review | None = None,
    release: Release | None = None,
    to: User | None = None,
    **data: Any,
) -> Activity:
    """Write down one thing that happened, in the caller's transaction; whom it concerns is told soon after it commits.

    ActivityKind tells what belongs to each kind. `repository` follows from discussion, review or release. to: the one person
    that it is meant for, where it is nobody else's to read.
    """
    about = discussion or review or release
    if repository is None and about is not None:
        repository = about.repository
    if to is not None:
        data["to"] = to.pk
    activity = Activity.objects.create(
        kind=kind,
        actor=actor,
        repository=repository,
        namespace=namespace,
        discussion=discussion,
        event=event,
        review=review,
        release=release,
        data=data,
    )
    queue_on_commit(tell, activity.pk)
    return activity
