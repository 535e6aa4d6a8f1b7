"""What is wrong with a card: errors, which the client family takes for a reason not to commit, and warnings, which it prints.

Each names its field, the line, and the way out. Errors are values that no tool could make sense of; what is only unknown here,
and may be known elsewhere, is a warning.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

from django.utils.translation import gettext as _

from hub.repos.cards import REPO_ID, Card, Issue, parse, words
from hub.repos.errors import PathInvalid
from hub.repos.models import Kind
from hub.repos.names import check_path
from hub.repos.vocabulary import BASE_RELATIONS, LICENSES, SDKS, SIZE_CATEGORIES, TASKS, is_language, may_be_language

MAX_ISSUES = 30  # of one card that are told
MAX_RESULTS = 1000  # of a model index that are looked into
MAX_SHORT_DESCRIPTION = 60  # characters
COLORS = ("red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray")

_TEXTS = (
    "pipeline_tag library_name license_name license_link pretty_name base_model_relation model_name thumbnail "
    "extra_gated_prompt extra_gated_heading extra_gated_button_content title emoji short_description app_file base_path"
).split()
_LISTS = (
    "license language tags datasets base_model models metrics task_categories task_ids size_categories "
    "annotations_creators language_creators multilinguality source_datasets"
).split()
_VERSION = re.compile(r"[0-9]+(\.[0-9A-Za-z]+)*([-.+]?[0-9A-Za-z]+)*")
_WORD = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*(?:-other-.+)?")


def check_card(content: str, kind: str) -> tuple[list[Issue], list[Issue]]:
    """Return (errors, warnings) of the README of a repository of `kind`, at most MAX_ISSUES of each."""
    card = parse(content)
    if card.errors:
        return card.errors, []
    errors = list(_Checks(card).errors(kind))
    at_fault = {issue.field for issue in errors}
    warnings = [issue for issue in _Checks(card).warnings(kind) if issue.field not in at_fault]
    return errors[:MAX_ISSUES], warnings[:MAX_ISSUES]


class _Checks:
    def __init__(self, card: Card) -> None:
        self._card = card
        self._data = card.metadata

    def errors(self, kind: str) -> Iterator[Issue]:
        yield from self._types()
        yield from self._each(
            "license",
            lambda value: value.lower() in LICENSES,
            _(
                "“%(field)s” must be one of the known ids, such as apache-2.0 or mit; “%(value)s” is none. For another licence "
                "write “other”, with its license_name and license_link."
            ),
        )
        yield from self._each(
            "language",
            may_be_language,
            _(
                "“%(field)s” takes ISO 639 codes, such as en, zh or zh-Hant, and “code” or “multilingual”; “%(value)s” is none."
            ),
        )
        yield from self._each(
            "base_model_relation",
            lambda value: value in BASE_RELATIONS,
            _("“%(field)s” is one of finetune, adapter, merge, quantized; “%(value)s” is none of them."),
        )
        if kind == Kind.MODEL:
            yield from self._model_index()
        if kind == Kind.DATASET:
            yield from self._configs()
        if kind == Kind.SPACE:
            yield from self._space()

    def warnings(self, kind: str) -> Iterator[Issue]:
        if not self._data:
            yield Issue(
                _(
                    "There is no metadata. Add it between two lines of --- at the start, to be found by task and licence."
                )
            )
            return
        other = "other" in (value.lower() for value in words(self._data.get("license")))
        if other and not (words(self._data.get("license_name")) and words(self._data.get("license_link"))):
            yield self._issue(
                "license",
                _("The licence is “other”: name it with license_name, and say with license_link where it stands."),
            )
        # Trainers write down the folder that a model was loaded from, where it came from no repository.
        for field in ("datasets", "base_model", "models"):
            yield from self._each(
                field,
                lambda value: REPO_ID.fullmatch(value) is not None,
                _("“%(field)s” takes names of repositories, such as ada/tiny; “%(value)s” is none."),
            )
        for field in ("pipeline_tag", "task_categories"):
            yield from self._each(
                field,
                lambda value: value in TASKS,
                _(
                    "“%(field)s” has the unknown task “%(value)s”. Use one that the search offers, such as text-generation."
                ),
            )
        yield from self._each(
            "task_ids",
            lambda value: _WORD.fullmatch(value) is not None,
            _("“%(field)s” takes ids in small letters with hyphens, such as language-modeling; “%(value)s” is none."),
        )
        yield from self._each(
            "language",
            is_language,
            _("“%(field)s” has the code “%(value)s”, which is not known here. Check that it is of ISO 639."),
        )
        yield from self._each(
            "size_categories",
            lambda value: value in SIZE_CATEGORIES,
            _("“%(field)s” takes steps such as 1K<n<10K; “%(value)s” is none of them."),
        )
        if kind == Kind.SPACE and "sdk" not in self._data:
            text = _("“%(field)s” is missing: say what the space is written for, one of %(known)s.")
            yield self._issue("sdk", text, known=", ".join(SDKS))

    def _issue(self, field: str, message: str, value: str = "", **more: object) -> Issue:
        line = self._card.lines.get(field.partition("[")[0].partition(".")[0], 0)
        return Issue(message % {"field": field, "value": value[:80], **more}, field, line)

    def _each(self, field: str, fits: Callable[[str], bool], message: str) -> Iterator[Issue]:
        """Yield an issue for each text of a field that does not fit."""
        for value in words(self._data.get(field)):
            if not fits(value):
                yield self._issue(field, message, value)

    def _types(self) -> Iterator[Issue]:
        for field in _TEXTS:
            if not isinstance(self._data.get(field), str | None):
                yield self._issue(
                    field, _("“%(field)s” takes one text. Put it in quotes if it looks like something else.")
                )
        for field in _LISTS:
            value = self._data.get(field)
            values = value if isinstance(value, list) else [] if value is None else [value]
            if not all(isinstance(item, str) for item in values):
                yield self._issue(field, _("“%(field)s” takes a text or a list of texts."))

    def _model_index(self) -> Iterator[Issue]:
        """Check the evaluation results of a model: `model-index[].{name, results[].{task, dataset, metrics[]}}`."""
        models = self._data.get("model-index")
        if models is None:
            return
        if not isinstance(models, list):
            yield self._issue("model-index", _("“%(field)s” takes a list, with a name and results in each item."))
            return
        looked = 0
        for number, model in enumerate(models):
            at = f"model-index[{number}]"
            if not isinstance(model, dict) or not isinstance(model.get("name"), str):
                yield self._issue(f"{at}.name", _("“%(field)s” is missing: give the model's name as a text."))
                continue
            results = model.get("results", [])
            if not isinstance(results, list):
                yield self._issue(f"{at}.results", _("“%(field)s” takes a list of results."))
                continue
            for place, result in enumerate(results):
                looked += 1
                if looked > MAX_RESULTS:
                    return
                yield from self._result(f"{at}.results[{place}]", result)

    def _result(self, at: str, result: Any) -> Iterator[Issue]:
        missing = _("“%(field)s” is missing: give it as a text.")
        if not isinstance(result, dict):
            yield self._issue(at, _("“%(field)s” takes a task, a dataset and metrics."))
            return
        for part, keys in (("task", ("type",)), ("dataset", ("type", "name"))):
            inner = result.get(part)
            # Tools that write results of a training leave out what they do not know.
            if inner is None:
                continue
            if not isinstance(inner, dict):
                yield self._issue(f"{at}.{part}", _("“%(field)s” takes named values, such as a type."))
                continue
            for key in keys:
                if not isinstance(inner.get(key), str):
                    yield self._issue(f"{at}.{part}.{key}", missing)
        metrics = result.get("metrics")
        if not isinstance(metrics, list):
            yield self._issue(
                f"{at}.metrics", _("“%(field)s” takes a list of metrics, with a type and a value in each.")
            )
            return
        for number, metric in enumerate(metrics[:MAX_RESULTS]):
            if not isinstance(metric, dict) or not isinstance(metric.get("type"), str):
                yield self._issue(f"{at}.metrics[{number}].type", missing)
            elif "value" not in metric:
                yield self._issue(f"{at}.metrics[{number}].value", _("“%(field)s” is missing: give what was measured."))

    def _configs(self) -> Iterator[Issue]:
        """Check the parts of a dataset: `configs[].{config_name, data_files}`."""
        configs = self._data.get("configs")
        if configs is None:
            return
        if not isinstance(configs, list):
            yield self._issue("configs", _("“%(field)s” takes a list, with a config_name in each item."))
            return
        names: set[str] = set()
        for number, config in enumerate(configs[:MAX_RESULTS]):
            name = config.get("config_name") if isinstance(config, dict) else None
            if not isinstance(name, str) or not name:
                yield self._issue(
                    f"configs[{number}].config_name",
                    _("“%(field)s” is missing: name this part of the dataset, in quotes."),
                )
            elif name in names:
                yield self._issue(
                    f"configs[{number}].config_name",
                    _("“%(field)s” is “%(value)s” a second time. Each part has its own name."),
                    name,
                )
            else:
                names.add(name)

    def _space(self) -> Iterator[Issue]:
        one_of = _("“%(field)s” is one of %(known)s; “%(value)s” is none of them.")
        for field, known in (
            ("sdk", SDKS),
            ("colorFrom", COLORS),
            ("colorTo", COLORS),
            ("header", ("mini", "default")),
        ):
            value = self._data.get(field)
            if value is not None and value not in known:
                yield self._issue(field, one_of, str(value), known=", ".join(known))
        for field in ("sdk_version", "python_version"):
            value = self._data.get(field)
            if value is not None and (not isinstance(value, str | int | float) or not _VERSION.fullmatch(str(value))):
                yield self._issue(field, _('“%(field)s” takes a version, in quotes, such as "4.44.0".'))
            elif isinstance(value, float):
                yield self._issue(field, _("“%(field)s” needs quotes: as a number, 4.10 and 4.1 are the same."))
        port = self._data.get("app_port")
        if port is not None and (not isinstance(port, int) or isinstance(port, bool) or not 1 <= port <= 65535):
            yield self._issue("app_port", _("“%(field)s” takes the number of a port, 1 to 65535."))
        file = self._data.get("app_file")
        if isinstance(file, str) and not _is_path(file):
            yield self._issue("app_file", _("“%(field)s” takes the path of a file of the space, such as app.py."))
        if not isinstance(self._data.get("pinned"), bool | None):
            yield self._issue("pinned", _("“%(field)s” takes true or false."))
        short = self._data.get("short_description")
        if isinstance(short, str) and len(short) > MAX_SHORT_DESCRIPTION:
            yield self._issue(
                "short_description",
                _("“%(field)s” has at most %(max)d characters. Shorten it."),
                max=MAX_SHORT_DESCRIPTION,
            )


def _is_path(text: str) -> bool:
    try:
        check_path(text)
    except PathInvalid:
        return False
    return True
