"""Evaluations while every process of the instance is killed in turn: one result each, neither two nor none. And what the
workers have in their hands meanwhile."""

import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from hub.embedded.errors import Exit
from hub.embedded.processes import PROC
from tests import live, prepared
from tests.clients.conftest import TOOLS, Client, make_client
from tests.faults.processes import MARKS, processes
from tests.waiting import wait_until

MARKS = MARKS | {"demo": "--queues=demo,", "job": "--queues=job,"}
ENGINE = "workers.evaluation"
MEASURED = re.compile(r"(\d+) of (\d+) windows")
SECRETS = {
    "EMAIL_URL": "smtp://robot:mail-password@127.0.0.1:9",
    "GROVE_SECRET_KEY": "a-signing-key-of-the-operator",
    "SOME_CLOUD_SECRET": "a-cloud-password",
}
# A small model with random weights, and a text that keeps it busy for some seconds.
MAKE = """
    import json, sys
    from pathlib import Path
    from workers.samples import training

    folder = Path(sys.argv[1])
    text = [f"The {n}th tree of the grove has {n * 7 % 97} branches and {n * n % 89} birds in them." for n in range(3000)]
    tokenizer = training.byte_tokenizer(text, 500)
    training.save(training.new_language_model(tokenizer), tokenizer, folder / "model")
    (folder / "data").mkdir()
    rows = "".join(json.dumps({"text": line}) + chr(10) for line in text)
    (folder / "data" / "test.jsonl").write_text(rows)
"""


class Evaluations:
    """Starts evaluations of one model on one dataset, and looks at them, as somebody with a token does."""

    def __init__(self, client: Client, http: httpx.Client) -> None:
        self.hub, self._name, self._http = client.hub, client.name, http

    def start(self, **more: Any) -> int:
        wanted = {"model": f"{self._name}/tiny", "dataset": f"{self._name}/trees", "again": True, "context": 128}
        answer = self._http.post("evaluations", json={**wanted, "stride": 16, "max_tokens": 8_000, **more})
        assert answer.status_code == 201, answer.text
        return int(answer.json()["id"])

    def look(self, number: int) -> dict[str, Any]:
        """The evaluation; what cannot be seen just now, because the site is away, looks like nothing."""
        try:
            answer = self._http.get(f"evaluations/{number}")
        except httpx.HTTPError:
            return {}
        return dict(answer.json()) if answer.status_code == 200 else {}

    def told(self, number: int) -> list[str]:
        """The lines of its log."""
        return [event["text"] for event in self._http.get(f"evaluations/{number}/events").json()["events"]]

    def wait_for(self, number: int, share: float) -> None:
        """Wait until that share of the text has been measured, as the log tells."""

        def there() -> bool:
            told = [match for line in self.told(number) if (match := MEASURED.match(line))]
            return bool(told) and int(told[-1][1]) >= share * int(told[-1][2])

        wait_until(there, 300)

    def result(self, number: int, seconds: float = 240) -> dict[str, Any]:
        """Wait for the end, which must be a good one."""
        wait_until(lambda: self.look(number).get("state") in ("done", "failed", "cancelled"), seconds)
        found = self.look(number)
        assert found["state"] == "done", found
        return found

    def results(self) -> list[int]:
        """The evaluations of the model that have a result."""
        listed = self._http.get(f"models/{self._name}/tiny/evaluations", params={"limit": 100}).json()
        return [row["id"] for row in listed["items"] if row["result"]]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[live.Instance]:
    with prepared.hub(
        tmp_path_factory.mktemp("workers"), GROVE_WORKERS="on", OMP_NUM_THREADS="1", **SECRETS
    ) as instance:
        instance.wait_for_workers()
        yield instance


@pytest.fixture(scope="module")
def evaluations(hub: live.Instance, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evaluations]:
    folder = tmp_path_factory.mktemp("home")
    client = make_client(hub, folder)
    (folder / "make.py").write_text("\n".join(line[4:] for line in MAKE.splitlines()))
    client.run(str(TOOLS / "python"), "make.py", str(folder), PYTHONPATH=str(live.BASE))
    client.run("hf", "upload", f"{client.name}/tiny", "model", ".")
    client.run("hf", "upload", f"{client.name}/trees", "data", ".", "--repo-type", "dataset")
    with httpx.Client(
        base_url=f"{hub.url}/api/v1/", headers={"Authorization": f"Bearer {client.token}"}, timeout=60
    ) as http:
        yield Evaluations(client, http)


