"""Evaluations and leaderboards on the site: who sees and does what, and what the pages say."""

import csv
import io
import json

import pytest
from django.test import Client

from hub.evaluations.models import Run
from hub.jobs import services as jobs
from hub.jobs.models import State
from hub.repos.models import Repository, Visibility
from tests.evaluations.making import claim, finish, make_dataset, make_model, make_run
from tests.factories import make_user
from tests.web.conftest import browser_of
from tests.web.repos import commit_files, get, owner, text_of
from workers.contracts import Failure, FailureCode

pytestmark = pytest.mark.django_db


def test_from_the_form_to_the_leaderboard(client: Client) -> None:
    model, dataset, ada = make_model(), make_dataset(), make_user()
    page = f"{model.get_absolute_url()}/evaluations"
    assert "Log in to evaluate" in text_of(client, page)
    browser = browser_of(ada)
    assert "Not evaluated yet" in text_of(browser, page)
    form = {"dataset": dataset.full_name, "column": "text", "revision": "main", "dataset_revision": "main"}
    answer = browser.post(page, form)
    run = Run.objects.with_names().get()
    assert (answer.status_code, answer.headers["Location"]) == (302, f"{run.get_absolute_url()}#main")
    said = text_of(browser, run.get_absolute_url())
    assert "data-live" in said and "/cancel" in said
    assert dataset.full_name in text_of(browser, page)
    finish(run, 1.2512)
    said = text_of(client, run.get_absolute_url())
    assert "1.2512" in said and "data-live" not in said and "Log in to run it again" in said
    assert "1.2512" in text_of(client, page)
    assert "1.2512" in text_of(client, f"{dataset.get_absolute_url()}/leaderboard")
    assert "1.251" in text_of(client, model.get_absolute_url())
    # The front page tells of it as well, and of nothing that is not everybody's.
    assert "New results" in text_of(client, "/") and "1.251" in text_of(client, "/")
    Repository.objects.filter(pk=dataset.pk).update(visibility=Visibility.PRIVATE)
    assert "New results" not in text_of(client, "/")
    Repository.objects.filter(pk=dataset.pk).update(visibility=Visibility.PUBLIC)
    # The same again is said, with a link, and can be had.
    answer = browser.post(page, form)
    assert (answer.status_code, run.get_absolute_url() in answer.content.decode()) == (409, True)
    assert browser.post(page, form | {"again": "1"}).status_code == 302
    assert Run.objects.count() == 2


def test_what_cannot_be_measured_is_said_before_anybody_asks() -> None:
    classifier = make_model(architectures=["DistilBertForSequenceClassification"])
    said = text_of(browser_of(make_user()), f"{classifier.get_absolute_url()}/evaluations")
    assert "This model cannot be evaluated" in said and "DistilBertForSequenceClassification" in said
    assert "data-evaluate" not in said


def test_the_live_part_tells_what_is_new(client: Client) -> None:
    run = make_run()
    live = f"{run.get_absolute_url()}/live"
    assert 'data-state="queued"' in text_of(client, live)
    worker = claim(run)
    job = str(run.job_id)
    beat = {"stage": "running", "done": 3, "total": 12, "perplexity": 7.5, "left": 130}
    jobs.note_heartbeat(worker=worker, running=[(job, 1)], loaded=[], progress={job: beat})
    jobs.add_events(worker=worker, job_id=job, attempt=1, lines=["<b>one</b>", "two"])
    said = text_of(client, live)
    assert "3 of 12 windows, 2 min 10 s left" in said and "25 %" in said and "&lt;b&gt;one" in said
    first = run.job.events.first()
    assert first
    later = text_of(client, f"{live}?after={first.pk}")
    assert "two</li>" in later and "&lt;b&gt;" not in later
    assert "two" in text_of(client, f"{live}?after=nonsense")
    jobs.finish_job(worker=worker, job_id=job, attempt=1, failure=Failure(FailureCode.REMOTE_CODE))
    assert "data-finished" in text_of(client, live)
    assert "workers run no uploaded code" in text_of(client, run.get_absolute_url())
    assert "Without a result" in text_of(client, f"{run.model.get_absolute_url()}/evaluations")


