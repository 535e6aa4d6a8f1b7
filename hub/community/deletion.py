"""Deleting an account, in one transaction: what stands in the way, what goes, and what stays without a name."""

from dataclasses import dataclass, field

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.db import IntegrityError, connection, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.translation import gettext as _

from hub.accounts import sessions
from hub.accounts.errors import LastAdmin, NotEmpty
from hub.accounts.mails import mail_on_commit
from hub.accounts.models import Membership, Organization, RetiredName, Role, User
from hub.accounts.services import lock_name
from hub.community.discussions.indexing import forget_texts
from hub.community.models import (
    Activity,
    ActivityKind,
    AnswerVote,
    Attachment,
    CommentEdit,
    Discussion,
    DiscussionEvent,
    EventKind,
    Reaction,
    Review,
)
from hub.community.signals import voice_changed
from hub.community.voices import voice_of
from hub.community.webhooks.giving_up import give_up_on_those_of
from hub.core.errors import Conflict
from hub.core.models import record
from hub.repos.models import Repository
from hub.repos.services import delete_repo

# Of one's own that go with the account in one transaction; who has more deletes or moves some first.
MAX_REPOSITORIES = 100


@dataclass(frozen=True)
class Leaving:
    """What deleting an account means. repositories: its own, which go with it. organizations: that nobody else administers.
    last_keeper: of the hub."""

    repositories: list[Repository] = field(default_factory=list)
    organizations: list[Organization] = field(default_factory=list)
    last_keeper: bool = False


def leaving(user: User) -> Leaving:
    """Tell what stands in the way of deleting an account, and what would go with it."""
    others = Membership.objects.filter(
        organization=OuterRef("organization"), role=Role.ADMIN, user__is_active=True
    ).exclude(user=user)
    alone = user.memberships.filter(role=Role.ADMIN).exclude(Exists(others))
    keepers = User.objects.filter(is_superuser=True, is_active=True).exclude(pk=user.pk)
    return Leaving(
        repositories=list(
            Repository.objects.filter(namespace__user=user).select_related("namespace")[: MAX_REPOSITORIES + 1]
        ),
        organizations=[one.organization for one in alone.select_related("organization__namespace")],
        last_keeper=user.is_superuser and not keepers.exists(),
    )


def delete_account(*, user: User, erase: bool, with_repositories: bool) -> None:
    """Delete an account for good. Its name is nobody's from then on.

    erase: what it said goes, too; else it stays, as of a deleted user. Votes, reactions, likes, follows, tokens, sessions and
    whatever else is between it and others go in either case. The caller has made sure who asks.

    Raises LastAdmin where an organization, or the hub, would have nobody to administer it; NotEmpty where repositories stand
    in its namespace and are not to go with it; Conflict where something was written in its name at the same moment.
    """
    try:
        with transaction.atomic():
            _delete(user, erase, with_repositories)
            with connection.cursor() as cursor:
                # What still refers to it is told now, not when the request is over.
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except IntegrityError as error:
        raise Conflict(_("Something was written in your name at this very moment. Try again.")) from error


def _delete(user: User, erase: bool, with_repositories: bool) -> None:
    name, email = user.username, user.email
    lock_name(name)
    user = User.objects.select_for_update().get(pk=user.pk)
    # Nobody else leaves, or loses the role, before this is over.
    list(Membership.objects.select_for_update().filter(organization__memberships__user=user).values("pk"))
    left = leaving(user)
    _check_may_go(left, with_repositories)
    mail_on_commit(email, "account_deleted", {"name": name, "erased": erase}, reader=user)
    for repo in left.repositories:
        delete_repo(repo=repo, actor=user)
    voiced = voice_of(user)
    Activity.objects.filter(actor=user, kind=ActivityKind.FOLLOW).delete()
    give_up_on_those_of(user)
    if erase:
        _erase(user)
    # First what receivers look at, who would write in the name of somebody who is gone.
    Authenticator.objects.filter(user=user).delete()
    SocialAccount.objects.filter(user=user).delete()
    sessions.end_sessions(user=user)
    RetiredName.objects.create(name=name)
    user.delete()
    record(actor=None, verb="user.delete", target=name, erased=erase, repositories=len(left.repositories))
    voice_changed.send(User, **voiced)


def _check_may_go(left: Leaving, with_repositories: bool) -> None:
    if left.organizations:
        names = ", ".join(one.namespace.name for one in left.organizations)
        raise LastAdmin(
            _("You alone administer %(names)s. Make somebody else an administrator there first, or delete it.")
            % {"names": names}
        )
    if left.last_keeper:
        raise LastAdmin(_("You alone administer this hub. Make somebody else an administrator first."))
    if len(left.repositories) > MAX_REPOSITORIES:
        raise NotEmpty(
            _("You own more than %(max)d repositories. Delete or move some first.") % {"max": MAX_REPOSITORIES}
        )
    if left.repositories and not with_repositories:
        raise NotEmpty(
            _("You still own repositories. Move them, delete them, or agree that they are deleted with your account."),
            field="with_repositories",
        )


def _erase(user: User) -> None:
    """Take away what somebody said. Of a comment a line stays, so that the answers to it are not answers to nothing; titles of
    discussions stay, which belong to all who talk there; so do commits, which are part of repositories."""
    said = DiscussionEvent.objects.filter(author=user, kind=EventKind.COMMENT)
    Discussion.objects.filter(answer__author=user).update(answer=None)
    for rows in (CommentEdit, Reaction, AnswerVote):
        rows.objects.filter(comment__author=user).delete()
    # Taken away by nobody, of nobody: which is how the pages know a comment that its author has deleted.
    forget_texts(said)
    said.update(text="", hidden_at=timezone.now(), hidden_by=None)
    Review.objects.filter(author=user).delete()
    Review.objects.filter(replied_by=user).update(reply="", replied_by=None, replied_at=None)
    Attachment.objects.filter(owner=user).delete()
    Activity.objects.filter(actor=user).delete()
