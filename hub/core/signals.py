"""What the ground floor tells the apps above it."""

from django.dispatch import Signal

# The schema is up to date, before the site starts. workers: bool, whether workers are to run beside it.
prepared = Signal()
