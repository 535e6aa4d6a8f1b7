"""Every address of the hub. Protocol prefixes first; a user's or organization's name is the last thing that is tried."""

from django.urls import include, path

from hub.api.hf import paths as protocol_paths
from hub.api.openai import urls as openai
from hub.api.v1 import reference
from hub.api.xet.views import telemetry
from hub.core import converters
from hub.repos import converters as repo_converters

converters.register()
repo_converters.register()
protocol_paths.register()

urlpatterns = [
    path("api/worker/", include("hub.api.worker.urls")),
    path("api", reference.page, name="api"),
    path("api/v1/", include("hub.api.v1.urls")),
    path("api/", include("hub.api.hf.urls")),
    path("xet/", include("hub.api.xet.urls")),
    # Of whichever generation: see XET_GENERATION.
    path("xet/g<int:generation>/", include("hub.api.xet.urls")),
    # Xet clients report to the root of the host, whatever the prefix of the other calls.
    path("v1/telemetry", telemetry),
    path("v1/", include(openai.v1)),
    path("models/", include(openai.task_calls)),
    path("", include("hub.api.oauth.urls")),
    path("", include("hub.api.hf.file_urls")),
    path("", include("hub.web.urls")),
]

handler400 = "hub.web.pages.errors.bad_request"
handler403 = "hub.web.pages.errors.permission_denied"
handler404 = "hub.web.pages.errors.not_found"
handler500 = "hub.web.pages.errors.server_error"
