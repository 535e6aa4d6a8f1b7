"""The client protocol's addresses outside `/api/`: downloads, and Git LFS."""

from django.urls import include, path

from hub.api.hf import files, system

urlpatterns = [
    path("datasets/<str:namespace>/<str:name>/resolve/<rev:revision>/<file:path>", files.resolve, {"kind": "dataset"}),
    path("<str:namespace>/<str:name>/resolve/<rev:revision>/<file:path>", files.resolve),
    path("<str:name>/resolve/<rev:revision>/<file:path>", files.resolve_short),
    path("oauth/<path:step>", system.no_device_login),
    path("", include("hub.api.git.urls")),
]
