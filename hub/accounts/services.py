"""Every change to users, tokens, one-time links. Organizations are in `organizations.py`."""

import secrets
from datetime import datetime, timedelta

from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from hub.accounts.errors import AccountNotFound, IdentityOnly, LinkExpired, NameInvalid, NameTaken
from hub.accounts.models import AccessToken, Namespace, OneTimeLink, Organization, RetiredName, Scope, User, digest_of
from hub.accounts.names import check_namespace_name
from hub.accounts.permissions import check_not_suspended
from hub.accounts.signals import name_wanted
from hub.core import locks
from hub.core.errors import Invalid
from hub.core.models import record
from hub.core.statements import Given, Statement

INVITATION_LIFE = timedelta(days=14)
SETUP_LIFE = timedelta(days=7)
# The time of last use is for people; a write for each request would cost more than it tells.
LAST_USED_STEP = timedelta(minutes=1)
TOKEN_PREFIX = "grove_"  # noqa: S105 - the public start of every token, by which scanners recognise a leaked one


def claim_name(name: str, *, user: User | None = None, organization: Organization | None = None) -> Namespace:
    """Give `name` to a user or an organization, in the caller's transaction. Raises NameInvalid, NameTaken."""
    try:
        check_namespace_name(name)
    except ValidationError as error:
        raise NameInvalid(" ".join(error.messages), field="name") from error
    lock_name(name)
    check_name_free(name)
    return Namespace.objects.create(name=name, user=user, organization=organization)


def check_name_free(name: str) -> None:
    """Raise NameTaken where an account, or anything else that stands first in an address, has the name, or an account had it
    that was deleted."""
    if Namespace.objects.named(name).exists() or RetiredName.objects.filter(name__iexact=name).exists():
        raise name_taken(name)
    name_wanted.send(sender=Namespace, name=name)


def lock_name(name: str) -> None:
    """Let nobody else take `name`, in whatever case, until the caller's transaction ends: as an account's name, or as
    anything else that stands first in an address."""
    locks.lock(f"name {name.lower()}")


def name_taken(name: str) -> NameTaken:
    return NameTaken(_("The name “%(name)s” is taken. Choose another.") % {"name": name}, field="name")


@transaction.atomic
def save_new_user(*, user: User, admin: bool = False) -> User:
    """Save a new user, whose password is set already, together with the namespace of the same name."""
    user.email = user.email.lower()
    if User.objects.filter(email=user.email).exists():
        raise Invalid(_("An account with this e-mail address exists. Log in, or reset its password."), field="email")
    lock_name(user.username)
    check_name_free(user.username)
    user.is_staff = user.is_superuser = admin
    user.save()
    claim_name(user.username, user=user)
    record(actor=user, verb="user.create", target=user.username, admin=admin)
    return user


@transaction.atomic
def create_user(*, name: str, email: str, password: str, admin: bool = False) -> User:
    """Make an account. Raises Invalid (with the field), NameInvalid, NameTaken."""
    user = User(username=name, email=email)
    try:
        user.clean_fields(exclude=["password"])
        validate_password(password, user)
    except ValidationError as error:
        field, texts = (
            next(iter(error.message_dict.items())) if hasattr(error, "error_dict") else ("password", error.messages)
        )
        raise Invalid(" ".join(texts), field="name" if field == "username" else field) from error
    user.set_password(password)
    save_new_user(user=user, admin=admin)
    # Whoever makes an account for somebody vouches for the address; with mandatory verification nobody could log in else.
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)
    return user


def update_profile(*, user: User, display_name: str, bio: str, website: str) -> None:
    """Change what a person says of themselves. Raises Suspended."""
    check_not_suspended(user)
    user.display_name, user.bio, user.website = display_name, bio, website
    user.save(update_fields=["display_name", "bio", "website"])


def set_language(*, user: User, language: str) -> None:
    """Keep what somebody reads the site in, for the mails that they get. An unknown one changes nothing."""
    if language in dict(settings.LANGUAGES) and language != user.language:
        user.language = language
        user.save(update_fields=["language"])


def get_user(*, name: str) -> User:
    """Return the active user of that name. Raises AccountNotFound."""
    user = User.objects.filter(namespace__name__iexact=name, is_active=True).first()
    if user is None:
        raise AccountNotFound(_("There is no user called “%(name)s”.") % {"name": name}, field="name")
    return user


# --- tokens ---------------------------------------------------------------------------------------------------


@transaction.atomic
def create_token(*, user: User, name: str, scope: str, expires_at: datetime | None = None) -> tuple[AccessToken, str]:
    """Make a token; return its row and the secret, which is kept nowhere and cannot be shown again."""
    if scope not in (Scope.READ, Scope.WRITE):
        raise Invalid(_("A token's scope is read or write."), field="scope")
    if not name.strip():
        raise Invalid(_("Give the token a name, so that you recognise it later."), field="name")
    if expires_at is not None and expires_at <= timezone.now():
        raise Invalid(_("That date has passed. Choose a later one."), field="expires_at")
    secret = TOKEN_PREFIX + secrets.token_urlsafe(30)
    token = AccessToken.objects.create(
        user=user,
        name=name.strip()[:80],
        scope=scope,
        digest=digest_of(secret),
        hint=secret[-4:],
        expires_at=expires_at,
    )
    record(actor=user, verb="token.create", target=user.username, name=token.name, scope=scope)
    return token, secret


