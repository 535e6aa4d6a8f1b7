"""What may be said where, by whom, and what is left of it."""

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection

from hub.accounts.models import AccessToken, User
from hub.community.discussions import services
from hub.community.discussions.services import (
    edit_comment,
    open_discussion,
    post_comment,
    rename_discussion,
    set_status,
    take_comment_away,
)
from hub.community.errors import (
    CommentHidden,
    CommentNotFound,
    DiscussionFull,
    DiscussionNotFound,
    NothingChanged,
    NotYourComment,
    NotYourDiscussion,
)
from hub.community.models import Discussion, DiscussionEvent
from hub.community.permissions import get_comment, get_discussion, get_repo_for_posting
from hub.community.writing.text import MAX_TEXT, render_texts
from hub.core.errors import Invalid, TooMany
from hub.core.models import AuditEvent
from hub.repos.errors import ReadOnlyToken, RepoNotFound, WriteNeedsSignIn
from hub.repos.models import Repository, Visibility
from hub.repos.services import delete_repo, next_number
from tests.factories import make_organization, make_repo, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def discussion(repo: Repository, asker: User) -> Discussion:
    return open_discussion(repo=repo, actor=asker, title="Which tokenizer?", text="The card does not say.")


def events(discussion: Discussion) -> list[DiscussionEvent]:
    return list(discussion.events.order_by("pk"))


def test_a_discussion_has_a_number_of_its_repository_and_begins_with_its_text(repo: Repository, asker: User) -> None:
    other = make_repo()
    first = open_discussion(repo=repo, actor=asker, title="  Two\n lines ", text="\n\n    code first\r\nthen this \n\n")
    assert [first.number, first.title, first.is_open] == [1, "Two lines", True]
    assert [(e.text, e.is_opening) for e in events(first)] == [("    code first\nthen this", True)]
    assert open_discussion(repo=repo, actor=asker, title="b", text="b").number == 2
    assert open_discussion(repo=other, actor=asker, title="c", text="c").number == 1


def test_the_counter_is_shared_with_whatever_takes_numbers(repo: Repository, asker: User) -> None:
    assert next_number(repo) == 1
    assert open_discussion(repo=repo, actor=asker, title="a", text="a").number == 2
    assert next_number(repo) == 3


@pytest.mark.django_db(transaction=True)
def test_numbers_of_discussions_opened_at_once_neither_collide_nor_leave_gaps() -> None:
    repo = make_repo()
    people = [make_user() for _ in range(8)]

    def ask(person: User) -> int:
        try:
            return open_discussion(repo=repo, actor=person, title="At once", text="me too").number
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(ask, people * 2))
    assert sorted(numbers) == list(range(1, 17))


@pytest.mark.django_db(transaction=True)
def test_comments_at_once_are_all_there_and_in_one_order() -> None:
    repo = make_repo()
    people = [make_user() for _ in range(8)]
    discussion = open_discussion(repo=repo, actor=people[0], title="t", text="t")

    def say(person: User) -> None:
        try:
            post_comment(discussion=discussion, actor=person, text=person.username)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(say, people))
    said = events(discussion)
    assert {e.text for e in said[1:]} == {p.username for p in people}
    assert [e.created_at for e in said] == sorted(e.created_at for e in said)


