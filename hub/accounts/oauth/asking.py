"""Who asks at the authorization server, and what, in the form that Authlib reads."""

from authlib.integrations.django_oauth2.requests import DjangoOAuth2Payload, DjangoOAuth2Request
from authlib.oauth2.rfc6749 import ClientMixin, OAuth2Error, OAuth2Request, scope_to_list
from authlib.oauth2.rfc8628 import DeviceCodeGrant
from django.http import HttpRequest

from hub.accounts.models import Application, Right, digest_of
from hub.core import callers, links

DEVICE_GRANT = DeviceCodeGrant.GRANT_TYPE
EXCHANGE_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
GRANTS = ["authorization_code", "refresh_token", DEVICE_GRANT]
AUTH_METHODS = ["client_secret_basic", "client_secret_post", "none"]
MAX_PARAMETER = 2000  # characters
# Parameters that stand in error descriptions and on pages: RFC 6749 allows them printable ASCII, and not these.
_NAMED = ("client_id", "grant_type", "redirect_uri", "response_type", "scope")
_NEVER = set('"\\')


class Unreadable(OAuth2Error):
    """A parameter is longer, or has other characters, than the protocol has it."""

    error = "invalid_request"


class Client(ClientMixin):
    """An application as Authlib asks about it."""

    def __init__(self, application: Application) -> None:
        self.application = application

    @property
    def _is_tool(self) -> bool:
        return self.application.owner_id is None

    def get_client_id(self) -> str:
        return self.application.client_id

    def get_default_redirect_uri(self) -> None:
        """None: an application says where it wants its answer."""

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """What it asks for and may have; scopes of other hubs are left out. None, which is refused, where nothing is left."""
        asked = scope_to_list(scope) or (self.application.rights if self._is_tool else [Right.OPENID])
        return " ".join(right for right in dict.fromkeys(asked) if right in self.application.rights) or None

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri in self.application.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        # Digests are compared, so that the time it takes tells nothing of the secret.
        return self.application.secret_digest == digest_of(client_secret)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return (method != "none") == self.application.confidential

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code" and not self._is_tool

    def check_grant_type(self, grant_type: str) -> bool:
        if self._is_tool:
            return grant_type in (DEVICE_GRANT, "refresh_token")
        if grant_type == "refresh_token":
            return Right.OFFLINE in self.application.rights
        return grant_type == "authorization_code"


class Request(DjangoOAuth2Request):
    """A request as Authlib reads it. Whether it came by https is the operator's and the proxy's matter: a hub in a lab's
    network may have plain http, like everything else that it serves there."""

    def __init__(self, request: HttpRequest) -> None:
        OAuth2Request.__init__(self, request.method or "", f"https://{request.get_host()}{request.path}")
        self.headers = request.headers
        self.payload = DjangoOAuth2Payload(request)
        self._request = request
        for name, value in self.payload.data.items():
            if len(value) > MAX_PARAMETER or "\0" in value:
                raise Unreadable(f"The parameter is too long or cannot be read: {name}" if name in _NAMED else None)
            if name in _NAMED and not (value.isascii() and value.isprintable() and not set(value) & _NEVER):
                raise Unreadable(f"The parameter has characters that it cannot have: {name}")

    @property
    def agent(self) -> str:
        """What the caller calls itself."""
        return "".join(c for c in self._request.headers.get("User-Agent", "") if c.isprintable())

    @property
    def address(self) -> str:
        return callers.address_of(self._request)

    @property
    def base(self) -> str:
        return links.base_url(self._request)
