"""Patterns of `.gitignore` and `.gitattributes` mean what git says that they mean."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.repos.attributes import LargeFileRule
from hub.repos.patterns import IgnoreRules

CHECKED = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
# Parts of which patterns are made; together they give classes, escapes, stars in all places, and plain names.
PIECES = [*r"a b * ** ? / . [ab] [!a] [^b] [a-c] [ ] \a \* \ - é { ( []a] [[:alpha:]] [a [a\-c]".split(), " "]
patterns = st.lists(st.sampled_from(PIECES), min_size=1, max_size=6).map("".join)
names = st.text(alphabet="abc*.é-]\\", min_size=1, max_size=3).filter(lambda name: name not in (".", ".."))
paths = st.lists(names, min_size=1, max_size=4).map("/".join)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("work")
    subprocess.run(["git", "init", "-q", str(made)], check=True)
    return made


def ask(folder: Path, *args: str, given_paths: list[str]) -> list[list[str]]:
    """Run a git check on paths; return its NUL-separated answers, a list for each."""
    done = subprocess.run(
        ["git", "-C", str(folder), *args],
        input="".join(f"{path}\0" for path in given_paths).encode(),
        capture_output=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    fields = done.stdout.decode().split("\0")[:-1]
    return [
        fields[at : at + len(fields) // len(given_paths)]
        for at in range(0, len(fields), len(fields) // len(given_paths))
    ]


@CHECKED
@given(
    lines=st.lists(
        st.tuples(
            st.sampled_from(["", "", "", "!", "#", "\\!", "\\#"]), patterns, st.sampled_from(["", "", "/", " ", "\\ "])
        ),
        min_size=1,
        max_size=4,
    ),
    asked=st.lists(paths, min_size=1, max_size=12, unique=True),
)
def test_ignored_is_what_git_ignores(folder: Path, lines: list[tuple[str, str, str]], asked: list[str]) -> None:
    text = "".join("".join(line) + "\n" for line in lines)
    (folder / ".gitignore").write_text(text)
    answers = ask(folder, "check-ignore", "--no-index", "--stdin", "-z", "-v", "-n", given_paths=asked)
    rules = IgnoreRules(text)
    told = {path: bool(pattern) and not pattern.startswith("!") for _source, _line, pattern, path in answers}
    assert {path: rules.ignores(path) for path in asked} == told, text


VALUES = [
    *"filter=lfs -filter !filter filter filter=other text".split(),
    "filter=lfs diff=lfs merge=lfs -text",
    "filter=lfs -filter",
    "",
]


@CHECKED
@given(
    lines=st.lists(
        st.tuples(st.sampled_from(["", "", "!", "#", "/"]), patterns, st.sampled_from(VALUES)), min_size=1, max_size=4
    ),
    asked=st.lists(paths, min_size=1, max_size=12, unique=True),
)
def test_large_by_name_is_what_git_calls_so(folder: Path, lines: list[tuple[str, str, str]], asked: list[str]) -> None:
    text = "".join(f"{start}{pattern} {value}\n" for start, pattern, value in lines)
    (folder / ".gitattributes").write_text(text)
    answers = ask(folder, "check-attr", "--stdin", "-z", "filter", given_paths=asked)
    rule = LargeFileRule.parse(text.encode())
    told = {path: value == "lfs" for path, _name, value in answers}
    assert {path: rule.is_large(path, 1) for path in asked} == told, text


@pytest.mark.parametrize(
    "text",
    [
        '"a b" filter=lfs\n',
        '"a\\"b\\t\\303\\251" filter=lfs\n',
        '"a b filter=lfs\n',
        "[attr]big filter=lfs -text\n*.x big\na.x -big\n",
        "*.x big\n",
        "a filter=lfs nul\\l\nb filter=lfs =x\n*.x --filter filter=lfs\n",
        "a\u00a0b filter=lfs\n\ta.x\tfilter=lfs\r\nb\vfilter=lfs\n",
        "\ufeff*.x filter=lfs\n",
        "*.x filter=lfs " + "a" * 2100 + "\n",
        "*.x filter=lfs\n*.x filter=lfs" + " " * 2100 + "-filter\n",
    ],
)
def test_odd_lines_of_attributes_mean_what_git_says(folder: Path, text: str) -> None:
    asked = ["a", "b", "a b", 'a"b\té', "a.x", "b.x", "c/a.x", "a\u00a0b", "b\vfilter=lfs"]
    (folder / ".gitattributes").write_text(text)
    answers = ask(folder, "check-attr", "--stdin", "-z", "filter", given_paths=asked)
    rule = LargeFileRule.parse(text.encode())
    assert [path for path in asked if rule.is_large(path, 1)] == [path for path, _n, value in answers if value == "lfs"]
