"""Signing in by another provider of OpenID Connect, as django-allauth asks for it: `GROVE_OIDC_ISSUER` tells which.

Stricter than allauth's own: the id token is checked by its signature and has to answer the nonce of this sign-in, the provider
has to be the issuer that was configured, and what it tells of somebody has to be of whom the id token is.
"""

import secrets
from typing import Any
from urllib.parse import urlencode

from allauth.account.models import EmailAddress
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialApp, SocialLogin, SocialToken
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from hub.core import links

# Those that need no secret shared with the provider.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
CLOCKS_APART = 60  # seconds


class Connection(OpenIDConnectOAuth2Adapter):
    """One exchange with the provider. nonce: what its id token has to answer."""

    nonce = ""

    @property
    def openid_config(self) -> dict[str, Any]:
        configuration: dict[str, Any] = super().openid_config
        if str(configuration.get("issuer", "")).rstrip("/") != settings.OIDC_ISSUER:
            raise OAuth2Error(f"{settings.OIDC_ISSUER} calls itself {configuration.get('issuer')!r}")
        return configuration

    def complete_login(self, request: HttpRequest, app: SocialApp, token: SocialToken, **kwargs: Any) -> SocialLogin:
        """Return whom the provider has signed in. Raises OAuth2Error."""
        identity = self._claims(app, str(kwargs["response"].get("id_token", "")))
        told = self._fetch_user_info(token.token)
        if not isinstance(told, dict) or told.get("sub") != identity["sub"]:
            raise OAuth2Error("The provider tells of somebody else than it signed in")
        return self.get_provider().sociallogin_from_response(request, {"userinfo": told, "id_token": identity})

    def _claims(self, app: SocialApp, id_token: str) -> dict[str, Any]:
        with get_adapter().get_requests_session() as session:
            answer = session.get(self.openid_config["jwks_uri"])
            answer.raise_for_status()
        wanted = jwt.JWTClaimsRegistry(
            leeway=CLOCKS_APART,
            iss={"essential": True, "value": self.openid_config["issuer"]},
            aud={"essential": True, "value": app.client_id},
            exp={"essential": True},
            sub={"essential": True},
            nonce={"essential": True, "value": self.nonce},
        )
        try:
            claims = jwt.decode(id_token, KeySet.import_key_set(answer.json()), algorithms=ALGORITHMS).claims
            wanted.validate(claims)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise OAuth2Error("The id token is not good") from error
        if not self.nonce or claims.get("azp", app.client_id) != app.client_id:
            raise OAuth2Error("The id token is for somebody else")
        return claims

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        return links.base_url(request) + reverse("sso_callback")


class SingleSignOn(OpenIDConnectProvider):
    """The one provider that a hub has at most."""

    id = "sso"
    name = "OpenID Connect"
    oauth2_adapter_class = Connection
    supports_token_authentication = False

    def get_login_url(self, request: HttpRequest, **kwargs: Any) -> str:
        return reverse("sso_login") + (f"?{urlencode(kwargs)}" if kwargs else "")

    def get_callback_url(self) -> str:
        return reverse("sso_callback")

    def redirect(self, request: HttpRequest, process: str, **kwargs: Any) -> HttpResponse:
        """Send the browser to the provider, with a nonce of this one sign-in. Nobody else has a say in what is asked."""
        nonce = secrets.token_urlsafe(24)
        asked = {"scope": self.get_scope(), "auth_params": {"nonce": nonce}, "nonce": nonce}
        return super().redirect(request, process, next_url=kwargs.get("next_url"), **asked)

    def extract_email_addresses(self, data: dict[str, Any]) -> list[EmailAddress]:
        """The address, as confirmed where the provider says so and the operator believes it."""
        told = data["userinfo"]
        if not told.get("email"):
            return []
        verified = settings.OIDC_TRUST_EMAIL and told.get("email_verified") is True
        return [EmailAddress(email=str(told["email"]).lower(), verified=verified, primary=True)]


provider_classes = [SingleSignOn]
