"""What a release changed since the one before it, for the line that feeds show under it."""

from typing import Any

from hub.community.models import Activity, ActivityKind
from hub.repos.errors import RevisionNotFound
from hub.repos.git.commits import content_facts
from hub.repos.git.files import resolve_revision
from hub.repos.git.history import changes
from hub.repos.models import Release


def keep_changes(activity_id: int) -> bool:
    """Put what a release changed with its activity, as hub.community.wording has it; returns whether there is anything to
    compare with. The files of two commits are compared: a few queries for each level of folders that differ."""
    activity = (
        Activity.objects.filter(pk=activity_id, kind=ActivityKind.RELEASE).select_related("release__repository").first()
    )
    told = _changes_of(activity.release) if activity is not None and activity.release is not None else None
    if activity is None or told is None:
        return False
    activity.data["changes"] = told
    activity.save(update_fields=["data"])
    return True


def _changes_of(release: Release) -> dict[str, Any] | None:
    repo = release.repository
    before = Release.objects.filter(repository=repo, number__lt=release.number).newest_first().first()
    if before is None:
        return None
    try:
        changed = changes(repo, resolve_revision(repo, before.commit), resolve_revision(repo, release.commit))
    except RevisionNotFound:
        return None  # History has been rewritten meanwhile, or a tag deleted.
    old = content_facts(repo.store_id, {each.path: each.old for each in changed if each.old is not None})
    new = content_facts(repo.store_id, {each.path: each.new for each in changed if each.new is not None})
    return {
        "since": before.tag,
        "added": sum(each.old is None for each in changed),
        "changed": sum(each.old is not None and each.new is not None for each in changed),
        "removed": sum(each.new is None for each in changed),
        "bytes": sum(size for size, _sha256 in new.values()) - sum(size for size, _sha256 in old.values()),
    }
