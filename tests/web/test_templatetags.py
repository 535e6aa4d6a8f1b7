"""Numbers, times, names and marks in templates."""

from datetime import timedelta

import pytest
from django.utils import timezone, translation

from hub.web.templatetags import grove


@pytest.mark.parametrize(
    ("count", "english", "chinese"),
    [
        (0, "0", "0"),
        (999, "999", "999"),
        (1572, "1.57 k", "1,572"),
        (9999, "10 k", "1 万"),
        (18_204, "18.2 k", "1.82 万"),
        (999_900, "1 M", "100 万"),
        (8_030_000_000, "8.03 B", "80.3 亿"),
    ],
)
def test_counts(count: int, english: str, chinese: str) -> None:
    assert grove.shortnum(count).replace("\u00a0", " ") == english
    with translation.override("zh-hans"):
        assert grove.shortnum(count).replace("\u00a0", " ") == chinese


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (1572, "1.57 kB"), (4_980_000_000, "4.98 GB"), (999_999, "1 MB")],
)
def test_sizes(count: int, text: str) -> None:
    assert grove.bytesize(count).replace("\u00a0", " ") == text


@pytest.mark.parametrize(
    ("back", "text"),
    [
        (timedelta(seconds=5), "just now"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(hours=5), "5 hours ago"),
        (timedelta(days=13), "13 days ago"),
        (timedelta(days=20), "2 weeks ago"),
        (timedelta(days=100), "3 months ago"),
        (timedelta(days=800), "2 years ago"),
        (timedelta(hours=-30), "in 30 hours"),
        (timedelta(days=-30), "in 30 days"),
    ],
)
def test_times(back: timedelta, text: str) -> None:
    element = grove.ago(timezone.now() - back)
    assert element.startswith('<time datetime="')
    assert f">{text}</time>" in element


@pytest.mark.parametrize(
    ("name", "letters"), [("mira-okafor", "MO"), ("林雨辰", "林"), ("Northfold 北褶", "NO"), ("x", "X"), ("___", "?")]
)
def test_initials(name: str, letters: str) -> None:
    assert grove.initials(name) == letters


def test_a_family_keeps_its_leaf_and_ink() -> None:
    assert grove.leaf_outline("northfold/tamarack") == grove.leaf_outline("Northfold/Tamarack")
    families = [f"family/{number}" for number in range(500)]
    assert {grove.leaf_outline(family) for family in families} == set(grove.LEAVES)
    assert {grove.ink(family) for family in families} == set(range(1, 9))
