"""The sentences of failures, whatever a worker says in their parameters."""

import pytest

from hub.jobs.failures import refusal, sentence
from workers.contracts import Failure, FailureCode

NAMES = ("needed", "available", "tokens", "wanted", "context", "seconds", "retry_after", "detail", "field", "mask")
ODD = [10**4000, -1, 1e308, float("nan"), float("inf"), True, None, "x" * 10_000, "a\nb", [1], {"a": 1}]


@pytest.mark.parametrize("value", ODD, ids=lambda value: repr(value)[:10])
@pytest.mark.parametrize("code", FailureCode)
def test_odd_parameters_make_a_sentence_all_the_same(code: FailureCode, value: object) -> None:
    failure = Failure(code, dict.fromkeys(NAMES, value))
    assert 0 < len(str(sentence(failure))) < 1000
    assert refusal(failure).code == code
