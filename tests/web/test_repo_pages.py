"""Reading a repository: its card, files and history, for strangers and owners, with a known number of queries."""

import json
import re
import struct
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from hub.catalog.indexing import index_repository
from hub.core.links import repo_path
from hub.repos.git.files import resolve_revision
from hub.repos.models import Kind, Repository
from hub.repos.releases import create_tag
from hub.repos.services import create_branch, move_repo
from tests.factories import make_organization, make_repo
from tests.web.conftest import browser_of
from tests.web.repos import commit_files, get, owner, text_of

pytestmark = pytest.mark.django_db

CARD = """---
license: mit
language: [en, zh]
pipeline_tag: text-generation
tags: [tiny]
base_model: somebody/absent
---
# A card

See [the config](config.json).
"""


def header(tensors: dict[str, object]) -> bytes:
    content = json.dumps(tensors).encode()
    return struct.pack("<Q", len(content)) + content


@pytest.fixture
def repo(db: None) -> Repository:
    made = make_repo(name="tiny")
    weights = header({"w.10": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}) + bytes(24)
    commit_files(
        made, {"README.md": CARD, "config.json": "{}\n", "model.safetensors": weights, "src/run.py": "x = 1\n"}
    )
    commit_files(made, {"src/run.py": "x = 2\n"}, "Count further")
    return made


def pages_of(repo: Repository) -> list[str]:
    """One address of each reading page."""
    home = repo.get_absolute_url()
    head = resolve_revision(repo, "main").oid
    return [
        home,
        f"{home}/tree/main",
        f"{home}/tree/main/src",
        f"{home}/tree/{head}",
        f"{home}/blob/main/src/run.py",
        f"{home}/blob/main/model.safetensors",
        f"{home}/raw/main/src/run.py",
        f"{home}/commits/main",
        f"{home}/commits/main/src/run.py",
        f"{home}/commit/{head}",
    ]


def said_by(response: HttpResponse) -> str:
    """What the page itself says, without the request's number."""
    main = re.search(r"<main.*</main>", response.content.decode(), re.DOTALL)
    assert main
    return main[0].replace(response.headers["X-Request-Id"], "")


def test_strangers_read_what_is_public(client: Client, repo: Repository) -> None:
    for address in pages_of(repo):
        assert get(client, address).status_code == 200, address


def test_a_private_repository_looks_like_none(client: Client, browser: Client) -> None:
    hidden = make_repo(name="secret-one", visibility="private")
    absent = hidden.get_absolute_url().replace("secret-one", "absent")
    for address in pages_of(hidden)[:2]:
        for visitor in (client, browser):
            refused = get(visitor, address)
            assert refused.status_code == 404
            missing = get(visitor, address.replace(hidden.get_absolute_url(), absent))
            assert said_by(refused).replace("secret-one", "absent") == said_by(missing)
        assert get(browser_of(owner(hidden)), address).status_code == 200


@pytest.mark.parametrize("below", ["/tree/nowhere", "/tree/main/nothing", "/blob/main/nothing", "/commit/" + "0" * 40])
def test_what_is_not_there_is_said_to_be_missing(client: Client, repo: Repository, below: str) -> None:
    assert get(client, repo.get_absolute_url() + below).status_code == 404


def test_a_former_name_leads_to_the_same_page(client: Client, repo: Repository) -> None:
    old = repo.get_absolute_url()
    maker = owner(repo)
    move_repo(repo=repo, actor=maker, namespace=make_organization(maker, "grovers").namespace, name="taller")
    for below in ("", "/tree/main/src?page=1", "/blob/main/a%2Fb%25c"):
        moved = get(client, old + below)
        assert (moved.status_code, moved.headers["Location"]) == (307, f"/grovers/taller{below}")


def test_the_card_says_what_is_known(client: Client, repo: Repository) -> None:
    page = text_of(client, repo.get_absolute_url())
    for said in ("Text generation", "MIT", "English, Chinese", "A card", "somebody/absent", "not on this hub"):
        assert said in page
    assert f'href="{repo.get_absolute_url()}/blob/main/config.json"' in page
    assert "---" not in page


