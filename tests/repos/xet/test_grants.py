"""What comes by a grant is the xorb that it was granted for, or nothing. The live tests send to a real store."""

import io
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from hub.core import blobs
from hub.repos.models import Xorb, XorbGrant
from hub.repos.xet import grants
from hub.repos.xet.errors import FormatError, GrantNotFound, GrantsNotOffered, WrongHash
from hub.repos.xet.grants import finish_grant, offer_grant

from .building import noise, xorb_footer, xorb_of
from .conftest import store

pytestmark = pytest.mark.django_db

PIECES = [noise(i, 9000) for i in range(5)]
NAME, BODY = xorb_of(PIECES)


@pytest.fixture(autouse=True)
def own_store(settings, tmp_path):
    settings.DATA_DIR = tmp_path


def granted(repo, user, *sent: bytes, size: int = 0) -> XorbGrant:
    """A grant, and what was sent with it."""
    upload = blobs.store().begin_parts()
    for number, body in enumerate(sent, start=1):
        blobs.store().put_part(upload, number, io.BytesIO(body), length=len(body))
    size = size or len(b"".join(sent)) or len(BODY)
    return XorbGrant.objects.create(xorb=NAME, repository=repo, user=user, size=size, parts=upload)


def finish(grant: XorbGrant, **others) -> bool:
    wanted = {"repository": grant.repository, "user": grant.user, "name": NAME, "grant_id": grant.pk}
    return finish_grant(**wanted | others)


def stored() -> bytes:
    return b"".join(blobs.store().read(blobs.xorb_key(NAME)))


@pytest.mark.parametrize("tail", [b"", xorb_footer(NAME, PIECES, [1] * 5)])
def test_what_was_sent_is_stored_without_a_footer(repo, ada, tail):
    grant = granted(repo, ada, BODY + tail)
    assert finish(grant) is True
    assert stored() == BODY
    assert Xorb.objects.get().stored_size == len(BODY)
    assert not XorbGrant.objects.exists()
    # Its sender may not have read the answer.
    assert finish(grant) is False


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        ([BODY[:-1] + bytes([BODY[-1] ^ 1])], WrongHash),
        ([BODY[:-1]], FormatError),
        ([xorb_of(PIECES[:4])[1]], WrongHash),
        ([BODY, BODY], WrongHash),
    ],
)
def test_anything_else_is_thrown_away(repo, ada, sent, error):
    grant = granted(repo, ada, *sent)
    with pytest.raises(error):
        finish(grant)
    assert blobs.store().stat(blobs.xorb_key(NAME)) is None
    assert not Xorb.objects.exists()
    assert not XorbGrant.objects.exists()
    assert blobs.store().parts(grant.parts) == []


def test_more_than_was_announced_is_thrown_away(repo, ada):
    with pytest.raises(WrongHash, match="announced"):
        finish(granted(repo, ada, BODY, size=len(BODY) - 1))


def test_a_grant_is_of_one_person_one_repository_and_one_xorb(repo, ada, eve, make_repo):
    grant = granted(repo, ada, BODY)
    for other in ({"user": eve}, {"repository": make_repo(ada, "other")}, {"name": "0" * 64}, {"grant_id": uuid4()}):
        with pytest.raises(GrantNotFound):
            finish(grant, **other)
    assert finish(grant) is True


def test_a_grant_with_nothing_sent_can_still_be_used(repo, ada):
    grant = granted(repo, ada)
    with pytest.raises(GrantNotFound):
        finish(grant)
    blobs.store().put_part(grant.parts, 1, io.BytesIO(BODY), length=len(BODY))
    assert finish(grant) is True


def test_a_grant_ends_and_is_swept_with_what_was_sent(repo, ada):
    old, young = granted(repo, ada, BODY), granted(repo, ada, BODY)
    XorbGrant.objects.filter(pk=old.pk).update(created_at=timezone.now() - grants.GRANT_LIFE)
    with pytest.raises(GrantNotFound):
        finish(old)
    XorbGrant.objects.filter(pk=old.pk).update(created_at=timezone.now() - 2 * grants.GRANT_LIFE - timedelta(minutes=1))
    assert grants.drop_old_grants() == 1
    assert list(XorbGrant.objects.all()) == [young]
    assert blobs.store().parts(old.parts) == []
    assert finish(young) is True


def test_what_another_sender_brought_meanwhile_stays(repo, ada):
    grant = granted(repo, ada, xorb_of(PIECES, scheme=1)[1])
    store(PIECES, repo)
    assert finish(grant) is False
    assert stored() == BODY
    assert blobs.store().parts(grant.parts) == []


def test_a_store_that_clients_do_not_reach_offers_none(repo, ada):
    with pytest.raises(GrantsNotOffered):
        offer_grant(repository=repo, user=ada, name=NAME, size=len(BODY))
