"""Images that people paste into what they write."""

import uuid

from django.db import models

from hub.accounts.models import User


class Attachment(models.Model):
    """An image, small enough for the database, under an address that nobody guesses. Whoever has the address has the image;
    it is written anew on its way in, so that nothing of a camera's notes comes along."""

    key = models.UUIDField(primary_key=True, default=uuid.uuid4)
    owner = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    content = models.BinaryField()
    content_type = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return str(self.key)

    def get_absolute_url(self) -> str:
        return f"/uploads/{self.key}"
