"""Grove: the community model hub. Each package below is one Django app; CONTRIBUTING.md tells which may import which."""

from hub.celery import app as celery_app

__all__ = ["celery_app"]
