"""Amounts as people read them, on pages and in errors alike: the same file has the same size wherever it is named."""

from django.utils.formats import number_format


def three_digits(value: float) -> str:
    """Return `value` with three significant digits and no trailing zeros, in the language's own notation."""
    places = 2 if value < 10 else 1 if value < 100 else 0
    text = f"{value:.{places}f}"
    if "." in text:
        places = len(text.rstrip("0").rstrip(".").partition(".")[2])
    return number_format(round(value, places), decimal_pos=places, force_grouping=True)


def bytesize(count: int) -> str:
    """Bytes in decimal units, as drives and download tools count them: 1572 -> "1.57 kB"."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 999.5:
            return f"{three_digits(value)} {unit}"
        value /= 1000
    return f"{three_digits(value)} PB"
