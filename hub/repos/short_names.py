"""Short names without an owner (`gpt2`), under which old scripts ask for a repository. They redirect to it."""

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from hub.accounts.models import Namespace, User
from hub.accounts.names import RESERVED
from hub.accounts.services import lock_name
from hub.core.errors import Conflict, NotFound
from hub.core.models import record
from hub.repos.errors import RepoNameInvalid
from hub.repos.models import Repository, RepositoryAlias
from hub.repos.names import check_repo_name

MAX_SHORT_NAMES = 20  # of one repository


@transaction.atomic
def give_short_name(*, repo: Repository, actor: User | None, name: str) -> RepositoryAlias:
    """Let `name` lead to the repository. The caller has passed get_repo_for_naming; None: the operator's shell.

    An account's name is never given, and no account gets a name that is: `/{name}` means one thing. The name is free again
    once it is taken back, or the repository is deleted. Raises RepoNameInvalid, Conflict.
    """
    check_repo_name(name)
    if name.lower() in RESERVED:
        raise RepoNameInvalid(_("“%(name)s” is reserved. Choose another name.") % {"name": name}, field="name")
    lock_name(name)
    if Namespace.objects.named(name).exists():
        raise Conflict(
            _("“%(name)s” is the name of a user or an organization; its address is theirs.") % {"name": name},
            field="name",
        )
    if RepositoryAlias.objects.filter(kind=repo.kind, full_name__iexact=name).exists():
        raise Conflict(
            _("“%(name)s” leads to a repository already. Take it back first.") % {"name": name}, field="name"
        )
    if short_names(repo).count() >= MAX_SHORT_NAMES:
        raise Conflict(
            _("A repository has at most %(max)d short names. Take one back first.") % {"max": MAX_SHORT_NAMES},
            field="name",
        )
    alias = RepositoryAlias.objects.create(kind=repo.kind, full_name=name, repository=repo)
    record(actor=actor, verb="repo.short_name.give", target=repo.audit_name, name=name)
    return alias


@transaction.atomic
def take_short_name(*, repo: Repository, actor: User | None, name: str) -> None:
    """Take a short name back: what asks for it finds nothing from now on. The caller has passed get_repo_for_naming; None:
    the operator's shell. Raises NotFound."""
    taken, _rows = short_names(repo).filter(full_name__iexact=name).delete()
    if not taken:
        raise NotFound(
            _("%(repo)s has no short name “%(name)s”.") % {"repo": repo.full_name, "name": name[:100]}, field="name"
        )
    record(actor=actor, verb="repo.short_name.take", target=repo.audit_name, name=name)


def short_names(repo: Repository) -> QuerySet[RepositoryAlias]:
    return RepositoryAlias.objects.filter(repository=repo).exclude(full_name__contains="/").order_by("full_name")
