#!/usr/bin/env python3
"""The hub's commands. `manage.py help` lists them."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hub.settings")
    if sys.argv[1:2] == ["up"]:
        # The supervisor needs no Django: it stays small, and can say in one line what would keep the settings
        # from loading.
        from hub.embedded.instance import main as up

        sys.exit(up(sys.argv[2:]))

    from django.conf import settings
    from django.core.management import execute_from_command_line

    try:
        settings.DEBUG  # noqa: B018 (loads the settings)
    except OSError as error:
        sys.exit(f"{error.filename} cannot be used ({error.strerror}). Run this as the user who runs Grove.")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
