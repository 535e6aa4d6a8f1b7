"""Releases of models and datasets."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from hub.api.edge import json_view, writer
from hub.api.v1.bodies import Body, check_query
from hub.api.v1.paging import PARAMETERS, page
from hub.repos.models import Release
from hub.repos.models.release import MAX_RELEASE_NOTES, MAX_RELEASE_TITLE
from hub.repos.permissions import get_repo_for_read, get_repo_for_write
from hub.repos.releases import create_release, delete_release, edit_release, get_release


class ReleaseShape(serializers.ModelSerializer[Release]):
    """A release as the API tells it. `author` is null once the account is gone."""

    author = serializers.CharField(source="author.username", default=None)
    commit = serializers.CharField()

    class Meta:
        model = Release
        fields = ("tag", "number", "commit", "title", "notes", "author", "created_at", "edited_at")


class Words(Body):
    """What a release says."""

    title = serializers.CharField(max_length=MAX_RELEASE_TITLE, default="", allow_blank=True)
    notes = serializers.CharField(max_length=MAX_RELEASE_NOTES, default="", allow_blank=True, trim_whitespace=False)


class NewRelease(Words):
    """A release to be made. Without a revision a new tag is made at `main`; a tag that is there stays where it is."""

    tag = serializers.CharField(max_length=200)
    revision = serializers.CharField(max_length=255, default="", allow_blank=True)


@json_view("GET", "POST")
def releases(request: Request, kind: str, namespace: str, name: str) -> Response:
    """GET (newest first) or POST /api/v1/{kind}s/{repo}/releases."""
    if request.method == "GET":
        repo = get_repo_for_read(request.user, kind, namespace, name)
        check_query(request, *PARAMETERS)
        rows = Release.objects.filter(repository=repo).select_related("author").newest_first()
        return page(request, rows, ReleaseShape)
    repo = get_repo_for_write(request.user, kind, namespace, name)
    made = create_release(repo=repo, actor=writer(request), **NewRelease.read(request))
    return _answer(made, status=201)


@json_view("GET", "PATCH", "DELETE")
def release(request: Request, kind: str, namespace: str, name: str, tag: str) -> Response:
    """GET, PATCH (`title`, `notes`) or DELETE /api/v1/{kind}s/{repo}/releases/{tag}. Deleting keeps the tag."""
    if request.method == "GET":
        return _answer(get_release(get_repo_for_read(request.user, kind, namespace, name), tag))
    found = get_release(get_repo_for_write(request.user, kind, namespace, name), tag)
    if request.method == "DELETE":
        delete_release(release=found, actor=writer(request))
        return Response(status=204)
    changed = Words.read(request, partial=True)
    edit_release(
        release=found,
        actor=writer(request),
        title=changed.get("title", found.title),
        notes=changed.get("notes", found.notes),
    )
    return _answer(found)


def _answer(release: Release, status: int = 200) -> Response:
    shape: dict[str, Any] = ReleaseShape(release).data
    return Response(shape, status=status)
