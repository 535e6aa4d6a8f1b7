"""Answers help whoever has a chunk, and tell nothing about files that they may not know of."""

from datetime import timedelta

import pytest
from django.utils import timezone

from hub.repos.models import Xorb
from hub.repos.xet import hashing
from hub.repos.xet.access import Access
from hub.repos.xet.dedup import answer_dedup

from .building import file_of, noise, shard_of, term
from .conftest import commit, register, store, upload

pytestmark = pytest.mark.django_db

PIECES = [noise(i, 9000) for i in range(12)]
FIRST = hashing.to_hex(hashing.chunk_hash(PIECES[0]))


@pytest.fixture(autouse=True)
def own_store(settings, tmp_path):
    settings.DATA_DIR = tmp_path


def test_a_chunk_of_a_public_file_leads_to_all_its_xorbs(repo, ada, eve, make_repo):
    one, two = store(PIECES[:6], repo), store(PIECES[6:], repo)
    terms = [term(one, PIECES[:6]), term(two, PIECES[6:])]
    register(shard_of([(file_of(PIECES), terms, None)]), repo, ada)
    asking = Access(make_repo(eve), eve, writes=True)
    assert answer_dedup(access=asking, chunk_hash=FIRST) is None
    file = upload(PIECES, repo, ada)
    commit(file, repo)
    Xorb.objects.update(last_touched_at=timezone.now() - timedelta(days=20))
    answer = answer_dedup(access=asking, chunk_hash=FIRST)
    for name in (one, two):
        assert hashing.from_hex(name) in answer
        assert timezone.now() - Xorb.objects.get(pk=name).last_touched_at < timedelta(minutes=1)
    for piece in PIECES:
        assert hashing.chunk_hash(piece) not in answer


def test_a_private_file_is_known_to_those_who_read_it_only(ada, eve, make_repo):
    hidden = make_repo(ada, "hidden", visibility="private")
    commit(upload(PIECES, hidden, ada), hidden)
    assert answer_dedup(access=Access(hidden, ada, writes=True), chunk_hash=FIRST)
    other = make_repo(eve, "mine")
    assert answer_dedup(access=Access(other, eve, writes=True), chunk_hash=FIRST) is None


def test_a_public_copy_answers_although_a_private_one_came_first(ada, eve, make_repo):
    hidden, shown = make_repo(ada, "hidden", visibility="private"), make_repo(ada, "shown")
    secret = [PIECES[0], *PIECES[8:]]
    commit(upload(secret, hidden, ada), hidden)
    commit(upload(PIECES, shown, ada), shown)
    answer = answer_dedup(access=Access(make_repo(eve, "mine"), eve, writes=True), chunk_hash=FIRST)
    assert hashing.from_hex(store(PIECES, shown)) in answer
    assert hashing.from_hex(store(secret, hidden)) not in answer


def test_what_is_in_no_file_is_not_offered(repo, ada):
    store(PIECES, repo)
    assert answer_dedup(access=Access(repo, ada, writes=True), chunk_hash=FIRST) is None


def test_an_operator_narrows_what_answers_tell(ada, eve, make_repo, settings):
    shown, own = make_repo(ada), make_repo(eve, "mine")
    commit(upload(PIECES, shown, ada), shown)
    from_elsewhere = Access(own, eve, writes=True)
    settings.XET_DEDUP = "repository"
    assert answer_dedup(access=from_elsewhere, chunk_hash=FIRST) is None
    assert answer_dedup(access=Access(shown, eve, writes=True), chunk_hash=FIRST)
    settings.XET_DEDUP = "off"
    assert answer_dedup(access=Access(shown, ada, writes=True), chunk_hash=FIRST) is None


@pytest.mark.parametrize("mark", ["damaged_at", "condemned_at"])
def test_what_is_damaged_or_about_to_go_is_not_offered(repo, ada, mark):
    one, two = store(PIECES[:6], repo), store(PIECES[6:], repo)
    register(shard_of([(file_of(PIECES), [term(one, PIECES[:6]), term(two, PIECES[6:])], None)]), repo, ada)
    asking = Access(repo, ada, writes=True)
    value = timezone.now() if mark == "damaged_at" else 1
    Xorb.objects.filter(pk=two).update(**{mark: value})
    answer = answer_dedup(access=asking, chunk_hash=FIRST)
    assert hashing.from_hex(one) in answer
    assert hashing.from_hex(two) not in answer
    Xorb.objects.filter(pk=one).update(**{mark: value})
    assert answer_dedup(access=asking, chunk_hash=FIRST) is None
    assert Xorb.objects.filter(**{f"{mark}__isnull": False}).count() == 2
