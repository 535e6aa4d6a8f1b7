"""Registers the app for its commands."""

from django.apps import AppConfig


class SamplesConfig(AppConfig):
    name = "hub.samples"
