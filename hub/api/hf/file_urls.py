"""The client protocol's addresses outside `/api/`: downloads, and Git LFS."""

from django.urls import URLPattern, include, path

from hub.api.hf import attachments, buckets, files, short_names
from hub.repos.models import VERSIONED, Kind


def _of_kind(kind: Kind, prefix: str) -> list[URLPattern]:
    """Return the addresses below `/[{kind}s/]`. Short names first: the word after one is no repository's name."""
    told = {"kind": kind}
    return [
        path(f"{prefix}<str:name>/resolve/<rev:revision>/<file:path>", short_names.resolve, told),
        path(f"{prefix}<str:name>.git/<path:rest>", short_names.git, told),
        path(f"{prefix}<str:name>/info/<path:rest>", short_names.git, told),
        path(f"{prefix}<str:name>/git-upload-pack", short_names.git, told),
        path(f"{prefix}<str:name>/git-receive-pack", short_names.git, told),
        path(f"{prefix}<str:namespace>/<str:name>/resolve/<rev:revision>/<file:path>", files.resolve, told),
    ]


urlpatterns = [
    path("uploads", attachments.upload),
    path("buckets/<str:namespace>/<str:name>/resolve/<file:path>", buckets.resolve),
    # Models last: the other prefixes would pass for a namespace.
    *(pattern for kind in VERSIONED if kind != Kind.MODEL for pattern in _of_kind(kind, f"{kind}s/")),
    *_of_kind(Kind.MODEL, ""),
    path("", include("hub.api.git.urls")),
]
