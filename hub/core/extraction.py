"""Finding what is to be translated: every marked string of the Python code and the templates, without GNU gettext."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation.template import templatize

# Name of the function -> which of its arguments are message, plural and context.
KEYWORDS = {
    "_": None,
    "_lazy": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}

# What readers of the file need, and nothing that changes each time it is written.
_HEADER = """# Messages of Grove. `manage.py update_messages` keeps them in step with the code.
msgid ""
msgstr ""
"Language: {locale}\\n"
"Plural-Forms: {plurals}\\n"
"Content-Type: text/plain; charset=utf-8\\n"

"""


def catalogue_path(locale: str) -> Path:
    """Return where the messages of a locale (`zh_Hans`) are kept."""
    return Path(settings.LOCALE_PATHS[0]) / locale / "LC_MESSAGES" / "django.po"


def _sources() -> Iterator[tuple[Path, bytes]]:
    for path in sorted((settings.BASE_DIR / "hub").rglob("*.py")):
        if "migrations" not in path.parts:
            yield path, path.read_bytes()
    for folder in settings.TEMPLATES[0]["DIRS"]:  # type: ignore[attr-defined]
        for path in sorted(p for p in Path(folder).rglob("*") if p.suffix in (".html", ".txt")):
            # templatize turns a template into Python-like source in which only the translatable parts are calls.
            # Inside brackets its indentation means nothing.
            yield path, f"({templatize(path.read_text(), origin=str(path))}\n)".encode()


def extract_messages() -> Catalog:
    """Return a catalogue of all marked strings with the files that they stand in."""
    found = Catalog(charset="utf-8")
    for path, source in _sources():
        name = path.relative_to(settings.BASE_DIR).as_posix()
        for line, message, comments, context in extract("python", BytesIO(source), keywords=KEYWORDS, comment_tags=()):
            found.add(message, locations=[(name, line)], auto_comments=comments, context=context, flags=_flags(message))
    return found


def _flags(message: str | tuple[str, ...]) -> list[str]:
    texts = (message,) if isinstance(message, str) else message
    return ["python-format"] if any("%(" in text for text in texts) else []


def read_catalogue(locale: str) -> Catalog:
    """Return the kept messages of a locale, or an empty catalogue."""
    path = catalogue_path(locale)
    if not path.exists():
        return Catalog(locale=locale, charset="utf-8", project="Grove", fuzzy=False)
    with path.open("rb") as lines:
        return read_po(lines, locale=locale)


def update_catalogue(locale: str) -> Catalog:
    """Bring the kept messages up to date: new ones come in untranslated, unused ones go. Returns the result."""
    kept = read_catalogue(locale)
    # Guessed translations are worse than missing ones: a test finds those that are missing.
    kept.update(extract_messages(), no_fuzzy_matching=True)
    path = catalogue_path(locale)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as lines:
        lines.write(_HEADER.format(locale=locale, plurals=kept.plural_forms).encode())
        # No line numbers and a fixed order, so that a change shows only what it changes.
        write_po(lines, kept, width=120, omit_header=True, ignore_obsolete=True, include_lineno=False, sort_output=True)
    return kept
