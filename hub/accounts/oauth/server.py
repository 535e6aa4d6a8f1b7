"""The authorization server: its grants together, and the tokens that it gives.

Every call of `token` runs in one transaction, in which the code or the refresh token that it spends is locked.
"""

from collections.abc import Callable
from typing import Any

from authlib.integrations.django_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import OAuth2Error, scope_to_list
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from hub.accounts import sign_in
from hub.accounts.applications import find_application
from hub.accounts.models import Right, SignIn, User
from hub.accounts.oauth.asking import Client, Request
from hub.accounts.oauth.grants import (
    Challenge,
    CodeGrant,
    DeviceEndpoint,
    DeviceGrant,
    IdToken,
    RefreshGrant,
    Revocation,
)


class Server(AuthorizationServer):
    """Authlib's server on the hub's rows."""

    def __init__(self) -> None:
        super().__init__(None, None)
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
        renewed = request.refresh_token
        opened = renewed.row.sign_in if renewed is not None else self._open(request, rights)
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
    return _answer(_server.create_token_response, request)


def ask_by_device(request: HttpRequest) -> HttpResponse:
    """Answer a tool that asks to be let in."""
    return _answer(lambda given: _server.create_endpoint_response("device_authorization", given), request)


def revoke(request: HttpRequest) -> HttpResponse:
    """Answer at the revocation endpoint."""
    return _answer(lambda given: _server.create_endpoint_response("revocation", given), request)


def wish(request: HttpRequest, user: User | None) -> CodeGrant:
    """Return what an application asks of `user`, checked; None where nobody is logged in.

    Raises OAuth2Error; where it has a `redirect_uri`, that has been checked and leads back to the application.
    """
    return _server.get_consent_grant(Request(request), user)


def grant(wished: CodeGrant, user: User | None) -> HttpResponse:
    """Send the browser back to the application, with a code, or with a no where `user` is None."""
    return _server.create_authorization_response(wished.request, user, wished)


def refuse(request: HttpRequest, error: OAuth2Error) -> HttpResponse:
    """Send the browser back to the application with an error that it may be told. `error.redirect_uri` is set."""
    error.state = request.GET.get("state") or request.POST.get("state") or None
    return _server.handle_response(*error(None))


def _answer(respond: Callable[[Request], HttpResponse], request: HttpRequest) -> HttpResponse:
    try:
        with transaction.atomic():
            return respond(Request(request))
    except OAuth2Error as error:
        return _server.handle_response(*error(None))
