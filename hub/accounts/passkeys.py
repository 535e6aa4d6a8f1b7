"""Passkeys and security keys: where they work, what is kept of them, and which of their answers open an account.

allauth keeps them and leads through the pages, fido2 reads and checks what they sign. What neither asks is asked here: that the
answer was made on the very address of this hub, that its counter has moved on, and, where nothing else is asked for, that the
passkey has made sure of its owner by a PIN, a finger or a face.
"""

import ipaddress
import json
import logging
import struct
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from allauth.account.utils import url_str_to_user_pk
from allauth.core import context
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal import auth
from cryptography.exceptions import UnsupportedAlgorithm
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from fido2.cose import CoseKey
from fido2.server import Fido2Server
from fido2.utils import websafe_encode
from fido2.webauthn import (
    AttestationObject,
    AuthenticationResponse,
    AuthenticatorData,
    PublicKeyCredentialRpEntity,
    RegistrationResponse,
)

from hub.accounts.errors import PasskeyRefused
from hub.accounts.models import User
from hub.core import links
from hub.core.models import record

log = logging.getLogger(__name__)

MAX_PASSKEYS = 20  # of one account
MAX_NAME = 60
MAX_ANSWER = 16 * 1024  # characters of what a browser sends; the longest attestations have half of that
_COUNTER = "sign_count"
# What decoding fails with that was written for what authenticators send, where anybody sends anything.
_BROKEN = (
    *(ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError),
    *(struct.error, UnsupportedAlgorithm, ValidationError),
)


# --- where they work ------------------------------------------------------------------------------------------------------


def host_of(base: str) -> str:
    """Return the name that passkeys are made for, from the address of the hub."""
    return urlsplit(base).hostname or ""


def origin_of(base: str) -> str:
    """Return the address of the hub as browsers write it into what passkeys sign."""
    parts = urlsplit(base)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    usual = {"https": 443, "http": 80}.get(parts.scheme)
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port not in (None, usual) else "")


def work_at(base: str) -> bool:
    """Whether browsers let pages of this address use passkeys: those of a name, by https or on the machine itself."""
    host = host_of(base)
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return urlsplit(base).scheme == "https"
    return False


def made_for(passkey: Authenticator, base: str) -> bool:
    """Whether the passkey was made while the hub had this name: after a change of it, it opens nothing."""
    data: AuthenticatorData = passkey.wrap().authenticator_data
    return data.rp_id_hash == sha256(host_of(base).encode()).digest()


def passkeys_of(user: User) -> list[Authenticator]:
    """Those of somebody, the oldest first."""
    return list(Authenticator.objects.filter(user=user, type=Authenticator.Type.WEBAUTHN).order_by("created_at", "pk"))


# --- adding and changing --------------------------------------------------------------------------------------------------


def check_registration(*, user: User, answer: str) -> dict[str, Any]:
    """Return what is to be kept of a new passkey, from what the browser sent. Raises PasskeyRefused.

    Which make it is stays with its owner: of the attestation nothing is kept.
    """
    state = _spend_state()
    try:
        response = RegistrationResponse.from_dict(json.loads(answer))
        data = _server().register_complete(state, response)
        made = data.credential_data
        assert made is not None
        known = made.public_key.ALGORITHM in CoseKey.supported_algorithms()
        if response.response.client_data.cross_origin or not known:
            raise ValueError("Made for another page, or by what cannot be checked")
        taken = any(each.credential_id == made.credential_id for each in auth.get_credentials(user))
    except _BROKEN as error:
        raise _refused("added", error) from error
    if taken:
        raise PasskeyRefused(_("Your account has this passkey already."), field="credential")
    return _kept(response, data)


def _kept(response: RegistrationResponse, data: AuthenticatorData) -> dict[str, Any]:
    properties = response.client_extension_results.get("credProps")
    resident = properties.get("rk") if isinstance(properties, dict) else None
    return {
        "id": response.id,
        "rawId": response.id,
        "type": "public-key",
        "response": {
            "clientDataJSON": websafe_encode(response.response.client_data),
            "attestationObject": websafe_encode(AttestationObject.create("none", data, {})),
        },
        "clientExtensionResults": {"credProps": {"rk": resident}} if isinstance(resident, bool) else {},
    }


