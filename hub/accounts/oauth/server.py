"""The authorization server: which grants it takes, and how they use the rows of `hub.accounts`.

Every call of `token` runs in one transaction, in which the code or the refresh token that it spends is locked.
"""

import time
from typing import Any

from authlib.integrations.django_oauth2 import AuthorizationServer
from authlib.integrations.django_oauth2.requests import DjangoOAuth2Payload, DjangoOAuth2Request
from authlib.oauth2.rfc6749 import ClientMixin, OAuth2Error, OAuth2Request, scope_to_list
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant, RefreshTokenGrant
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc8628 import DeviceAuthorizationEndpoint, DeviceCodeGrant
from authlib.oidc.core.grants import OpenIDCode
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from hub.accounts import sign_in
from hub.accounts.applications import find_application
from hub.accounts.models import (
    AccessToken,
    Application,
    AuthorizationCode,
    DeviceRequest,
    RefreshToken,
    Right,
    SignIn,
    User,
    digest_of,
)
from hub.accounts.oauth import keys
from hub.accounts.oauth.claims import claims_of
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

    def get_allowed_scope(self, scope: str | None) -> str:
        asked = scope_to_list(scope) or ([] if not self._is_tool else self.application.rights)
        return " ".join(right for right in dict.fromkeys(asked) if right in self.application.rights)

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


class Code:
    """A code of an application as Authlib asks about it."""

    def __init__(self, row: AuthorizationCode) -> None:
        self.row = row
        self.code_challenge = row.challenge
        self.code_challenge_method = "S256"

    def get_redirect_uri(self) -> str:
        return self.row.redirect_uri

    def get_scope(self) -> str:
        return " ".join(self.row.rights)

    def get_nonce(self) -> str:
        return self.row.nonce

    def get_auth_time(self) -> int:
        return self.row.auth_time

    def get_acr(self) -> None:
        """No context classes are told."""

    def get_amr(self) -> None:
        """No methods are told."""


