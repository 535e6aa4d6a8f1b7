"""Mail to people with an account: in the language that they chose, or else in every language of the site."""

import logging
from collections.abc import Mapping
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import translation

from hub.accounts.models import User
from hub.core.links import base_url

log = logging.getLogger(__name__)

_RULE = "\n" + "-" * 40 + "\n\n"


def send_mail(
    user: User,
    template: str,
    facts: dict[str, Any],
    *,
    headers: Mapping[str, str] | None = None,
    connection: BaseEmailBackend | None = None,
) -> bool:
    """Send `email/{template}_subject.txt` and `_message.txt`; return whether it was sent.

    Nothing goes to closed accounts, nor, on a hub that finds out, to an address that nobody has confirmed to be theirs.
    """
    if not user.is_active or not _may_be_mailed(user):
        return False
    subject, text = compose(user, template, facts)
    EmailMessage(subject, text, to=[user.email], headers=dict(headers or {}), connection=connection).send()
    return True


def mail_on_commit(address: str, template: str, facts: dict[str, Any], *, reader: User | None = None) -> None:
    """Send a mail to an address once the caller's transaction commits, whoever has it; a failure only stands in the log.

    reader: whose language it is written in, as they are now; None as compose has it.
    """
    subject, text = compose(reader, template, facts)

    def send() -> None:
        try:
            EmailMessage(subject, text, to=[address]).send()
        except OSError:
            log.exception("The mail “%s” was not sent", template)

    transaction.on_commit(send)


def compose(user: User | None, template: str, facts: dict[str, Any]) -> tuple[str, str]:
    """Return subject and text as `user` reads them; None: somebody without an account, who gets every language."""
    known = [code for code, _name in settings.LANGUAGES]
    languages = [user.language] if user is not None and user.language in known else known
    subjects, texts = [], []
    for language in languages:
        with translation.override(language):
            subjects.append(" ".join(render_to_string(f"email/{template}_subject.txt", facts).split()))
            texts.append(render_to_string(f"email/{template}_message.txt", facts).strip() + "\n")
    return " · ".join(dict.fromkeys(subjects)), _RULE.join(texts) + f"\nGrove · {base_url()}\n"


def _may_be_mailed(user: User) -> bool:
    """Tell whether the address is known to be theirs, on a hub that finds out."""
    if settings.EMAIL_VERIFICATION == "none":
        return True
    return EmailAddress.objects.filter(user=user, email__iexact=user.email, verified=True).exists()
