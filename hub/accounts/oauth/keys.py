"""The key that id tokens are signed with."""

from functools import cache
from typing import Any

from django.conf import settings
from joserfc.jwk import RSAKey

from hub.kept_secrets import kept_secret

ALGORITHM = "RS256"  # the one that every client of OpenID Connect knows
_BITS = 2048


@cache
def signing_key() -> RSAKey:
    """Return the operator's key, or the one that the data folder keeps; its `kid` is its RFC 7638 thumbprint."""
    pem = settings.OIDC_KEY or kept_secret(settings.DATA_DIR / "oidc_key.pem", make=_new_key)
    key = RSAKey.import_key(pem)
    key.ensure_kid()
    return key


def key_set() -> dict[str, Any]:
    """Return the public half as a JWK set."""
    return {"keys": [{**signing_key().as_dict(private=False), "use": "sig", "alg": ALGORITHM}]}


def _new_key() -> str:
    return RSAKey.generate_key(_BITS, private=True).as_pem(private=True).decode()
