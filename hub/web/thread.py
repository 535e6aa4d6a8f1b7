"""A discussion as one visitor sees it: its events in their order, what stands under each, and what the visitor may do."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Count, Q
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from hub.accounts.models import Membership, Someone, User
from hub.accounts.permissions import check_not_suspended
from hub.community.models import AnswerVote, Discussion, DiscussionEvent, Emoji, Reaction
from hub.community.models.discussion import EventQuerySet
from hub.community.permissions import check_may_join, may_edit, may_show_again, may_steer, may_take_away
from hub.community.writing.text import render_texts
from hub.core.errors import HubError
from hub.core.markdown import Rendered
from hub.repos.permissions import may_write

PER_PAGE = 100
# What each sign says, for those who do not see it.
WORDS = {
    Emoji.THUMBS_UP: _("Agree"),
    Emoji.THUMBS_DOWN: _("Disagree"),
    Emoji.LAUGH: _("Funny"),
    Emoji.HOORAY: _("Hooray"),
    Emoji.CONFUSED: _("Puzzled"),
    Emoji.HEART: _("Thanks"),
    Emoji.ROCKET: _("Great"),
    Emoji.EYES: _("Watching"),
}
SIGNS = [(emoji.value, emoji.label, words) for emoji, words in WORDS.items()]


@dataclass(frozen=True)
class Sign:
    """A sign under a comment. emoji: its name; shown: itself; mine: whether the visitor is one of `count`."""

    emoji: str
    shown: str
    words: str
    count: int
    mine: bool


@dataclass(frozen=True)
class Shown:
    """An event as one visitor sees it. role: owner, member, author or nothing; rendered: a comment's text.

    votes: None where the comment is no answer to a question.
    """

    event: DiscussionEvent
    role: str = ""
    rendered: Rendered | None = None
    own: bool = False
    may_edit: bool = False
    may_take_away: bool = False
    may_show_again: bool = False
    may_join: bool = False
    may_accept: bool = False
    is_answer: bool = False
    signs: list[Sign] = field(default_factory=list)
    votes: int | None = None
    voted: bool = False

    @property
    def html(self) -> SafeString | str:
        return self.rendered.html if self.rendered else ""

    @property
    def edited_at(self) -> datetime | None:
        return self.event.edited_at

    @property
    def may_vote(self) -> bool:
        return self.may_join and self.votes is not None and not self.own


@dataclass(frozen=True)
class Visitor:
    """What somebody may do in one discussion. kept_out: why a member says nothing there; empty for those who may, and for
    visitors without an account."""

    user: Someone
    maintains: bool
    steers: bool
    may_join: bool
    kept_out: str


def visitor_of(user: Someone, discussion: Discussion) -> Visitor:
    maintains = may_write(user, discussion.repository)
    kept_out = ""
    if isinstance(user, User) and not maintains:
        try:
            check_not_suspended(user)
            check_may_join(user, discussion)
        except HubError as error:
            kept_out = error.message
    may_join = user.is_authenticated and not kept_out
    return Visitor(user, maintains, may_join and (maintains or may_steer(user, discussion)), may_join, kept_out)


def events_of(discussion: Discussion, user: Someone) -> EventQuerySet:
    """Return what `user` may read in a discussion, in no order, with what it takes to show it."""
    return (
        discussion.events.readable_by(user)
        .select_related("author", "hidden_by", "source__author", "source__discussion__repository__namespace")
        .prefetch_related("edits")
    )


def place_of(discussion: Discussion, event: DiscussionEvent, user: Someone) -> str:
    """Return where an event is shown: its page and its place there, the events in their usual order."""
    before = 1
    if event.pk != discussion.answer_id:
        earlier = discussion.events.readable_by(user).filter(pk__lt=event.pk).exclude(pk=discussion.answer_id or 0)
        before = earlier.count() + (discussion.answer_id is not None and not event.is_opening)
    page = before // PER_PAGE + 1
    return f"{discussion.get_absolute_url()}{f'?page={page}' if page > 1 else ''}#{event.anchor}"


def shown_of(visitor: Visitor, discussion: Discussion, events: Iterable[DiscussionEvent]) -> list[Shown]:
    """Return events as a visitor sees them. As many queries for many events as for few."""
    events = list(events)
    for event in events:
        event.discussion = discussion
    there = [event for event in events if event.is_comment and not event.hidden]
    roles = _roles(discussion, events)
    rendered = render_texts(discussion.repository, {e.anchor: e.text for e in there}, reader=visitor.user)
    signs = _signs(there, visitor.user)
    answers = {e.pk for e in there if discussion.is_question and not e.is_opening}
    votes = _votes(answers, visitor.user)
    return [
        Shown(
            event,
            role=roles.get(event.author_id, ""),
            rendered=rendered.get(event.anchor),
            own=event.author_id is not None and event.author_id == visitor.user.pk,
            may_edit=event.is_comment and visitor.may_join and may_edit(visitor.user, event),
            may_take_away=event.is_comment and may_take_away(visitor.user, event, maintains=visitor.maintains),
            may_show_again=event.hidden and may_show_again(event, maintains=visitor.maintains),
            may_join=visitor.may_join and event.is_comment and not event.hidden,
            may_accept=event.pk in answers and visitor.steers,
            is_answer=event.pk == discussion.answer_id,
            signs=signs.get(event.pk, []),
            votes=votes.get(event.pk, (0, False))[0] if event.pk in answers else None,
            voted=votes.get(event.pk, (0, False))[1],
        )
        for event in events
    ]


def _roles(discussion: Discussion, events: list[DiscussionEvent]) -> dict[int | None, str]:
    repo = discussion.repository
    authors = {event.author_id for event in events if event.author_id is not None}
    roles: dict[int | None, str] = {}
    if discussion.author_id is not None:
        roles[discussion.author_id] = "author"
    if repo.namespace.user_id is not None:
        roles[repo.namespace.user_id] = "owner"
    else:
        members = Membership.objects.filter(organization=repo.namespace.organization, user__in=authors)
        roles |= dict.fromkeys(members.values_list("user_id", flat=True), "member")
    return roles


def _signs(comments: list[DiscussionEvent], user: Someone) -> dict[int, list[Sign]]:
    rows = Reaction.objects.filter(comment__in=comments).order_by().values_list("comment", "emoji")
    counted = rows.annotate(count=Count("pk"), mine=Count("pk", filter=Q(user=user.pk)))
    found: dict[int, dict[str, tuple[int, bool]]] = defaultdict(dict)
    for comment, emoji, count, mine in counted:
        found[comment][emoji] = (count, bool(mine))
    return {
        comment: [
            Sign(emoji, shown, str(words), *of_comment[emoji]) for emoji, shown, words in SIGNS if emoji in of_comment
        ]
        for comment, of_comment in found.items()
    }


def _votes(answers: set[int], user: Someone) -> dict[int, tuple[int, bool]]:
    if not answers:
        return {}
    rows = AnswerVote.objects.filter(comment__in=answers).order_by().values_list("comment")
    counted = rows.annotate(count=Count("pk"), mine=Count("pk", filter=Q(user=user.pk)))
    return {comment: (count, bool(mine)) for comment, count, mine in counted}
