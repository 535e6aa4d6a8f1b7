"""Lines of CSV for spreadsheets, which take some texts for formulas."""

import csv
import io
from collections.abc import Iterable
from typing import Any

from django.http import HttpResponseBase, StreamingHttpResponse

# Spreadsheets run what begins with one of these; the wide ones, some that speak Chinese or Japanese.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def no_formula(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula: an apostrophe goes before what looks like one."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def csv_line(cells: Iterable[Any]) -> str:
    """Return one line, with its end."""
    texts = ("yes" if cell is True else str(cell) for cell in cells)
    out = io.StringIO()
    # All in quotes: where a semicolon parts the cells, what follows one would begin another.
    csv.writer(out, quoting=csv.QUOTE_ALL).writerow(map(no_formula, texts))
    return out.getvalue()


def csv_answer(lines: Iterable[str], filename: str) -> HttpResponseBase:
    """Send lines as they are made, to one person. `filename` is ours to choose."""
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    response["Cache-Control"] = "private, no-store"
    return response
