"""Lists of repositories: order, filters, pages, detail, and who sees what."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from tests.waiting import wait_until

from .conftest import Answer, Hub, put

CARD = "---\nlicense: {license}\npipeline_tag: {task}\ntags: [botany{tags}]\nlanguage: zh\n---\n# 植物图鉴\n\nA herbarium.\n"


def ask(hub: Hub, by: str = "", kind: str = "model", **query: Any) -> Answer:
    return hub.call("GET", f"/api/{kind}s?{urlencode(query, doseq=True)}", by=by)


def ids(answer: Answer) -> list[str]:
    assert answer.status == 200, answer
    return [item["id"] for item in answer.json]


@pytest.fixture(scope="module")
def herbarium(hub: Hub) -> dict[str, str]:
    """Repositories to be found: two public ones, and a private one of olga's."""
    made = {
        "fern": hub.new_repo(by="olga"),
        "moss": hub.new_repo(by="walter"),
        "secret": hub.new_repo(by="olga", private=True),
    }
    for name, license_id, task, tags in [
        ("fern", "mit", "text-generation", ", green"),
        ("moss", "apache-2.0", "fill-mask", ", green"),
        ("secret", "mit", "fill-mask", ", hidden-word"),
    ]:
        owner = made[name].split("/")[0]
        card = CARD.format(license=license_id, task=task, tags=tags)
        assert hub.commit(made[name], put("README.md", card), put("x", "1"), by=owner).status == 200
    wait_until(lambda: len(ids(ask(hub, "olga", filter="botany"))) == 3)
    return made


def test_conditions(hub: Hub, herbarium: dict[str, str]) -> None:
    fern, moss = herbarium["fern"], herbarium["moss"]
    for query, found in [
        ({"filter": "botany"}, {fern, moss}),
        ({"filter": ["botany", "license:mit"]}, {fern}),
        ({"filter": "botany,license:mit"}, {fern}),
        ({"filter": "botany", "pipeline_tag": "fill-mask"}, {moss}),
        ({"filter": "botany", "license": "mit"}, {fern}),
        ({"filter": "botany", "language": "zh"}, {fern, moss}),
        ({"filter": "botany", "language": "en"}, set()),
        ({"filter": "botany", "author": "walter"}, {moss}),
        ({"filter": "botany", "author": "nobody"}, set()),
        ({"filter": "botany", "search": fern.split("/")[1]}, {fern}),
        ({"filter": "botany", "search": "植物"}, {fern, moss}),
        ({"filter": "botany", "search": "herbarium"}, {fern, moss}),
        ({"filter": "botany", "gated": "true"}, set()),
        ({"filter": "botany", "num_parameters": "min:1B"}, set()),
    ]:
        assert set(ids(ask(hub, **query))) == found, query
    assert ids(ask(hub, kind="dataset", filter="botany")) == []


def test_private_ones_are_for_those_who_may_read_them(hub: Hub, herbarium: dict[str, str]) -> None:
    for who, seen in [("olga", True), ("olga-reads", True), ("sven", False), ("", False)]:
        assert (herbarium["secret"] in ids(ask(hub, who, filter="botany"))) is seen
        words = hub.call("GET", "/api/models-tags-by-type", by=who).json
        assert ("hidden-word" in [tag["id"] for tag in words["other"]]) is seen


def test_detail(hub: Hub, herbarium: dict[str, str]) -> None:
    (brief,) = ask(hub, filter=["botany", "license:mit"]).json
    assert {"id", "author", "sha", "tags", "downloads", "createdAt", "lastModified", "pipeline_tag"} <= brief.keys()
    assert "siblings" not in brief
    (full,) = ask(hub, filter=["botany", "license:mit"], full="true", cardData="true").json
    assert [file["rfilename"] for file in full["siblings"]] == [".gitattributes", "README.md", "x"]
    assert full["cardData"]["license"] == "mit"
    (only,) = ask(hub, filter=["botany", "license:mit"], expand=["sha", "resourceGroup"]).json
    assert only.keys() == {"id", "modelId", "sha"}


