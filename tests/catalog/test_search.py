"""Search: who finds what, in which order, page by page, with how many queries."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import AnonymousUser

from hub.catalog.conditions import Conditions
from hub.catalog.errors import SearchInvalid
from hub.catalog.indexing import index_repository
from hub.catalog.models import SearchRow
from hub.catalog.search import Page, search
from hub.repos.models import Kind, Repository, Visibility
from tests.catalog.test_indexing import CARD, put, safetensors
from tests.factories import make_organization, make_repo, make_user

pytestmark = pytest.mark.django_db
ANYBODY = AnonymousUser()


def names(page: Page) -> list[str]:
    return [row.name for row in page.rows]


def find(query: str, **conditions) -> list[str]:
    return names(search(Kind.MODEL, ANYBODY, query=query, where=Conditions(**conditions)))


@pytest.fixture
def tiny() -> Repository:
    repo = make_repo(make_user("ada"), name="Tiny-Stories_v2.1")
    put(repo, {"README.md": CARD.encode()}, {"model.safetensors": safetensors(a=("F32", [10], 40))})
    index_repository(repo.pk)
    other = make_repo(make_user("bob"), name="large")
    put(other, {"README.md": "---\nlicense: apache-2.0\n---\nA café for 中国文学 lovers.".encode()})
    index_repository(other.pk)
    return repo


@pytest.mark.parametrize(
    "query",
    [
        "tiny", "TINY", "tin", "tiny stories", "stories tiny", "ada", "ada/tiny", "ada/Tiny-Stories_v2.1", "v2.1",
        "iny-stor", "y-stories_v2", "da/ti", "gardens", "writes stories", "mit", "花园", "写", "故事", "关于花园", "写作",
        "ada/notes", "text-generation", "tny-storis", "tiny花园",
    ],
)  # fmt: skip
def test_words_that_find(tiny: Repository, query: str) -> None:
    assert find(query) == ["ada/tiny-stories_v2.1"]


@pytest.mark.parametrize(
    "query", ["zebra", "园花", "花故", "tiny zebra", "'", "\\", ":*", "a & | !", "\0", "%", "_" * 300]
)
def test_words_that_do_not(tiny: Repository, query: str) -> None:
    assert sorted(find(query)) in ([], sorted(find("")))


def test_accents_and_widths_do_not_matter(tiny: Repository) -> None:
    assert find("cafe") == find("Ｃａｆé") == ["bob/large"]


def test_names_come_before_texts(tiny: Repository) -> None:
    repo = make_repo(make_user("eve"), name="gardens")
    index_repository(repo.pk)
    assert find("gardens") == ["eve/gardens", "ada/tiny-stories_v2.1"]
    # Of several words, too: the row that came last wins only among equals.
    named = make_repo(make_user("kim"), name="gardens-stories")
    index_repository(named.pk)
    told = make_repo(make_user("zoe"), name="other")
    put(told, {"README.md": b"# Other\n\nStories of gardens."})
    index_repository(told.pk)
    assert find("stories gardens")[0] == "kim/gardens-stories"


def test_filters(tiny: Repository) -> None:
    def filtered(**facets: str) -> list[str]:
        return find("", facets={key: [value] for key, value in facets.items()})

    assert filtered(task="text-generation", license="mit") == ["ada/tiny-stories_v2.1"]
    assert filtered(task="text-generation", license="apache-2.0") == []
    assert filtered(language="zh", tag="Tiny") == ["ada/tiny-stories_v2.1"]
    assert filtered(library="never heard of") == []
    assert find("", facets={"license": ["mit", "apache-2.0"]}) == []
    for tag in (
        "license:mit",
        "text-generation",
        "zh",
        "tiny",
        "dataset:ada/notes",
        "base_model:ada/base",
        "base_model:finetune:ada/base",
    ):
        assert find("", filters=[tag, "safetensors"]) == ["ada/tiny-stories_v2.1"], tag
    assert find("", filters=["license:mit", "none"]) == []
    assert find("", min_parameters=5, max_parameters=15) == ["ada/tiny-stories_v2.1"]
    assert find("", min_parameters=11) == []
    assert find("", author="ADA") == ["ada/tiny-stories_v2.1"]
    with pytest.raises(SearchInvalid):
        filtered(colour="red")


def test_private_repositories_are_found_by_their_own_people_only(settings) -> None:
    owner, member, stranger = make_user(), make_user(), make_user()
    organization = make_organization(owner, read=member)
    mine = make_repo(owner, visibility=Visibility.PRIVATE)
    ours = make_repo(owner, organization=organization, visibility=Visibility.PRIVATE)
    for repo in (mine, ours):
        put(repo, {"README.md": b"---\ntags: [secretplan]\n---\n"})
        index_repository(repo.pk)

    def seen(user) -> int:
        page = search(Kind.MODEL, user, query="secretplan", with_facets=True)
        assert page.count == len(page.rows)
        assert bool(page.facets.get("tag")) == bool(page.rows)
        return len(page.rows)

    assert (seen(owner), seen(member), seen(stranger), seen(ANYBODY)) == (2, 1, 0, 0)
    settings.ANONYMOUS_READ = False
    assert search(Kind.MODEL, ANYBODY, with_facets=True).rows == []


def test_visibility_is_asked_of_the_repository_itself(tiny: Repository) -> None:
    Repository.objects.filter(pk=tiny.pk).update(visibility=Visibility.PRIVATE)
    assert find("tiny") == []


def test_kinds_are_apart(tiny: Repository) -> None:
    assert search(Kind.DATASET, ANYBODY).rows == []


@pytest.fixture
def many() -> list[str]:
    user = make_user("many")
    for number in range(23):
        repo = make_repo(user, name=f"same-{number:02}")
        index_repository(repo.pk)
        # Ties in every order: three values of each.
        SearchRow.objects.filter(pk=repo.pk).update(
            downloads=number % 3, updated_at=repo.created_at.replace(microsecond=number % 3)
        )
    return sorted(f"many/same-{number:02}" for number in range(23))


@pytest.mark.parametrize(
    ("sort", "query"),
    [
        *[(sort, "") for sort in ("created", "updated", "downloads", "name")],
        *[(sort, query) for sort in ("relevance", "downloads", "name") for query in ("same", "ame-")],
    ],
)
def test_pages_meet_every_row_once(many: list[str], sort: str, query: str) -> None:
    met: list[str] = []
    cursor = ""
    for _page in range(20):
        page = search(Kind.MODEL, ANYBODY, query=query, sort=sort, cursor=cursor, limit=4)
        met += names(page)
        assert page.count == 23
        cursor = page.next_cursor
        if not cursor:
            break
    assert sorted(met) == many
    assert met == names(search(Kind.MODEL, ANYBODY, query=query, sort=sort, limit=100))


@pytest.mark.parametrize("cursor", ["x", "!!!!", "W10", "é", "WyJkb3dubG9hZHMiLDEsMSxmYWxzZV0", "W" * 5000])
def test_a_cursor_that_does_not_fit_is_refused(cursor: str) -> None:
    with pytest.raises(SearchInvalid):
        search(Kind.MODEL, ANYBODY, sort="updated", cursor=cursor)


def test_an_unknown_order_is_refused() -> None:
    with pytest.raises(SearchInvalid):
        search(Kind.MODEL, ANYBODY, sort="beauty")


def test_facet_counts(tiny: Repository) -> None:
    page = search(Kind.MODEL, ANYBODY, with_facets=True)
    counts = {f"{line.key}:{line.value}": line.count for lines in page.facets.values() for line in lines}
    assert counts["license:mit"] == counts["license:apache-2.0"] == counts["task:text-generation"] == 1
    assert [line.label for line in page.facets["language"] if line.value == "zh"] == ["Chinese"]


def test_the_number_of_queries(tiny: Repository, django_assert_num_queries: Callable) -> None:
    def measure(queries: int, **wanted) -> None:
        with django_assert_num_queries(queries):
            page = search(Kind.MODEL, ANYBODY, **wanted)
            # What a list shows of each row asks for nothing more.
            for row in page.rows:
                assert row.repository.full_name
                assert row.repository.namespace.shown_name
                assert getattr(row.repository, "stats", None) is None

    measure(2)
    measure(1, with_count=False)
    measure(2, query="tiny")
    measure(3, query="tiny", where=Conditions(facets={"license": ["mit"]}, filters=["zh"]))
    measure(4, query="tiny", where=Conditions(facets={"license": ["mit"]}), with_facets=True)
    measure(7, query="iny-stor")


def test_what_arrives_meanwhile_moves_nothing(many: list[str]) -> None:
    first = search(Kind.MODEL, ANYBODY, sort="created", limit=10)
    index_repository(make_repo(name="newcomer").pk)
    rest = search(Kind.MODEL, ANYBODY, sort="created", limit=100, cursor=first.next_cursor)
    assert sorted(names(first) + names(rest)) == many


def test_more_hits_than_are_sorted_at_once(many: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.catalog.search.MAX_SORTED", 5)
    first = search(Kind.MODEL, ANYBODY, query="same", sort="downloads", limit=10)
    rest = search(Kind.MODEL, ANYBODY, query="same", sort="downloads", limit=100, cursor=first.next_cursor)
    assert sorted(names(first) + names(rest)) == many
    ranked = search(Kind.MODEL, ANYBODY, query="same", sort="relevance")
    assert (len(ranked.rows), ranked.count) == (5, 23)
    assert {row.downloads for row in ranked.rows} == {2}
