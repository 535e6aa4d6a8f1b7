"""The one way in: load a repository, and may I?"""

from fnmatch import fnmatchcase
from typing import NoReturn

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from hub.accounts.models import Membership, Namespace, RepoReader, Role, Someone, User
from hub.accounts.permissions import check_not_suspended, get_namespace, role_in
from hub.core.errors import Forbidden, SignInNeeded
from hub.core.statements import Given, Statement
from hub.repos.errors import (
    GatedRepo,
    NotWritable,
    ReadOnlyToken,
    RefProtected,
    RepoMoved,
    RepoNotFound,
    RepoTakenDown,
    WriteNeedsSignIn,
)
from hub.repos.models import Kind, Repository, RepositoryAlias, Visibility
from hub.repos.models.git import BRANCH_PREFIX, MAIN
from hub.repos.models.repository import RepositoryQuerySet


def get_repo_for_read(user: Someone, kind: str, namespace: str, name: str) -> Repository:
    """Return the repository if `user` may read it.

    Raises RepoNotFound where it is not there or not theirs to see, RepoTakenDown where moderators took it down, RepoMoved
    where it has another name now, or the same in other letters: each file has one address, which caches can rely on.
    """
    repo = _named(user, kind, namespace, name)
    if repo is None:
        raise _elsewhere(user, kind, f"{namespace}/{name}")
    if (repo.namespace.name, repo.name) != (namespace, name):
        raise RepoMoved(kind, repo.full_name)
    return repo


def _named(user: Someone, kind: str, namespace: str, name: str) -> Repository | None:
    """Return the repository of that name, in any letters, if `user` may know of it.

    First what takes no look at organizations: nearly all that is asked for. The second query comes for what is not there as
    for what is hidden, so that the time it takes tells neither.
    """
    asked = {"kind": kind, "namespace": namespace, "name": name}
    if isinstance(user, User):
        return _PUBLIC_OR_OWN.first(**asked, user=user.pk) or _OPEN_TO_ACCOUNT.first(**asked, user=user.pk)
    if isinstance(user, RepoReader) or not settings.ANONYMOUS_READ:
        return Repository.objects.named(**asked).visible_to(user).select_related("namespace").first()
    return _PUBLIC.first(**asked)


def _asked() -> RepositoryQuerySet:
    kind, name = Given("kind", Repository._meta.get_field("kind")), Given("name", Repository._meta.get_field("name"))
    named = Repository.objects.named(kind, Given("namespace", Namespace._meta.get_field("name")), name)
    return named.filter(taken_down_at=None).select_related("namespace")


_USER = Given("user", User._meta.pk)
_PUBLIC = Statement(lambda: _asked().filter(visibility=Visibility.PUBLIC))
_PUBLIC_OR_OWN = Statement(lambda: _asked().filter(Q(visibility=Visibility.PUBLIC) | Q(namespace__user=_USER)))
_OPEN_TO_ACCOUNT = Statement(lambda: _asked().open_to_account(_USER))


def get_repo_by_short_name(user: Someone, kind: str, name: str) -> NoReturn:
    """Raise RepoMoved with the full name of the repository that an administrator gave this short name (`gpt2`), or
    RepoNotFound where there is none that `user` may read."""
    raise _elsewhere(user, kind, name)


def _elsewhere(user: Someone, kind: str, asked: str) -> RepoMoved | RepoNotFound | RepoTakenDown:
    """Return where the repository is that no longer, or only for short, has the name that was asked for; or why it is gone."""
    namespace, _slash, name = asked.rpartition("/")
    down = Repository.objects.named(kind, namespace, name).exclude(taken_down_at=None).open_to(user).first()
    if down is not None:
        return RepoTakenDown(
            _("%(name)s was taken down by the moderators of this hub: %(reason)s")
            % {"name": asked, "reason": down.takedown_reason or _("no reason is given.")}
        )
    visible = Repository.objects.visible_to(user)
    alias = (
        RepositoryAlias.objects.filter(kind=kind, full_name__iexact=asked, repository__in=visible)
        .select_related("repository__namespace")
        .first()
    )
    if alias is not None:
        return RepoMoved(kind, alias.repository.full_name, asked_segments=asked.count("/") + 1)
    return RepoNotFound(
        _(
            "There is no %(kind)s “%(name)s” here that you may see. Check the spelling; if it is private, sign in as a member."
        )
        % {"kind": Kind(kind).label.lower(), "name": asked}
    )


