"""Questions and their answers, votes, signs under comments, what maintainers keep in order, and mentions from elsewhere."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection

from hub.accounts.models import User
from hub.community import moderating
from hub.community.discussions import cross_references
from hub.community.discussions.maintaining import MAX_PINNED, set_locked, set_pinned, show_comment_again
from hub.community.discussions.pull_requests import open_pull_request
from hub.community.discussions.questions import accept_answer, set_question, take_answer_back, vote
from hub.community.discussions.reactions import set_reaction
from hub.community.discussions.services import (
    edit_comment,
    open_discussion,
    post_comment,
    rename_discussion,
    set_status,
    take_comment_away,
)
from hub.community.errors import (
    Blocked,
    CommentHidden,
    DiscussionLocked,
    NotAnAnswer,
    NotAQuestion,
    NothingChanged,
    NotYourComment,
    NotYourDiscussion,
    OwnAnswer,
    TooManyPinned,
)
from hub.community.models import (
    Activity,
    AnswerVote,
    Block,
    Discussion,
    DiscussionEvent,
    Emoji,
    EventKind,
    Reaction,
)
from hub.core.errors import HubError, Invalid
from hub.core.models import AuditEvent
from hub.repos.models import Repository, Visibility
from tests.factories import make_organization, make_repo, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _many_posts(settings: Any) -> None:
    settings.POSTS_PER_MINUTE = 1000


@pytest.fixture
def question(repo: Repository, asker: User) -> Discussion:
    return open_discussion(repo=repo, actor=asker, title="Which tokenizer?", text="Not said.", is_question=True)


def kinds(discussion: Discussion) -> list[tuple[str, str]]:
    return list(discussion.events.order_by("pk").values_list("kind", "after"))


def told(discussion: Discussion) -> list[str]:
    return list(Activity.objects.filter(discussion=discussion).order_by("pk").values_list("kind", flat=True))


def at_once(act: Callable[[User], None], people: list[User]) -> list[str]:
    """Have all of them do it at the same time; return what they were refused."""

    def one(person: User) -> str:
        try:
            act(person)
        except HubError as error:
            return error.code
        finally:
            connection.close()
        return ""

    with ThreadPoolExecutor(len(people)) as pool:
        return [code for code in pool.map(one, people) if code]


# --- questions ----------------------------------------------------------------------------------------------------------


def test_an_answer_is_accepted_changed_and_taken_back(question: Discussion, asker: User, owner: User) -> None:
    first = post_comment(discussion=question, actor=make_user(), text="That of its base.")
    second = post_comment(discussion=question, actor=make_user(), text="Its own.")
    with pytest.raises(NotYourDiscussion):
        accept_answer(comment=first, actor=make_user())
    accept_answer(comment=first, actor=asker)
    with pytest.raises(NothingChanged):
        accept_answer(comment=first, actor=owner)
    event = accept_answer(comment=second, actor=owner)
    question.refresh_from_db()
    assert question.answer == second and event.source == second and not Discussion.objects.unanswered()
    take_answer_back(discussion=question, actor=asker)
    with pytest.raises(NothingChanged):
        take_answer_back(discussion=question, actor=asker)
    assert list(Discussion.objects.unanswered()) == [question]
    changes = question.events.filter(kind=EventKind.ANSWER).order_by("pk")
    assert [change.source for change in changes] == [first, second, None]
    assert told(question) == ["question", "comment", "comment", "answer", "answer"]
    assert AuditEvent.objects.filter(verb="answer.accept").count() == 2


def test_what_answers_nothing(question: Discussion, repo: Repository, asker: User) -> None:
    opening = question.events.get()
    plain = open_discussion(repo=repo, actor=asker, title="Plain", text="t")
    said = post_comment(discussion=plain, actor=make_user(), text="t")
    gone = post_comment(discussion=question, actor=make_user(), text="t")
    take_comment_away(comment=gone, actor=gone.author)  # type: ignore[arg-type]
    for comment, error in [(opening, NotAnAnswer), (said, NotAQuestion), (gone, CommentHidden)]:
        with pytest.raises(error):
            accept_answer(comment=comment, actor=asker)
        with pytest.raises(error):
            vote(comment=comment, actor=make_user(), wanted=True)


def test_a_question_becomes_a_discussion_and_one_again(question: Discussion, asker: User, owner: User) -> None:
    accept_answer(comment=post_comment(discussion=question, actor=owner, text="a"), actor=asker)
    with pytest.raises(NotYourDiscussion):
        set_question(discussion=question, actor=make_user(), is_question=False)
    changed = set_question(discussion=question, actor=asker, is_question=False)
    assert changed.answer is None and not changed.is_question
    with pytest.raises(NothingChanged):
        set_question(discussion=question, actor=asker, is_question=False)
    assert set_question(discussion=question, actor=owner, is_question=True).is_question
    pull = open_pull_request(repo=question.repository, actor=owner, title="t")
    with pytest.raises(NotAQuestion):
        set_question(discussion=pull.discussion, actor=owner, is_question=True)


def test_an_answer_that_goes_leaves_the_question_open(question: Discussion, asker: User, owner: User) -> None:
    helper = make_user()
    for take in (
        lambda comment: take_comment_away(comment=comment, actor=helper),
        lambda comment: take_comment_away(comment=comment, actor=owner),
        lambda comment: moderating.hide_comment(comment=comment, actor=make_user()),
    ):
        comment = post_comment(discussion=question, actor=helper, text="a")
        accept_answer(comment=comment, actor=asker)
        take(comment)
        question.refresh_from_db()
        assert question.answer is None and kinds(question)[-1] == (EventKind.ANSWER, "")


def test_votes_are_one_each_and_not_for_oneself(question: Discussion) -> None:
    helper, other = make_user(), make_user()
    comment = post_comment(discussion=question, actor=helper, text="a")
    for _ in range(2):
        vote(comment=comment, actor=other, wanted=True)
    assert AnswerVote.objects.count() == 1
    with pytest.raises(OwnAnswer):
        vote(comment=comment, actor=helper, wanted=True)
    vote(comment=comment, actor=other, wanted=False)
    vote(comment=comment, actor=other, wanted=False)
    assert not AnswerVote.objects.exists()


def test_answers_come_accepted_first_then_as_said_or_by_votes(question: Discussion, asker: User) -> None:
    opening = question.events.get()
    a, b, c = (post_comment(discussion=question, actor=make_user(), text=name) for name in "abc")
    for comment, votes in [(a, 1), (b, 2)]:
        for _ in range(votes):
            vote(comment=comment, actor=make_user(), wanted=True)
    change = accept_answer(comment=c, actor=asker)
    question.refresh_from_db()
    assert list(question.events.all().in_order(question)) == [opening, c, a, b, change]
    assert list(question.events.all().answers_by_votes(question)) == [opening, c, b, a]


@pytest.mark.django_db(transaction=True)
def test_votes_signs_and_acceptances_at_once_neither_collide_nor_double() -> None:
    asker, people = make_user(), [make_user() for _ in range(4)]
    discussion = open_discussion(repo=make_repo(), actor=asker, title="t", text="t", is_question=True)
    answers = [post_comment(discussion=discussion, actor=make_user(), text="t") for _ in range(4)]
    assert at_once(lambda person: vote(comment=answers[0], actor=person, wanted=True), people * 3) == []
    assert AnswerVote.objects.filter(comment=answers[0]).count() == 4

    def sign(person: User) -> None:
        set_reaction(comment=answers[0], actor=person, emoji=Emoji.HEART, wanted=True)

    assert at_once(sign, people * 3) == []
    assert Reaction.objects.filter(comment=answers[0], emoji=Emoji.HEART).count() == 4
    chosen = iter(answers)
    assert at_once(lambda _person: accept_answer(comment=next(chosen), actor=asker) and None, people) == []
    discussion.refresh_from_db()
    changes = discussion.events.filter(kind=EventKind.ANSWER).order_by("pk")
    # The last one to be told of is the one that stands.
    assert len(changes) == 4 and changes[3].source_id == discussion.answer_id
    assert at_once(lambda _person: accept_answer(comment=answers[3], actor=asker) and None, people).count(
        "NothingChanged"
    ) in (3, 4)


# --- signs --------------------------------------------------------------------------------------------------------------


def test_signs_are_of_one_sort_each_and_none_other(question: Discussion) -> None:
    opening, person = question.events.get(), make_user()
    before = question.active_at
    for emoji in (Emoji.HEART, Emoji.HEART, Emoji.ROCKET):
        set_reaction(comment=opening, actor=person, emoji=emoji, wanted=True)
    set_reaction(comment=opening, actor=person, emoji=Emoji.ROCKET, wanted=False)
    assert list(Reaction.objects.values_list("emoji", flat=True)) == ["heart"]
    with pytest.raises(Invalid):
        set_reaction(comment=opening, actor=person, emoji="shrug", wanted=True)
    question.refresh_from_db()
    assert question.active_at == before and told(question) == ["question"]
    comment = post_comment(discussion=question, actor=person, text="t")
    set_reaction(comment=comment, actor=person, emoji=Emoji.HEART, wanted=True)
    take_comment_away(comment=comment, actor=person)
    assert not comment.reactions.exists()
    with pytest.raises(CommentHidden):
        set_reaction(comment=comment, actor=person, emoji=Emoji.HEART, wanted=True)


# --- order --------------------------------------------------------------------------------------------------------------


def test_in_a_locked_discussion_only_maintainers_act(question: Discussion, asker: User, owner: User) -> None:
    helper = make_user()
    comment = post_comment(discussion=question, actor=helper, text="a")
    with pytest.raises(NotYourDiscussion):
        set_locked(discussion=question, actor=asker, locked=True)
    set_locked(discussion=question, actor=owner, locked=True)
    question.refresh_from_db()
    comment.discussion = question
    for act in (
        lambda: post_comment(discussion=question, actor=helper, text="b"),
        lambda: edit_comment(comment=comment, actor=helper, text="b"),
        lambda: set_status(discussion=question, actor=asker, status="closed"),
        lambda: rename_discussion(discussion=question, actor=asker, title="b"),
        lambda: set_question(discussion=question, actor=asker, is_question=False),
        lambda: accept_answer(comment=comment, actor=asker),
        lambda: vote(comment=comment, actor=asker, wanted=True),
        lambda: set_reaction(comment=comment, actor=asker, emoji=Emoji.HEART, wanted=True),
    ):
        with pytest.raises(DiscussionLocked):
            act()
    post_comment(discussion=question, actor=owner, text="b")
    # What one has said oneself can always be taken back.
    take_comment_away(comment=comment, actor=helper)
    set_locked(discussion=question, actor=owner, locked=False)
    post_comment(discussion=question, actor=helper, text="c")
    changes = [(kind, after) for kind, after in kinds(question) if kind == EventKind.LOCK]
    assert changes == [(EventKind.LOCK, "locked"), (EventKind.LOCK, "unlocked")]


def test_who_is_blocked_says_nothing_to_whoever_blocked_them(
    question: Discussion, repo: Repository, asker: User, owner: User
) -> None:
    blocked, other = make_user(), make_user()
    comment = post_comment(discussion=question, actor=other, text="a")
    of_owner = post_comment(discussion=question, actor=owner, text="a")
    Block.objects.create(blocker=asker, blocked=blocked)
    for act in (
        lambda: post_comment(discussion=question, actor=blocked, text="b"),
        lambda: vote(comment=comment, actor=blocked, wanted=True),
        lambda: set_reaction(comment=comment, actor=blocked, emoji=Emoji.HEART, wanted=True),
    ):
        with pytest.raises(Blocked):
            act()
    elsewhere = open_discussion(repo=repo, actor=blocked, title="t", text="t")
    Block.objects.all().delete()
    Block.objects.create(blocker=owner, blocked=blocked)
    for act in (
        lambda: open_discussion(repo=repo, actor=blocked, title="t", text="t"),
        lambda: post_comment(discussion=elsewhere, actor=blocked, text="b"),
        lambda: set_reaction(comment=of_owner, actor=blocked, emoji=Emoji.HEART, wanted=True),
    ):
        with pytest.raises(Blocked):
            act()


def test_so_many_are_pinned_and_not_more(repo: Repository, owner: User, asker: User) -> None:
    opened = [open_discussion(repo=repo, actor=asker, title=str(n), text="t") for n in range(MAX_PINNED + 1)]
    with pytest.raises(NotYourDiscussion):
        set_pinned(discussion=opened[0], actor=asker, pinned=True)
    before = opened[0].active_at
    for discussion in opened[:MAX_PINNED]:
        set_pinned(discussion=discussion, actor=owner, pinned=True)
    with pytest.raises(NothingChanged):
        set_pinned(discussion=opened[0], actor=owner, pinned=True)
    with pytest.raises(TooManyPinned):
        set_pinned(discussion=opened[-1], actor=owner, pinned=True)
    set_pinned(discussion=opened[0], actor=owner, pinned=False)
    set_pinned(discussion=opened[-1], actor=owner, pinned=True)
    opened[0].refresh_from_db()
    assert opened[0].active_at == before
    assert kinds(opened[0])[1:] == [(EventKind.PIN, "pinned"), (EventKind.PIN, "unpinned")]


@pytest.mark.django_db(transaction=True)
def test_pinning_at_once_keeps_to_the_limit() -> None:
    repo = make_repo()
    owner = repo.created_by
    assert owner is not None
    opened = iter([open_discussion(repo=repo, actor=owner, title=str(n), text="t") for n in range(MAX_PINNED + 2)])
    refused = at_once(
        lambda _person: set_pinned(discussion=next(opened), actor=owner, pinned=True) and None,
        [owner] * (MAX_PINNED + 2),
    )
    assert refused == ["TooManyPinned"] * 2 and repo.discussions.filter(pinned_at__isnull=False).count() == MAX_PINNED


def test_maintainers_show_again_what_maintainers_hid(question: Discussion, asker: User, owner: User) -> None:
    comment = post_comment(discussion=question, actor=asker, text="kept")
    take_comment_away(comment=comment, actor=owner)
    comment.refresh_from_db()
    with pytest.raises(NotYourDiscussion):
        show_comment_again(comment=comment, actor=asker)
    show_comment_again(comment=comment, actor=owner)
    comment.refresh_from_db()
    assert (comment.hidden, comment.text) == (False, "kept")
    with pytest.raises(NothingChanged):
        show_comment_again(comment=comment, actor=owner)
    moderating.hide_comment(comment=comment, actor=make_user(admin=True))
    comment.refresh_from_db()
    with pytest.raises(NotYourComment):
        show_comment_again(comment=comment, actor=owner)
    gone = post_comment(discussion=question, actor=asker, text="gone")
    take_comment_away(comment=gone, actor=asker)
    gone.refresh_from_db()
    with pytest.raises(NothingChanged):
        show_comment_again(comment=gone, actor=owner)


# --- mentions from elsewhere --------------------------------------------------------------------------------------------


@pytest.fixture
def commit(django_capture_on_commit_callbacks: Any) -> Any:
    return lambda: django_capture_on_commit_callbacks(execute=True)


def mentions(discussion: Discussion, reader: Any = None) -> list[DiscussionEvent]:
    found = discussion.events.readable_by(reader or AnonymousUser()).filter(kind=EventKind.REFERENCE)
    return list(found.order_by("pk").values_list("source", flat=True))


def test_a_mention_is_told_where_it_leads_once_and_quietly(repo: Repository, asker: User, commit: Any) -> None:
    target, near = (open_discussion(repo=repo, actor=asker, title=title, text="t") for title in "tn")
    elsewhere = open_discussion(repo=make_repo(), actor=asker, title="e", text="t")
    before, number = target.active_at, Activity.objects.count()
    with commit():
        comment = post_comment(
            discussion=elsewhere, actor=asker, text=f"See {repo.full_name}#1, again {repo.full_name}#1 and #1 itself."
        )
    with commit():
        edit_comment(comment=comment, actor=asker, text=f"See {repo.full_name}#1 and {repo.full_name}#2.")
    assert mentions(target) == mentions(near) == [comment.pk] and mentions(elsewhere) == []
    target.refresh_from_db()
    assert target.active_at == before and Activity.objects.count() == number + 1
    with commit():
        edit_comment(comment=comment, actor=asker, text=f"See {repo.full_name}#2.")
    assert mentions(target) == [] and mentions(near) == [comment.pk]
    take_comment_away(comment=comment, actor=asker)
    assert mentions(near) == []


def test_a_mention_is_for_those_who_may_read_both(asker: User, commit: Any) -> None:
    admin, member = make_user(), make_user()
    organization = make_organization(admin, read=member)
    private = make_repo(admin, organization=organization, visibility=Visibility.PRIVATE)
    public = make_repo(admin, organization=organization)
    secret = open_discussion(repo=private, actor=admin, title="secret", text="t")
    open_discussion(repo=public, actor=admin, title="open", text="t")
    with commit():
        said = post_comment(discussion=secret, actor=admin, text=f"{public.full_name}#1")
        # Whoever does not see a discussion tells it nothing.
        open_discussion(repo=make_repo(), actor=asker, title="t", text=f"{private.full_name}#1")
    target = Discussion.objects.get(repository=public)
    assert mentions(target) == mentions(target, asker) == [] and mentions(target, member) == [said.pk]
    assert mentions(secret, admin) == []
    organization.memberships.filter(user=member).delete()
    assert mentions(target, member) == []


def test_mentions_are_bounded_and_respect_locks(
    repo: Repository, asker: User, owner: User, commit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cross_references, "MAX_TARGETS", 2)
    monkeypatch.setattr(cross_references, "MAX_SOURCES", 1)
    targets = [open_discussion(repo=repo, actor=asker, title=str(n), text="t") for n in range(3)]
    set_locked(discussion=targets[0], actor=owner, locked=True)
    source = open_discussion(repo=repo, actor=asker, title="s", text="t")
    with commit():
        first = post_comment(discussion=source, actor=asker, text="#1 #2 #3")
    assert [mentions(target) for target in targets] == [[], [first.pk], []]
    with commit():
        post_comment(discussion=source, actor=asker, text="#2")
    assert mentions(targets[1]) == [first.pk]


@pytest.mark.django_db(transaction=True)
def test_two_that_mention_each_other_at_once_wait_for_nobody() -> None:
    repo, people = make_repo(), [make_user() for _ in range(4)]
    one, other = (open_discussion(repo=repo, actor=people[0], title=title, text="t") for title in "ab")
    places = iter([(one, "#2"), (other, "#1")] * 2)

    def say(person: User) -> None:
        discussion, text = next(places)
        post_comment(discussion=discussion, actor=person, text=text)

    assert at_once(say, people) == []
    assert len(mentions(one)) == len(mentions(other)) == 2
