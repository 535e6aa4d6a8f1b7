"""`manage.py update_messages`: bring the message catalogues in step with the code and the templates."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils.translation import to_locale

from hub.core.extraction import update_catalogue


class Command(BaseCommand):
    help = "Extract every translatable string and merge it into hub/locale. Translate what is reported as missing."

    def handle(self, *args: Any, **options: Any) -> None:
        for language, _name in settings.LANGUAGES:
            if language == settings.LANGUAGE_CODE:
                continue  # The source strings are the language.
            locale = to_locale(language)
            catalogue = update_catalogue(locale)
            missing = [
                m for m in catalogue if m.id and not (all(m.string) if isinstance(m.string, tuple) else m.string)
            ]
            self.stdout.write(f"{locale}: {len(catalogue)} messages, {len(missing)} to translate.")
