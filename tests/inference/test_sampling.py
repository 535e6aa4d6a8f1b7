"""What can be set, within which ranges, and what contradicts what."""

from typing import Any

import pytest

from hub.inference.errors import BadParameter
from hub.inference.sampling import check_sampling, check_top_k
from workers.contracts import Sampling


@pytest.mark.parametrize(
    ("given", "checked"),
    [
        ({}, Sampling(max_new_tokens=256)),
        ({"strategy": "greedy", "max_new_tokens": 8}, Sampling(strategy="greedy", max_new_tokens=8)),
        ({"temperature": 1, "top_p": 1.0, "seed": 3}, Sampling(temperature=1.0, top_p=1.0, seed=3, max_new_tokens=256)),
        ({"strategy": "beam", "beams": 3, "sequences": 3}, Sampling("beam", 256, beams=3, sequences=3)),
        ({"stop": "\n", "sequences": None}, Sampling(stop=("\n",), max_new_tokens=256)),
        ({"stop": ["a", "b"], "top_k": 4.0}, Sampling(stop=("a", "b"), top_k=4, max_new_tokens=256)),
    ],
)
def test_what_is_taken(given: dict[str, Any], checked: Sampling) -> None:
    assert check_sampling(given) == checked


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"strategy": "contrastive"}, "strategy"),
        ({"strategy": "greedy", "sequences": 2}, "sequences"),
        ({"strategy": "greedy", "temperature": 0.5}, "temperature"),
        ({"strategy": "beam", "top_p": 0.5}, "top_p"),
        ({"strategy": "beam", "beams": 2, "sequences": 3}, "sequences"),
        ({"strategy": "beam", "stop": ["."]}, "stop"),
        ({"beams": 4}, "beams"),
        ({"temperature": 0}, "temperature"),
        ({"temperature": -1}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"temperature": float("inf")}, "temperature"),
        ({"temperature": "0.5"}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"top_p": 1.01}, "top_p"),
        ({"top_p": 0}, "top_p"),
        ({"top_k": -1}, "top_k"),
        ({"max_new_tokens": 0}, "max_new_tokens"),
        ({"max_new_tokens": 10**9}, "max_new_tokens"),
        ({"max_new_tokens": 1.5}, "max_new_tokens"),
        ({"sequences": 1000}, "sequences"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**64}, "seed"),
        ({"stop": [""]}, "stop"),
        ({"stop": ["x"] * 9}, "stop"),
        ({"stop": 3}, "stop"),
    ],
)
def test_what_is_refused_names_the_field(given: dict[str, Any], field: str) -> None:
    with pytest.raises(BadParameter) as refused:
        check_sampling(given)
    assert refused.value.field == field
    assert f"“{field}”" in refused.value.message


def test_errors_use_the_callers_names() -> None:
    with pytest.raises(BadParameter, match="“n”") as refused:
        check_sampling({"strategy": "greedy", "sequences": 2}, {"sequences": "n"})
    assert refused.value.field == "n"


def test_how_many_labels() -> None:
    assert check_top_k(None) is None
    assert check_top_k(3) == 3
    for wrong in (0, -1, "3", True, 2000):
        with pytest.raises(BadParameter):
            check_top_k(wrong)
