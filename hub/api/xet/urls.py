"""Below `/xet/`. Clients build these addresses from the `casUrl` of a token answer."""

from django.urls import path, re_path

from hub.api.xet import views

PREFIX = r"(?P<prefix>[^/]+)"
NAME = r"(?P<name>[^/]+)"

urlpatterns = [
    path("v1/xorb-grants/<str:prefix>/<str:name>", views.grant_xorb),
    path("v1/xorb-commits/<str:prefix>/<str:name>/grant/<uuid:grant>", views.commit_xorb),
    path("v1/xorbs/<str:prefix>/<str:name>", views.upload_xorb),
    path("v1/shards", views.upload_shard),
    path("v2/shards", views.upload_shard_with_progress),
    path("v1/chunks/<str:prefix>/<str:name>", views.find_chunk),
    path("v1/reconstructions/<str:name>", views.reconstruction_v1),
    path("v2/reconstructions/<str:name>", views.reconstruction_v2),
    path("v2/file-chunk-hashes/<str:name>", views.absent),
    path("data/<str:name>", views.stored_bytes),
    # As hf_xet said it before 1.6, with names that grew one by one: `xorb` up to 1.1, `xorbs` in 1.2, `v1/xorbs` from 1.3 on.
    re_path(rf"^xorbs?/{PREFIX}/{NAME}$", views.upload_xorb),
    re_path(r"^shards?(?:/[^/]+/[^/]+)?$", views.upload_shard),
    re_path(rf"^chunks?/{PREFIX}/{NAME}$", views.find_chunk),
    re_path(rf"^reconstructions?/{NAME}$", views.reconstruction_v1),
]