def test_how_to_use_it_names_this_hub_and_each_tool(client: Client, repo: Repository) -> None:
    page = text_of(client, repo.get_absolute_url())
    name = repo.full_name
    for said in (
        "export HF_ENDPOINT=http://testserver",
        f"hf download {name}",
        f"snapshot_download(&quot;{name}&quot;)",
        f"pipeline(&quot;text-generation&quot;, model=&quot;{name}&quot;)",
        f"curl -L -O http://testserver/{name}/resolve/main/config.json",
    ):
        assert said in page, said
    notes = make_repo(kind="dataset")
    commit_files(notes, {"a.csv": "a\n1\n"})
    page = text_of(client, notes.get_absolute_url())
    assert f"load_dataset(&quot;{notes.full_name}&quot;)" in page
    assert f"hf download {notes.full_name} --repo-type dataset" in page


def test_a_private_repository_says_how_to_log_in(repo: Repository) -> None:
    hidden = make_repo(visibility="private")
    commit_files(hidden, {"a.txt": "a"})
    page = text_of(browser_of(owner(hidden)), hidden.get_absolute_url())
    assert "hf auth login --token grove_...\nhf download" in page
    assert "Authorization: Bearer $HF_TOKEN" in page


def test_an_empty_repository_says_how_to_fill_it_to_those_who_can(client: Client) -> None:
    empty = make_repo()
    assert f"hf upload {empty.full_name} ." in text_of(browser_of(owner(empty)), empty.get_absolute_url())
    page = text_of(client, empty.get_absolute_url())
    assert "hf upload" not in page
    assert "Nothing has been uploaded yet" in page


def test_a_broken_card_is_explained_to_its_writers_alone(client: Client) -> None:
    repo = make_repo()
    commit_files(repo, {"README.md": "---\nlicense: [mit\n---\n# Still shown\n"})
    assert "Line 3" in text_of(browser_of(owner(repo)), repo.get_absolute_url())
    page = text_of(client, repo.get_absolute_url())
    assert "Still shown" in page
    assert "Line 3" not in page


def test_a_long_folder_comes_in_pages(client: Client) -> None:
    repo = make_repo()
    commit_files(repo, {f"data/{number:04}.txt": str(number) for number in range(650)})
    address = f"{repo.get_absolute_url()}/tree/main/data"
    first, last = text_of(client, address), text_of(client, f"{address}?page=3")
    assert "0299.txt" in first
    assert "0300.txt" not in first
    assert "601 to 650 of 650" in last
    assert get(client, f"{address}?page=4").status_code == 404
    for nonsense in ("0", "-1", "x", "1e9", "%D9%A3", "9" * 40):
        assert get(client, f"{address}?page={nonsense}").status_code == 404


def test_revisions_with_slashes(client: Client, repo: Repository) -> None:
    maker = owner(repo)
    create_branch(repo=repo, actor=maker, name="feature/a+b")
    create_tag(repo=repo, actor=maker, name="v1.0")
    page = text_of(client, f"{repo.get_absolute_url()}/tree/feature%2Fa%2Bb/src")
    assert f'href="{repo.get_absolute_url()}/blob/feature%2Fa%2Bb/src/run.py"' in page
    assert f'href="{repo.get_absolute_url()}/tree/v1.0/src"' in page


def test_text_is_coloured_and_numbered(client: Client, repo: Repository) -> None:
    page = text_of(client, f"{repo.get_absolute_url()}/blob/main/src/run.py")
    assert '<tr id="L1">' in page
    assert 'href="#L1"' in page
    assert '<span class="mi">2</span>' in page
    assert "Python" in page


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.txt", b"", "This file is empty."),
        ("noise.dat", b"\x00\xff", "This is not text"),
        ("latin.txt", "é".encode("latin-1"), "This is not text"),
        ("long.txt", b"line\n" * 300_000, "longer than"),
        ("big.bin", b"\x00" * 100, "This is a large file."),
        ("fake.safetensors", b"\xff" * 64, "not a readable safetensors file"),
        ("short.safetensors", b"123", "shorter than 8 bytes"),
        (
            "liar.safetensors",
            header({"w": {"dtype": "F32", "shape": [9**9], "data_offsets": [0, 4]}}) + b"1234",
            "is broken",
        ),
        ("square.png", b"\x89PNG", "/raw/"),
    ],
)
def test_files_that_are_no_plain_text(client: Client, repo: Repository, name: str, content: bytes, said: str) -> None:
    commit_files(repo, {name: content})
    assert said in text_of(client, f"{repo.get_absolute_url()}/blob/main/{name}")


