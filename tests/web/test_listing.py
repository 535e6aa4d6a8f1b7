"""The lists: search in two languages, filters in the address, order, pages, and what the address gets wrong."""

import re

import pytest
from django.test import Client

from hub.catalog.indexing import index_repository
from hub.repos.models import Repository
from tests.factories import make_repo, make_user
from tests.web.conftest import browser_of
from tests.web.repos import commit_files, get, owner, text_of

pytestmark = pytest.mark.django_db


def publish(name: str, card: str = "", kind: str = "model", visibility: str = "public") -> Repository:
    repo = make_repo(name=name, kind=kind, visibility=visibility)
    commit_files(repo, {"README.md": card or f"# {name}\n"})
    index_repository(repo_id=repo.pk)
    return repo


def shown(page: str) -> list[str]:
    """Names of the repositories on a page, in its order."""
    return re.findall(r'<a class="name" href="[^"]*/([^"/]+)">', page)


@pytest.fixture
def models(db: None) -> None:
    publish(
        "larch",
        "---\nlicense: mit\npipeline_tag: text-generation\nlanguage: [en, zh]\ntags: [tiny]\n---\nIt writes poems.\n",
    )
    publish("spruce", "---\nlicense: apache-2.0\npipeline_tag: fill-mask\n---\n这是一个中文对话模型。\n")
    publish("notes", "---\nlicense: mit\n---\n", kind="dataset")


def test_each_kind_has_its_list(client: Client, models: None) -> None:
    assert sorted(shown(text_of(client, "/models"))) == ["larch", "spruce"]
    assert shown(text_of(client, "/datasets")) == ["notes"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("larch", ["larch"]),
        ("poems", ["larch"]),
        ("%E5%AF%B9%E8%AF%9D", ["spruce"]),
        ("larhc", []),
        ("%00%22%27%3B--", []),
    ],
)
def test_search(client: Client, models: None, query: str, found: list[str]) -> None:
    page = text_of(client, f"/models?search={query}")
    assert shown(page) == found or (not found and "larch" in shown(page))


def test_filters_add_up_and_can_be_dropped(client: Client, models: None) -> None:
    page = text_of(client, "/models?license=mit&task=text-generation&language=zh&tag=tiny")
    assert shown(page) == ["larch"]
    assert 'href="?license=mit&amp;language=zh&amp;tag=tiny"' in page
    assert shown(text_of(client, "/models?license=mit&task=fill-mask")) == []
    assert "Nothing fits all of this" in text_of(client, "/models?license=mit&task=fill-mask")


def test_facets_count_and_link(client: Client, models: None) -> None:
    page = text_of(client, "/models")
    assert re.search(r'href="\?license=apache-2\.0"[^>]*>.*?Apache 2\.0.*?<span class="n">1</span>', page)


def test_what_an_address_gets_wrong_is_said(client: Client, models: None) -> None:
    for wrong in ("colour=red", "sort=luck", "cursor=nonsense", "%3Cscript%3E=1"):
        page = text_of(client, f"/models?{wrong}")
        assert 'class="alert alert-warn"' in page, wrong
        assert len(shown(page)) == 2
        assert "<script>=" not in page


def test_pages_meet_every_repository_once(client: Client) -> None:
    maker = make_user()
    for number in range(65):
        index_repository(repo_id=make_repo(maker, name=f"m{number:03}").pk)
    for sort in ("trending", "updated", "created", "downloads", "name"):
        address, seen = f"/models?sort={sort}", []
        for _page in range(3):
            page = text_of(client, address)
            seen += shown(page)
            following = re.search(r'href="(\?[^"]*)" rel="next"', page)
            address = "/models" + following[1].replace("&amp;", "&") if following else ""
        assert not address
        assert sorted(seen) == [f"m{number:03}" for number in range(65)]


def test_private_ones_are_listed_to_their_owner_alone(client: Client) -> None:
    hidden = publish("hidden-larch", visibility="private")
    assert shown(text_of(client, "/models?search=hidden")) == []
    assert shown(text_of(browser_of(make_user()), "/models")) == []
    assert shown(text_of(browser_of(owner(hidden)), "/models")) == ["hidden-larch"]


def test_an_empty_hub_says_how_to_begin(client: Client) -> None:
    assert "No model yet" in text_of(client, "/models")
    assert "No dataset yet" in text_of(client, "/datasets")


def test_queries(client: Client, models: None, django_assert_num_queries: object) -> None:
    for query, queries in (("/models", 3), ("/models?license=mit&search=larch", 4)):
        with django_assert_num_queries(queries):  # type: ignore[operator]
            assert get(client, query).status_code == 200


def test_gates_and_relations_filter(client: Client) -> None:
    publish("oak")
    publish("acorn", "---\nbase_model: ada/oak\nbase_model_relation: quantized\n---\n")
    publish("gall", "---\nbase_model: ada/oak\nbase_model_relation: adapter\n---\n")
    Repository.objects.filter(name="gall").update(gate="manual")
    assert sorted(shown(text_of(client, "/models?gated=false"))) == ["acorn", "oak"]
    page = text_of(client, "/models?gated=true")
    assert shown(page) == ["gall"]
    # The other line takes its place; the chosen one is dropped.
    assert 'href="?gated=false"' in page
    assert shown(text_of(client, "/models?relation=quantized")) == ["acorn"]
    assert "Quantization" in text_of(client, "/models")
    assert sorted(shown(text_of(client, "/models?gated=perhaps"))) == ["acorn", "gall", "oak"]
