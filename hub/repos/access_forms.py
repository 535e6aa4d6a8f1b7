"""What a gated repository asks of whoever wants its files: the form that its card describes, and checking the answers.

The card's fields are those of the client family: `extra_gated_heading`, `extra_gated_prompt`, `extra_gated_description`,
`extra_gated_button_content`, and `extra_gated_fields`, a mapping of question to kind. The owner writes them and strangers
answer them, so both are bounded here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from babel import Locale
from django.utils.translation import get_language, to_locale
from django.utils.translation import gettext as _

from hub.core.text import UNSTORABLE
from hub.repos import cards
from hub.repos.errors import AnswerInvalid
from hub.repos.git.files import FileEntry, read_file
from hub.repos.models import GitPath, Repository

MAX_QUESTIONS = 30
MAX_QUESTION = 300  # characters
MAX_OPTIONS = 100
MAX_OPTION = 200  # characters
MAX_HEADING = 200  # characters
MAX_BUTTON = 60  # characters
MAX_PROMPT = 20_000  # characters of Markdown
MAX_ANSWER = 1000  # characters


class Asked(StrEnum):
    """What a question takes. The values are the words of the client family's cards."""

    TEXT = "text"
    CHECKBOX = "checkbox"
    DATE = "date_picker"
    COUNTRY = "country"
    SELECT = "select"


# Cards may ask the hub to look up where somebody is. It does not tell.
_NEVER_ASKED = "ip_location"


@dataclass(frozen=True)
class Question:
    """One field of the form. options: (value, label) of a selection."""

    label: str
    asks: Asked
    options: tuple[tuple[str, str], ...] = ()

    def choices(self) -> dict[str, str]:
        """Return value -> name of what can be chosen; nothing where people write the answer."""
        return countries() if self.asks == Asked.COUNTRY else dict(self.options)


@dataclass(frozen=True)
class AccessForm:
    """The form of one repository. prompt, description: Markdown. Empty texts leave the words to the page."""

    heading: str = ""
    prompt: str = ""
    description: str = ""
    button: str = ""
    questions: tuple[Question, ...] = ()

    def checked(self, answers: Mapping[str, Any]) -> dict[str, str | bool]:
        """Return the answers as they are kept: question -> text (a date as 2026-11-22, a country as its code) or True.

        Every question must be answered, and every box ticked. Raises AnswerInvalid, which names the question.
        """
        known = {question.label for question in self.questions}
        if unknown := [label for label in answers if label not in known]:
            name = str(unknown[0])[:MAX_QUESTION]
            raise AnswerInvalid(_("“%(question)s” is not asked here.") % {"question": name}, field=name)
        return {question.label: _checked(question, answers.get(question.label)) for question in self.questions}


def form_of(repo: Repository) -> AccessForm:
    """Return the form that the card on `main` describes; one without questions where there is no card."""
    row = GitPath.objects.filter(repository=repo, path=cards.CARD_FILE).first()
    if row is None or row.sha256 is not None or row.size > cards.MAX_CARD_FILE:
        return AccessForm()
    return read_form(cards.parse(read_file(repo, FileEntry.of_row(row)).decode("utf-8", "replace")).metadata)


def read_form(metadata: Mapping[str, Any]) -> AccessForm:
    """Return the form of a card's metadata. Never raises: what cannot be asked is left out, what is too long is cut."""
    given = metadata.get("extra_gated_fields")
    questions = [_question(label, kind) for label, kind in given.items()] if isinstance(given, dict) else []
    return AccessForm(
        heading=_line(metadata.get("extra_gated_heading"), MAX_HEADING),
        prompt=_text(metadata.get("extra_gated_prompt"), MAX_PROMPT),
        description=_text(metadata.get("extra_gated_description"), MAX_PROMPT),
        button=_line(metadata.get("extra_gated_button_content"), MAX_BUTTON),
        questions=tuple(question for question in questions if question is not None)[:MAX_QUESTIONS],
    )


def countries() -> dict[str, str]:
    """Return the code and the name of each country (ISO 3166), by name in the reader's language."""
    territories = Locale.parse(to_locale(get_language() or "en")).territories
    named = {code: name for code, name in territories.items() if len(code) == 2 and code not in _NO_COUNTRIES}
    return dict(sorted(named.items(), key=lambda item: item[1]))


# Two-letter codes of territories that are no countries: unions, leftovers, and codes for testing.
_NO_COUNTRIES = frozenset("AC CP CQ DG EA EU EZ IC QO TA UN XA XB ZZ".split())


def _question(label: str, kind: Any) -> Question | None:
    label = _line(label, MAX_QUESTION + 1)
    asks = kind.get("type") if isinstance(kind, dict) else kind
    if not label or len(label) > MAX_QUESTION or asks == _NEVER_ASKED:
        return None
    if asks == Asked.SELECT:
        options = _options(kind.get("options")) if isinstance(kind, dict) else ()
        # Nobody could answer a selection of nothing, so it is a text like any kind that this hub does not know.
        return Question(label, Asked.SELECT, options) if options else Question(label, Asked.TEXT)
    return Question(label, Asked(asks) if isinstance(asks, str) and asks in set(Asked) else Asked.TEXT)


def _options(given: Any) -> tuple[tuple[str, str], ...]:
    options: dict[str, str] = {}
    for item in (given if isinstance(given, list) else [])[:MAX_OPTIONS]:
        parts = item if isinstance(item, dict) else {"value": item}
        label = _line(parts.get("label", parts.get("value")), MAX_OPTION)
        value = _line(parts.get("value", label), MAX_OPTION)
        if value:
            options.setdefault(value, label or value)
    return tuple(options.items())


def _checked(question: Question, answer: Any) -> str | bool:
    named = {"question": question.label}
    if question.asks == Asked.CHECKBOX:
        if answer is not True:
            raise AnswerInvalid(_("“%(question)s” has to be ticked.") % named, field=question.label)
        return True
    if answer is None or (isinstance(answer, str) and not answer.strip()):
        raise AnswerInvalid(_("“%(question)s” has to be answered.") % named, field=question.label)
    if not isinstance(answer, str):
        raise AnswerInvalid(_("“%(question)s” takes a text.") % named, field=question.label)
    if len(answer) > MAX_ANSWER:
        limit = {**named, "max": MAX_ANSWER}
        raise AnswerInvalid(_("“%(question)s” takes at most %(max)d characters.") % limit, field=question.label)
    text = UNSTORABLE.sub("", answer.strip())
    match question.asks:
        case Asked.DATE if not _is_date(text):
            raise AnswerInvalid(_("“%(question)s” takes a date such as 2026-11-22.") % named, field=question.label)
        case Asked.COUNTRY if text not in question.choices():
            raise AnswerInvalid(
                _("“%(question)s” takes a country's code of two letters, such as CN.") % named, field=question.label
            )
        case Asked.SELECT if text not in question.choices():
            raise AnswerInvalid(_("“%(question)s” takes one of its options.") % named, field=question.label)
    return text


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _line(value: Any, limit: int) -> str:
    """Return a text on one line, at most `limit` characters; "" for what is no text."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return " ".join(UNSTORABLE.sub("", str(value))[: 4 * limit].split())[:limit]


def _text(value: Any, limit: int) -> str:
    return value[:limit] if isinstance(value, str) else ""
