"""Addresses of notifications and webhooks."""

from django.urls import path

from hub.web.pages import notifications, webhooks

HOOK = "settings/webhooks/<str:key>"

urlpatterns = [
    path("notifications", notifications.show, name="notifications"),
    path("notifications/mark", notifications.mark, name="mark_notifications"),
    path("notifications/watch", notifications.watch, name="watch"),
    path("notifications/<int:notification_id>", notifications.follow, name="notification"),
    path("notifications/<int:notification_id>/mute", notifications.mute, name="mute_notification"),
    path("settings/notifications", notifications.settings, name="settings_notifications"),
    path("settings/notifications/<int:subscription_id>/remove", notifications.unwatch, name="unwatch"),
    path("unsubscribe/<str:token>", notifications.unsubscribe, name="unsubscribe"),
    path("settings/webhooks", webhooks.show_all, name="settings_webhooks"),
    path("settings/webhooks/new", webhooks.create, name="webhook_new"),
    path(HOOK, webhooks.show, name="webhook"),
    path(f"{HOOK}/edit", webhooks.edit, name="webhook_edit"),
    *(
        path(f"{HOOK}/{act}", webhooks.change, {"act": act}, name=f"webhook_{act}")
        for act in ("enable", "disable", "secret", "ping", "delete")
    ),
    path(f"{HOOK}/deliveries/<uuid:delivery>", webhooks.delivery, name="webhook_delivery"),
    path(f"{HOOK}/deliveries/<uuid:delivery>/replay", webhooks.replay, name="webhook_replay"),
    path("organizations/<str:name>/webhooks", webhooks.show_all, name="organization_webhooks"),
    path("organizations/<str:name>/webhooks/new", webhooks.create, name="organization_webhook_new"),
]
