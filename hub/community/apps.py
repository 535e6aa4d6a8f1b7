from django.apps import AppConfig


class CommunityConfig(AppConfig):
    name = "hub.community"
    label = "community"

    def ready(self) -> None:
        from hub.community import (  # noqa: F401 - connects the receivers
            activity_receivers,
            membership_receivers,
            receivers,
            webhook_receivers,
        )
