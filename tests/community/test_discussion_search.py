"""What discussions are found by, in which order, and what a search never tells."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import AnonymousUser

from hub.accounts.models import User
from hub.community.deletion import delete_account
from hub.community.discussions import indexing, search
from hub.community.discussions.search import Found
from hub.community.discussions.services import (
    edit_comment,
    open_discussion,
    post_comment,
    rename_discussion,
    take_comment_away,
)
from hub.community.discussions.tasks import index_comments
from hub.community.models import CommentWords, Discussion
from hub.community.moderating import hide_comment, unhide_comment
from hub.repos.models import Repository, Visibility
from hub.repos.services import set_visibility
from hub.repos.takedowns import take_down_repo
from tests.computing import timed
from tests.factories import make_user

pytestmark = pytest.mark.django_db
ANYBODY = AnonymousUser()


@pytest.fixture
def talk(repo: Repository) -> Discussion:
    return open_discussion(
        repo=repo,
        actor=make_user(),
        title="Training stops",
        text="It says:\n\n```\nRuntimeError: CUDA out of memory\n```\n\n显存不足，怎么办？ See [the guide](https://example.org/guide).",
    )


def found(text: str, user: object = ANYBODY) -> Found:
    return search.search(Discussion.objects.visible_to(user), text)  # type: ignore[arg-type]


def titles(text: str, user: object = ANYBODY) -> list[str]:
    rows = found(text, user).discussions.order_by("-relevance", "-active_at", "-pk")
    return [row.title for row in rows]


def said(text: str, user: object = ANYBODY) -> list[str]:
    """The excerpts of the best match, each place that is marked in brackets."""
    looked = found(text, user)
    rows = list(looked.discussions.order_by("-relevance", "-pk")[:1])
    return [
        "".join(f"[{piece.text}]" if piece.marked else piece.text for piece in one.pieces)
        for one in looked.excerpts(rows).values()
    ]


@pytest.mark.parametrize(
    "query",
    [
        "training",
        "TRAINING stop",
        "cuda",
        "out of mem",
        "runtimeerror",
        "显存",
        "显存不足",
        "办",
        "training 显存",
        "guide stops",
    ],
)
def test_words_of_titles_and_opening_texts_find(talk: Discussion, query: str) -> None:
    assert titles(query) == ["Training stops"]


@pytest.mark.parametrize("query", ["zebra", "存不足怎", "training zebra", "uda", "example.org", "足显"])
def test_words_that_nobody_said_do_not(talk: Discussion, query: str) -> None:
    assert titles(query) == []


def test_a_comment_is_found_with_its_title_and_shown_with_its_marks(talk: Discussion) -> None:
    comment = post_comment(discussion=talk, actor=make_user(), text="Set the **batch size** to 1 & try <again>.")
    assert titles("batch") == titles("training batch") == ["Training stops"]
    assert said("stops batch siz") == ["Set the [batch] [size] to 1 & try ."]
    assert found("batch").comments == {talk.pk: [comment.pk]}
    # The title alone has it: there is nothing to show of what comments say.
    assert said("training") == []
    # Each word is there, but in no comment with the other.
    assert titles("cuda batch") == []


def test_the_best_match_comes_first(repo: Repository) -> None:
    people = make_user()
    comment = open_discussion(repo=repo, actor=people, title="One", text="x")
    post_comment(discussion=comment, actor=people, text="a quantized model")
    open_discussion(repo=repo, actor=people, title="Two", text="a quantized model")
    open_discussion(repo=repo, actor=people, title="Quantized weights", text="a model")
    open_discussion(repo=repo, actor=people, title="A quantized model", text="x")
    post_comment(discussion=comment, actor=people, text="x")
    assert titles("quantized model") == ["A quantized model", "Quantized weights", "Two", "One"]
    # As good as the others: the one that was active last.
    assert titles("x")[0] == "One"


def test_edits_and_renames_are_found_at_once(talk: Discussion) -> None:
    author = talk.author
    assert author is not None
    comment = post_comment(discussion=talk, actor=author, text="apples")
    edit_comment(comment=comment, actor=author, text="pears")
    assert titles("apples") == [] and titles("pears") == ["Training stops"]
    rename_discussion(discussion=talk, actor=author, title="Out of space")
    rename_discussion(discussion=talk, actor=author, title="Learning stops")
    assert titles("training") == titles("space") == []
    assert titles("learning cuda") == titles("learning pears") == ["Learning stops"]


def test_what_is_hidden_or_deleted_is_found_by_nothing(talk: Discussion, owner: User) -> None:
    keeper, author, other = owner, talk.author, make_user()
    assert author is not None
    comment = post_comment(discussion=talk, actor=other, text="pears")
    opening = talk.events.get(is_opening=True)
    for hidden, word in ((comment, "pears"), (opening, "cuda")):
        hide_comment(comment=hidden, actor=keeper)
        # Not even for those who may show it again.
        assert titles(word) == titles(word, keeper) == titles(f"training {word}") == []
        assert titles("training") == ["Training stops"] and said("training stops") == []
        unhide_comment(comment=hidden, actor=keeper)
        assert titles(word) == ["Training stops"]
    take_comment_away(comment=comment, actor=other)
    assert titles("pears") == [] and not CommentWords.objects.filter(text__contains="pears")


@pytest.mark.parametrize("erase", [True, False])
def test_a_deleted_account_takes_its_words_along(talk: Discussion, erase: bool) -> None:
    other = make_user()
    post_comment(discussion=talk, actor=other, text="pears")
    assert talk.author is not None
    for person in (other, talk.author):
        delete_account(user=person, erase=erase, with_repositories=False)
    assert titles("training") == ["Training stops"]
    assert titles("pears") == titles("cuda") == ([] if erase else ["Training stops"])
    assert erase != CommentWords.objects.filter(text__contains="CUDA").exists()


def test_only_what_one_may_read_is_found(talk: Discussion, repo: Repository, owner: User) -> None:
    assert titles("cuda", make_user()) == ["Training stops"]
    set_visibility(repo=repo, actor=owner, visibility=Visibility.PRIVATE)
    assert titles("cuda", make_user()) == titles("cuda") == []
    assert titles("cuda", owner) == ["Training stops"]
    set_visibility(repo=repo, actor=owner, visibility=Visibility.PUBLIC)
    take_down_repo(repo=repo, actor=make_user(admin=True), reason="Stolen.")
    assert titles("cuda", owner) == titles("cuda") == []


@pytest.mark.parametrize(
    "query",
    [
        "", " ", "\0", "'", "\\", ":*", "a & | !", "%", "_", "?", "🙂", "'a':*", "a:b", "<->", "\u202ecuda", "\ud800", "cuda\0",
        "x" * 10_000, "微" * 10_000, "a " * 5_000, "(" * 10_000, "'" * 10_000, "\u0301" * 10_000, "ﷺ" * 10_000, "İ" * 300,
    ],
)  # fmt: skip
def test_anything_may_be_looked_for(talk: Discussion, query: str) -> None:
    assert titles(query) in ([], ["Training stops"])


def test_excerpts_show_where_most_words_stand(repo: Repository, talk: Discussion) -> None:
    text = f"{'one ' * 100}\n\n{'blah ' * 200}one café two {'blah ' * 200}\n\n{'two ' * 100}"
    post_comment(discussion=talk, actor=make_user(), text=text)
    (shown,) = said("two cafe one")
    assert "[one] [café] [two]" in shown and shown.startswith("…") and shown.endswith("…")
    assert len(shown) < search.MAX_EXCERPT + 10
    post_comment(discussion=talk, actor=make_user(), text=f"{'很' * 500}蓝色花园里{'很' * 500}")
    (shown,) = said("花园")
    assert "蓝色[花园]里" in shown and len(shown) < search.MAX_EXCERPT + 10


@pytest.mark.parametrize("text", ["|a" * 32_000, "fox a " * 10_000, "ﷺ" * 9_000, "a" * 65_536, "微调 " * 20_000])
def test_excerpts_of_a_page_take_little_time(text: str, talk: Discussion, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "MAX_SECONDS", 0.05)
    for _ in range(3):
        made = open_discussion(repo=talk.repository, actor=make_user(), title="t", text="pear " + text[:65_000])
    looked = found("pear a 微调 f")
    looked.comments.update({d.pk: [d.events.get().pk] for d in Discussion.objects.all()})
    # What is begun is finished: one text more than the time is for.
    shown, seconds = timed(lambda: looked.excerpts(list(Discussion.objects.all())), limit=1)
    assert seconds < 1
    assert made.pk in shown and all(len(one.text) < search.MAX_EXCERPT + 10 for one in shown.values())


def test_what_was_said_before_is_indexed_by_a_sweep(
    talk: Discussion, repo: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "BATCH", 2)
    other = make_user()
    comments = [post_comment(discussion=talk, actor=other, text=f"pear{n}") for n in range(4)]
    take_comment_away(comment=comments[3], actor=other)
    before = {row.pk: (row.text, row.words) for row in CommentWords.objects.exclude(pk=comments[3].pk)}
    CommentWords.objects.all().delete()
    assert titles("training") == []
    assert index_comments() == 4 and index_comments() == 0
    assert {row.pk: (row.text, row.words) for row in CommentWords.objects.all()} == before
    CommentWords.objects.update(version=0)
    assert index_comments() == 4


def test_as_many_queries_for_many_as_for_few(
    repo: Repository, talk: Discussion, django_assert_num_queries: Callable
) -> None:
    for count in (1, 8):
        for _ in range(count):
            made = open_discussion(repo=repo, actor=make_user(), title="cuda", text="cuda")
            post_comment(discussion=made, actor=make_user(), text="cuda")
        with django_assert_num_queries(3):
            looked = found("cuda")
            shown = looked.excerpts(list(looked.discussions))
        assert len(shown) == Discussion.objects.count()


def test_of_very_many_hits_the_newest_are_ranked(talk: Discussion, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "MAX_HITS", 2)
    assert not found("cuda").capped
    for _ in range(2):
        post_comment(discussion=talk, actor=make_user(), text="cuda")
    looked = found("cuda")
    assert looked.capped and list(looked.discussions) == [talk]