def get_repo_for_content(user: Someone, kind: str, namespace: str, name: str) -> Repository:
    """Return the repository if `user` may fetch its files. Raises what reading raises, and GatedRepo."""
    repo = get_repo_for_read(user, kind, namespace, name)
    check_may_fetch(user, repo)
    return repo


def get_repo_for_write(user: Someone, kind: str, namespace: str, name: str) -> Repository:
    """Return the repository if `user` may change its content. Raises what reading raises, and NotWritable, ReadOnlyToken."""
    repo = get_repo_for_read(user, kind, namespace, name)
    check_may_act(user)
    if not may_write(user, repo):
        raise NotWritable(
            _("You may read %(name)s, not change it. Ask its owner for access.") % {"name": repo.full_name}
        )
    return repo


def get_repo_for_proposing(user: Someone, kind: str, namespace: str, name: str) -> Repository:
    """Return the repository if `user` may propose changes to it, as a pull request: whoever may fetch its files, signed in,
    with a token that may write. They may upload large content for it as well, which is theirs alone until it is committed.

    Raises what get_repo_for_content raises, and WriteNeedsSignIn, ReadOnlyToken.
    """
    repo = get_repo_for_content(user, kind, namespace, name)
    check_may_act(user)
    return repo


def may_propose(user: Someone, repo: Repository) -> bool:
    """Tell whether `user`, who may know of `repo`, may propose changes to it, and upload large content for them."""
    if not user.is_authenticated or user.suspended:
        return False
    if user.acting_token is not None and not user.acting_token.may_write:
        return False
    if repo.kind == Kind.BUCKET:
        # There is nothing to propose in: who sends content changes the files at once.
        return may_write(user, repo)
    return may_fetch(user, repo)


def get_repo_for_admin(user: Someone, kind: str, namespace: str, name: str) -> Repository:
    """Return the repository if `user` may rename, hide or delete it. Raises what writing raises."""
    repo = get_repo_for_write(user, kind, namespace, name)
    if not may_administer(user, repo):
        raise NotWritable(
            _("Only the owner or an administrator of %(owner)s may do this.") % {"owner": repo.namespace.name}
        )
    return repo


def get_repo_for_naming(user: Someone, kind: str, namespace: str, name: str) -> Repository:
    """Return the repository if `user` may give it short names: who administers this hub, and sees the repository. Raises what
    reading raises, and NotWritable, ReadOnlyToken."""
    repo = get_repo_for_read(user, kind, namespace, name)
    check_may_act(user)
    if not may_give_names(user):
        raise NotWritable(_("Only administrators of this hub give short names. Ask one of them."))
    return repo


def get_namespace_for_create(user: Someone, name: str | None) -> Namespace:
    """Return the namespace in which `user` may create a repository (their own by default). Raises Forbidden, ReadOnlyToken."""
    check_may_act(user)
    wanted = name or user.get_username()
    namespace = (
        Namespace.objects.writable_by(user).filter(name__iexact=wanted).select_related("user", "organization").first()
    )
    if namespace is None:
        raise Forbidden(
            _(
                "You cannot create repositories under “%(name)s”: it is not your name, nor an organization that lets you."
            )
            % {"name": wanted},
            field="organization",
        )
    return namespace


def readers_of(repo: Repository) -> QuerySet[User]:
    """Return everybody with an open account who may know of `repo`: `visible_to`, asked the other way round."""
    people = User.objects.filter(is_active=True)
    if repo.taken_down_at is not None:
        return people.none()
    if repo.visibility == Visibility.PUBLIC:
        return people
    members = Membership.objects.standing().filter(organization=repo.namespace.organization_id)
    return people.filter(Q(pk=repo.namespace.user_id) | Q(pk__in=members.values("user")))


def may_fetch(user: Someone, repo: Repository) -> bool:
    """Tell whether `user`, who may know of `repo`, may fetch its files, too."""
    return not repo.gated or Repository.objects.readable_by(user).filter(pk=repo.pk).exists()


