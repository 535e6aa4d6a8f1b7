"""The grants that the authorization server takes, on the rows of `hub.accounts`."""

import time
from typing import Any

from authlib.oauth2.rfc6749 import InvalidScopeError, scope_to_list
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant, RefreshTokenGrant
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc8628 import DeviceAuthorizationEndpoint, DeviceCodeGrant
from authlib.oidc.core.grants import OpenIDCode

from hub.accounts import sign_in
from hub.accounts.models import AccessToken, AuthorizationCode, DeviceRequest, RefreshToken, SignIn, User, digest_of
from hub.accounts.oauth import keys
from hub.accounts.oauth.asking import AUTH_METHODS, DEVICE_GRANT, Client, Request, Unreadable
from hub.accounts.oauth.claims import claims_of

ID_TOKEN_SECONDS = 3600


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
            auth_time=int(request.user.last_login.timestamp() if request.user.last_login else time.time()),
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
        about = {"iss": request.base, "aud": request.client.get_client_id(), "iat": now, "exp": now + ID_TOKEN_SECONDS}
        return about | claims_of(request.user, request.authorization_code.row.rights, request.base)

    def generate_user_info(self, user: User, scope: str) -> dict[str, Any]:
        """Nothing more: all of it is told above, where the hub's address is known."""
        return {}


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
        rights = client.get_allowed_scope(request.payload.scope)
        if rights is None:
            raise InvalidScopeError()
        device_code = self.generate_device_code()
        asked = sign_in.ask_by_device(
            application=client.application,
            rights=scope_to_list(rights),
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
