"""Every address of the hub. Protocol prefixes first; a user's or organization's name is the last thing that is tried."""

from django.urls import include, path

from hub.core import converters

converters.register()

urlpatterns = [
    path("", include("hub.core.health_urls")),
    path("api/", include("hub.api.hf.urls")),
    path("xet/", include("hub.api.xet.urls")),
    path("", include("hub.api.hf.file_urls")),
    path("", include("hub.web.urls")),
]
