import pytest

from hub.core.errors import TooMany
from hub.core.throttles import check_rate


def test_a_limit_counts_each_person_and_action_alone() -> None:
    for _ in range(3):
        check_rate("knock", "ada", limit=3, seconds=100_000)
    with pytest.raises(TooMany) as refused:
        check_rate("knock", "ada", limit=3, seconds=100_000)
    assert 0 < refused.value.retry_after <= 100_000
    check_rate("knock", "bob", limit=3, seconds=100_000)
    check_rate("ring", "ada", limit=3, seconds=100_000)
