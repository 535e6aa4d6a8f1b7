"""Diffs of text files, and of what is not text."""

import pytest

from hub.repos.diffs import MAX_SHOWN, State, diff_changes, diff_texts
from hub.repos.git.commits import Delete, Stage, create_commit
from hub.repos.git.history import changes, parent_of
from tests.computing import timed
from tests.factories import make_repo


def unified(before: str, after: str) -> list[str]:
    found = diff_texts(before.encode(), after.encode())
    assert found is not None
    return [text for hunk in found.hunks for text in [hunk.header, *(line.kind + line.text for line in hunk.lines)]]


def test_hunks_are_those_of_a_unified_diff() -> None:
    import difflib

    old = [f"line {n}\n" for n in range(60)]
    new = [*old[:5], "added\n", *old[5:30], *old[32:50], "changed\n", *old[51:]]
    expected = [line.rstrip("\n") for line in difflib.unified_diff(old, new)][2:]
    assert unified("".join(old), "".join(new)) == expected


def test_new_and_emptied_files() -> None:
    assert unified("", "a\nb\n") == ["@@ -0,0 +1,2 @@", "+a", "+b"]
    assert unified("a\n", "") == ["@@ -1,1 +0,0 @@", "-a"]
    assert unified("a\n", "a") == ["@@ -1,1 +1,1 @@", "-a", "+a", "\\There is no line break at the end of the file."]


def test_line_numbers() -> None:
    found = diff_texts(b"a\nb\nc\n", b"a\nx\nc\n")
    assert found is not None
    assert [(line.kind, line.old, line.new) for line in found.hunks[0].lines] == [
        (" ", 1, 1),
        ("-", 2, None),
        ("+", None, 2),
        (" ", 3, 3),
    ]
    assert (found.added, found.removed, found.truncated) == (1, 1, False)


def test_long_diffs_are_cut_and_counted() -> None:
    found = diff_texts(b"", b"x\n" * 5000)
    assert found is not None
    assert (found.added, found.truncated) == (5000, True)
    assert sum(len(hunk.lines) for hunk in found.hunks) == MAX_SHOWN


@pytest.mark.parametrize("before", [b"a\n" * 4000, b"".join(b"%d\n" % n for n in range(4000))])
def test_no_comparison_takes_long(before: bytes) -> None:
    after = b"".join(b"%d\n" % (n * 7919 % 4000) for n in range(4000)) + b"a\nb\n" * 10
    assert timed(lambda: diff_texts(before, after), 10)[1] < 10


@pytest.mark.django_db
def test_a_commit_with_text_binary_and_deleted_files(django_assert_num_queries) -> None:
    repo = make_repo()
    actor = repo.created_by
    assert actor is not None
    stage = Stage(repo)
    first = [stage.file("a.txt", b"one\n"), stage.file("bin.dat", b"\0\1"), stage.file("gone.txt", b"x\n")]
    stage.finish()
    create_commit(repo=repo, actor=actor, operations=first, title="First")
    stage = Stage(repo)
    second = [stage.file("a.txt", b"two\n"), stage.file("bin.dat", b"\0\1\2"), Delete("gone.txt")]
    stage.finish()
    commit = create_commit(repo=repo, actor=actor, operations=second, title="Second")
    found = list(changes(repo, parent_of(repo, commit), commit))
    with django_assert_num_queries(5):
        diffs = {diff.path: diff for diff in diff_changes(repo, found)}
    assert (diffs["a.txt"].status, diffs["a.txt"].state, diffs["a.txt"].added) == ("modified", State.TEXT, 1)
    assert (diffs["bin.dat"].state, diffs["bin.dat"].old_size, diffs["bin.dat"].new_size) == (State.BINARY, 2, 3)
    assert (diffs["gone.txt"].status, diffs["gone.txt"].removed) == ("deleted", 1)
