"""The folder in which the processes of one web server share what they count. Apart from the counting, since the library looks
for it once, when it is loaded."""

import os
import re

from django.conf import settings

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


def share() -> None:
    """Let this process, and those that are forked from it, count together. For a server's start, before anything else is
    loaded. What the processes of an earlier run have left goes."""
    if not settings.METRICS_TOKEN:
        return
    settings.METRICS_DIR.mkdir(parents=True, exist_ok=True)
    for path in settings.METRICS_DIR.glob("*.db"):
        found = re.search(r"_(\d+)\.db$", path.name)
        if found and not lives(int(found[1])):
            path.unlink(missing_ok=True)
    os.environ[FOLDER_VARIABLE] = str(settings.METRICS_DIR)


def lives(pid: int) -> bool:
    """Tell whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
