"""What templates say in numbers, times, names and marks. Loaded in every template."""

import hashlib
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django import template
from django.forms import BoundField, CheckboxInput, RadioSelect, Select, Textarea
from django.template.defaultfilters import floatformat
from django.templatetags.static import static
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext, ngettext

from hub.accounts import passkeys
from hub.community.discussions.search import Piece
from hub.core import amounts, links
from hub.core.highlight import BIDI_CONTROLS
from hub.repos.vocabulary import label
from hub.web.kinds import KindWords, words_of

register = template.Library()

INKS = 8
_BIDI = re.compile(f"[{BIDI_CONTROLS}]")
LEAVES = (
    "ovate", "lance", "heart", "oak", "maple", "ginkgo", "pinnate", "clover", "needle", "pad", "fern", "willow",
)  # fmt: skip


# --- kinds of repositories ------------------------------------------------------------------------------------
@register.filter
def kind_words(kind: str) -> KindWords:
    """What pages call a kind of repository: `{% with words=repo.kind|kind_words %}{{ words.new }}`."""
    return words_of(kind or "")


# --- amounts --------------------------------------------------------------------------------------------------
@register.filter
def bytesize(count: int | None) -> str:
    """Bytes in decimal units, on one line: 1572 -> "1.57 kB". Empty for None."""
    return "" if count is None else amounts.bytesize(count).replace(" ", "\u00a0")


@register.filter
def shortnum(count: int | None) -> str:
    """A count in few signs: 18204 -> "18.2 k", in Chinese "1.82 万"."""
    if count is None:
        return ""
    chinese = (get_language() or "").startswith("zh")
    steps = ((10**8, "亿"), (10**4, "万")) if chinese else ((10**9, "B"), (10**6, "M"), (10**3, "k"))
    for size, unit in steps:
        # What would round up to the next unit belongs to it: 999 900 is 1 M, not 1000 k.
        if count >= size * 0.9995 and count >= 1000:
            return f"{amounts.three_digits(count / size)}\u00a0{unit}"
    return number_format(count, force_grouping=True)


@register.simple_tag
def ago(moment: datetime | None) -> str | SafeString:
    """A <time> element: how long ago, with the exact moment (UTC) as its title. Empty for None."""
    if moment is None:
        return ""
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.isoformat(timespec="seconds"),
        f"{moment.astimezone(timezone.get_default_timezone()):%Y-%m-%d %H:%M} UTC",
        _distance(int((timezone.now() - moment).total_seconds())),
    )


