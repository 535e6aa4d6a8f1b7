"""Below `/xet/`. Clients build these addresses from the `casUrl` of a token answer."""

from django.urls import path

from hub.api.xet import views

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
    path("xorb/<str:prefix>/<str:name>", views.upload_xorb),
    path("xorbs/<str:prefix>/<str:name>", views.upload_xorb),
    path("shard/<str:prefix>/<str:name>", views.upload_shard),
    path("shards", views.upload_shard),
    path("chunk/<str:prefix>/<str:name>", views.find_chunk),
    path("chunks/<str:prefix>/<str:name>", views.find_chunk),
    path("reconstruction/<str:name>", views.reconstruction_v1),
    path("reconstructions/<str:name>", views.reconstruction_v1),
]
