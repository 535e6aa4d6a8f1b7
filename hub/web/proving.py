"""Who makes what outlives a browser's log-in, such as a token, shows first that it is still them."""

from allauth.account.decorators import reauthentication_required
from django.http import HttpRequest

from hub.accounts import sessions


def _is_needed(request: HttpRequest) -> bool:
    return request.method == "POST" and request.user.is_authenticated and not sessions.is_fresh(request)


# What was sent is done once the password or a passkey has shown who it is. A session that was stolen earlier gets no further.
proof_needed = reauthentication_required(app="allauth.account", enabled=_is_needed)
