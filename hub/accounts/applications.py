"""Applications: registering one, changing it, and what people let it do."""

import secrets
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from hub.accounts.errors import ApplicationNotFound
from hub.accounts.models import Application, Consent, Right, SignIn, User, digest_of
from hub.accounts.permissions import check_not_suspended
from hub.accounts.sign_in import end_sign_in
from hub.core.errors import Conflict, Invalid
from hub.core.models import record

MAX_APPLICATIONS = 50  # of one person
MAX_REDIRECT_URIS = 10
TOOL_NAME = "hf (command line)"


def find_application(client_id: str) -> Application | None:
    """Return the application of that id. The command line's is known without anybody having registered it."""
    found = Application.objects.filter(client_id=client_id).first() if "\0" not in client_id else None
    if client_id == settings.TOOL_CLIENT_ID and client_id:
        if found is None:
            rights = [Right.READ, Right.WRITE]
            found, _made = Application.objects.get_or_create(
                client_id=client_id, defaults={"name": TOOL_NAME, "rights": rights}
            )
        return found
    # Without an owner it was the tool of a setting that has changed.
    return found if found and found.owner_id else None


@transaction.atomic
def register_application(
    *, owner: User, name: str, homepage: str, redirect_uris: list[str], rights: list[str], confidential: bool
) -> tuple[Application, str]:
    """Make an application; returns it with its secret, which is shown once; empty where it keeps none.

    Raises Invalid (with the field), Conflict.
    """
    check_not_suspended(owner)
    User.objects.select_for_update().get(pk=owner.pk)
    if owner.applications.count() >= MAX_APPLICATIONS:
        raise Conflict(_("You have %(max)d applications. Remove one first.") % {"max": MAX_APPLICATIONS})
    application = Application(owner=owner, client_id=secrets.token_hex(16))
    _describe(application, name, homepage, redirect_uris, rights)
    secret = secrets.token_urlsafe(32) if confidential else ""
    application.secret_digest = digest_of(secret) if secret else None
    application.save()
    record(actor=owner, verb="application.create", target=owner.username, name=application.name)
    return application, secret


@transaction.atomic
def change_application(
    *, application: Application, name: str, homepage: str, redirect_uris: list[str], rights: list[str]
) -> None:
    """Change what an application says of itself. What people have let it do stays as it is. Raises Invalid."""
    _describe(application, name, homepage, redirect_uris, rights)
    application.save()
    record(actor=application.owner, verb="application.change", target=str(application.owner), name=application.name)


@transaction.atomic
def renew_secret(*, application: Application) -> str:
    """Return a new secret of the application; the old one opens nothing any more. Raises Conflict where it keeps none."""
    if not application.confidential:
        raise Conflict(_("This application keeps no secret."))
    secret = secrets.token_urlsafe(32)
    application.secret_digest = digest_of(secret)
    application.save(update_fields=["secret_digest"])
    record(actor=application.owner, verb="application.secret", target=str(application.owner), name=application.name)
    return secret


@transaction.atomic
def delete_application(*, application: Application) -> None:
    """Remove an application with everything that people gave it: all its tokens close."""
    record(actor=application.owner, verb="application.delete", target=str(application.owner), name=application.name)
    application.delete()


def get_application_for_owner(user: User, client_id: str) -> Application:
    """Return an application that `user` registered. Raises ApplicationNotFound."""
    application = user.applications.filter(client_id=client_id).first()
    if application is None:
        raise ApplicationNotFound(_("You have registered no application with this id."))
    return application


# --- what people let an application do --------------------------------------------------------------------------------


@transaction.atomic
def give_consent(*, user: User, application: Application, rights: list[str]) -> None:
    """Remember that `user` lets the application have these rights beside those that it has."""
    consent, made = Consent.objects.select_for_update().get_or_create(
        user=user, application=application, defaults={"rights": rights}
    )
    if not made:
        consent.rights = sorted({*consent.rights, *rights})
        consent.save()
    record(actor=user, verb="application.consent", target=user.username, name=application.name, rights=rights)


def has_consent(user: User, application: Application, rights: list[str]) -> bool:
    """Tell whether `user` has let the application have all of these rights already."""
    consent = Consent.objects.filter(user=user, application=application).first()
    return consent is not None and set(rights) <= set(consent.rights)


@transaction.atomic
def withdraw_consent(*, user: User, application_id: int) -> None:
    """Take back what `user` let an application do, and end its sign-ins; doing it twice changes nothing."""
    if Consent.objects.filter(user=user, application=application_id).delete()[0]:
        record(actor=user, verb="application.withdraw", target=user.username, application=application_id)
    for sign_in in SignIn.objects.filter(user=user, application=application_id, ended_at__isnull=True):
        end_sign_in(user=user, sign_in_id=sign_in.pk)


# --- below ------------------------------------------------------------------------------------------------------------


def _describe(application: Application, name: str, homepage: str, redirect_uris: list[str], rights: list[str]) -> None:
    if not name.strip():
        raise Invalid(_("Give the application a name: people decide by it whether to let it in."), field="name")
    if not redirect_uris:
        raise Invalid(_("Name at least one address to which answers may go."), field="redirect_uris")
    if len(redirect_uris) > MAX_REDIRECT_URIS:
        raise Invalid(
            _("At most %(max)d addresses, please.") % {"max": MAX_REDIRECT_URIS},
            field="redirect_uris",
        )
    for uri in redirect_uris:
        _check_redirect_uri(uri)
    unknown = set(rights) - set(Right.values)
    if unknown:
        raise Invalid(_("There is no right “%(name)s”.") % {"name": min(unknown)}, field="rights")
    application.name, application.homepage = name.strip()[:80], homepage
    application.redirect_uris = list(dict.fromkeys(redirect_uris))
    application.rights = [right for right in Right.values if right in rights or right == Right.OPENID]


def _check_redirect_uri(uri: str) -> None:
    """Refuse addresses that a browser should not be sent to with a code in hand."""
    try:
        parts = urlsplit(uri)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        whole = False
    plain = uri.isascii() and uri.isprintable() and not set(uri) & set(' "\\<>*')
    if not (whole and plain and len(uri) <= 500) or parts.username is not None or "#" in uri:
        raise Invalid(
            _(
                "“%(uri)s” is no address that answers can go to: it takes http:// or https://, a host, and no fragment, "
                "wildcard or user name."
            )
            % {"uri": uri[:100]},
            field="redirect_uris",
        )
