"""Git's addresses: `{repo}.git/...`, for models at the root and for datasets below `datasets/`."""

from django.urls import URLPattern, path

from hub.api.git import lfs


def _both(route: str, view: object) -> list[URLPattern]:
    repo = "<str:namespace>/<str:name>.git/"
    return [path(repo + route, view), path("datasets/" + repo + route, view, {"kind": "dataset"})]  # type: ignore[call-overload]


urlpatterns = [
    *_both("info/lfs/objects/batch", lfs.batch),
    *_both("info/lfs/objects/verify", lfs.verify),
    *_both("info/lfs/objects/<str:oid>", lfs.object_bytes),
    *_both("info/lfs/locks", lfs.locks),
    *_both("info/lfs/locks/<path:rest>", lfs.locks),
]