def check_may_fetch(user: Someone, repo: Repository) -> None:
    """Raise GatedRepo where `user`, who may know of `repo`, may not fetch its files."""
    if may_fetch(user, repo):
        return
    if not user.is_authenticated:
        text = _(
            "The files of %(name)s are for those whom its owner lets in. Sign in, then ask for access on its page."
        )
    else:
        text = _("The files of %(name)s are for those whom its owner lets in. Ask for access on its page.")
    raise GatedRepo(text % {"name": repo.full_name}, signed_in=user.is_authenticated)


def may_write(user: Someone, repo: Repository) -> bool:
    """Tell whether `user` may change the content; for a user whose token only reads, no."""
    token_allows = getattr(user, "acting_token", None) is None or user.acting_token.may_write  # type: ignore[union-attr]
    return token_allows and Repository.objects.writable_by(user).filter(pk=repo.pk).exists()


def may_give_names(user: Someone) -> bool:
    """Tell whether `user` administers this hub, and so may give repositories short names."""
    return isinstance(user, User) and user.is_active and user.is_staff and not user.suspended


def may_administer(user: Someone, repo: Repository) -> bool:
    """Tell whether `user` may rename, hide or delete the repository."""
    if repo.namespace.user_id is not None:
        return repo.namespace.user_id == user.pk
    assert repo.namespace.organization is not None
    role = role_in(user, repo.namespace.organization)
    return role == Role.ADMIN or (role in (Role.CONTRIBUTOR, Role.WRITE) and repo.created_by_id == user.pk)


def check_may_move(user: Someone, repo: Repository, ref_name: str, *, takes_away: bool = False) -> None:
    """Refuse what the rules of a protected branch forbid to `user`, who may write.

    takes_away: commits would be lost to it: deletion, a force push, a squash. Raises RefProtected.
    """
    if not ref_name.startswith(BRANCH_PREFIX):
        return
    branch = ref_name.removeprefix(BRANCH_PREFIX)
    rules = [rule for rule in repo.branch_rules.all() if fnmatchcase(branch, rule.pattern)]
    if takes_away and rules:
        raise RefProtected(
            _(
                "“%(branch)s” is protected: it cannot be deleted, and its history stays as it is. The settings tell its rules."
            )
            % {"branch": branch}
        )
    if any(rule.admins_only for rule in rules) and not may_administer(user, repo):
        raise RefProtected(
            _(
                "“%(branch)s” is protected: only an administrator changes it. Push to another branch, or open a pull request."
            )
            % {"branch": branch}
        )


def check_may_delete(user: Someone, repo: Repository, ref_name: str) -> None:
    """Refuse the deletion of `main`, whatever its rules, and of protected branches. Raises RefProtected."""
    if ref_name == MAIN:
        raise RefProtected(_("“main” is the branch that people see; it cannot be deleted."))
    check_may_move(user, repo, ref_name, takes_away=True)


def check_may_act(user: Someone) -> None:
    """Refuse whoever may change nothing anywhere. Raises WriteNeedsSignIn, ReadOnlyToken, Suspended."""
    if not user.is_authenticated:
        raise WriteNeedsSignIn(_("Sign in, or send an access token, to change something here."))
    if user.acting_token is not None and not user.acting_token.may_write:
        raise ReadOnlyToken(_("This token only reads. Make one with the write scope under Settings, Access tokens."))
    check_not_suspended(user)


def get_namespace_for_usage(user: Someone, name: str) -> Namespace:
    """Return the namespace if `user` may see what it takes up: their own, an organization's that they are in, and
    everybody's for administrators of the hub. Raises AccountNotFound, SignInNeeded, Forbidden."""
    namespace = get_namespace(name)
    if not isinstance(user, User):
        raise SignInNeeded(_("What somebody keeps here is for themselves to see. Sign in first."))
    belongs = namespace.user_id == user.pk or (
        namespace.organization is not None and role_in(user, namespace.organization) is not None
    )
    if not belongs and not user.is_staff:
        raise Forbidden(_("Only “%(name)s” and administrators see what is kept there.") % {"name": namespace.name})
    return namespace
