"""What discussions do when refs move: a pull request tells which commits it has got, in the same transaction, so that what
happened to it has one order."""

from typing import Any

from django.dispatch import receiver

from hub.accounts.models import User
from hub.community.discussions.pull_requests import follow_branch, tell_commits
from hub.community.discussions.tasks import note_taken_in
from hub.community.models import Discussion, DiscussionEvent, EventKind, PullRequest, Review
from hub.core.background import queue_on_commit
from hub.repos.git.rewriting import follow_commits
from hub.repos.models import Repository
from hub.repos.models.git import BRANCH_PREFIX, number_of_ref
from hub.repos.signals import commits_renamed, ref_updated


@receiver(ref_updated)
def tell_pull_request(
    repository: Repository, name: str, old: str | None, new: str | None, actor: User | None, **_kwargs: Any
) -> None:
    if old is None or new is None:
        return
    number = number_of_ref(name)
    if number is not None:
        tell_commits(repo=repository, number=number, old=old, new=new, actor=actor)
    elif name.startswith(BRANCH_PREFIX):
        follow_branch(repo=repository, name=name, old=old, new=new, actor=actor)
        waiting = Discussion.objects.pull_requests().open()
        if waiting.filter(repository=repository, pull_request__base=name).exists():
            # What is not queued is found after the next push.
            queue_on_commit(note_taken_in, repository.pk, name, old, actor.pk if actor else None)


@receiver(commits_renamed)
def follow_rewritten_history(repository: Repository, names: dict[str, str], **_kwargs: Any) -> None:
    """Name the commits as they are called now, so that links to them go on leading somewhere."""
    follow_commits(Review, "commit", repository, names)
    pulls = list(PullRequest.objects.filter(discussion__repository=repository))
    for pull in pulls:
        pull.start = names.get(pull.start, pull.start)
        pull.head, pull.merge = (names.get(oid, oid) if oid else None for oid in (pull.head, pull.merge))
    PullRequest.objects.bulk_update(pulls, ["start", "head", "merge"], batch_size=1000)
    told = [
        event
        for event in DiscussionEvent.objects.filter(discussion__repository=repository, kind=EventKind.COMMIT)
        if event.after in names
    ]
    for event in told:
        event.after = names[event.after]
    DiscussionEvent.objects.bulk_update(told, ["after"], batch_size=1000)
