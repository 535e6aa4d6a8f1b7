"""The second factor: what counts as one, how its secrets stand in the database, and taking it from somebody who lost it."""

import logging

from allauth.mfa import app_settings
from allauth.mfa.models import Authenticator
from django.db import transaction
from django.db.models import Q

from hub.accounts.models import User
from hub.core import encryption
from hub.core.models import record

log = logging.getLogger(__name__)

PURPOSE = "second factor"
# Where allauth keeps what must not be read: the secret of an app, and what the recovery codes come of.
_SECRETS = {Authenticator.Type.TOTP: "secret", Authenticator.Type.RECOVERY_CODES: "seed"}


def codes_left(codes: Authenticator | None) -> int:
    """Return how many recovery codes still open the account, without reading them."""
    return app_settings.RECOVERY_CODE_COUNT - codes.data["used_mask"].bit_count() if codes else 0


def encrypt_secrets() -> int:
    """Encrypt by the present key what an earlier one encrypted, or nobody has; returns how many. Can run twice.

    Afterwards nothing needs an earlier key any more. What no key opens stays as it is, and is told of in the log.
    """
    known = encryption.mark(PURPOSE)
    done = 0
    for kind, field in _SECRETS.items():
        old = Authenticator.objects.filter(~Q(**{f"data__{field}__startswith": known}), type=kind)
        for pk in list(old.values_list("pk", flat=True)):
            done += _encrypt_anew(pk, field, known)
    if done:
        log.info("%d secrets of second factors are encrypted by the present key", done)
    return done


@transaction.atomic
def _encrypt_anew(pk: int, field: str, known: str) -> bool:
    # Locked: a recovery code may be marked as used at the same moment.
    row = Authenticator.objects.select_for_update().filter(pk=pk).first()
    if row is None or row.data[field].startswith(known):
        return False
    try:
        secret = encryption.decrypt(row.data[field], purpose=PURPOSE)
    except encryption.Unreadable:
        log.error("No key of this hub opens the second factor %d: it needs the earlier GROVE_SECRET_KEY", pk)
        return False
    data = {**row.data, field: encryption.encrypt(secret, purpose=PURPOSE)}
    Authenticator.objects.filter(pk=pk).update(data=data)
    return True


@transaction.atomic
def remove_second_factor(*, user: User) -> int:
    """Take all that somebody has lost from their account, for the operator, who has made sure that it is them.

    Returns how many ways to log in that were.
    """
    held = Authenticator.objects.filter(user=user)
    count = held.exclude(type=Authenticator.Type.RECOVERY_CODES).count()
    held.delete()
    if count:
        record(actor=None, verb="second-factor.reset", target=user.username)
    return count
