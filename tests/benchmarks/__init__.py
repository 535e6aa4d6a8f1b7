"""Benchmarks: each measures us and the peer, or the limit, in turns in the same run. `python -m tests.benchmarks.NAME`."""

import os

import django

# Here rather than in each module, so that their imports stand where imports stand.
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
django.setup()