def test_the_header_of_weights_is_read(client: Client, repo: Repository) -> None:
    page = text_of(client, f"{repo.get_absolute_url()}/blob/main/model.safetensors")
    assert "w.10" in page
    assert "2 × 3" in page
    assert "SHA-256" in page


def test_the_size_of_weights_leaves_out_other_large_files(client: Client, repo: Repository) -> None:
    commit_files(repo, {"video.mp4": bytes(3000)})
    index_repository(repo_id=repo.pk)
    page = text_of(client, repo.get_absolute_url()).replace("\u00a0", " ")
    assert "f32, 24 B" in page


def test_the_history_of_a_file_holds_its_own_commits_only(client: Client, repo: Repository) -> None:
    page = text_of(client, f"{repo.get_absolute_url()}/commits/main/src/run.py")
    assert "Count further" in page
    assert "Add files" in page
    assert "Start the repository" not in page
    assert "Count further" not in text_of(client, f"{repo.get_absolute_url()}/commits/main/README.md")
    assert get(client, f"{repo.get_absolute_url()}/commits/main/absent").status_code == 404


def test_a_commit_shows_its_lines(client: Client, repo: Repository) -> None:
    page = text_of(client, f"{repo.get_absolute_url()}/commit/{resolve_revision(repo, 'main').oid}")
    assert "<td>x = 1</td>" in page
    assert "<td>x = 2</td>" in page
    assert "1 file changed" in page


def test_a_folder_and_a_file_at_each_others_address(client: Client, repo: Repository) -> None:
    folder = get(client, f"{repo.get_absolute_url()}/blob/main/src")
    assert (folder.status_code, folder.headers["Location"]) == (302, f"{repo.get_absolute_url()}/tree/main/src")
    assert get(client, f"{repo.get_absolute_url()}/tree/main/src/run.py").status_code == 404


@pytest.mark.parametrize(
    ("below", "queries"),
    [
        ("", 14),
        ("/tree/main", 10),
        ("/tree/main/src", 10),
        ("/blob/main/src/run.py", 9),
        ("/commits/main", 6),
        ("/raw/main/src/run.py", 4),
    ],
)
def test_queries_do_not_grow(
    client: Client, repo: Repository, django_assert_num_queries: Any, below: str, queries: int
) -> None:
    commit_files(repo, {f"src/{n}.txt": str(n) for n in range(40)} | {f"{n}/a.txt": "a" for n in range(40)})
    for n in range(20):
        commit_files(repo, {"src/0.txt": f"change {n}"}, f"Change {n}")
    with django_assert_num_queries(queries):
        assert get(client, repo.get_absolute_url() + below).status_code == 200


def test_addresses_are_made_with_every_sign_encoded() -> None:
    assert repo_path("model", "ada/x", "blob", rev="main", path='a b/#"?%2F') == "/ada/x/blob/main/a%20b/%23%22%3F%252F"


def test_the_number_of_rows_stands_in_words(client: Client) -> None:
    repo = make_repo(kind=Kind.DATASET)
    commit_files(repo, {"README.md": "---\nsize_categories: [1M<n<10M]\n---\n# Rows\n"})
    assert "1 M to 10 M" in text_of(client, repo.get_absolute_url())
    client.cookies["django_language"] = "zh-hans"
    assert "100 万至 1000 万" in text_of(client, repo.get_absolute_url())


def test_the_head_does_not_say_what_the_card_opens_with(client: Client) -> None:
    repo, sentence = make_repo(), "A tree that grows on every wall and needs little light."
    commit_files(repo, {"README.md": f"# Larch\n\n{sentence}\n"})
    assert text_of(client, repo.get_absolute_url()).count(f"{sentence}<") == 1
    commit_files(repo, {"README.md": f"# Larch\n\nBeta\n\nThanks\n\n{sentence}\n"})
    index_repository(repo_id=repo.pk)
    assert 'class="summary' in text_of(client, repo.get_absolute_url())