@pytest.mark.parametrize(
    ("title", "text", "field"),
    [
        ("", "text", "title"),
        (" \n ", "text", "title"),
        ("x" * 201, "text", "title"),
        ("nul\0", "text", "title"),
        ("title", "", "text"),
        ("title", " \n\t", "text"),
        ("title", "x" * (MAX_TEXT + 1), "text"),
        ("title", "nul\0", "text"),
        ("title", "half \ud800", "text"),
    ],
)
def test_what_cannot_be_kept_is_refused_by_name_and_takes_no_number(
    repo: Repository, asker: User, title: str, text: str, field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        open_discussion(repo=repo, actor=asker, title=title, text=text)
    assert refused.value.field == field
    repo.refresh_from_db()
    assert repo.last_number == 0


def test_the_limits_themselves_are_allowed(repo: Repository, asker: User) -> None:
    made = open_discussion(repo=repo, actor=asker, title="文" * 200, text="字" * MAX_TEXT)
    assert len(events(made)[0].text) == MAX_TEXT


def test_one_may_edit_what_one_said_and_nothing_else(discussion: Discussion, asker: User, owner: User) -> None:
    comment = post_comment(discussion=discussion, actor=asker, text="first")
    edited = edit_comment(comment=comment, actor=asker, text="second")
    assert (edited.text, [edit.text for edit in edited.edits.all()]) == ("second", ["first"])
    assert edit_comment(comment=comment, actor=asker, text="second").edits.count() == 1
    with pytest.raises(NotYourComment):
        edit_comment(comment=comment, actor=owner, text="words in your mouth")
    with pytest.raises(Invalid):
        edit_comment(comment=comment, actor=asker, text="  ")


def test_deleting_ones_own_comment_erases_the_text(discussion: Discussion, asker: User) -> None:
    comment = post_comment(discussion=discussion, actor=asker, text="regrets")
    gone = take_comment_away(comment=comment, actor=asker)
    assert (gone.hidden, gone.deleted_by_author, gone.text) == (True, True, "")
    for act in (
        lambda: take_comment_away(comment=comment, actor=asker),
        lambda: edit_comment(comment=comment, actor=asker, text="back again"),
    ):
        with pytest.raises(CommentHidden):
            act()
    assert AuditEvent.objects.filter(verb="comment.delete", actor=asker).exists()


def test_a_maintainer_hides_what_others_said(discussion: Discussion, owner: User) -> None:
    stranger = make_user()
    comment = post_comment(discussion=discussion, actor=stranger, text="Buy cheap tokens")
    with pytest.raises(NotYourComment):
        take_comment_away(comment=comment, actor=make_user())
    hidden = take_comment_away(comment=comment, actor=owner)
    assert hidden.hidden and not hidden.deleted_by_author
    note = AuditEvent.objects.get(verb="comment.hide")
    assert note.data["author"] == stranger.username and note.target.endswith("#1")


def test_the_opening_text_only_goes_by_a_maintainers_hand(discussion: Discussion, asker: User, owner: User) -> None:
    opening = events(discussion)[0]
    with pytest.raises(NotYourComment, match="Edit it, or close"):
        take_comment_away(comment=opening, actor=asker)
    assert edit_comment(comment=opening, actor=asker, text="better").text == "better"
    assert take_comment_away(comment=opening, actor=owner).hidden


def test_author_and_maintainers_close_and_reopen(discussion: Discussion, asker: User, owner: User) -> None:
    with pytest.raises(NotYourDiscussion):
        set_status(discussion=discussion, actor=make_user(), status="closed")
    set_status(discussion=discussion, actor=asker, status="closed", text="Found it.")
    discussion.refresh_from_db()
    assert not discussion.is_open
    assert [(e.kind, e.text, e.after) for e in events(discussion)[1:]] == [
        ("comment", "Found it.", ""),
        ("status-change", "", "closed"),
    ]
    with pytest.raises(NothingChanged):
        set_status(discussion=discussion, actor=owner, status="closed")
    # Closed, people can still answer.
    post_comment(discussion=discussion, actor=make_user(), text="Thank you")
    set_status(discussion=discussion, actor=owner, status="open")
    with pytest.raises(Invalid):
        set_status(discussion=discussion, actor=owner, status="merged")
    assert set(AuditEvent.objects.filter(verb__startswith="discussion.").values_list("verb", flat=True)) == {
        "discussion.close",
        "discussion.reopen",
    }


def test_a_refused_change_leaves_no_comment_behind(discussion: Discussion) -> None:
    with pytest.raises(NotYourDiscussion):
        set_status(discussion=discussion, actor=make_user(), status="closed", text="I say so")
    assert len(events(discussion)) == 1


def test_author_and_maintainers_rename(discussion: Discussion, asker: User, owner: User) -> None:
    change = rename_discussion(discussion=discussion, actor=owner, title="Which  tokenizer was used?")
    assert (change.before, change.after) == ("Which tokenizer?", "Which tokenizer was used?")
    rename_discussion(discussion=discussion, actor=asker, title="Tokenizer")
    with pytest.raises(NothingChanged):
        rename_discussion(discussion=discussion, actor=asker, title="Tokenizer ")
    with pytest.raises(NotYourDiscussion):
        rename_discussion(discussion=discussion, actor=make_user(), title="Mine")


def test_who_maintains_an_organizations_repository() -> None:
    admin, writer, reader = make_user(), make_user(), make_user()
    organization = make_organization(admin, write=writer, read=reader)
    repo = make_repo(admin, organization=organization)
    discussion = open_discussion(repo=repo, actor=make_user(), title="t", text="t")
    set_status(discussion=discussion, actor=writer, status="closed")
    with pytest.raises(NotYourDiscussion):
        set_status(discussion=discussion, actor=reader, status="open")


def test_whoever_may_read_and_is_signed_in_may_talk() -> None:
    admin, reader = make_user(), make_user()
    organization = make_organization(admin, read=reader)
    private = make_repo(admin, organization=organization, visibility=Visibility.PRIVATE)
    where = (private.kind, organization.namespace.name, private.name)
    assert get_repo_for_posting(reader, *where) == private
    with pytest.raises(RepoNotFound):
        get_repo_for_posting(make_user(), *where)
    public = make_repo()
    where = (public.kind, public.namespace.name, public.name)
    with pytest.raises(WriteNeedsSignIn):
        get_repo_for_posting(AnonymousUser(), *where)
    reader.acting_token = AccessToken(user=reader, scope="read")
    with pytest.raises(ReadOnlyToken):
        get_repo_for_posting(reader, *where)


def test_numbers_and_ids_of_elsewhere_open_nothing(repo: Repository, discussion: Discussion, asker: User) -> None:
    other = open_discussion(repo=repo, actor=asker, title="o", text="o")
    foreign = events(other)[0]
    closed = set_status(discussion=discussion, actor=asker, status="closed")
    for wrong in (str(foreign.pk), str(closed.pk), "0", "-1", "x", "", "9" * 19, "9" * 40, "１", "1 "):
        with pytest.raises(CommentNotFound):
            get_comment(discussion, wrong)
    for number in (0, 99, 2**31, 2**70):
        with pytest.raises(DiscussionNotFound):
            get_discussion(repo, number)
    with pytest.raises(DiscussionNotFound):
        get_discussion(make_repo(), discussion.number)


def test_one_person_posts_so_often_and_not_more(
    repo: Repository, asker: User, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.POSTS_PER_MINUTE = 3
    # One window, however long the machine takes.
    monkeypatch.setattr("time.time", lambda: 1_000_000_020.0)
    discussion = open_discussion(repo=repo, actor=asker, title="t", text="t")
    for n in range(2):
        post_comment(discussion=discussion, actor=asker, text=str(n))
    for refused in (
        lambda: post_comment(discussion=discussion, actor=asker, text="one more"),
        lambda: open_discussion(repo=repo, actor=asker, title="t", text="t"),
        lambda: set_status(discussion=discussion, actor=asker, status="closed"),
    ):
        with pytest.raises(TooMany) as error:
            refused()
        assert error.value.retry_after > 0
    post_comment(discussion=discussion, actor=make_user(), text="somebody else")


def test_a_full_discussion_can_still_be_closed(
    discussion: Discussion, asker: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "MAX_EVENTS", 2)
    post_comment(discussion=discussion, actor=asker, text="last")
    with pytest.raises(DiscussionFull):
        post_comment(discussion=discussion, actor=asker, text="too late")
    set_status(discussion=discussion, actor=asker, status="closed")


def test_what_a_deleted_account_said_stays_without_its_name(discussion: Discussion, asker: User) -> None:
    gone = make_user()
    comment = post_comment(discussion=discussion, actor=gone, text="so long")
    asker_id = asker.pk
    gone.delete()
    comment.refresh_from_db()
    assert (comment.author, comment.text, discussion.author_id) == (None, "so long", asker_id)


def test_a_repository_takes_its_discussions_with_it(repo: Repository, discussion: Discussion, owner: User) -> None:
    delete_repo(repo=repo, actor=owner)
    assert not Discussion.objects.filter(pk=discussion.pk).exists()
    with pytest.raises(DiscussionNotFound):
        post_comment(discussion=discussion, actor=owner, text="into the void")


def test_lists_show_what_one_may_read(asker: User) -> None:
    private = make_repo(visibility=Visibility.PRIVATE)
    assert private.created_by is not None
    hidden = open_discussion(repo=private, actor=private.created_by, title="secret", text="s")
    assert hidden not in Discussion.objects.visible_to(asker)
    assert hidden in Discussion.objects.visible_to(private.created_by)


def test_answers_are_counted(
    repo: Repository, discussion: Discussion, asker: User, owner: User, django_assert_num_queries: Callable
) -> None:
    post_comment(discussion=discussion, actor=owner, text="one")
    take_comment_away(comment=post_comment(discussion=discussion, actor=asker, text="two"), actor=asker)
    open_discussion(repo=repo, actor=asker, title="Another", text="x")
    found = Discussion.objects.filter(repository=repo)
    with django_assert_num_queries(1):
        assert [d.comments for d in found.with_comment_count().order_by("number")] == [1, 0]


def test_texts_made_to_be_slow_stay_plain_and_leave_the_short_ones_alone(
    repo: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = "- item **b** `c` [x](y)\n" * 10
    texts = {"c1": slow, "c2": "**short**", "c3": slow + "<b>"}
    monkeypatch.setattr("hub.community.writing.text.MAX_SECONDS", 600)
    assert all("<strong>" in each.html for each in render_texts(repo, texts).values())
    # Each look at the clock finds it nearly half of the time later: it is over once the short one is done.
    clock = SimpleNamespace(monotonic=itertools.count(step=200).__next__)
    monkeypatch.setattr("hub.community.writing.text.time", clock)
    rendered = render_texts(repo, texts)
    assert "<strong>short</strong>" in rendered["c2"].html
    assert "&lt;b&gt;" in rendered["c3"].html and "<strong>" not in rendered["c3"].html