@pytest.fixture(scope="module")
def undisturbed(evaluations: Evaluations) -> float:
    """The perplexity that an evaluation finds which nobody disturbs."""
    return float(evaluations.result(evaluations.start())["result"]["metrics"]["perplexity"])


def pids(hub: live.Instance, name: str) -> list[int]:
    return sorted(pid for pid, line in processes(hub.data).items() if MARKS[name] in line)


def engines(hub: live.Instance) -> dict[int, str]:
    """Every process that an evaluation runs in, and what stands before it: pid to command line."""
    found = {}
    for folder in PROC.glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if ENGINE in line and str(hub.data) in line:
            found[int(folder.name)] = line
    return found


def environment_of(pid: int) -> dict[str, str]:
    entries = (PROC / str(pid) / "environ").read_bytes().decode().split("\0")
    return dict(entry.split("=", 1) for entry in entries if entry)


@contextmanager
def held_still(hub: live.Instance, name: str) -> Iterator[None]:
    """That process stands still for the length of the block, unless it is killed."""
    held = pids(hub, name)
    for pid in held:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in set(held) & set(pids(hub, name)):
            os.kill(pid, signal.SIGCONT)


def kill(hub: live.Instance, name: str) -> None:
    """Kill the process with no chance to tidy up; of a server with children, the whole of it."""
    for pid in pids(hub, name):
        os.kill(pid, signal.SIGKILL)


def well_again(hub: live.Instance) -> None:
    wait_until(lambda: {"database", "queue", "worker", "demo", "job"} <= hub.parts_that_are_well(), 300)


def start_and_kill(evaluations: Evaluations, stage: str, name: str) -> int:
    """Start an evaluation and kill the process when that stage is reached; returns its number."""
    hub = evaluations.hub
    if stage == "queued":
        with held_still(hub, "job"):
            number = evaluations.start()
            assert evaluations.look(number)["state"] == "queued"
            kill(hub, name)
        return number
    number = evaluations.start()
    if stage == "running":
        evaluations.wait_for(number, 0)
        kill(hub, name)
        return number
    evaluations.wait_for(number, 0.4)
    # The worker has its result, and nobody takes it.
    with held_still(hub, "web"):
        wait_until(lambda: not engines(hub))
        time.sleep(0.3)  # It puts its report together; what matters holds at any moment.
        kill(hub, name)
    return number


STAGES = ("queued", "running", "finishing")
USUAL = {("queued", "queue"), ("running", "job"), ("running", "db"), ("finishing", "web")}
CASES = [
    pytest.param(stage, name, marks=[] if (stage, name) in USUAL else [pytest.mark.full], id=f"{name} while {stage}")
    for stage in STAGES
    for name in MARKS
]


@pytest.mark.parametrize(("stage", "name"), CASES)
def test_every_evaluation_ends_in_one_result(
    evaluations: Evaluations, undisturbed: float, stage: str, name: str
) -> None:
    well_again(evaluations.hub)
    before = set(evaluations.results())
    number = start_and_kill(evaluations, stage, name)
    found = evaluations.result(number)
    assert found["result"]["metrics"]["perplexity"] == pytest.approx(undisturbed, rel=1e-6)
    assert found["result"]["record"]["attempt"] == found["attempt"] <= 3
    assert sorted(evaluations.results()) == sorted({*before, number})
    well_again(evaluations.hub)
    wait_until(lambda: not engines(evaluations.hub))


def test_killed_at_once_everything_goes_on_where_it_was(evaluations: Evaluations, undisturbed: float) -> None:
    """All but the supervisor, the engine of the evaluation last: it must not outlive its worker."""
    hub = evaluations.hub
    number = evaluations.start()
    evaluations.wait_for(number, 0)
    assert engines(hub)
    for pid in processes(hub.data):
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not engines(hub))
    found = evaluations.result(number)
    assert found["result"]["metrics"]["perplexity"] == pytest.approx(undisturbed, rel=1e-6)


def test_workers_hold_nothing_of_the_hubs(evaluations: Evaluations) -> None:
    hub = evaluations.hub
    well_again(hub)
    evaluations.start()
    kept = [(hub.data / name).read_text() for name in ("queue_password",)]
    secret = [*kept, *SECRETS.values(), "mail-password"]
    wait_until(lambda: bool(engines(hub)))
    for name in ("demo", "job"):
        (pid,) = pids(hub, name)
        env = environment_of(pid)
        assert not [name for name in env if name.endswith(("_URL", "_KEY")) and not name.startswith("GROVE_")]
        assert not {"DATABASE_URL", "REDIS_URL", "GROVE_DATA", *SECRETS} & set(env)
        assert not [word for word in secret for value in env.values() if word in value]
        assert (
            env["GROVE_WORKER_KEY"]
            != environment_of(pids(hub, "job" if name == "demo" else "demo")[0])["GROVE_WORKER_KEY"]
        )
    for pid in engines(hub):
        env = environment_of(pid)
        assert not [name for name in env if name.startswith("GROVE_") and name != "GROVE_CHANNEL"], env
        assert not [word for word in secret for value in env.values() if word in value]