def test_pages_meet_everything_once(hub: Hub) -> None:
    made = {hub.new_repo(by="sven", kind="dataset") for _ in range(7)}
    wait_until(lambda: len(ids(ask(hub, kind="dataset", author="sven"))) == 7)
    for sort in ["", "createdAt", "lastModified", "downloads", "likes"]:
        query = {"author": "sven", "limit": 3} | ({"sort": sort} if sort else {})
        pages = list(follow(hub, f"/api/datasets?{urlencode(query)}"))
        assert [len(page) for page in pages] == [3, 3, 1]
        seen = [item["id"] for page in pages for item in page]
        assert set(seen) == made
        if sort == "createdAt":
            created = [item["createdAt"] for page in pages for item in page]
            assert created == sorted(created, reverse=True)


def follow(hub: Hub, target: str) -> Iterator[Any]:
    while target:
        answer = hub.call("GET", target)
        assert answer.status == 200, answer
        yield answer.json
        target = answer.headers.get("link", "")[1:].partition(">")[0].removeprefix(hub.url)


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("bogus=1", "bogus"),
        ("sort=loudest", "loudest"),
        ("sort=downloads&direction=1", "direction"),
        ("expand=everything", "everything"),
        ("limit=0", "limit"),
        ("limit=x", "limit"),
        ("limit=%C2%B2", "limit"),
        ("full=perhaps", "full"),
        ("num_parameters=lots", "num_parameters"),
        ("cursor=nonsense", "list"),
        ("inference_provider=cohere", "cohere"),
        ("inference=cold", "cold"),
        ("apps=ollama&apps=winword", "winword"),
        ("filter=base_model:cousin:ada/tiny", "cousin"),
        ("gated=perhaps", "gated"),
        ("task_ids=x", "task_ids"),
        ("expand=citation", "citation"),
    ],
)
def test_what_is_unknown_is_named(hub: Hub, query: str, named: str) -> None:
    answer = hub.call("GET", f"/api/models?{query}")
    assert answer.status == 400
    assert named in answer.json["error"]


def test_odd_queries_are_answered(hub: Hub) -> None:
    for odd in ["x" * 3000, "'\";--", "%", "a:*&!|()", "\\", "\ud7ff🌱", "filter:"]:
        for name in ["search", "author", "filter", "pipeline_tag", "license"]:
            assert hub.call("GET", f"/api/models?{name}={quote(odd)}").status == 200, (name, odd)
    assert hub.call("GET", "/api/models?limit=" + "9" * 500).status == 200


def test_info_is_that_of_the_revision(hub: Hub) -> None:
    repo = hub.new_repo()
    old = hub.commit(repo, put("README.md", "---\nlicense: mit\n---\n")).json["commitOid"]
    new = hub.commit(repo, put("README.md", "---\nlicense: gpl-3.0\n---\n"), put("b", "1")).json["commitOid"]
    now, then = hub.call("GET", f"/api/models/{repo}").json, hub.call("GET", f"/api/models/{repo}/revision/{old}").json
    assert (now["sha"], then["sha"]) == (new, old)
    # Right after the push, before anything has been indexed.
    assert (now["cardData"], then["cardData"]) == ({"license": "gpl-3.0"}, {"license": "mit"})
    assert "license:gpl-3.0" in now["tags"]
    assert len(now["siblings"]) == len(then["siblings"]) + 1
    sized = hub.call("GET", f"/api/models/{repo}?blobs=true").json["siblings"]
    assert {file["rfilename"]: file["size"] for file in sized}["b"] == 1
    assert hub.call("GET", f"/api/models/{repo}?expand=sha&expand=tags").json.keys() == {"id", "modelId", "sha", "tags"}
    assert hub.call("GET", f"/api/models/{repo}?expand=bogus").status == 400
    # `upload_large_folder` before 1.0 asks for this and stops where it is refused.
    assert hub.call("GET", f"/api/models/{repo}?expand=xetEnabled").json["xetEnabled"] is True


def test_hostile_cards_break_no_client(hub: Hub) -> None:
    repo = hub.new_repo()
    card = "---\ntags: 5\nself: me\nignore_metadata_errors: yes\nmodel-index: nonsense\nlicense: [1, {a: b}]\n---\n"
    assert hub.commit(repo, put("README.md", card)).status == 200
    told = hub.call("GET", f"/api/models/{repo}").json["cardData"]
    assert told["tags"] == ["5"]
    assert not {"self", "ignore_metadata_errors", "model-index"} & told.keys()
