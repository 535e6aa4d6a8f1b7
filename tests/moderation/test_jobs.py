"""What reads a repository ends when it is taken down."""

import pytest

from hub.jobs import tokens
from hub.jobs.models import State
from hub.jobs.services import claim_job
from hub.repos.models import Repository
from hub.repos.takedowns import take_down_repo
from tests.factories import make_repo, make_user
from tests.jobs.conftest import make_job, make_worker

pytestmark = pytest.mark.django_db


def test_jobs_end_and_their_tokens_read_nothing() -> None:
    repo, other = make_repo(), make_repo()
    running = claim_job(worker=make_worker(), job_id=str(make_job(make_user(), repos=[repo]).pk))
    queued, unharmed = make_job(make_user(), repos=[repo, other]), make_job(make_user(), repos=[other])
    reader = tokens.reader_of(tokens.token_of(running))
    assert reader is not None and Repository.objects.readable_by(reader).exists()
    take_down_repo(repo=repo, actor=make_user(admin=True), reason="It steals keys.")
    for job, state in ((running, State.CANCELLED), (queued, State.CANCELLED), (unharmed, State.QUEUED)):
        job.refresh_from_db()
        assert job.state == state
    assert tokens.reader_of(tokens.token_of(running)) is None
    # Who was asked in the moment before reads nothing either.
    assert not Repository.objects.readable_by(reader).exists()