def test_what_workers_hold_opens_only_what_is_theirs(evaluations: Evaluations, tmp_path: Path) -> None:
    """Somebody who has taken a worker over tries the queue and the API with all that it was given."""
    hub = evaluations.hub
    well_again(hub)
    (pid,) = pids(hub, "job")
    env = environment_of(pid)
    program = """
        import os, redis
        url = os.environ["GROVE_WORKER_REDIS_URL"]
        refused = []
        for address in (url, url.replace("db=1", "db=0"), "unix://" + url.partition("@")[2]):
            for call in (("KEYS", "*"), ("LRANGE", "hub", 0, -1), ("GET", "cache:1:health"), ("CONFIG", "GET", "*")):
                try:
                    redis.Redis.from_url(address).execute_command(*call)
                except redis.RedisError as error:
                    refused.append(type(error).__name__)
        assert len(refused) == 12, refused
        redis.Redis.from_url(url).rpush("worker:test", 1)
    """
    script = tmp_path / "try.py"
    script.write_text("\n".join(line[8:] for line in program.splitlines()))
    stranger = Client(hub, "nobody", "", tmp_path)
    stranger.run(str(TOOLS / "python"), str(script), **env)
    key = {"Authorization": f"Bearer {env['GROVE_WORKER_KEY']}"}
    for address in ("/api/whoami-v2", "/api/models", "/api/v1/evaluations/1", "/api/settings/repositories"):
        assert httpx.get(f"{hub.url}{address}", headers=key).status_code == 401, address


def test_the_health_report_says_what_confines_models(evaluations: Evaluations) -> None:
    hub = evaluations.hub
    well_again(hub)
    report = {line.split()[0]: line for line in hub.manage("check_health").splitlines()}
    for kind in ("demo", "job"):
        assert f"{kind}-1 last seen" in report[kind]
        assert "sandbox bubblewrap" in report[kind] or "sandbox landlock" in report[kind]
        assert "torch 2." in report[kind] and "transformers 5." in report[kind]
    listed = hub.manage("list_workers").splitlines()
    assert [line.split()[0] for line in listed] == ["demo-1", "job-1"]


def test_cancelling_ends_the_program_at_once(hub: live.Instance, evaluations: Evaluations) -> None:
    number = evaluations.start(stride=1, max_tokens=40_000)
    evaluations.wait_for(number, 0)
    assert engines(hub)
    answer = evaluations._http.post(f"evaluations/{number}/cancel")
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    wait_until(lambda: not engines(hub))
    assert evaluations.look(number)["state"] == "cancelled"
    assert number not in evaluations.results()


@pytest.mark.full  # in the usual run, workers are killed
def test_a_worker_that_ends_in_good_order_gives_its_job_back(hub: live.Instance, evaluations: Evaluations) -> None:
    number = evaluations.start()
    evaluations.wait_for(number, 0)
    [worker] = pids(hub, "job")
    os.kill(worker, signal.SIGTERM)
    wait_until(lambda: any("Queued again" in line for line in evaluations.told(number)))
    assert evaluations.result(number)["attempt"] == 2
    assert evaluations.results().count(number) == 1


@pytest.mark.full
def test_a_stop_gives_the_evaluation_back_and_the_next_start_finishes_it(
    evaluations: Evaluations, undisturbed: float
) -> None:
    """The last test here: it stops the instance that the others share."""
    hub = evaluations.hub
    well_again(hub)
    number = evaluations.start()
    evaluations.wait_for(number, 0)
    assert hub.stop() == Exit.OK
    assert not engines(hub)
    port = hub.url.rpartition(":")[2]
    with live.running(hub.data, GROVE_WORKERS="on", OMP_NUM_THREADS="1", PORT=port, **SECRETS):
        # The attempt was given back, not lost: the row says so before any lease is over.
        assert "Queued again: the worker was stopped." in evaluations.told(number)
        found = evaluations.result(number)
    assert found["attempt"] == 2
    assert found["result"]["metrics"]["perplexity"] == pytest.approx(undisturbed, rel=1e-6)
