"""Our own API below `/api/v1/`."""

from django.urls import URLPattern, path

from hub.api.v1 import evaluations, releases, reviews
from hub.repos.models import Kind


def _of_kind(kind: Kind) -> list[URLPattern]:
    """Return the addresses below `{kind}s/{namespace}/{name}` that every kind of repository has."""
    repo = f"{kind}s/<str:namespace>/<str:name>"
    return [
        path(f"{repo}/releases", releases.releases, {"kind": kind}),
        path(f"{repo}/releases/<rev:tag>", releases.release, {"kind": kind}),
    ]


MODEL = "models/<str:namespace>/<str:name>"

urlpatterns = [
    *(pattern for kind in Kind for pattern in _of_kind(kind)),
    path(f"{MODEL}/reviews", reviews.reviews),
    path(f"{MODEL}/reviews/<int:review_id>", reviews.review),
    path("evaluations", evaluations.submit),
    path("evaluations/<int:run_id>", evaluations.evaluation),
    path("evaluations/<int:run_id>/events", evaluations.events),
    path("evaluations/<int:run_id>/cancel", evaluations.cancel),
    path(f"{MODEL}/evaluations", evaluations.of_model),
    path("datasets/<str:namespace>/<str:name>/leaderboard", evaluations.leaderboard),
]