def check_room(*, user: User) -> None:
    """Hold the account in the caller's transaction, and see that it may have one more passkey. Raises PasskeyRefused."""
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    if Authenticator.objects.filter(user=user, type=Authenticator.Type.WEBAUTHN).count() >= MAX_PASSKEYS:
        raise PasskeyRefused(
            _("An account has at most %(count)d passkeys. Remove one that you no longer use.") % {"count": MAX_PASSKEYS}
        )


@transaction.atomic
def rename_passkey(*, user: User, passkey_id: int, name: str) -> None:
    """Call one of the user's passkeys otherwise; where it has just gone, nothing changes."""
    found = Authenticator.objects.select_for_update().filter(pk=passkey_id, user=user, type=Authenticator.Type.WEBAUTHN)
    for passkey in found:
        Authenticator.objects.filter(pk=passkey.pk).update(data={**passkey.data, "name": name})


# --- opening an account ---------------------------------------------------------------------------------------------------


def check_answer(*, user: User | None, answer: str, alone: bool) -> Authenticator:
    """Return the passkey that gave this answer to what the session was asked, which it cannot be asked again.

    user: whose it has to be; None: whose it says it is. alone: nothing else is asked for, so it must have made sure of its
    owner. Raises PasskeyRefused.
    """
    state = _spend_state()
    try:
        response = AuthenticationResponse.from_dict(json.loads(answer))
        owner = user or _owner(response)
        given = response.response
        if given.client_data.cross_origin or (alone and not given.authenticator_data.is_user_verified()):
            raise ValueError("Made for another page, or without a look at who holds it")
        _server().authenticate_complete(state, auth.get_credentials(owner), response)
        passkey = auth.get_authenticator_by_credential_id(owner, response.raw_id)
        if passkey is None:
            raise ValueError("Removed in the meantime")
    except _BROKEN as error:
        raise _refused("used", error) from error
    if not _count(passkey, given.authenticator_data.counter):
        log.warning("The counter of a passkey of %s went back: there may be a copy of it", owner.username)
        record(actor=owner, verb="second-factor.copied", target=owner.username, passkey=passkey.pk)
        raise _refused("used", None)
    return passkey


def _owner(response: AuthenticationResponse) -> User:
    handle = (response.response.user_handle or b"").decode()
    user = User.objects.filter(pk=url_str_to_user_pk(handle)).first() if handle else None
    if user is None:
        raise ValueError("It does not say whose it is")
    return user


@transaction.atomic
def _count(passkey: Authenticator, counter: int) -> bool:
    """Keep the counter of an answer; False where it has not moved on. Those of passkeys that can be copied stay at zero."""
    row = Authenticator.objects.select_for_update().filter(pk=passkey.pk).first()
    if row is None:
        return False
    last = row.data.get(_COUNTER, row.wrap().authenticator_data.counter)
    if (counter or last) and counter <= last:
        return False
    Authenticator.objects.filter(pk=row.pk).update(data={**row.data, _COUNTER: counter})
    return True


# --- what the session was asked -------------------------------------------------------------------------------------------


def _spend_state() -> dict[str, Any]:
    """Return what the session was asked last; the next answer needs a new question."""
    state: dict[str, Any] | None = auth.get_state()
    auth.clear_state()
    if state is None:
        raise PasskeyRefused(_("That took too long. Try again."), field="credential")
    return state


def _server() -> Fido2Server:
    here = origin_of(links.base_url(context.request))
    entity = PublicKeyCredentialRpEntity(**get_adapter().get_public_key_credential_rp_entity())
    return Fido2Server(entity, verify_origin=lambda origin: origin == here)


def _refused(what: str, error: Exception | None) -> PasskeyRefused:
    log.info("A passkey was not %s: %s", what, error)
    return PasskeyRefused(_("That passkey was not accepted. Try again, or choose another one."), field="credential")
