"""What holds for the project as a whole."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command

BASE = Path(settings.BASE_DIR)


@pytest.mark.django_db
def test_every_change_of_a_model_has_its_migration() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=1)


def test_django_finds_nothing_to_warn_of() -> None:
    call_command("check", fail_level="WARNING")


def test_every_command_explains_itself() -> None:
    helped = {"up", "create_user", "create_org", "create_token", "check_health", "setup_link", "prepare"}
    for name in helped:
        done = subprocess.run([sys.executable, "manage.py", name, "--help"], cwd=BASE, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert re.search(r"usage: manage\.py", done.stdout)
