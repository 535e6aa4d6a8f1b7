"""A security key in software: it signs what browsers ask of one, or what an attacker would rather have signed."""

import json
import os
import re
from dataclasses import dataclass, field
from hashlib import sha256
from html import unescape
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from fido2.cose import ES256
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import AttestationObject, AttestedCredentialData, AuthenticatorData, CollectedClientData

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def question_in(page: bytes) -> dict[str, Any]:
    """What a page has its script ask of a passkey."""
    found = re.search(r'<script id="passkey-question" type="application/json">(.*?)</script>', page.decode(), re.DOTALL)
    assert found, page.decode()
    return json.loads(unescape(found[1]))["publicKey"]


@dataclass
class SoftKey:
    """origin: of the page that it believes to speak to. verifies: whether it asks its owner for a PIN."""

    origin: str = "http://localhost"
    verifies: bool = True
    counter: int = 0
    rp_id: str = ""
    owner: str = ""
    id: bytes = field(default_factory=lambda: os.urandom(16))
    secret: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def create(self, asked: dict[str, Any]) -> dict[str, Any]:
        self.rp_id, self.owner = asked["rp"]["id"], asked["user"]["id"]
        public = ES256.from_cryptography_key(self.secret.public_key())
        made = AttestedCredentialData.create(b"\0" * 16, self.id, public)
        data = AuthenticatorData.create(self._rp(), self._flags() | ATTESTED, self.counter, made)
        response = {
            "clientDataJSON": websafe_encode(self._client("webauthn.create", asked["challenge"])),
            "attestationObject": websafe_encode(AttestationObject.create("none", data, {})),
        }
        return self._answer(response) | {"clientExtensionResults": {"credProps": {"rk": True}}}

    def get(self, asked: dict[str, Any], **told: Any) -> dict[str, Any]:
        """Answer a question; `told` replaces what is told of the page: origin, crossOrigin."""
        self.counter += bool(self.counter)
        data = AuthenticatorData.create(self._rp(), self._flags(), self.counter)
        client = self._client("webauthn.get", asked["challenge"], **told)
        response = {
            "clientDataJSON": websafe_encode(client),
            "authenticatorData": websafe_encode(data),
            "signature": websafe_encode(self.secret.sign(data + client.hash, ec.ECDSA(SHA256()))),
            "userHandle": self.owner,
        }
        return self._answer(response)

    def _answer(self, response: dict[str, str]) -> dict[str, Any]:
        name = websafe_encode(self.id)
        return {"id": name, "rawId": name, "type": "public-key", "response": response, "clientExtensionResults": {}}

    def _client(self, what: str, challenge: str, **told: Any) -> CollectedClientData:
        cross = told.get("crossOrigin", False)
        return CollectedClientData.create(what, websafe_decode(challenge), told.get("origin", self.origin), cross)

    def _rp(self) -> bytes:
        return sha256(self.rp_id.encode()).digest()

    def _flags(self) -> int:
        return PRESENT | (VERIFIED if self.verifies else 0)
