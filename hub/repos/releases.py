"""Tags and releases. A release is a tag with a text: its notes say what the version is."""

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from hub.accounts.models import User
from hub.core.models import record
from hub.core.text import clean_line, clean_text
from hub.repos.errors import RefExists, ReleaseExists, ReleaseNotFound, RevisionNotFound
from hub.repos.git.files import resolve_revision
from hub.repos.git.locks import hold_history, lock_history
from hub.repos.models import GitRef, Release, Repository
from hub.repos.models.git import TAG_PREFIX
from hub.repos.models.release import MAX_RELEASE_NOTES, MAX_RELEASE_TITLE
from hub.repos.names import check_ref_name
from hub.repos.services import create_ref, delete_ref
from hub.repos.signals import release_published


def get_release(repo: Repository, tag: str) -> Release:
    """Return the release of a tag. Raises ReleaseNotFound. The caller holds a repository that it may read."""
    release = Release.objects.filter(repository=repo, tag=tag).select_related("author").first()
    if release is None:
        raise ReleaseNotFound(_("%(name)s has no release “%(tag)s”.") % {"name": repo.full_name, "tag": tag[:100]})
    return release


@transaction.atomic
def create_release(
    *, repo: Repository, actor: User, tag: str, revision: str = "", title: str = "", notes: str = ""
) -> Release:
    """Release a tag. One that is not there yet is made at `revision` ("" for main); one that is there stays where it is.

    The caller has passed get_repo_for_write. Raises Invalid, RevisionNotFound, ReleaseExists, and RefExists where the
    tag is there and `revision` means another commit.
    """
    check_ref_name(tag, field="tag")
    title, notes = _clean_title(title), _clean_notes(notes)
    hold_history(repo)
    # Locked, so that the tag is not deleted before its release is there.
    ref = GitRef.objects.select_for_update().filter(repository=repo, name=TAG_PREFIX + tag).first()
    if ref is None:
        ref = create_ref(repo, actor, TAG_PREFIX + tag, _commit_of(repo, revision or "main"))
    elif revision and _commit_of(repo, revision) != ref.commit:
        raise RefExists(
            _(
                "The tag “%(tag)s” is there already, at %(commit)s. Leave the revision out to release it as it is, "
                "or choose another tag."
            )
            % {"tag": tag, "commit": ref.commit[:7]},
            field="tag",
        )
    return _release(repo, actor, ref, title, notes)


@transaction.atomic
def edit_release(*, release: Release, actor: User, title: str, notes: str) -> None:
    """Put other words in place of a release's own; tag, commit and number stay. Raises Invalid, and ReleaseNotFound where it
    has just been deleted."""
    title, notes = _clean_title(title), _clean_notes(notes)
    release.title, release.notes, release.edited_at = title, notes, timezone.now()
    changed = {"title": title, "notes": notes, "edited_at": release.edited_at}
    if not Release.objects.filter(pk=release.pk).update(**changed):
        raise ReleaseNotFound(_("This release has just been deleted."))
    record(actor=actor, verb="release.edit", target=_target(release))


@transaction.atomic
def delete_release(*, release: Release, actor: User) -> None:
    """Take a release back. Its tag stays, and so do reviews of it, which name the tag and the commit as text."""
    target = _target(release)
    release.delete()
    record(actor=actor, verb="release.delete", target=target)


@transaction.atomic
def create_tag(*, repo: Repository, actor: User, name: str, revision: str = "main", message: str = "") -> GitRef:
    """Tag a revision; with a message, that is a release. Raises Invalid, RefExists, RevisionNotFound."""
    check_ref_name(name)
    notes = _clean_notes(message)
    hold_history(repo)
    ref = create_ref(repo, actor, TAG_PREFIX + name, resolve_revision(repo, revision).oid, message=notes)
    if notes:
        _release(repo, actor, ref, "", notes)
    return ref


@transaction.atomic
def delete_tag(*, repo: Repository, actor: User, name: str) -> None:
    """Delete a tag, its release, and the commits that only it reached. Raises RevisionNotFound."""
    lock_history(repo)
    delete_ref(repo, actor, TAG_PREFIX + name)
    for release in Release.objects.filter(repository=repo, tag=name):
        delete_release(release=release, actor=actor)


def _commit_of(repo: Repository, revision: str) -> str:
    try:
        return resolve_revision(repo, revision).oid
    except RevisionNotFound as error:
        error.field = "revision"
        raise


def _release(repo: Repository, actor: User, ref: GitRef, title: str, notes: str) -> Release:
    # The row's lock lets one release of a repository be made at a time, so that two cannot take one number.
    Repository.objects.filter(pk=repo.pk).update(releases_made=F("releases_made") + 1)
    tag = ref.name.removeprefix(TAG_PREFIX)
    if Release.objects.filter(repository=repo, tag=tag).exists():
        raise ReleaseExists(
            _("“%(tag)s” is released already. Edit that release, or choose another tag.") % {"tag": tag}, field="tag"
        )
    release = Release.objects.create(
        repository=repo,
        tag=tag,
        commit=ref.commit,
        number=Repository.objects.values_list("releases_made", flat=True).get(pk=repo.pk),
        title=title,
        notes=notes,
        author=actor,
    )
    record(actor=actor, verb="release.create", target=_target(release), commit=ref.commit)
    release_published.send(sender=Release, release=release, actor=actor)
    return release


def _clean_title(title: str) -> str:
    return clean_line(title, field="title", limit=MAX_RELEASE_TITLE)


def _clean_notes(notes: str) -> str:
    return clean_text(notes, field="notes", limit=MAX_RELEASE_NOTES, optional=True)


def _target(release: Release) -> str:
    return f"{release.repository.audit_name} {release.tag}"[:256]
