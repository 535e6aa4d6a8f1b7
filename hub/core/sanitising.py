"""What HTML may come from people: tags, attributes, classes and addresses that can do no harm. All else is taken out."""

import posixpath
import re
from urllib.parse import quote, unquote, urlsplit

import nh3
from pygments.token import STANDARD_TYPES

# Of tags within each other. Browsers know no more either, and the sanitiser's time grows with the square of it.
MAX_DEPTH = 400
# Before every id that an author chooses, so that none can take the place of one of the page's own.
ID_PREFIX = "user-content-"

_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
_VOID = frozenset(
    {"br", "hr", "img", "input", "source", "wbr", "area", "col", "embed", "link", "meta", "base", "track"}
)
_IMAGE_WITHOUT_ALT = re.compile(r'<img((?:\s(?!alt=)[\w-]+="[^"]*")*)>')

_BLOCKS = {"p", "div", "h1", "h2", "h3", "h4", "h5", "h6", "table", "td", "th", "tr", "img", "center", "li", "span"}
_TAGS = _BLOCKS | set(
    """
    a abbr audio b blockquote br caption code dd del details dfn dl dt em figcaption figure hr i ins kbd mark ol
    picture pre q s samp section small source strong sub summary sup tbody tfoot thead u ul var video
    """.split()
)
_ATTRIBUTES: dict[str, set[str]] = {
    "*": {"id", "title", "lang", "dir"},
    **{tag: {"align", "id", "title", "lang", "dir"} for tag in _BLOCKS},
    "a": {"href", "id", "title", "name"},
    "audio": {"src"},
    "details": {"open", "id"},
    "img": {"src", "alt", "width", "height", "align", "title", "id"},
    "ol": {"start", "type", "id"},
    "source": {"src", "srcset", "media", "type", "sizes"},
    "td": {"align", "colspan", "rowspan", "width", "id"},
    "th": {"align", "colspan", "rowspan", "width", "scope", "id"},
    "video": {"src", "poster", "width", "height"},
}
_CLASSES = {
    "span": {name for name in STANDARD_TYPES.values() if name} | {"math", "inline"},
    "div": {"math", "block"},
    "li": {"task-list-item", "footnote-item"},
    "ul": {"contains-task-list"},
    "sup": {"footnote-ref"},
    "section": {"footnotes"},
    "a": {"footnote-backref"},
    "p": {"muted", "preline"},
}
_FORCED = {
    # What scrolls sideways must be reachable by keyboard.
    "pre": {"tabindex": "0"},
    "table": {"tabindex": "0"},
    "img": {"loading": "lazy", "decoding": "async", "referrerpolicy": "no-referrer"},
    "audio": {"controls": "", "preload": "none"},
    "video": {"controls": "", "preload": "metadata"},
}


def sanitise(html: str, *, link_base: str, raw_base: str, prefix: str) -> str:
    """Return `html` without all that could do harm. Its caller has seen that it is no deeper than MAX_DEPTH.

    link_base, raw_base: site paths before which relative addresses go, of links and of media; without one they are left out.
    prefix: goes before every id, and stands in place of ID_PREFIX.
    """
    clean = nh3.clean(
        html,
        tags=_TAGS,
        clean_content_tags={
            "script",
            "style",
            "svg",
            "math",
            "iframe",
            "object",
            "noscript",
            "template",
            "textarea",
            "select",
        },
        attributes=_ATTRIBUTES,
        attribute_filter=_Links(link_base, raw_base, prefix),
        allowed_classes=_CLASSES,
        set_tag_attribute_values=_FORCED,
        url_schemes={"http", "https", "mailto"},
        link_rel="nofollow noopener ugc",
        strip_comments=True,
    )
    return _IMAGE_WITHOUT_ALT.sub(r'<img\1 alt="">', clean)


def depth_of(html: str) -> int:
    """Return how deep tags stand within each other, if each that is opened and not closed holds all that follows."""
    depth = deepest = 0
    for found in _TAG.finditer(html):
        if found[1]:
            depth = max(0, depth - 1)
        elif found[2].lower() not in _VOID:
            depth += 1
            deepest = max(deepest, depth)
    return deepest


class _Links:
    """Decides on each attribute that the sanitiser has let through: the value to keep, or None to drop it."""

    def __init__(self, link_base: str, raw_base: str, prefix: str) -> None:
        self._prefix = prefix
        self._link_base = link_base.rstrip("/")
        self._raw_base = raw_base.rstrip("/")

    def __call__(self, tag: str, attribute: str, value: str) -> str | None:
        if attribute in ("id", "name"):
            return f"{self._prefix}{value.removeprefix(ID_PREFIX)}"
        if attribute == "href":
            return self._address(value, self._link_base, {"http", "https", "mailto"})
        if attribute in ("src", "poster"):
            return self._address(value, self._raw_base, {"http", "https"})
        if attribute == "srcset":
            return self._sources(value)
        return value

    def _sources(self, value: str) -> str | None:
        kept = []
        for candidate in value.split(",")[:20]:
            address, _space, size = candidate.strip().partition(" ")
            if resolved := self._address(address, self._raw_base, {"http", "https"}):
                kept.append(f"{resolved} {size}".strip())
        return ", ".join(kept) or None

    def _address(self, value: str, base: str, schemes: set[str]) -> str | None:
        # Browsers skip blanks and control characters when they look for the scheme.
        value = "".join(c for c in value.strip() if c > " ")
        if value.startswith("#"):
            return f"#{self._prefix}{unquote(value[1:]).removeprefix(ID_PREFIX)}" if value != "#" else value
        try:
            parts = urlsplit(value.replace("\\", "/"))
        except ValueError:
            return None
        if parts.scheme:
            return value if parts.scheme.lower() in schemes else None
        if parts.netloc:
            return f"https:{value}" if value.startswith("//") else None
        if value.startswith("/"):
            return value
        if not base or not parts.path:
            return None
        inside = posixpath.normpath(posixpath.join("/", unquote(parts.path)))
        address = base + quote(inside.replace("//", "/"))
        if parts.path.endswith("/"):
            address += "/"
        return address + (f"?{parts.query}" if parts.query else "") + (f"#{parts.fragment}" if parts.fragment else "")
