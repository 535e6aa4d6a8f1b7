"""Every change to repositories and refs.

Commits are in `git/commits.py`, tags and releases in `releases.py`, claims on large content in `claims.py`, Xet content in
`xet/services.py`.
"""

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from hub.accounts.models import Namespace, User
from hub.core.errors import Invalid
from hub.core.models import record
from hub.repos.attributes import initial_attributes
from hub.repos.cards import CARD_FILE
from hub.repos.errors import RefExists, RepoExists, RepoNotFound, RevisionNotFound
from hub.repos.git.commits import note_update, write_commit
from hub.repos.git.files import resolve_revision
from hub.repos.git.listing import Listed, put_paths
from hub.repos.git.locks import hold_history, lock_history
from hub.repos.git.objects import FILE_MODE, Entry, ObjectWriter, format_tree
from hub.repos.git.pruning import forget_unreachable
from hub.repos.models import (
    VERSIONED,
    Gate,
    GitRef,
    GitStore,
    Kind,
    Repository,
    RepositoryAlias,
    Visibility,
)
from hub.repos.models.git import BRANCH_PREFIX, MAIN, TAG_PREFIX, ObjectType
from hub.repos.names import check_ref_name, check_repo_name
from hub.repos.permissions import check_may_delete, check_may_move
from hub.repos.signals import repository_changed, repository_created, repository_deleted, repository_moved
from hub.repos.vocabulary import SDKS

# Branches and tags of one repository: every fetch and every push begins with a list of them all.
MAX_REFS = 10_000


@transaction.atomic
def create_repo(
    *, actor: User, namespace: Namespace, kind: str, name: str, visibility: str = Visibility.PUBLIC, sdk: str = ""
) -> Repository:
    """Make a repository with one commit that holds `.gitattributes`. `namespace` has passed get_namespace_for_create.

    sdk: what a space is written for, one of SDKS; its card says so from the first commit on.
    Raises Invalid, RepoNameInvalid, RepoExists (also where the name redirects to a repository that was renamed).
    """
    if kind not in VERSIONED:
        raise Invalid(
            _("This hub holds models, datasets, spaces and kernels, not “%(kind)s”.") % {"kind": kind[:40]},
            field="type",
        )
    if sdk and (kind != Kind.SPACE or sdk not in SDKS):
        raise Invalid(
            _("The SDK of a space is one of %(known)s; nothing else has one.") % {"known": ", ".join(SDKS)}, field="sdk"
        )
    repo = register_repo(actor=actor, namespace=namespace, kind=kind, name=name, visibility=visibility)
    files = {".gitattributes": initial_attributes()}
    if sdk:
        files[CARD_FILE] = f"---\nsdk: {sdk}\n---\n\n# {name}\n".encode()
    writer = ObjectWriter(repo.store_id)
    blobs = {path: writer.add(ObjectType.BLOB, content) for path, content in files.items()}
    tree = writer.add(ObjectType.TREE, format_tree({path: Entry(FILE_MODE, blob) for path, blob in blobs.items()}))
    commit = write_commit(repo=repo, writer=writer, tree=tree, parents=[], actor=actor, title="Start the repository")
    GitRef.objects.create(repository=repo, name=MAIN, oid=commit.oid)
    put_paths(
        repo,
        [
            Listed(path, Entry(FILE_MODE, blobs[path]), len(content), None, commit.oid, commit.committed_at)
            for path, content in files.items()
        ],
    )
    record(actor=actor, verb="repo.create", target=repo.audit_name, visibility=visibility)
    note_update(repo=repo, name=MAIN, old=None, new=commit.oid, actor=actor)
    repository_created.send(sender=Repository, repository=repo, actor=actor)
    return repo


def register_repo(
    *, actor: User, namespace: Namespace, kind: str, name: str, visibility: str, gate: str = Gate.OPEN
) -> Repository:
    """Make the row of a new repository without any content, in the caller's transaction. Raises what create_repo raises."""
    check_visibility(visibility)
    check_repo_name(name)
    _check_free(kind, namespace, name)
    try:
        with transaction.atomic():
            return Repository.objects.create(
                kind=kind,
                namespace=namespace,
                name=name,
                visibility=visibility,
                gate=gate,
                store=GitStore.objects.create(),
                created_by=actor,
            )
    except IntegrityError as error:
        raise _taken(namespace, name) from error


def check_visibility(visibility: str) -> None:
    """Raise Invalid for what is no visibility, and for the one that the protocol has and this hub has not."""
    if visibility == "protected":
        raise Invalid(
            _(
                "This hub has no protected repositories. Make it private, or public with a gate, so that you choose who "
                "gets the files."
            ),
            field="visibility",
        )
    if visibility not in Visibility.values:
        raise Invalid(_("Visibility is public or private."), field="visibility")


@transaction.atomic
def move_repo(*, repo: Repository, actor: User, namespace: Namespace, name: str) -> None:
    """Rename a repository, or move it to another namespace; the old name redirects from now on.

    The caller has passed get_repo_for_admin, and get_namespace_for_create for the new namespace.
    """
    check_repo_name(name)
    old, left = repo.full_name, repo.audit_name
    if (namespace.pk, name.lower()) != (repo.namespace_id, repo.name.lower()):
        _check_free(repo.kind, namespace, name, moving=repo)
        RepositoryAlias.objects.get_or_create(kind=repo.kind, full_name=old, defaults={"repository": repo})
    repo.namespace, repo.name = namespace, name
    try:
        with transaction.atomic():
            repo.save(update_fields=["namespace", "name"])
    except IntegrityError as error:
        raise _taken(namespace, name) from error
    # Moving back to an earlier name: that name is the repository's own again, not a redirect to itself.
    RepositoryAlias.objects.filter(kind=repo.kind, full_name__iexact=repo.full_name).delete()
    record(actor=actor, verb="repo.move", target=repo.audit_name, old=old)
    if old.partition("/")[0] != namespace.name:
        # Whoever reads what happened to the owner that it left finds it there, too.
        record(actor=actor, verb="repo.leave", target=left, new=repo.full_name)
    repository_changed.send(sender=Repository, repository=repo)
    repository_moved.send(sender=Repository, repository=repo, actor=actor, old=old)