class CodeGrant(AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = AUTH_METHODS

    def save_authorization_code(self, code: str, request: Request) -> None:
        given = request.payload.data
        sign_in.save_code(
            code=code,
            user=request.user,
            application=request.client.application,
            redirect_uri=self.redirect_uri,
            rights=scope_to_list(request.scope),
            nonce=given.get("nonce", "")[:255],
            challenge=given.get("code_challenge", ""),
            auth_time=int((request.user.last_login.timestamp() if request.user.last_login else time.time())),
        )

    def query_authorization_code(self, code: str, client: Client) -> Code | None:
        row = sign_in.find_code(code=code, application=client.application)
        return Code(row) if row else None

    def delete_authorization_code(self, authorization_code: Code) -> None:
        """It stays until it is pruned, so that a second use is noticed."""

    def authenticate_user(self, authorization_code: Code) -> User:
        return authorization_code.row.user


class Challenge(CodeChallenge):
    """PKCE by S256 alone: for applications without a secret always, for the others where they send it."""

    DEFAULT_CODE_CHALLENGE_METHOD = "S256"
    SUPPORTED_CODE_CHALLENGE_METHOD = ["S256"]

    def validate_code_challenge(self, grant: CodeGrant, redirect_uri: str) -> None:
        if not grant.request.client.application.confidential and not grant.request.payload.data.get("code_challenge"):
            raise Unreadable("Applications without a secret send a code_challenge (S256).")
        super().validate_code_challenge(grant, redirect_uri)


class IdToken(OpenIDCode):
    """The id token that goes with the tokens of an application that asked for `openid`."""

    def exists_nonce(self, nonce: str, request: Request) -> bool:
        return False  # A code is spent once, and its id token with it; that is what a nonce is compared with.

    def get_client_algorithm(self, client: Client) -> str:
        return keys.ALGORITHM

    def get_encode_header(self, client: Client) -> dict[str, str | None]:
        return {"alg": keys.ALGORITHM, "kid": keys.signing_key().kid, "typ": "JWT"}

    def resolve_client_private_key(self, client: Client) -> Any:
        return keys.signing_key()

    def get_compatible_claims(self, request: Request) -> dict[str, Any]:
        now = int(time.time())
        return {
            "iss": request.base,
            "aud": request.client.get_client_id(),
            "iat": now,
            "exp": now + self.DEFAULT_EXPIRES_IN,
        }

    def encode_id_token(self, token: dict[str, Any], request: Request) -> str:
        self._base = request.base
        return str(super().encode_id_token(token, request))

    def generate_user_info(self, user: User, scope: str) -> dict[str, Any]:
        return claims_of(user, scope_to_list(scope), self._base)


class Refresh:
    """A refresh token as Authlib asks about it."""

    def __init__(self, row: RefreshToken) -> None:
        self.row = row

    def check_client(self, client: Client) -> bool:
        return bool(self.row.sign_in.application_id == client.application.pk)

    def get_scope(self) -> str:
        return " ".join(self.row.sign_in.rights)


class RefreshGrant(RefreshTokenGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = AUTH_METHODS
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> Refresh | None:
        row = sign_in.use_refresh_token(secret=refresh_token, application=self.request.client.application)
        return Refresh(row) if row else None

    def authenticate_user(self, refresh_token: Refresh) -> User:
        return refresh_token.row.sign_in.user

    def revoke_old_credential(self, refresh_token: Refresh) -> None:
        """`use_refresh_token` has spent it."""


class Device:
    """What a tool asked, as Authlib asks about it."""

    def __init__(self, row: DeviceRequest) -> None:
        self.row = row

    def get_client_id(self) -> str:
        return self.row.application.client_id

    def get_scope(self) -> str:
        return " ".join(self.row.rights)

    def get_user_code(self) -> DeviceRequest:
        return self.row

    def is_expired(self) -> bool:
        return self.row.expired or self.row.state == DeviceRequest.State.SPENT


class DeviceGrant(DeviceCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = AUTH_METHODS

    def query_device_credential(self, device_code: str) -> Device | None:
        row = sign_in.poll_device(device_code=device_code)
        return Device(row) if row else None

    def query_user_grant(self, user_code: DeviceRequest) -> tuple[User | None, bool] | None:
        if user_code.state == DeviceRequest.State.WAITING:
            return None
        approved = user_code.state == DeviceRequest.State.APPROVED
        return user_code.user, approved and user_code.user is not None and user_code.user.is_active

    def should_slow_down(self, credential: Device) -> bool:
        return credential.row.asked_too_soon


class DeviceEndpoint(DeviceAuthorizationEndpoint):
    CLIENT_AUTH_METHODS = AUTH_METHODS

    def create_endpoint_response(self, request: Request) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        client = self.authenticate_client(request)
        if not client.check_grant_type(DEVICE_GRANT):
            raise Unreadable("This application cannot be let in by a code.")
        self.server.validate_requested_scope(request.payload.scope)
        device_code = self.generate_device_code()
        asked = sign_in.ask_by_device(
            application=client.application,
            rights=scope_to_list(client.get_allowed_scope(request.payload.scope)),
            device_code=device_code,
            agent=request.agent,
            address=request.address,
        )
        uri = f"{request.base}/device"
        answer = {
            "device_code": device_code,
            "user_code": asked.shown_code,
            "verification_uri": uri,
            "verification_uri_complete": f"{uri}?code={asked.shown_code}",
            "expires_in": int(sign_in.DEVICE_LIFE.total_seconds()),
            "interval": asked.interval,
        }
        return 200, answer, [("Content-Type", "application/json"), ("Cache-Control", "no-store")]


class Held:
    """A token that is given back, as Authlib asks about it."""

    def __init__(self, sign_in: SignIn) -> None:
        self.sign_in = sign_in

    def check_client(self, client: Client) -> bool:
        return bool(self.sign_in.application_id == client.application.pk)


class Revocation(RevocationEndpoint):
    CLIENT_AUTH_METHODS = AUTH_METHODS

    def query_token(self, token_string: str, token_type_hint: str | None) -> Held | None:
        digest = digest_of(token_string)
        refresh = RefreshToken.objects.filter(digest=digest).select_related("sign_in__user").first()
        if refresh is not None:
            return Held(refresh.sign_in)
        access = (
            AccessToken.objects.filter(digest=digest, sign_in__isnull=False).select_related("sign_in__user").first()
        )
        return Held(access.sign_in) if access and access.sign_in else None

    def revoke_token(self, token: Held, request: Request) -> None:
        sign_in.end_sign_in(user=token.sign_in.user, sign_in_id=token.sign_in.pk)


class Server(AuthorizationServer):
    """Authlib's server on the hub's rows."""

    def __init__(self) -> None:
        super().__init__(None, None)
        self.scopes_supported = Right.values
        self.register_grant(CodeGrant, [Challenge(), IdToken()])
        self.register_grant(RefreshGrant)
        self.register_grant(DeviceGrant)
        self.register_endpoint(DeviceEndpoint)
        self.register_endpoint(Revocation)

    def query_client(self, client_id: str) -> Client | None:
        application = find_application(client_id)
        return Client(application) if application else None

    def create_oauth2_request(self, request: HttpRequest | Request) -> Request:
        return request if isinstance(request, Request) else Request(request)

    def generate_token(
        self,
        grant_type: str,
        client: Client,
        user: User | None = None,
        scope: str | None = None,
        expires_in: int | None = None,
        include_refresh_token: bool = True,
    ) -> dict[str, Any]:
        rights = scope_to_list(scope) or []
        life = sign_in.TOOL_LIFE if client.application.owner_id is None else sign_in.APPLICATION_LIFE
        token = {
            "token_type": "Bearer",
            "access_token": sign_in.new_access_secret(),
            "expires_in": int(life.total_seconds()),
            "scope": " ".join(rights),
        }
        if include_refresh_token and (client.application.owner_id is None or Right.OFFLINE in rights):
            token["refresh_token"] = sign_in.new_refresh_secret()
        return token

    def save_token(self, token: dict[str, Any], request: Request) -> None:
        rights = scope_to_list(token["scope"]) or []
        issued = sign_in.Issued(token["access_token"], token.get("refresh_token", ""), token["expires_in"])
        if request.refresh_token is not None:
            opened = request.refresh_token.row.sign_in
        else:
            opened = self._open(request, rights)
        sign_in.issue_tokens(sign_in=opened, rights=rights, issued=issued)

    def _open(self, request: Request, rights: list[str]) -> SignIn:
        asked = request.credential.row if request.credential else None
        opened = sign_in.open_sign_in(
            user=request.user,
            application=request.client.application,
            rights=rights,
            agent=asked.agent if asked else request.agent,
            address=asked.address if asked else request.address,
        )
        sign_in.spend(asked or request.authorization_code.row, opened)
        return opened


_server = Server()


def token(request: HttpRequest) -> HttpResponse:
    """Answer at the token endpoint."""
    return _answer(lambda given: _server.create_token_response(given), request)


def ask_by_device(request: HttpRequest) -> HttpResponse:
    """Answer a tool that asks to be let in."""
    return _answer(lambda given: _server.create_endpoint_response("device_authorization", given), request)


def revoke(request: HttpRequest) -> HttpResponse:
    """Answer at the revocation endpoint."""
    return _answer(lambda given: _server.create_endpoint_response("revocation", given), request)


def wish(request: HttpRequest, user: User) -> CodeGrant:
    """Return what an application asks of `user`, checked. Raises OAuth2Error; it may lead back to the application by
    `redirect_uri`, which has been checked then."""
    return _server.get_consent_grant(Request(request), user)


def grant(wished: CodeGrant, user: User | None) -> HttpResponse:
    """Send the browser back to the application, with a code, or with a no where `user` is None."""
    return _server.create_authorization_response(wished.request, user, wished)


def refuse(request: HttpRequest, error: OAuth2Error) -> HttpResponse:
    """Send the browser back to the application with an error that it may be told. `error.redirect_uri` is set."""
    error.state = request.GET.get("state") or request.POST.get("state") or None
    return _server.handle_response(*error(None))


def _answer(respond: Any, request: HttpRequest) -> HttpResponse:
    try:
        with transaction.atomic():
            return respond(Request(request))
    except OAuth2Error as error:
        return _server.handle_response(*error(None))
