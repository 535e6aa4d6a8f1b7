"""Taking the branch into pull requests that lag behind it, and settling what both have changed.

Locks are taken in the order of `pull_requests.py`.
"""

from collections.abc import Mapping

from django.db import models, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hub.accounts.models import User
from hub.community.discussions.computing import computing_for
from hub.community.discussions.heads import check_expected, head_of, hold_heads
from hub.community.discussions.pull_requests import ref_for_commits
from hub.community.discussions.services import target_of
from hub.community.errors import HeadMoved, MergeConflict, NothingChanged
from hub.community.models import PullRequest
from hub.core.errors import Invalid
from hub.core.models import record
from hub.repos.git.history import Change
from hub.repos.git.line_merging import MAX_BYTES, has_marks, is_json
from hub.repos.git.merging import Merge, apply_changes, compare_lines
from hub.repos.git.objects import Entry, object_id, read_objects
from hub.repos.models import GitCommit, Repository
from hub.repos.models.git import ObjectType


class Side(models.TextChoices):
    """Whose file stays where both sides have changed it."""

    OWN = "own", gettext_lazy("As in the pull request")
    BASE = "base", gettext_lazy("As in the branch")


@transaction.atomic
def update_from_base(
    *,
    pull: PullRequest,
    actor: User,
    expected: str | None = None,
    expected_base: str | None = None,
    keep: Mapping[str, str] | None = None,
    texts: Mapping[str, str] | None = None,
) -> GitCommit:
    """Merge the branch into a pull request that lags behind it; return the commit that does. The caller has passed
    get_pull_request_for_push.

    expected, expected_base: the ids of the heads of both that the actor has looked at. keep: path -> Side, for files that both
    sides have changed. texts: path -> what such a file says from now on, for those that are texts.
    Raises Invalid for a text with marks of the conflict left in it, HeadMoved, MergeConflict for files that nobody has decided,
    NothingChanged where it has all that the branch has, RevisionNotFound, PullRequestClosed once it is merged, QuotaExceeded,
    TooMany for whom much was computed just now, Unavailable where much else is.
    """
    repo = pull.discussion.repository
    written = ref_for_commits(pull, actor)
    refs = hold_heads(pull, written)
    target, side = (head_of(repo, refs[name]) for name in (pull.base, pull.ref))
    check_expected(side, expected)
    if expected_base not in (None, target.oid):
        raise HeadMoved(
            _("“%(branch)s” has got other commits meanwhile. Look at what both have changed again.")
            % {"branch": pull.branch},
            field="target",
        )
    if refs[written].oid != side.oid:
        raise HeadMoved(_("The branch of this pull request has moved meanwhile. Try again."))
    # Pushes to the repository wait meanwhile.
    with computing_for(actor):
        found = compare_lines(repo, side, target)
    if found.base == target:
        raise NothingChanged(_("This pull request has every commit of “%(branch)s”.") % {"branch": pull.branch})
    keep, texts = keep or {}, texts or {}
    contents = dict(found.lines.contents)
    settled: list[Change] = []
    open_paths = []
    for path in found.conflicts:
        if path in texts and path in found.lines.marked:
            content = _settled(repo, found, path, texts[path])
            entry = Entry(found.lines.modes[path], object_id(ObjectType.BLOB, content))
            contents[entry.oid] = content
            settled.append(Change(path, found.theirs[path], entry))
        elif path in found.theirs and keep.get(path) == Side.BASE:
            settled.append(Change(path, found.theirs[path], found.own[path]))
        elif path not in found.theirs or keep.get(path) != Side.OWN:
            open_paths.append(path)
    if open_paths:
        raise MergeConflict(
            _("Both sides have changed these files: %(paths)s. Say which of the two stays, or merge them by git.")
            % {"paths": ", ".join(open_paths[:10])}
        )
    commit = apply_changes(
        repo=repo,
        ref=refs[written],
        wanted=found.changes + settled,
        actor=actor,
        title=f"Merge {pull.branch} into pull request #{pull.discussion.number}",
        description="",
        contents=contents,
        merged=target,
    )
    record(actor=actor, verb="pull_request.update", target=target_of(pull.discussion), commit=commit.oid)
    return commit


def _settled(repo: Repository, found: Merge, path: str, text: str) -> bytes:
    """Return the text that somebody has written for a file in conflict. Raises Invalid."""
    marked = found.lines.marked[path]
    # Browsers send line ends as CR LF; the file keeps those that it had.
    text = text.replace("\r\n", "\n")
    if b"\r\n" in marked:
        text = text.replace("\n", "\r\n")
    content = text.encode()
    if len(content) > MAX_BYTES:
        raise Invalid(
            _("“%(path)s” has more than %(most)d bytes. Merge it by git.") % {"path": path, "most": MAX_BYTES},
            field="texts",
        )
    if has_marks(content, found.lines.marks):
        raise Invalid(
            _("“%(path)s” still has marks of the conflict in it. Remove them, and keep of the lines what is right.")
            % {"path": path},
            field="texts",
        )
    if path.lower().endswith(".json") and not is_json(content):
        sides = [entry.oid for entry in (found.theirs[path], found.own[path]) if entry]
        if all(map(is_json, read_objects(repo.store_id, sides).values())):
            raise Invalid(
                _("“%(path)s” is no valid JSON like this, and both sides were.") % {"path": path}, field="texts"
            )
    return content
