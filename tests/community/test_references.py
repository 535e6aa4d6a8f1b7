"""What a text names, and whom that shows it: links where the reader may see what is meant, plain words elsewhere."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser

from hub.accounts.models import User
from hub.community.discussions.services import open_discussion
from hub.community.writing.references import HERE, MAX_IN_TEXT, Place, find, mentioned_users, referenced_discussions
from hub.community.writing.text import render_text, render_texts
from hub.core.links import base_url
from hub.core.markdown import Parsed
from hub.repos.models import GitCommit, Kind, Repository, Visibility
from tests.factories import make_organization, make_repo, make_user

pytestmark = pytest.mark.django_db


def html(repo: Repository, text: str, reader: Any = None) -> str:
    return str(render_text(repo, text, reader=reader or AnonymousUser()).html)


def open_one(repo: Repository, title: str = "A title") -> str:
    assert repo.created_by is not None
    return str(open_discussion(repo=repo, actor=repo.created_by, title=title, text="Words.").number)


@pytest.mark.parametrize(
    ("text", "accounts"),
    [
        ("@ada and @Bob, (@carol) @d.e-f_g.", ["ada", "bob", "carol", "d.e-f_g"]),
        ("请看@ada。@bob你好", ["ada", "bob"]),
        ("ada@example.org me@ada @ada/tiny @@ada @a x/@ada @ada@bob", []),
        ("`@ada` [@ada](/x) <a>@ada</a> <code>@ada</code> $@ada$\n\n    @ada\n\n```\n@ada\n```\n", []),
        ("[x](/y) **@ada** > @bob\n\n> - @carol\n\n| @dan |\n|--|\n| @eve |", ["ada", "bob", "carol", "dan", "eve"]),
        ("@" + "a" * 43, []),
        ("@ada @ADA @Ada", ["ada"]),
    ],
)
def test_people_are_mentioned_in_plain_words_alone(text: str, accounts: list[str]) -> None:
    assert find(Parsed(text)).accounts == accounts


@pytest.mark.parametrize(
    ("text", "discussions"),
    [
        ("#12, (#3) 见#4。", [(HERE, 12), (HERE, 3), (HERE, 4)]),
        ("Ada/Tiny#12 datasets/ada/notes#3", [(Place("model", "ada/tiny"), 12), (Place("dataset", "ada/notes"), 3)]),
        ("x#12 #0 #012 #12a ##3 a/b/c#4 &#35; # 5 `#6` [#7](/x) #1234567890", []),
        (
            "http://127.0.0.1:9/ada/tiny/discussions/12#comment-3 https://example.org/ada/tiny/discussions/1",
            [(Place("model", "ada/tiny"), 12)],
        ),
    ],
)
def test_discussions_are_named_by_number_name_and_address(text: str, discussions: list[Any], settings: Any) -> None:
    settings.PUBLIC_URL = "http://127.0.0.1:9"
    assert find(Parsed(text)).discussions == discussions


def test_no_text_names_more_than_a_few(db: None) -> None:
    named = find(Parsed(" ".join(f"@user{n} #{n + 1} {n:07x}" for n in range(MAX_IN_TEXT * 2))))
    assert (len(named.accounts), len(named.discussions), len(named.commits)) == (MAX_IN_TEXT,) * 3


def test_mentioned_are_active_people(django_assert_num_queries: Callable[..., Any]) -> None:
    ada, gone = make_user("ada"), make_user("gone")
    User.objects.filter(pk=gone.pk).update(is_active=False)
    make_organization(ada, "guild")
    with django_assert_num_queries(1):
        assert mentioned_users("@nobody @ADA @gone @guild") == [ada]
    with django_assert_num_queries(0):
        assert mentioned_users("nobody") == []


def test_who_exists_is_linked() -> None:
    repo = make_repo()
    ada = make_user("Ada")
    make_organization(ada, "guild")
    shown = html(repo, "@ada @guild @nobody")
    assert '<a href="/Ada" rel="nofollow noopener ugc">@ada</a>' in shown
    assert 'href="/guild"' in shown
    assert "nobody</a>" not in shown
    User.objects.filter(pk=ada.pk).update(is_active=False)
    assert "<a" not in html(repo, "@ada")


def test_what_a_reader_may_not_see_is_plain() -> None:
    """The same text, the same page: a link for members, for others what an absent one looks like."""
    member = make_user()
    private = make_repo(member, visibility=Visibility.PRIVATE)
    public = make_repo()
    number = open_one(private)
    named = f"{private.full_name}#{number}"
    assert f'href="/{private.full_name}/discussions/{number}"' in html(public, named, member)
    assert html(public, named, make_user()) == html(public, named) == f"<p>{named}</p>\n"
    Repository.objects.filter(pk=private.pk).update(taken_down_at=member.date_joined)
    assert "<a" not in html(public, named, member)


def test_numbers_and_commits_of_the_repository_itself() -> None:
    repo = make_repo()
    number = open_one(repo)
    oid = GitCommit.objects.get(store=repo.store_id).oid
    shown = html(repo, f"#{number} #99 {oid[:7]} {oid} {repo.full_name}@{oid[:9]} deadbeef0 `{oid}`")
    assert f'<a href="/{repo.full_name}/discussions/{number}" rel="nofollow noopener ugc">#{number}</a> #99' in shown
    assert shown.count(f'href="/{repo.full_name}/commit/{oid}"') == 3
    assert f">{repo.full_name}@{oid[:9]}</a> deadbeef0 <code>" in shown
    other = make_repo(kind=Kind.DATASET)
    assert f'href="/datasets/{other.full_name}/discussions/1"' in html(
        repo, f"datasets/{other.full_name}#{open_one(other)}"
    )
    assert "<a" not in html(other, f"{repo.full_name.upper()}x#1 {repo.full_name}")


def test_addresses_of_this_hub_are_short() -> None:
    repo = make_repo()
    base, oid = base_url(), "a" * 40
    shown = html(repo, f"{base}/ada/tiny/discussions/12 <{base}/datasets/ada/notes/commit/{oid}> {base}/ada/tiny")
    assert f'<a href="{base}/ada/tiny/discussions/12" rel="nofollow noopener ugc">ada/tiny#12</a>' in shown
    assert ">datasets/ada/notes@aaaaaaa</a>" in shown
    assert f">{base}/ada/tiny</a>" in shown
    assert ">said so</a>" in html(repo, f"[said so]({base}/ada/tiny/discussions/12)")


def test_references_are_what_the_writer_may_see(django_assert_max_num_queries: Callable[..., Any]) -> None:
    repo, writer = make_repo(), make_user()
    private, other = make_repo(visibility=Visibility.PRIVATE), make_repo()
    own, far = open_one(repo), open_one(other)
    text = f"#{own} {private.full_name}#{open_one(private)} {base_url()}/{other.full_name}/discussions/{far}"
    with django_assert_max_num_queries(2):
        found = referenced_discussions(text, repo=repo, user=writer)
        assert {str(one) for one in found} == {f"{repo.full_name}#{own}", f"{other.full_name}#{far}"}


def test_a_page_of_texts_takes_four_queries(django_assert_max_num_queries: Callable[..., Any]) -> None:
    repo, other = make_repo(), make_repo()
    number, far = open_one(repo), open_one(other)
    name = repo.namespace.name
    text = f"@{name} #{number} {other.full_name}#{far} {GitCommit.objects.get(store=repo.store_id).oid}"
    with django_assert_max_num_queries(4):
        shown = render_texts(repo, {str(n): text for n in range(100)}, reader=AnonymousUser())
    assert all(str(one.html).count("<a ") == 4 for one in shown.values())
