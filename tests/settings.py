"""The hub's settings for a test run: a fresh data folder, whose engines `conftest.py` starts; nothing from outside."""

import os
import tempfile
from pathlib import Path

# The workers of pytest-xdist inherit the environment, and with it the folder.
ROOT = "GROVE_TESTS_ROOT"
if ROOT not in os.environ:
    os.environ[ROOT] = tempfile.mkdtemp(prefix="grove-tests-")
for _name in ("DATABASE_URL", "REDIS_URL", "EMAIL_URL", "HOST", "PORT"):
    os.environ.pop(_name, None)
for _name in [name for name in os.environ if name.startswith(("GROVE_", "S3_")) and name != ROOT]:
    del os.environ[_name]
os.environ["GROVE_DATA"] = os.environ[ROOT]

from hub.settings import *  # noqa: E402, F403
from hub.settings import CACHES, DATA_DIR, DATABASES, ENGINES, STORAGES  # noqa: E402

# The database of each worker begins as a copy of the hub's own, in which `prepared.py` has made the schema.
DATABASES["default"]["TEST"] = {"TEMPLATE": DATABASES["default"]["NAME"]}
# Each worker of pytest-xdist has a database (pytest-django sees to that), two queues and a blob store of its own.
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
_number = int(WORKER.removeprefix("gw") or 0)
_first = 2 + _number % 31 * 2
CACHES["default"]["LOCATION"] = ENGINES.redis_url(_first)
CELERY_BROKER_URL = ENGINES.broker_url(_first)
WORKER_REDIS_URL = ENGINES.redis_url(_first + 1)
WORKER_BROKER_URL = ENGINES.broker_url(_first + 1)
DATA_DIR = Path(DATA_DIR) / f"worker{_number}"
STATIC_ROOT = DATA_DIR / "static"
STATIC_ROOT.mkdir(parents=True, exist_ok=True)

# Pages are tested without collecting the static files first.
STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
# A slow hash is right for people, and most of the time of a test that only needs somebody.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# All tests of a run call from one address; those of the limits set their own.
RATE_LIMITS = {"api": (0, 0), "resolvers": (0, 0), "pages": (0, 0)}
# Everybody in the tests is new; those of the limits set their own.
NEW_ACCOUNT_DAYS = 0
