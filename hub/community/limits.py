"""How much one person may say in a short time, and how much less who has only just signed up: spam comes from new accounts.

People who were invited, and administrators, are held to the ordinary limits alone.
"""

import re
from datetime import datetime, timedelta
from enum import StrEnum

from django.conf import settings
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from hub.accounts.models import OneTimeLink, User
from hub.community.errors import NewAccount, TooManyLinks
from hub.core.errors import TooMany
from hub.core.throttles import check_rate

HOUR, DAY = 3600, 86400


class Act(StrEnum):
    """What is counted. Beside it: how often a new account may, in how many seconds."""

    POST = "post"
    DISCUSSION = "discussion"
    REVIEW = "review"
    REPORT = "report"
    LIKE = "like"
    FOLLOW = "follow"
    PICTURE = "picture"
    COLLECTION = "collection"


OF_NEW_ACCOUNTS: dict[Act, tuple[int, int]] = {
    Act.POST: (10, HOUR),
    Act.DISCUSSION: (5, DAY),
    Act.REVIEW: (3, DAY),
    Act.REPORT: (10, DAY),
    Act.LIKE: (50, DAY),
    Act.FOLLOW: (30, DAY),
    Act.PICTURE: (20, DAY),
    Act.COLLECTION: (5, DAY),
}
LINKS_OF_NEW_ACCOUNTS = 2
MENTIONS_OF_NEW_ACCOUNTS = 3
# Roughly, and on the side of finding too many: what is counted is how many people or addresses a text could reach.
_LINK = re.compile(r"https?://|www\.", re.IGNORECASE)
_MENTION = re.compile(r"(?<![\w/.@])@([A-Za-z0-9][A-Za-z0-9._-]*)")


def is_new(user: User) -> bool:
    """Tell whether the account is so young that the narrow limits hold. A query only in its first days."""
    if settings.NEW_ACCOUNT_DAYS <= 0 or user.is_staff or timezone.now() >= _grown_up_at(user):
        return False
    return not OneTimeLink.objects.filter(used_by=user, purpose=OneTimeLink.Purpose.INVITATION).exists()


def check_pace(user: User, act: Act) -> None:
    """Count one more act of a new account. Raises NewAccount, which says when it gets better."""
    if not is_new(user):
        return
    limit, seconds = OF_NEW_ACCOUNTS[act]
    try:
        check_rate(f"new-{act}", user.pk, limit=limit, seconds=seconds)
    except TooMany as error:
        text = _("An account as new as yours may do this %(limit)d times a day. Try again later.")
        if seconds == HOUR:
            text = _("An account as new as yours may do this %(limit)d times an hour. Try again later.")
        text = f"{text % {'limit': limit}} {_ends(user)}"
        raise NewAccount(text, retry_after=error.retry_after) from error


def check_words(user: User, text: str, *, field: str = "text") -> None:
    """Hold what a new account writes to few links and few people. Raises TooManyLinks."""
    if len(_LINK.findall(text)) > LINKS_OF_NEW_ACCOUNTS and is_new(user):
        refused = _("A text of an account as new as yours may hold %(max)d links. Take some out.")
        raise TooManyLinks(f"{refused % {'max': LINKS_OF_NEW_ACCOUNTS}} {_ends(user)}", field=field)
    people = {name.lower() for name in _MENTION.findall(text)}
    if len(people) > MENTIONS_OF_NEW_ACCOUNTS and is_new(user):
        refused = _("A text of an account as new as yours may mention %(max)d people. Take some out.")
        raise TooManyLinks(f"{refused % {'max': MENTIONS_OF_NEW_ACCOUNTS}} {_ends(user)}", field=field)


def _grown_up_at(user: User) -> datetime:
    return user.date_joined + timedelta(days=settings.NEW_ACCOUNT_DAYS)


def _ends(user: User) -> str:
    when = date_format(timezone.localtime(_grown_up_at(user)), "DATETIME_FORMAT")
    return _("This limit ends on %(when)s.") % {"when": when}
