"""What somebody has said that they want to hear of, asked for where it is shown."""

from typing import Any

from django import template
from django.utils.translation import gettext

from hub.accounts.models import Someone
from hub.community.models import Discussion
from hub.community.notifications.subscriptions import level_of
from hub.repos.models import Repository

register = template.Library()


@register.filter
def in_my_language(text: str) -> str:
    """A sentence of ours that was kept before anybody knew who would read it."""
    return gettext(text) if text else ""


@register.simple_tag
def level(user: Someone, repo: Repository, discussion: Any = None) -> str:
    """`watching`, `muted` or "": `{% level user repo as chosen %}`. Of the discussion, where there is one. One query."""
    if isinstance(discussion, Discussion):
        return level_of(user, discussion=discussion)
    return level_of(user, repository=repo)
