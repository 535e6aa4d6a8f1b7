"""Registers the app and its receivers."""

from django.apps import AppConfig


class JobsConfig(AppConfig):
    name = "hub.jobs"
