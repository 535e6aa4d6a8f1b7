"""Who speaks: the bearer token of a tool, or the password of Basic, which git and git-lfs send."""

import base64
import binascii

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from hub.accounts.models import AccessToken, RepoReader, Someone, User
from hub.accounts.services import user_of_token
from hub.api.errors import BadToken
from hub.core.errors import HubError
from hub.jobs import tokens


def user_of_request(request: HttpRequest) -> Someone:
    """Return who speaks by the Authorization header alone. Raises BadToken for a header that opens nothing, and
    IdentityOnly. It is found out once, however often it is asked in one request."""
    said: Someone | HubError | None = getattr(request, "speaker", None)
    if said is None:
        try:
            said = _speaker(request)
        except HubError as error:
            said = error
        request.speaker = said  # type: ignore[attr-defined]
    if isinstance(said, HubError):
        raise said
    return said


def _speaker(request: HttpRequest) -> Someone:
    header = request.headers.get("Authorization", "")
    if not header:
        return AnonymousUser()
    secret = _secret_in(header)
    user: Someone | None = None
    if secret.startswith(tokens.PREFIX):
        user = tokens.reader_of(secret)
    elif secret:
        user = user_of_token(secret)
    if user is None:
        raise BadToken
    return user


def _secret_in(header: str) -> str:
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return ""


class TokenAuthentication(BaseAuthentication):
    """Tokens only: a browser's cookie never speaks on the client protocol, so no page can write in its visitor's name."""

    def authenticate(self, request: Request) -> tuple[User | RepoReader, AccessToken | None] | None:
        user = user_of_request(request._request)
        # Plain-Django parts (errors, logging) read the user from the request beneath.
        request._request.user = user
        if isinstance(user, RepoReader):
            return user, None
        return (user, user.acting_token) if isinstance(user, User) else None

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"
