"""Addresses of collections. `{namespace}/{slug}` is what tools call a collection's slug."""

from django.urls import path

from hub.web.pages import collections

ONE = "collections/<str:namespace>/<str:slug>"

urlpatterns = [
    path("collections", collections.listing, name="collections"),
    path("collections/new", collections.new, name="new_collection"),
    path(ONE, collections.show),
    path(f"{ONE}/edit", collections.edit),
    path(f"{ONE}/delete", collections.delete),
    path(f"{ONE}/upvote", collections.upvote),
    path(f"{ONE}/items", collections.add),
    path(f"{ONE}/items/<str:item_id>/note", collections.note),
    path(f"{ONE}/items/<str:item_id>/move", collections.move),
    path(f"{ONE}/items/<str:item_id>/remove", collections.remove),
]
