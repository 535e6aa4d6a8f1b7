"""Releases of models and datasets."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from hub.api.edge import writer
from hub.api.v1.bodies import Body
from hub.api.v1.operations import REPO, answer, operation
from hub.api.v1.paging import page
from hub.repos.models import Release
from hub.repos.models.release import MAX_RELEASE_NOTES, MAX_RELEASE_TITLE
from hub.repos.permissions import get_repo_for_read, get_repo_for_write
from hub.repos.releases import create_release, delete_release, edit_release, get_release


class ReleaseShape(serializers.ModelSerializer[Release]):
    """A release as the API tells it. `author` is null once the account is gone."""

    author = serializers.CharField(source="author.username", default=None, allow_null=True)
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


@operation(
    "GET",
    tag="releases",
    summary=_("The releases of a repository, newest first"),
    lists=ReleaseShape,
    parts=REPO,
)
def list_releases(request: Request, kind: str, namespace: str, name: str, query: dict[str, Any]) -> Response:
    repo = get_repo_for_read(request.user, kind, namespace, name)
    return page(
        request, Release.objects.filter(repository=repo).select_related("author").newest_first(), ReleaseShape, query
    )


@operation(
    "POST",
    tag="releases",
    summary=_("Release a revision"),
    description=_("Without a revision a new tag is made at main; a tag that is there already stays where it is."),
    answer=ReleaseShape,
    status=201,
    body=NewRelease,
    parts=REPO,
)
def create_a_release(
    request: Request, kind: str, namespace: str, name: str, query: dict[str, Any], body: dict[str, Any]
) -> Response:
    repo = get_repo_for_write(request.user, kind, namespace, name)
    return answer(request, ReleaseShape, create_release(repo=repo, actor=writer(request), **body), status=201)


@operation("GET", tag="releases", summary=_("One release"), answer=ReleaseShape, parts=(*REPO, "tag"))
def read_release(request: Request, kind: str, namespace: str, name: str, tag: str, query: dict[str, Any]) -> Response:
    return answer(request, ReleaseShape, get_release(get_repo_for_read(request.user, kind, namespace, name), tag))


@operation(
    "PATCH",
    tag="releases",
    summary=_("Change what a release says"),
    answer=ReleaseShape,
    body=Words,
    partial=True,
    parts=(*REPO, "tag"),
)
def change_release(
    request: Request, kind: str, namespace: str, name: str, tag: str, query: dict[str, Any], body: dict[str, Any]
) -> Response:
    found = get_release(get_repo_for_write(request.user, kind, namespace, name), tag)
    edit_release(
        release=found,
        actor=writer(request),
        title=body.get("title", found.title),
        notes=body.get("notes", found.notes),
    )
    return answer(request, ReleaseShape, found)


@operation(
    "DELETE",
    tag="releases",
    summary=_("Delete a release; its tag stays"),
    answer=None,
    status=204,
    parts=(*REPO, "tag"),
)
def remove_release(request: Request, kind: str, namespace: str, name: str, tag: str, query: dict[str, Any]) -> Response:
    found = get_release(get_repo_for_write(request.user, kind, namespace, name), tag)
    delete_release(release=found, actor=writer(request))
    return Response(status=204)
