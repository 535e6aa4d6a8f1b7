"""A bucket is a repository: whatever goes through all repositories handles it, or leaves it out."""

import io

import pytest
from django.core.management import call_command
from django.test import Client

from hub.accounts.models import User
from hub.catalog.indexing import index_repository
from hub.catalog.models import SearchRow
from hub.catalog.tasks import sweep
from hub.core.errors import Invalid
from hub.repos.models import Kind, Repository
from hub.repos.services import create_repo, delete_repo, set_visibility
from tests.factories import make_organization, make_repo, make_token
from tests.repos.buckets import make_bucket, put
from tests.web.repos import get, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def bucket(member: User) -> Repository:
    made = make_bucket(member, name="checkpoints")
    put(made, {"README.md": b"# Here", "a/b.bin": b"one"})
    return made


def test_pages(bucket: Repository, browser: Client, member: User) -> None:
    make_organization(member, "guild")
    for address in ("/", "/models", "/datasets", "/spaces", "/kernels"):
        assert "checkpoints" not in text_of(Client(), address), address
    own = text_of(browser, "/")
    assert f'href="{bucket.get_absolute_url()}"' in own
    profile = text_of(Client(), f"/{member.username}")
    assert f'href="{bucket.get_absolute_url()}"' in profile and "Buckets" in profile and "2 files" in profile
    assert get(Client(), "/guild").status_code == 200
    # A name without a kind is a model's.
    for address in (
        f"/{bucket.full_name}",
        f"/datasets/{bucket.full_name}",
        f"{bucket.get_absolute_url()}/commits/main",
    ):
        assert get(Client(), address).status_code == 404, address


def test_calls(bucket: Repository, member: User) -> None:
    headers = {"Authorization": f"Bearer {make_token(member)}"}

    def call(address: str) -> object:
        answer = Client().get(address, headers=headers)
        assert answer.status_code == 200, (address, answer.content)
        return answer.json()

    for kind in ("models", "datasets", "spaces", "kernels"):
        assert call(f"/api/{kind}?author={member.username}") == [], kind
    assert call("/api/v1/models")["items"] == []  # type: ignore[index]
    overview = call(f"/api/users/{member.username}/overview")
    assert (overview["numModels"], overview["numDatasets"]) == (0, 0)  # type: ignore[index]
    call("/api/whoami-v2")
    (line,) = call("/api/settings/repositories")  # type: ignore[misc]
    assert (line["type"], line["storage"], line["storagePercent"]) == ("bucket", 9, 100)
    for address in (
        f"models/{bucket.full_name}",
        f"models/{bucket.full_name}/tree/main",
        f"models/{bucket.full_name}/discussions",
    ):
        assert Client().get(f"/api/{address}", headers=headers).status_code == 404
    for address in (
        f"{bucket.full_name}.git/info/refs?service=git-upload-pack",
        f"{bucket.full_name}/resolve/main/README.md",
    ):
        for prefix in ("", "buckets/"):
            assert Client().get(f"/{prefix}{address}", headers=headers).status_code == 404, (prefix, address)


def test_the_catalogue_leaves_it_out(bucket: Repository, member: User) -> None:
    set_visibility(repo=bucket, actor=member, visibility="private")
    assert index_repository(bucket.pk) is False
    make_repo(member, name="tiny")
    sweep()
    assert set(SearchRow.objects.values_list("kind", flat=True)) == {Kind.MODEL}


def test_commands(bucket: Repository) -> None:
    said = io.StringIO()
    call_command("fsck", bucket.full_name, stdout=said)
    assert "All is well" in said.getvalue()


def test_it_is_made_by_its_own_service_alone(member: User) -> None:
    with pytest.raises(Invalid):
        create_repo(actor=member, namespace=member.namespace, kind=Kind.BUCKET, name="x")


def test_it_goes(bucket: Repository, member: User, browser: Client) -> None:
    delete_repo(repo=bucket, actor=member)
    assert "checkpoints" not in text_of(browser, "/")