@transaction.atomic
def revoke_token(*, user: User, token_id: int) -> None:
    """Close one of the user's own tokens; doing it twice changes nothing."""
    if AccessToken.objects.filter(pk=token_id, user=user, revoked_at__isnull=True).update(revoked_at=timezone.now()):
        record(actor=user, verb="token.revoke", target=user.username, token=token_id)


def user_of_token(secret: str) -> User | None:
    """Return the user that a token speaks for, with `acting_token` set; None where the token opens nothing.

    Raises IdentityOnly for one that an application got to know who somebody is.
    """
    token = live_token(secret)
    if token is None:
        return None
    if token.scope == Scope.IDENTITY:
        raise IdentityOnly(
            _(
                "This token only tells who its owner is. The application has to ask for the right read-repos or write-repos."
            )
        )
    token.user.acting_token = token
    return token.user


_LIVE_TOKEN = Statement(
    lambda: (
        AccessToken.objects.live()
        .filter(digest=Given("digest", AccessToken._meta.get_field("digest")))
        .select_related("user__namespace", "sign_in")
    )
)


def live_token(secret: str) -> AccessToken | None:
    """Return the token with that secret, and note its use; None where it is over, or its owner's account closed."""
    token = _LIVE_TOKEN.first(digest=digest_of(secret))
    if token is None or not token.user.is_active:
        return None
    now = timezone.now()
    if token.last_used_at is None or now - token.last_used_at > LAST_USED_STEP:
        AccessToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return token


def user_of_grant(user_id: int, token_id: int | None) -> User | None:
    """Return the user whom something signed was given to, acting by the token that they got it with; None once either
    is no longer good. Signed addresses outlive neither."""
    if token_id is None:
        return User.objects.filter(pk=user_id, is_active=True).first()
    live = AccessToken.objects.live().filter(pk=token_id, user=user_id, user__is_active=True)
    token = live.select_related("user").first()
    if token is None:
        return None
    token.user.acting_token = token
    return token.user


# --- one-time links ---------------------------------------------------------------------------------------------


def _new_link(*, purpose: str, life: timedelta, created_by: User | None = None, note: str = "") -> str:
    secret = secrets.token_urlsafe(24)
    OneTimeLink.objects.create(
        purpose=purpose, digest=digest_of(secret), created_by=created_by, note=note, expires_at=timezone.now() + life
    )
    return secret


@transaction.atomic
def create_invitation(*, user: User, note: str = "") -> str:
    """Return the secret of a link with which one person may sign up. `note` tells the inviter later whom it was for."""
    check_not_suspended(user)
    secret = _new_link(purpose=OneTimeLink.Purpose.INVITATION, life=INVITATION_LIFE, created_by=user, note=note[:120])
    record(actor=user, verb="invitation.create", target=user.username, note=note[:120])
    return secret


@transaction.atomic
def revoke_invitation(*, user: User, link_id: int) -> None:
    """Close an invitation that nobody has used."""
    OneTimeLink.objects.filter(pk=link_id, purpose=OneTimeLink.Purpose.INVITATION, used_at__isnull=True).update(
        expires_at=timezone.now()
    )
    record(actor=user, verb="invitation.revoke", target=user.username, link=link_id)


def open_link(*, purpose: str, secret: str) -> OneTimeLink:
    """Return the link behind `secret` while it is open. Raises LinkExpired."""
    link = OneTimeLink.objects.filter(purpose=purpose, digest=digest_of(secret)).first()
    if link is None or not link.open:
        raise LinkExpired(_("This link has been used, withdrawn, or has run out. Ask for a new one."))
    return link


@transaction.atomic
def use_link(*, purpose: str, secret: str, user: User) -> None:
    """Spend the link for `user`, in the transaction that makes the account. Raises LinkExpired."""
    link = open_link(purpose=purpose, secret=secret)
    now = timezone.now()
    spent = OneTimeLink.objects.filter(pk=link.pk, used_at__isnull=True).update(used_at=now, used_by=user)
    if not spent:
        raise LinkExpired(_("This link has just been used. Ask for a new one."))


@transaction.atomic
def issue_setup_link() -> str | None:
    """Return the secret of a new link that makes the administrator; None once there is an administrator.

    Links made at earlier starts are closed, so that only the newest printed one works.
    """
    if User.objects.filter(is_superuser=True, is_active=True).exists():
        return None
    OneTimeLink.objects.filter(Q(purpose=OneTimeLink.Purpose.SETUP), used_at__isnull=True).delete()
    return _new_link(purpose=OneTimeLink.Purpose.SETUP, life=SETUP_LIFE)


@transaction.atomic
def create_first_admin(*, secret: str, name: str, email: str, password: str) -> User:
    """Make the administrator with the link that the first start printed. Raises LinkExpired and what create_user raises."""
    open_link(purpose=OneTimeLink.Purpose.SETUP, secret=secret)
    user = create_user(name=name, email=email, password=password, admin=True)
    use_link(purpose=OneTimeLink.Purpose.SETUP, secret=secret, user=user)
    return user