@transaction.atomic
def set_visibility(*, repo: Repository, actor: User, visibility: str) -> None:
    """Make a repository public or private. The caller has passed get_repo_for_admin."""
    check_visibility(visibility)
    repo.visibility = visibility
    repo.save(update_fields=["visibility"])
    record(actor=actor, verb="repo.visibility", target=repo.audit_name, visibility=visibility)
    repository_changed.send(sender=Repository, repository=repo)


@transaction.atomic
def delete_repo(*, repo: Repository, actor: User) -> None:
    """Delete a repository and its history for good. The caller has passed get_repo_for_admin.

    Large content stays in the store until nothing refers to it and its grace has passed.
    """
    target, store = repo.audit_name, repo.store
    repository_deleted.send(sender=Repository, repository=repo, actor=actor)
    repo.delete()
    if not store.repositories.exists():
        store.delete()
    record(actor=actor, verb="repo.delete", target=target)


def next_number(repo: Repository) -> int:
    """Take the next number of this repository's discussions and pull requests, from 1.

    The row stays locked until the caller's transaction ends, so numbers neither collide nor leave gaps.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE repos_repository SET last_number = last_number + 1 WHERE id = %s RETURNING last_number", [repo.pk]
        )
        row = cursor.fetchone()
    if row is None:
        raise RepoNotFound(_("%(name)s has just been deleted.") % {"name": repo.full_name})
    return int(row[0])


# --- refs -----------------------------------------------------------------------------------------------------


@transaction.atomic
def create_branch(*, repo: Repository, actor: User, name: str, start: str = "main") -> GitRef:
    """Make a branch at revision `start`. Raises Invalid, RefExists, RefProtected, RevisionNotFound."""
    check_ref_name(name)
    check_may_move(actor, repo, BRANCH_PREFIX + name)
    hold_history(repo)
    return create_ref(repo, actor, BRANCH_PREFIX + name, resolve_revision(repo, start).oid)


@transaction.atomic
def delete_branch(*, repo: Repository, actor: User, name: str) -> None:
    """Delete a branch and forget the commits that only it reached. Raises RefProtected, RevisionNotFound."""
    check_may_delete(actor, repo, BRANCH_PREFIX + name)
    lock_history(repo)
    delete_ref(repo, actor, BRANCH_PREFIX + name)


def create_ref(repo: Repository, actor: User, name: str, oid: str, message: str = "") -> GitRef:
    """Make a ref by its full name, in the caller's transaction, which holds `hold_history`. Raises RefExists, Invalid."""
    if name.startswith((BRANCH_PREFIX, TAG_PREFIX)):
        check_new_ref(name, set(GitRef.objects.filter(repository=repo).values_list("name", flat=True)))
    try:
        with transaction.atomic():
            ref = GitRef.objects.create(repository=repo, name=name, oid=oid, message=message)
    except IntegrityError as error:
        raise RefExists(_("“%(name)s” exists already.") % {"name": name.split("/", 2)[2]}, field="name") from error
    note_update(repo=repo, name=name, old=None, new=oid, actor=actor)
    return ref


def check_new_ref(name: str, others: set[str]) -> None:
    """Raise Invalid where a branch or tag, by its full name, is one too many beside the refs `others`, or where no clone could
    hold it together with one of them."""
    parts = name.split("/")
    above = {"/".join(parts[:end]) for end in range(3, len(parts))}
    clash = next((other for other in others if other in above or other.startswith(f"{name}/")), None)
    if clash is not None:
        raise Invalid(
            _("“%(name)s” cannot be beside “%(other)s”: one would be a folder of the other.")
            % {"name": name, "other": clash},
            field="name",
        )
    if len(others) >= MAX_REFS and sum(other.startswith((BRANCH_PREFIX, TAG_PREFIX)) for other in others) >= MAX_REFS:
        raise Invalid(
            _("A repository has at most %(max)d branches and tags. Delete some first.") % {"max": MAX_REFS},
            field="name",
        )


def delete_ref(repo: Repository, actor: User, name: str) -> None:
    """Delete a ref by its full name and what only it reached, in the caller's transaction, which holds `lock_history`.

    Raises RevisionNotFound.
    """
    ref = GitRef.objects.select_for_update().filter(repository=repo, name=name).first()
    if ref is None:
        raise RevisionNotFound(_("There is no “%(name)s” in this repository.") % {"name": name.split("/", 2)[2]})
    ref.delete()
    forget_unreachable(repo)
    note_update(repo=repo, name=name, old=ref.oid, new=None, actor=actor)


# --- names ----------------------------------------------------------------------------------------------------


def _check_free(kind: str, namespace: Namespace, name: str, moving: Repository | None = None) -> None:
    if Repository.objects.named(kind, namespace.name, name).exists():
        raise _taken(namespace, name)
    aliases = RepositoryAlias.objects.filter(kind=kind, full_name__iexact=f"{namespace.name}/{name}")
    if aliases.exclude(repository=moving).exists():
        raise _taken(namespace, name)


def _taken(namespace: Namespace, name: str) -> RepoExists:
    return RepoExists(
        _("“%(name)s” exists already, or leads to a repository that was renamed. Choose another name.")
        % {"name": f"{namespace.name}/{name}"},
        field="name",
    )
