"""Our own API, and its document."""

from django.urls import include, path

from hub.api.v1 import addresses, document

urlpatterns = [
    path("openapi.json", document.openapi),
    path("", include(addresses)),
]
