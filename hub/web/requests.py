"""The shape of requests in views that only members reach."""

from django.http import HttpRequest

from hub.accounts.models import User


class MemberRequest(HttpRequest):
    """A request behind `login_required`: somebody is logged in. For the type checker only."""

    user: User
