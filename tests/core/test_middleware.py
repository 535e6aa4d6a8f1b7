"""Request ids: the caller's where it is sane, on the answer and on every line of the log that belongs to it."""

import logging

import pytest
from django.http import HttpRequest, HttpResponse

from hub.core.middleware import request_id
from hub.core.request_ids import RequestIdFilter


def answer(given: str = "") -> tuple[HttpRequest, HttpResponse, str]:
    """Send a request with that id through the middleware; return also what a log line within it carries."""
    request = HttpRequest()
    if given:
        request.META["HTTP_X_REQUEST_ID"] = given
    within: list[str] = []
    response = request_id(lambda _request: within.append(noted()) or HttpResponse())(request)  # type: ignore[func-returns-value]
    return request, response, within[0]


def noted(**attributes: object) -> str:
    record = logging.makeLogRecord(attributes)
    RequestIdFilter().filter(record)
    return str(record.__dict__["request_id"])


def test_a_sane_id_is_kept_and_stands_on_answer_and_log() -> None:
    request, response, within = answer("ci-run-0042.a")
    assert response["X-Request-Id"] == within == "ci-run-0042.a"
    # Django logs a failed answer after all middleware, and gives the request along.
    assert noted() == "-"
    assert noted(request=request) == "ci-run-0042.a"


@pytest.mark.parametrize("given", ["", "short", "x" * 65, "two\nlines here", "<script>alert(1)</script>"])
def test_any_other_id_is_replaced(given: str) -> None:
    _request, response, within = answer(given)
    assert response["X-Request-Id"] == within != given
    assert len(within) == 32
