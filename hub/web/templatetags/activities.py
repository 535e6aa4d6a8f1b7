"""Activities as HTML."""

from collections.abc import Sequence

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from hub.community import wording
from hub.community.models import Activity, Notification
from hub.web.templatetags.grove import in_order

register = template.Library()


@register.filter
def said(activity: Activity) -> wording.Said:
    """An activity in words: `{% with words=activity|said %}`."""
    return wording.said(activity)


@register.filter
def said_together(entry: Sequence[Activity]) -> wording.Said:
    """What stands together in a feed, in words."""
    return wording.said_together(entry)


@register.filter
def notified(entry: Sequence[Notification]) -> wording.Said:
    """What notifications tell that stand together, in words."""
    return wording.said_together([each.activity for each in entry])


@register.filter
def plain_sentence(said: wording.Said) -> SafeString:
    """The sentence without links, for one that is a link itself."""
    return mark_safe(said.sentence % {name: _isolated(part) for name, part in said.parts.items()})  # noqa: S308 - as below


@register.filter
def sentence(said: wording.Said) -> SafeString:
    """The sentence, with links where its parts lead somewhere. What people wrote is escaped and keeps to its own direction."""
    parts = {name: _part(part) for name, part in said.parts.items()}
    return mark_safe(said.sentence % parts)  # noqa: S308 - the sentence is ours; _part escapes what goes into it


def _isolated(part: wording.Part) -> SafeString:
    return format_html("<bdi>{}</bdi>", in_order(part.text))


def _part(part: wording.Part) -> SafeString:
    text = _isolated(part)
    return format_html('<a href="{}">{}</a>', part.path, text) if part.path else text