def _distance(seconds: int) -> str:
    if seconds < 0:
        return _ahead(-seconds)
    if seconds < 60:
        return gettext("just now")
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if hours < 1:
        return ngettext("%(count)d minute ago", "%(count)d minutes ago", minutes) % {"count": minutes}
    if days < 1:
        return ngettext("%(count)d hour ago", "%(count)d hours ago", hours) % {"count": hours}
    if days < 14:
        return ngettext("%(count)d day ago", "%(count)d days ago", days) % {"count": days}
    if days < 60:
        return ngettext("%(count)d week ago", "%(count)d weeks ago", days // 7) % {"count": days // 7}
    if days < 730:
        return ngettext("%(count)d month ago", "%(count)d months ago", days // 30) % {"count": days // 30}
    return ngettext("%(count)d year ago", "%(count)d years ago", days // 365) % {"count": days // 365}


def _ahead(seconds: int) -> str:
    hours = max(1, round(seconds / 3600))
    if hours < 48:
        return ngettext("in %(count)d hour", "in %(count)d hours", hours) % {"count": hours}
    days = round(hours / 24)
    return ngettext("in %(count)d day", "in %(count)d days", days) % {"count": days}


# --- names and marks ------------------------------------------------------------------------------------------
def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.lower().encode()).digest()[:4])


@register.filter
def ink(name: str) -> int:
    """The ink, 1 to 8, that a name keeps for good."""
    return _hash(name) % INKS + 1


@register.filter
def leaf_outline(family: str) -> str:
    """The leaf, one of twelve, that a family keeps for good. `family` is the id of its base model."""
    return LEAVES[_hash(family) // INKS % len(LEAVES)]


@register.filter
def family(repository: Any) -> str:
    """The id whose leaf a repository carries: its first base model, else its own. Lists load tags, not whole cards."""
    row = getattr(repository, "search_row", None)
    bases = (tag.removeprefix("base_model:") for tag in (row.tags if row else ()) if tag.startswith("base_model:"))
    return next((base for base in bases if ":" not in base), repository.full_name)


@register.filter
def labelled(value: str, key: str) -> str:
    """What people call a value that cards write as an id: {{ "mit"|labelled:"license" }} -> "MIT"."""
    return label(key, value)


@register.filter
def in_order(text: str) -> SafeString:
    """A name that strangers chose, with the signs that would reorder it on the screen shown by their numbers."""
    pieces = _BIDI.split(text)
    marks = [format_html("<mark>U+{}</mark>", f"{ord(sign):04X}") for sign in _BIDI.findall(text)]
    return format_html_join("", "{}{}", zip(pieces, [*marks, ""], strict=True))


@register.filter
def marked(pieces: Iterable[Piece]) -> SafeString:
    """A text that strangers wrote, what was looked for in it marked."""
    shown = ((in_order(piece.text), piece.marked) for piece in pieces)
    return format_html_join("", "{}", ((format_html("<mark>{}</mark>", text) if on else text,) for text, on in shown))


@register.inclusion_tag("partials/gate.html")
def plate() -> dict[str, Any]:
    """The plate of all leaves, each in one of the inks."""
    return {"leaves": [(leaf, number % INKS + 1) for number, leaf in enumerate(LEAVES)]}


@register.filter
def initials(name: str) -> str:
    """One or two letters for an avatar: "mira-okafor" -> "MO", "林雨辰" -> "林"."""
    words = [word for word in re.split(r"[\W_]+", name) if word]
    if not words:
        return "?"
    if not words[0][0].isascii():
        return words[0][0]
    letters = words[0][0] + words[1][0] if len(words) > 1 and words[1][0].isascii() else words[0][:2]
    return letters.upper()


@register.simple_tag
def stars(value: float, size: int = 13) -> SafeString:
    """Five stars, `value` of them filled, the last one in part. `size`: pixels of one star."""
    address, step = static("icons/sprite.svg") + "#star", size + 2
    # What is cut off is cut off by a viewport of its own: the content policy takes no style attributes.
    shapes = format_html_join(
        "",
        '<use href="{0}" class="off" x="{1}" width="{2}" height="{2}"/>'
        '<svg x="{1}" width="{3}" height="{2}" overflow="hidden"><use href="{0}" class="on" width="{2}" height="{2}"/></svg>',
        ((address, n * step, size, f"{size * min(1, max(0, value - n)):.1f}") for n in range(5)),
    )
    said = gettext("%(value)s of 5 stars") % {"value": floatformat(value)}
    return format_html(
        '<svg class="stars" width="{}" height="{}" role="img" aria-label="{}">{}</svg>',
        5 * step - 2,
        size,
        said,
        shapes,
    )


# --- addresses ------------------------------------------------------------------------------------------------
@register.filter
def takes_passkeys(base_url: str) -> bool:
    """Whether browsers let pages at the address of the hub use passkeys."""
    return passkeys.work_at(str(base_url))


@register.simple_tag
def repo_url(repository: Any, *parts: str, rev: str | None = None, path: str = "") -> str:
    """The site path of a repository, or of something in it: {% repo_url repo "tree" rev=revision path=folder %}."""
    return links.repo_path(repository.kind, repository.full_name, *parts, rev=rev, path=path)


# --- forms ----------------------------------------------------------------------------------------------------
@register.simple_tag
def control(field: BoundField) -> SafeString:
    """The widget of a bound field with the class of its kind."""
    widget = field.field.widget
    if isinstance(widget, (CheckboxInput, RadioSelect)):
        return field.as_widget()
    kind = "area" if isinstance(widget, Textarea) else "select" if isinstance(widget, Select) else "input"
    given = widget.attrs.get("class", "")
    return field.as_widget(attrs={"class": f"{kind} {given}".strip()})
