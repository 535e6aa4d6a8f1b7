"""Which results of a program a job worker takes: `python -m tests.workers.results`, a list of results in JSON on its input."""

import json
import sys
from typing import Any

from workers.refusals import Refused
from workers.tasks.job import _checked


def taken(result: Any) -> bool:
    """Tell whether the worker would report it."""
    try:
        _checked(result)
    except Refused:
        return False
    return True


if __name__ == "__main__":
    print(json.dumps([taken(result) for result in json.load(sys.stdin)]))
