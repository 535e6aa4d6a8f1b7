"""Names without an owner: who has them, where they lead, and what else cannot be called so."""

import pytest
from django.contrib.auth.models import AnonymousUser

from hub.accounts.errors import NameTaken
from hub.core.errors import Conflict, NotFound
from hub.core.models import AuditEvent
from hub.repos.errors import NotWritable, RepoMoved, RepoNameInvalid, RepoNotFound, WriteNeedsSignIn
from hub.repos.permissions import get_repo_by_short_name, get_repo_for_naming, get_repo_for_read
from hub.repos.services import delete_repo, move_repo
from hub.repos.short_names import MAX_SHORT_NAMES, give_short_name, short_names, take_short_name
from tests.factories import make_organization, make_repo, make_user

pytestmark = pytest.mark.django_db
NOBODY = AnonymousUser()


def leads_to(name: str, kind: str = "model", user: object = NOBODY) -> str:
    with pytest.raises(RepoMoved) as moved:
        get_repo_by_short_name(user, kind, name)  # type: ignore[arg-type]
    assert moved.value.asked_segments == 1
    return moved.value.full_name


def test_a_short_name_leads_to_its_repository_wherever_that_goes() -> None:
    owner = make_user()
    repo = make_repo(owner, name="gpt-2")
    give_short_name(repo=repo, actor=None, name="gpt2")
    assert leads_to("gpt2") == leads_to("GPT2") == f"{owner.username}/gpt-2"
    move_repo(repo=repo, actor=owner, namespace=owner.namespace, name="gpt-two")
    assert leads_to("gpt2") == f"{owner.username}/gpt-two"
    with pytest.raises(RepoNotFound):
        get_repo_by_short_name(NOBODY, "dataset", "gpt2")
    target = f"model {owner.username}/gpt-2"
    assert AuditEvent.objects.filter(verb="repo.short_name.give", target=target, data={"name": "gpt2"}).exists()


def test_a_private_repository_looks_absent_by_its_short_name() -> None:
    owner = make_user()
    give_short_name(repo=make_repo(owner, visibility="private"), actor=None, name="secret")
    for stranger in (NOBODY, make_user()):
        with pytest.raises(RepoNotFound):
            get_repo_by_short_name(stranger, "model", "secret")
    assert leads_to("secret", user=owner)


def test_accounts_and_short_names_share_one_space_of_names() -> None:
    owner = make_user("lovelace")
    make_organization(owner, "analysts")
    repo = make_repo(owner)
    for taken in ("lovelace", "Analysts"):
        with pytest.raises(Conflict):
            give_short_name(repo=repo, actor=None, name=taken)
    give_short_name(repo=repo, actor=None, name="bert")
    with pytest.raises(NameTaken):
        make_user("Bert")
    with pytest.raises(NameTaken):
        make_organization(owner, "bert")
    take_short_name(repo=repo, actor=None, name="BERT")
    assert make_user("bert").username == "bert"


@pytest.mark.parametrize("name", ["", "a/b", "models", "Settings", "tree", "x.git", "-x", "模型", "a b", "x" * 97])
def test_names_that_no_repository_gets(name: str) -> None:
    with pytest.raises(RepoNameInvalid):
        give_short_name(repo=make_repo(), actor=None, name=name)


def test_a_short_name_is_given_once_for_each_kind() -> None:
    repo = make_repo()
    give_short_name(repo=repo, actor=None, name="squad")
    for other in (repo, make_repo()):
        with pytest.raises(Conflict):
            give_short_name(repo=other, actor=None, name="Squad")
    give_short_name(repo=make_repo(kind="dataset"), actor=None, name="squad")
    for n in range(1, MAX_SHORT_NAMES):
        give_short_name(repo=repo, actor=None, name=f"squad{n}")
    with pytest.raises(Conflict):
        give_short_name(repo=repo, actor=None, name="one-more")


def test_only_what_is_a_short_name_of_this_repository_is_taken_back() -> None:
    owner = make_user()
    repo = make_repo(owner, name="one")
    move_repo(repo=repo, actor=owner, namespace=owner.namespace, name="two")
    give_short_name(repo=repo, actor=None, name="short")
    for name, from_repo in [(f"{owner.username}/one", repo), ("short", make_repo()), ("other", repo)]:
        with pytest.raises(NotFound):
            take_short_name(repo=from_repo, actor=None, name=name)
    assert [alias.full_name for alias in short_names(repo)] == ["short"]


def test_other_names_go_with_their_repository_and_are_free_again() -> None:
    owner = make_user()
    repo = make_repo(owner)
    give_short_name(repo=repo, actor=None, name="bloom")
    delete_repo(repo=repo, actor=owner)
    with pytest.raises(RepoNotFound):
        get_repo_by_short_name(NOBODY, "model", "bloom")
    give_short_name(repo=make_repo(), actor=None, name="bloom")


def test_administrators_of_the_hub_give_names_to_what_they_see() -> None:
    owner, admin = make_user(), make_user(admin=True)
    repo, hidden = make_repo(owner), make_repo(owner, visibility="private")
    assert get_repo_for_naming(admin, "model", owner.username, repo.name) == repo
    with pytest.raises(NotWritable):
        get_repo_for_naming(owner, "model", owner.username, repo.name)
    with pytest.raises(RepoNotFound):
        get_repo_for_naming(admin, "model", owner.username, hidden.name)
    with pytest.raises(WriteNeedsSignIn):
        get_repo_for_naming(NOBODY, "model", owner.username, repo.name)


def test_other_letters_lead_to_the_name_as_it_is_written() -> None:
    owner = make_user("Marvin")
    make_repo(owner, name="Tiny")
    with pytest.raises(RepoMoved) as moved:
        get_repo_for_read(NOBODY, "model", "marvin", "TINY")
    assert (moved.value.full_name, moved.value.asked_segments) == ("Marvin/Tiny", 2)
    assert get_repo_for_read(NOBODY, "model", "Marvin", "Tiny")
