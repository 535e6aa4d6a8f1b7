"""A real worker that is told to stop: by somebody who cancels, and by a polite end. (Killing is in tests/faults.)"""

import os
import signal

from tests import live
from tests.faults.test_workers import Evaluations, engines, evaluations, hub, pids
from tests.waiting import wait_until

__all__ = ["evaluations", "hub"]  # fixtures
LONG = {"stride": 1, "max_tokens": 40_000}


def test_cancelling_ends_the_program_at_once(hub: live.Instance, evaluations: Evaluations) -> None:
    number = evaluations.start(**LONG)
    evaluations.wait_for(number, 0)
    assert engines(hub)
    answer = evaluations._http.post(f"evaluations/{number}/cancel")
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    wait_until(lambda: not engines(hub), 10)
    assert evaluations.look(number)["state"] == "cancelled"
    assert number not in evaluations.results()


def test_a_worker_that_ends_in_good_order_gives_its_job_back(hub: live.Instance, evaluations: Evaluations) -> None:
    number = evaluations.start()
    evaluations.wait_for(number, 0)
    [worker] = pids(hub, "job")
    os.kill(worker, signal.SIGTERM)
    wait_until(lambda: any("Queued again" in line for line in evaluations.told(number)), 10)
    assert evaluations.result(number)["attempt"] == 2
    assert evaluations.results().count(number) == 1
