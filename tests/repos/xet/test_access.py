"""Tokens and addresses open what they were made for, as long as their user may, and nothing else."""

import hashlib
import time

import pytest
from django.contrib.auth.models import AnonymousUser

from hub.accounts.services import create_token, revoke_token
from hub.repos.errors import GatedRepo, LinkRefused
from hub.repos.gates import grant_access, set_gate
from hub.repos.models import Gate, Visibility
from hub.repos.xet import tokens
from hub.repos.xet.access import authorize, files_known_to, get_file_for_read, open_for
from hub.repos.xet.errors import ContentNotFound, TokenInvalid, TokenReadOnly
from hub.repos.xet.tokens import Holder, StoredRange, holder_of, issue_token, sign_range

from .building import noise
from .conftest import commit, upload

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def own_store(settings, tmp_path):
    settings.DATA_DIR = tmp_path


def token(repo, user, scope="read") -> str:
    return str(issue_token(repository=repo, user=user, scope=scope))


def test_an_answer_says_the_same_in_body_and_headers(repo, ada):
    issued = issue_token(repository=repo, user=ada, scope="write")
    body, headers = tokens.token_answer("http://hub.example", issued)
    assert body["casUrl"] == headers["X-Xet-Cas-Url"] == "http://hub.example/xet"
    assert body["accessToken"] == headers["X-Xet-Access-Token"] == str(issued)
    assert str(body["exp"]) == headers["X-Xet-Token-Expiration"]
    assert 900 <= body["exp"] - time.time() <= 3600
    assert tokens.read_token(body["accessToken"]) == issued


def test_a_generation_changes_the_address_by_which_clients_remember(repo, ada, settings):
    settings.XET_GENERATION = 2
    body, _ = tokens.token_answer("http://hub.example", issue_token(repository=repo, user=ada, scope="read"))
    assert body["casUrl"] == "http://hub.example/xet/g2"


@pytest.mark.parametrize("spoil", [lambda t: t[:-1] + "x", lambda t: "", lambda t: "a:b:c", lambda t: t[1:]])
def test_a_forged_token_opens_nothing(repo, ada, spoil):
    with pytest.raises(TokenInvalid):
        authorize(spoil(token(repo, ada)), write=False)


def test_an_expired_token_opens_nothing(repo, ada, monkeypatch):
    text = token(repo, ada)
    later = time.time() + tokens.TOKEN_SECONDS + 1
    monkeypatch.setattr(tokens.time, "time", lambda: later)
    with pytest.raises(TokenInvalid, match="expired"):
        authorize(text, write=False)


def test_a_read_token_does_not_write_and_a_write_token_does(repo, ada):
    with pytest.raises(TokenReadOnly):
        authorize(token(repo, ada), write=True)
    assert authorize(token(repo, ada, "write"), write=True).repository == repo


def test_rights_are_asked_for_at_each_use(repo, ada, eve):
    """However a token was come by, it opens what its user may do now."""
    # Whoever fetches files may propose changes to them, and upload what these name.
    assert authorize(token(repo, eve, "write"), write=True).repository == repo
    repo.gate = Gate.MANUAL
    repo.save()
    with pytest.raises(GatedRepo):
        authorize(token(repo, eve, "write"), write=True)
    repo.gate = Gate.OPEN
    repo.save()
    nobody = token(repo, AnonymousUser())
    assert authorize(nobody, write=False).repository == repo
    repo.visibility = Visibility.PRIVATE
    repo.save()
    for text in (nobody, token(repo, eve)):
        with pytest.raises(ContentNotFound):
            authorize(text, write=False)
    text = token(repo, ada)
    authorize(text, write=False)
    ada.is_active = False
    ada.save()
    with pytest.raises(TokenInvalid):
        authorize(text, write=False)


def test_revoking_the_access_token_ends_what_was_got_with_it(repo, ada):
    ada.acting_token, _ = create_token(user=ada, name="tool", scope="write")
    text = token(repo, ada, "write")
    authorize(text, write=True)
    revoke_token(user=ada, token_id=ada.acting_token.pk)
    with pytest.raises(TokenInvalid):
        authorize(text, write=True)


def test_a_read_access_token_does_not_grow_into_a_writing_one(repo, ada):
    ada.acting_token, _ = create_token(user=ada, name="tool", scope="read")
    with pytest.raises(TokenReadOnly):
        authorize(token(repo, ada, "write"), write=True)


def test_a_repository_shows_what_its_commits_hold(repo, ada, eve, make_repo):
    file = upload([noise(1, 9000)], repo, ada)
    reader = authorize(token(repo, eve), write=False)
    with pytest.raises(ContentNotFound):
        get_file_for_read(reader, file.hash)
    # Who uploads sees it before the commit.
    writer = authorize(token(repo, ada, "write"), write=False)
    assert get_file_for_read(writer, file.hash) == file
    commit(file, repo)
    assert get_file_for_read(reader, file.hash) == file
    other = authorize(token(make_repo(eve), eve, "write"), write=False)
    with pytest.raises(ContentNotFound):
        get_file_for_read(other, file.hash)


def test_what_lies_behind_a_gate_is_known_to_those_who_were_let_in(repo, ada, eve, make_repo):
    file = upload([noise(1, 9000)], repo, ada)
    commit(file, repo)
    elsewhere = authorize(token(make_repo(eve), eve), write=False)
    given = holder_of(repo, eve)
    assert file in files_known_to(elsewhere)
    open_for(given)
    set_gate(repo=repo, actor=ada, gate="manual")
    assert file not in files_known_to(elsewhere)
    with pytest.raises(GatedRepo):
        open_for(given)
    grant_access(repo=repo, user=eve, actor=ada)
    assert file in files_known_to(elsewhere)
    open_for(given)


def query(address: str) -> dict[str, str]:
    return dict(part.split("=") for part in address.split("&"))


RUN = StoredRange(hashlib.sha256(b"x").hexdigest(), 3, 9, 1000, 2000)
HOLDER = Holder(7, 5, None)


def test_an_address_opens_its_run_of_bytes():
    for holder in (HOLDER, Holder(7, None, None)):
        assert tokens.read_range(RUN.xorb, query(sign_range(RUN, holder))) == (RUN, holder)


@pytest.mark.parametrize(
    "change",
    [
        {"bytes": "0-2000"},
        {"bytes": "1000-2001"},
        {"chunks": "0-9"},
        {"expires": "9999999999"},
        {"signature": "0" * 64},
        {"signature": "é"},
        {"bytes": "1000"},
        {"bytes": "1000-2000-3000"},
        {"chunks": "x-y"},
        {"for": "7-6-0"},
        {"for": "8-5-0"},
        {"for": "7-0-0"},
        {"for": "7"},
    ],
)
def test_a_changed_address_opens_nothing(change):
    with pytest.raises(LinkRefused):
        tokens.read_range(RUN.xorb, query(sign_range(RUN, HOLDER)) | change)


def test_an_address_of_another_xorb_or_of_the_past_opens_nothing(monkeypatch):
    signed = query(sign_range(RUN, HOLDER))
    with pytest.raises(LinkRefused):
        tokens.read_range(hashlib.sha256(b"y").hexdigest(), signed)
    with pytest.raises(LinkRefused):
        tokens.read_range(RUN.xorb, {})
    later = time.time() + tokens.LINK_SECONDS + 1
    monkeypatch.setattr(tokens.time, "time", lambda: later)
    with pytest.raises(LinkRefused, match="expired"):
        tokens.read_range(RUN.xorb, signed)
