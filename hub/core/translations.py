"""Compiling the message catalogues, with Babel, so that no gettext is needed on the machine."""

import os
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from django.conf import settings


def compile_messages() -> list[Path]:
    """Compile every catalogue that is newer than its compiled form; returns those that were compiled.

    Raises OSError where the folder of a catalogue cannot be written.
    """
    compiled = []
    for folder in settings.LOCALE_PATHS:
        for source in sorted(Path(folder).glob("*/LC_MESSAGES/*.po")):
            target = source.with_suffix(".mo")
            if target.exists() and target.stat().st_mtime >= source.stat().st_mtime:
                continue
            with source.open("rb") as lines:
                catalogue = read_po(lines)
            draft = target.with_suffix(f".mo.{os.getpid()}")
            with draft.open("wb") as handle:
                write_mo(handle, catalogue)
            draft.replace(target)  # A reader sees the old catalogue or the new one.
            compiled.append(target)
    return compiled
