import os
from gettext import GNUTranslations
from pathlib import Path

from pytest_django.fixtures import Settings

from hub.core.translations import compile_messages

CATALOGUE = """\
msgid ""
msgstr "Content-Type: text/plain; charset=utf-8\\n"

msgid "Models"
msgstr "%s"
"""


def test_a_catalogue_is_compiled_when_it_is_newer(tmp_path: Path, settings: Settings) -> None:
    settings.LOCALE_PATHS = [tmp_path]
    source = tmp_path / "zh_Hans" / "LC_MESSAGES" / "django.po"
    source.parent.mkdir(parents=True)
    source.write_text(CATALOGUE % "模型")
    [target] = compile_messages()
    with target.open("rb") as compiled:
        assert GNUTranslations(compiled).gettext("Models") == "模型"
    assert compile_messages() == []
    later = target.stat().st_mtime + 10
    source.write_text(CATALOGUE % "模型库")
    os.utime(source, (later, later))
    assert compile_messages() == [target]
    with target.open("rb") as compiled:
        assert GNUTranslations(compiled).gettext("Models") == "模型库"
