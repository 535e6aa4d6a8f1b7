"""Questions: discussions that wait for an answer. Those who may steer the discussion decide which comment is the answer;
everybody says with a vote which answers are good."""

from django.db import transaction
from django.utils.translation import gettext as _

from hub.accounts.models import User
from hub.community.activities import note
from hub.community.discussions.services import (
    add_event,
    check_steering,
    count_post,
    drop_answer,
    lock_comment,
    lock_discussion,
    target_of,
)
from hub.community.errors import NotAnAnswer, NotAQuestion, NothingChanged, OwnAnswer
from hub.community.models import ActivityKind, AnswerVote, Discussion, DiscussionEvent, EventKind
from hub.community.permissions import check_may_join, check_not_blocked
from hub.core.models import record


@transaction.atomic
def set_question(*, discussion: Discussion, actor: User, is_question: bool) -> Discussion:
    """Turn a discussion into a question, or back; an answer that was accepted is one no more then. Votes are kept.

    Raises NotYourDiscussion, NotAQuestion for pull requests, NothingChanged, DiscussionLocked, Blocked, TooMany.
    """
    discussion = lock_discussion(discussion)
    check_steering(actor, discussion)
    if discussion.is_pull_request:
        raise NotAQuestion(_("A pull request is no question. Open a discussion to ask one."))
    if discussion.is_question == is_question:
        raise NothingChanged(
            _("This discussion is a question already.") if is_question else _("This discussion is no question.")
        )
    count_post(actor)
    if discussion.answer_id is not None:
        drop_answer(discussion, actor)
    discussion.is_question = is_question
    discussion.save(update_fields=["is_question"])
    record(
        actor=actor,
        verb="discussion.question" if is_question else "discussion.no_question",
        target=target_of(discussion),
    )
    return discussion


@transaction.atomic
def accept_answer(*, comment: DiscussionEvent, actor: User) -> DiscussionEvent:
    """Take a comment for the answer to its question, in place of another one; returns the change.

    Raises NotYourDiscussion, NotAQuestion, NotAnAnswer, CommentHidden, NothingChanged, DiscussionLocked, Blocked, TooMany.
    """
    comment = _locked_answer(comment)
    discussion = comment.discussion
    check_steering(actor, discussion)
    if discussion.answer_id == comment.pk:
        raise NothingChanged(_("This answer is accepted already."))
    count_post(actor)
    event = add_event(discussion, actor, kind=EventKind.ANSWER, source=comment)
    discussion.answer = comment
    discussion.save(update_fields=["answer"])
    record(actor=actor, verb="answer.accept", target=target_of(discussion), comment=comment.pk)
    note(ActivityKind.ANSWER, actor=actor, discussion=discussion, event=comment)
    return event


@transaction.atomic
def take_answer_back(*, discussion: Discussion, actor: User) -> DiscussionEvent:
    """Have a question wait for an answer again; returns the change.

    Raises NotYourDiscussion, NothingChanged, DiscussionLocked, Blocked, TooMany.
    """
    discussion = lock_discussion(discussion)
    check_steering(actor, discussion)
    if discussion.answer_id is None:
        raise NothingChanged(_("No answer is accepted here."))
    count_post(actor)
    record(actor=actor, verb="answer.take_back", target=target_of(discussion), comment=discussion.answer_id)
    return drop_answer(discussion, actor)


@transaction.atomic
def vote(*, comment: DiscussionEvent, actor: User, wanted: bool) -> None:
    """Hold a comment for a good answer, or no more. A second time changes nothing.

    Raises NotAQuestion, NotAnAnswer, OwnAnswer, CommentHidden, DiscussionLocked, Blocked, TooMany.
    """
    check_may_join(actor, comment.discussion)
    check_not_blocked(actor, comment.author_id)
    if comment.author_id == actor.pk:
        raise OwnAnswer(_("You wrote this answer yourself: others say how good it is."))
    count_post(actor)
    comment = _locked_answer(comment)
    if wanted:
        AnswerVote.objects.get_or_create(comment=comment, user=actor)
    else:
        AnswerVote.objects.filter(comment=comment, user=actor).delete()


def _locked_answer(comment: DiscussionEvent) -> DiscussionEvent:
    """Return a comment that may answer its question, the question's row locked.

    Raises NotAQuestion, NotAnAnswer, CommentHidden.
    """
    comment = lock_comment(comment)
    if not comment.discussion.is_question:
        raise NotAQuestion(_("This discussion is no question, so nothing in it is an answer."))
    if comment.is_opening:
        raise NotAnAnswer(_("This is the question itself. Choose one of the comments below it."))
    return comment