def test_what_a_form_has_wrong_stands_beside_its_field() -> None:
    model, dataset = make_model(), make_dataset()
    browser = browser_of(make_user())
    page = f"{model.get_absolute_url()}/evaluations"
    form = {"dataset": dataset.full_name, "column": "text", "revision": "main", "dataset_revision": "main"}
    for change, words in (
        ({"dataset": "nobody/nothing"}, "There is no dataset"),
        ({"context": "1000"}, "at most"),
        ({"context": "x"}, "whole number"),
        ({"revision": "absent"}, "There is no revision"),
        ({"max_tokens": "3"}, "max_tokens is"),
    ):
        answer = browser.post(page, form | change)
        assert 400 <= answer.status_code < 500, change
        assert words in answer.content.decode(), change
    assert not Run.objects.exists()


def test_who_may_cancel() -> None:
    run = make_run()
    address = f"{run.get_absolute_url()}/cancel"
    assert Client().post(address).status_code == 302
    assert browser_of(make_user()).post(address).status_code == 403
    assert "/cancel" not in text_of(browser_of(make_user()), run.get_absolute_url())
    maintainer = browser_of(owner(run.model))
    assert maintainer.get(address).status_code == 405
    assert maintainer.post(address).headers["Location"] == run.get_absolute_url()
    run.job.refresh_from_db()
    assert run.job.state == State.CANCELLED
    assert maintainer.post(address).status_code == 409
    assert "It was cancelled" in text_of(Client(), run.get_absolute_url())


def test_private_pages_are_absent_for_others(client: Client) -> None:
    ada = make_user()
    secret, data = make_model(ada, visibility=Visibility.PRIVATE), make_dataset()
    hidden_data, model = make_dataset(ada, visibility=Visibility.PRIVATE), make_model()
    runs = [finish(make_run(ada, secret, data)), finish(make_run(ada, model, hidden_data))]
    stranger, mine = browser_of(make_user()), browser_of(ada)
    for run in runs:
        for below in ("", "/live", "/record.json"):
            address = run.get_absolute_url() + below
            assert get(mine, address).status_code == 200
            for other in (client, stranger):
                assert get(other, address).status_code == 404
        assert stranger.post(f"{run.get_absolute_url()}/cancel").status_code == 404
    for below in ("leaderboard", "leaderboard.json", "leaderboard.csv"):
        assert get(stranger, f"{hidden_data.get_absolute_url()}/{below}").status_code == 404
        assert secret.full_name not in text_of(stranger, f"{data.get_absolute_url()}/{below}")
    for address in (f"{model.get_absolute_url()}/evaluations", model.get_absolute_url()):
        assert runs[1].get_absolute_url() not in text_of(stranger, address)
        assert runs[1].get_absolute_url() in text_of(mine, address)
    suggested = json.loads(text_of(stranger, f"{model.get_absolute_url()}/evaluations/datasets?q="))
    assert hidden_data.full_name not in suggested["names"]
    # A run is a page of its own model only.
    elsewhere = f"{model.get_absolute_url()}/evaluations/{runs[0].pk}"
    assert get(mine, elsewhere).status_code == 404


def test_downloads(client: Client) -> None:
    run = finish(make_run(), 1.5)
    record = get(client, f"{run.get_absolute_url()}/record.json")
    assert record.headers["Content-Disposition"].startswith("attachment")
    assert json.loads(record.content)["metrics"]["bits_per_byte"] == 1.5
    board = f"{run.dataset.get_absolute_url()}/leaderboard"
    told = json.loads(text_of(client, f"{board}.json"))
    assert [row["model"] for row in told["rows"]] == [run.model.full_name]
    [row] = csv.DictReader(io.StringIO(text_of(client, f"{board}.csv?context=512")))
    assert (row["model"], row["bits_per_byte"], row["setting_context"]) == (run.model.full_name, "1.5", "512")
    assert get(client, f"{make_run().get_absolute_url()}/record.json").status_code == 404


def test_an_older_commit_is_marked(client: Client) -> None:
    run = finish(make_run())
    page = f"{run.model.get_absolute_url()}/evaluations"
    assert "older commit" not in text_of(client, page)
    commit_files(run.model, {"README.md": "# Newer"})
    for address in (page, run.get_absolute_url(), f"{run.dataset.get_absolute_url()}/leaderboard"):
        assert "older commit" in text_of(client, address)


def test_queries_do_not_grow(client: Client, django_assert_max_num_queries: object) -> None:
    dataset, ada = make_dataset(), make_user()
    for n in range(6):
        finish(make_run(ada, make_model(), dataset), 1.0 + n)
    with django_assert_max_num_queries(16):  # type: ignore[operator]
        text_of(client, f"{dataset.get_absolute_url()}/leaderboard")
