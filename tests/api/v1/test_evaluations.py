"""`/api/v1/evaluations` and what models and datasets tell of them."""

import pytest
from django.test import Client

from hub.evaluations.models import Run
from hub.jobs import services as jobs
from hub.repos.models import Visibility
from tests.api.v1.conftest import Call
from tests.evaluations.making import claim, finish, make_dataset, make_model, make_run
from tests.factories import make_token, make_user
from workers.contracts import Failure, FailureCode

pytestmark = pytest.mark.django_db


def test_the_life_of_an_evaluation(call: Call) -> None:
    ada, model, dataset = make_user(), make_model(), make_dataset()
    wanted = {"model": model.full_name, "dataset": dataset.full_name, "context": 64, "stride": 32}
    made = call("POST", "/evaluations", wanted, by=ada)
    assert (made.status, made.headers["Location"]) == (201, f"/api/v1/evaluations/{made.json['id']}")
    assert made.json["url"] == f"http://testserver/{model.full_name}/evaluations/{made.json['id']}"
    one = f"/evaluations/{made.json['id']}"
    told = call("GET", one).json
    assert (told["state"], told["place"], told["progress"], told["result"], told["failure"]) == (
        "queued",
        1,
        None,
        None,
        None,
    )
    assert told["settings"] == {
        "config": "", "split": "test", "column": "text", "context": 64, "stride": 32, "max_tokens": 262_144, "seed": 0,
    }  # fmt: skip
    run = Run.objects.get(pk=told["id"])
    worker = claim(run)
    beat = {"stage": "running", "done": 3, "total": 9, "perplexity": 12.5}
    job = str(run.job_id)
    jobs.note_heartbeat(worker=worker, running=[(job, 1)], loaded=[], progress={job: beat})
    jobs.add_events(worker=worker, job_id=job, attempt=1, lines=["one", "two"])
    told = call("GET", one).json
    assert (told["state"], told["place"], told["progress"]) == ("running", 0, beat)
    events = call("GET", f"{one}/events").json
    assert [event["text"] for event in events["events"]] == ["one", "two"]
    later = call("GET", f"{one}/events?after={events['events'][0]['id']}").json
    assert ([event["text"] for event in later["events"]], later["after"]) == (["two"], events["after"])
    assert call("GET", f"{one}/events?after=x").field == "after"
    jobs.finish_job(worker=worker, job_id=job, attempt=1, failure=Failure(FailureCode.REMOTE_CODE))
    failure = call("GET", one).json["failure"]
    assert (failure["code"], failure["message"].startswith("This model needs code")) == ("remote-code", True)
    again = call("POST", "/evaluations", wanted, by=ada)
    assert again.status == 201
    finish(Run.objects.get(pk=again.json["id"]), 1.5)
    told = call("GET", f"/evaluations/{again.json['id']}").json
    assert (told["state"], told["result"]["metrics"]["bits_per_byte"]) == ("done", 1.5)
    there = call("POST", "/evaluations", wanted, by=make_user())
    assert (there.status, there.code, there.json["evaluation"]) == (409, "AlreadyEvaluated", told["id"])
    assert call("POST", "/evaluations", wanted | {"again": True}, by=make_user()).status == 201


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"model": "nobody/nothing"}, "model"),
        ({"dataset": "nobody"}, "dataset"),
        ({"dataset": ""}, "dataset"),
        ({"context": "many"}, "context"),
        ({"context": 10**9}, "context"),
        ({"stride": 1000}, "stride"),
        ({"split": "te st"}, "split"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_is_wrong_with_a_request_is_named(call: Call, change: dict[str, object], field: str) -> None:
    wanted = {"model": make_model().full_name, "dataset": make_dataset().full_name} | change
    answer = call("POST", "/evaluations", wanted, by=make_user())
    assert (answer.status, answer.field) == (400, field)
    assert not Run.objects.exists()


def test_a_key_makes_one_of_two_requests(call: Call) -> None:
    ada = make_user()
    wanted = {"model": make_model().full_name, "dataset": make_dataset().full_name}
    token = make_token(ada)

    def post(key: str) -> tuple[int, int | None]:
        answer = Client().post(
            "/api/v1/evaluations",
            wanted,
            content_type="application/json",
            headers={"Authorization": f"Bearer {token}", "Idempotency-Key": key},
        )
        return answer.status_code, answer.json().get("id")

    first = post("one")
    assert first == post("one") == (201, Run.objects.get().pk)
    assert post("x" * 200)[0] == 400
    assert post("other")[0] == 409


def test_who_may_start_and_cancel(call: Call) -> None:
    ada, bob = make_user(), make_user()
    wanted = {"model": make_model().full_name, "dataset": make_dataset().full_name}
    assert call("POST", "/evaluations", wanted).status == 401
    assert call("POST", "/evaluations", wanted, by=ada, scope="read").code == "ReadOnlyToken"
    number = call("POST", "/evaluations", wanted, by=ada).json["id"]
    cancel = f"/evaluations/{number}/cancel"
    assert call("POST", cancel).status == 401
    assert call("POST", cancel, by=ada, scope="read").status == 403
    assert call("POST", cancel, by=bob).code == "NotYourEvaluation"
    assert call("POST", cancel, by=ada).json["state"] == "cancelled"
    assert (call("POST", cancel, by=ada).status, call("GET", cancel).status) == (409, 405)


def test_too_many_says_when_to_come_back(call: Call) -> None:
    ada, model, dataset = make_user(), make_model(), make_dataset()
    for stride in (1, 2):
        make_run(ada, model, dataset, stride=stride * 100)
    answer = call("POST", "/evaluations", {"model": model.full_name, "dataset": dataset.full_name}, by=ada)
    assert (answer.status, answer.code, answer.headers["Retry-After"]) == (429, "TooManyEvaluations", "60")


def test_private_repositories_hide_their_evaluations(call: Call) -> None:
    ada, bob = make_user(), make_user()
    secret, data = make_model(ada, visibility=Visibility.PRIVATE), make_dataset()
    run = finish(make_run(ada, secret, data))
    private_data = make_dataset(ada, visibility=Visibility.PRIVATE)
    model = make_model()
    hidden = finish(make_run(ada, model, private_data))
    for number in (run.pk, hidden.pk):
        for target in (f"/evaluations/{number}", f"/evaluations/{number}/events"):
            assert call("GET", target, by=bob).code == "EvaluationNotFound"
            assert call("GET", target).status == 404
            assert call("GET", target, by=ada, scope="read").status == 200
        assert call("POST", f"/evaluations/{number}/cancel", by=bob).status == 404
    assert call("GET", f"/models/{secret.full_name}/evaluations", by=bob).status == 404
    assert call("GET", f"/datasets/{private_data.full_name}/leaderboard", by=bob).status == 404
    assert call("GET", f"/models/{model.full_name}/evaluations", by=bob).json["count"] == 0
    assert call("GET", f"/models/{model.full_name}/evaluations", by=ada).json["count"] == 1
    assert call("GET", f"/datasets/{data.full_name}/leaderboard", by=bob).json["rows"] == []
    assert len(call("GET", f"/datasets/{data.full_name}/leaderboard", by=ada).json["rows"]) == 1
    wanted = {"model": secret.full_name, "dataset": data.full_name}
    assert call("POST", "/evaluations", wanted, by=bob).field == "model"


def test_the_list_of_a_model(call: Call) -> None:
    model, one, two = make_model(), make_dataset(), make_dataset()
    runs = [make_run(None, model, dataset) for dataset in (one, two)]
    base = f"/models/{model.full_name}/evaluations"
    assert [row["id"] for row in call("GET", base).json["items"]] == [run.pk for run in reversed(runs)]
    assert call("GET", f"{base}?dataset={one.full_name}").json["count"] == 1
    assert call("GET", f"{base}?dataset=no/where").field == "dataset"
    assert call("GET", f"{base}?state=done").field == "state"


def test_the_leaderboard(call: Call) -> None:
    dataset, better, worse = make_dataset(), make_model(), make_model()
    base = f"/datasets/{dataset.full_name}/leaderboard"
    assert call("GET", base).json["rows"] == []
    for model, bits in ((worse, 2.0), (better, 1.0)):
        finish(make_run(None, model, dataset), bits)
    finish(make_run(None, better, dataset, context=64), 3.0)
    told = call("GET", base).json
    assert [(row["model"], row["rank"], row["rank_worst"], row["bits_per_byte"]) for row in told["rows"]] == [
        (better.full_name, 1, 1, 1.0),
        (worse.full_name, 2, 2, 2.0),
    ]
    assert (told["settings"]["context"], [group["models"] for group in told["groups"]]) == (512, [2, 1])
    assert [row["bits_per_byte"] for row in call("GET", f"{base}?context=64").json["rows"]] == [3.0]
    assert call("GET", f"{base}?context=63").json["rows"] == []
    assert call("GET", f"{base}?sort=name").field == "sort"
