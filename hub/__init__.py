"""Grove: the community model hub. Each package below is one Django app; DESIGN of the layers is in CONTRIBUTING.md."""

from hub.celery import app as celery_app

__all__ = ["celery_app"]
