"""What the hub's commands share: a refusal is one clear line and exit code 1, never a traceback."""

import os
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError
from redis.exceptions import ConnectionError as QueueError

from hub.core.errors import HubError


class Error(CommandError):
    """A refusal; Django prints the class's name before the message."""


class HubCommand(BaseCommand):
    """A command that works against the running instance of the same GROVE_DATA."""

    requires_system_checks = ()

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super().execute(*args, **options)
        except HubError as error:
            raise Error(error.message) from error
        except (OperationalError, QueueError) as error:
            raise Error(not_reached(error)) from error


def not_reached(error: Exception) -> str:
    """Say which engine does not answer, and what to do about it."""
    carried = "DATABASE_URL" if isinstance(error, OperationalError) else "REDIS_URL"
    if not (os.environ.get(carried) or os.environ.get(f"{carried}_FILE")):
        return f"Grove is not running on {settings.DATA_DIR}. Start it with `make run`, or set GROVE_DATA."
    said = " ".join(str(error).split())
    return f"{carried} cannot be reached: {said}"
