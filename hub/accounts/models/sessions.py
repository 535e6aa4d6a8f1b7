"""Browsers in which people are logged in."""

from django.contrib.sessions.models import Session
from django.db import models
from django.utils import timezone

from hub.accounts.models.people import User


class BrowserSession(models.Model):
    """What is known of a session, for its owner to recognise it. It goes with the session.

    agent: what the browser calls itself; network: the first part of the address that it came from last.
    """

    session = models.OneToOneField(Session, on_delete=models.CASCADE, related_name="browser")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="browser_sessions")
    agent = models.CharField(max_length=200, blank=True)
    network = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.agent} of {self.user}"
