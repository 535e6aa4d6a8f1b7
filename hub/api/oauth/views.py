"""The endpoints that programs ask. Errors of the protocol itself have its own shape: `error`, `error_description`."""

from django.http import HttpRequest, HttpResponse, JsonResponse

from hub.accounts.models import Right
from hub.accounts.oauth import keys, server
from hub.accounts.oauth.asking import AUTH_METHODS, EXCHANGE_GRANT, GRANTS
from hub.accounts.oauth.claims import claims_of
from hub.accounts.services import live_token
from hub.api.bodies import read_object
from hub.api.edge import plain_view
from hub.api.errors import BadToken
from hub.core.errors import Forbidden
from hub.core.links import base_url

CLAIMS = ["sub", "name", "preferred_username", "picture", "profile", "website", "email", "email_verified", "orgs"]


@plain_view("POST")
def device(request: HttpRequest) -> HttpResponse:
    """POST /oauth/device: a tool asks to be let in (RFC 8628); answers with the code for its person."""
    return server.ask_by_device(request)


@plain_view("POST")
def token(request: HttpRequest) -> HttpResponse:
    """POST /oauth/token: codes and refresh tokens become tokens."""
    if request.content_type == "application/json":
        return _exchange(read_object(request).get("grant_type"))
    if request.POST.get("grant_type") == EXCHANGE_GRANT:
        return _exchange(EXCHANGE_GRANT)
    return server.token(request)


def _exchange(grant_type: object) -> HttpResponse:
    """Refuse what CI systems send to prove who they are by a token of their own."""
    said = (
        "This hub does not exchange the identity of a CI system for a token. Make an access token in your settings, "
        "and give it to the job as HF_TOKEN."
        if grant_type == EXCHANGE_GRANT
        else "Send the parameters as a form (application/x-www-form-urlencoded)."
    )
    error = "unsupported_grant_type" if grant_type == EXCHANGE_GRANT else "invalid_request"
    return JsonResponse({"error": error, "error_description": said}, status=400)


@plain_view("POST")
def revoke(request: HttpRequest) -> HttpResponse:
    """POST /oauth/revoke: an application gives its tokens back (RFC 7009)."""
    return server.revoke(request)


@plain_view("GET", "POST")
def user_info(request: HttpRequest) -> HttpResponse:
    """/oauth/userinfo: who the owner of an application's token is, as far as the application may know."""
    scheme, _space, secret = request.headers.get("Authorization", "").partition(" ")
    found = live_token(secret.strip()) if scheme.lower() == "bearer" else None
    if found is None or found.sign_in is None:
        raise BadToken
    rights = found.sign_in.rights
    if Right.OPENID not in rights:
        raise Forbidden("This token was not given for signing in. The application has to ask for the scope openid.")
    response = JsonResponse(claims_of(found.user, rights, base_url(request)))
    response["Cache-Control"] = "no-store"
    return response


@plain_view("GET", "HEAD")
def configuration(request: HttpRequest) -> HttpResponse:
    """GET /.well-known/openid-configuration: where everything is, and what is taken."""
    base = base_url(request)
    return _public(
        {
            "issuer": base,
            "authorization_endpoint": f"{base}/oauth/authorize",
            "token_endpoint": f"{base}/oauth/token",
            "device_authorization_endpoint": f"{base}/oauth/device",
            "userinfo_endpoint": f"{base}/oauth/userinfo",
            "revocation_endpoint": f"{base}/oauth/revoke",
            "jwks_uri": f"{base}/.well-known/jwks.json",
            "scopes_supported": Right.values,
            "claims_supported": CLAIMS,
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": GRANTS,
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [keys.ALGORITHM],
            "token_endpoint_auth_methods_supported": AUTH_METHODS,
            "revocation_endpoint_auth_methods_supported": AUTH_METHODS,
            "code_challenge_methods_supported": ["S256"],
            "prompt_values_supported": ["none", "login", "consent"],
            "request_parameter_supported": False,
            "request_uri_parameter_supported": False,
        }
    )


@plain_view("GET", "HEAD")
def key_set(request: HttpRequest) -> HttpResponse:
    """GET /.well-known/jwks.json: what id tokens are checked with."""
    return _public(keys.key_set())


def _public(body: object) -> HttpResponse:
    response = JsonResponse(body)
    response["Access-Control-Allow-Origin"] = "*"
    response["Cache-Control"] = "public, max-age=300"
    return response
