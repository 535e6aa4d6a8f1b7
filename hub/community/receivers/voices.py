"""What the community does when somebody is suspended, or is back: what they reviewed and like counts otherwise."""

from typing import Any

from django.dispatch import receiver

from hub.accounts.models import User
from hub.accounts.signals import standing_changed
from hub.community.signals import voice_changed
from hub.community.voices import voice_of


@receiver(standing_changed)
def tell_of_voice(user: User, **_kwargs: Any) -> None:
    voice_changed.send(User, **voice_of(user))
