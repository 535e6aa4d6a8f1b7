"""Source files as numbered lines."""

from hub.core.highlight import LANGUAGES, MAX_COLOURED, MAX_LINES, highlight_code, highlight_file
from tests.computing import timed


def test_lines_are_numbered_linked_and_coloured() -> None:
    shown = highlight_file("train.py", 'def f():\n    """Two\n    lines."""\n')
    assert (shown.lines, shown.shown, shown.language) == (3, 3, "Python")
    assert '<tr id="L1"><td class="ln"><a href="#L1">1</a></td><td class="lc"><span class="k">def</span>' in shown.rows
    assert shown.rows.count("<tr") == shown.rows.count("</tr>") == 3
    assert shown.rows.count("<span") == shown.rows.count("</span>")


def test_what_is_unknown_is_shown_plainly_and_escaped() -> None:
    assert "&lt;script&gt;" in highlight_file("notes.unknown", "<script>").rows
    assert highlight_code("<b>", "no such language") == "&lt;b&gt;"
    assert highlight_file("empty.py", "").shown == 0


def test_every_language_has_a_lexer() -> None:
    from pygments.lexers import find_lexer_class

    assert [name for name in LANGUAGES if find_lexer_class(name) is None] == []


def test_long_files_are_cut() -> None:
    shown = highlight_file("a.txt", "x\n" * (MAX_LINES + 5))
    assert shown.truncated
    assert (shown.lines, shown.shown) == (MAX_LINES + 5, MAX_LINES)


def test_text_that_reads_otherwise_than_it_runs_is_shown() -> None:
    assert "<mark>U+202E</mark>" in highlight_file("a.py", "x = '\u202e'").rows


def test_slow_text_loses_its_colours_not_its_lines() -> None:
    shown, taken = timed(lambda: highlight_file("kernel.cu", "\n" * MAX_COLOURED), 5)
    assert taken < 5
    assert shown.lines == MAX_COLOURED
