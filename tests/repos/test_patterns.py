"""Patterns mean what git means by them, and no pattern takes long."""

import random
import subprocess
from pathlib import Path

import pytest

from hub.repos.attributes import MAX_MACROS, LargeFileRule
from hub.repos.patterns import IgnoreRules
from tests.computing import timed

PATTERNS = """
*.bin|/top|a/b|a/**|**/b|a/**/c|*|*.t?t|[ab]*|[!a]|x[]a]y|\\*|a*b*c|**|build/|!keep|a/*/c|**/a/**|foo**bar|#no|[a-c].txt
""".strip().split("|")
NAMES = ["a", "b", "c", "top", "keep", "build", "x.bin", "a.txt", "abc", "xay", "*", "foo1bar", "axbyc", "n"]


def sample_paths() -> list[str]:
    chance = random.Random(7)
    return sorted({"/".join(chance.choices(NAMES, k=chance.randint(1, 4))) for _ in range(300)})


def git(folder: Path, *words: str, given: str) -> list[str]:
    done = subprocess.run(["git", *words], cwd=folder, input=given, capture_output=True, text=True)
    return [part for part in done.stdout.split("\0") if part]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    return tmp_path


@pytest.mark.parametrize(
    "lines", [[p] for p in PATTERNS] + [["*", "!keep", "!a/", "!a/b"], ["build/", "*.bin", "!x.bin"]]
)
def test_ignores_what_git_ignores(checkout: Path, lines: list[str]) -> None:
    (checkout / ".gitignore").write_text("\n".join(lines) + "\n")
    paths = sample_paths()
    ignored = git(checkout, "check-ignore", "--no-index", "-z", "--stdin", given="\0".join(paths))
    rules = IgnoreRules("\n".join(lines))
    assert [path for path in paths if rules.ignores(path)] == ignored


@pytest.mark.parametrize("pattern", [p for p in PATTERNS if p[0] not in "!#"])
def test_gives_attributes_to_the_files_that_git_gives_them_to(checkout: Path, pattern: str) -> None:
    (checkout / ".gitattributes").write_text(f"{pattern} filter=lfs\n")
    paths = sample_paths()
    told = git(checkout, "check-attr", "-z", "--stdin", "filter", given="\0".join(paths))
    large = [path for path, value in zip(told[::3], told[2::3], strict=True) if value == "lfs"]
    rule = LargeFileRule.parse(f"{pattern} filter=lfs\n".encode())
    assert [path for path in paths if rule.is_large(path, 1)] == large


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("*a" * 40 + "b", "a" * 250),
        ("**/a/" * 40 + "b", "a/" * 500 + "a"),
        ("*" * 5000, "a" * 250),
        ("?*" * 100 + "b", "a" * 250),
    ],
)
def test_no_pattern_takes_long(pattern: str, path: str) -> None:
    def match() -> None:
        LargeFileRule.parse(f"{pattern} filter=lfs\n".encode()).is_large(path, 1)
        IgnoreRules(pattern).ignores(path)

    assert timed(match, 2)[1] < 2


def test_macros_that_stand_for_each_other_end_somewhere() -> None:
    def rule(count: int) -> LargeFileRule:
        chain = "".join(f"[attr]m{n} m{n + 1}\n" for n in range(count - 1))
        return LargeFileRule.parse(f"{chain}[attr]m{count - 1} filter=lfs\n* m0\n".encode())

    assert rule(MAX_MACROS).is_large("x", 1)
    assert not rule(999).is_large("x", 1)
