"""Pull requests: from a branch, how they stand, taking them in, bringing them up to date. What people say in them, and opening
one by a commit, is part of the client protocol."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from hub.accounts.models import Someone
from hub.api.edge import writer
from hub.api.v1.bodies import Body
from hub.api.v1.operations import REPO, operation
from hub.community.discussions.merging import Method, merge_pull_request
from hub.community.discussions.pull_requests import open_from_branch
from hub.community.discussions.standing import standing_of
from hub.community.discussions.updating import Side, update_from_base
from hub.community.models import PullRequest, Status
from hub.community.models.discussion import MAX_TITLE
from hub.community.permissions import get_pull_request, get_pull_request_for_push
from hub.community.writing.text import MAX_TEXT
from hub.repos.git.commits import MAX_TITLE as MAX_COMMIT_TITLE
from hub.repos.git.line_merging import MAX_BYTES
from hub.repos.models.git import BRANCH_PREFIX
from hub.repos.permissions import get_repo_for_proposing, get_repo_for_read, get_repo_for_write, may_fetch

_COMMIT = r"^([0-9a-f]{40})?$"


class PullRequestShape(serializers.Serializer[Any]):
    """A pull request, and how it stands to its branch; once it is merged, as it was then. `conflicts` names the files that both
    sides have changed in ways that do not go together, to those who may fetch them, and is null for others. `head` is null
    where the branch is gone."""

    number = serializers.IntegerField()
    title = serializers.CharField()
    status = serializers.ChoiceField(choices=Status.values)
    base = serializers.CharField(help_text=_("The branch that is to take it in."))
    source = serializers.CharField(  # type: ignore[assignment]
        help_text=_("The branch that it was made from, whose commits it gets; empty for none.")
    )
    head = serializers.CharField(allow_null=True)
    merge_commit = serializers.CharField(allow_null=True)
    mergeable = serializers.BooleanField()
    conflicts = serializers.ListField(child=serializers.CharField(), allow_null=True)
    commits = serializers.IntegerField(help_text=_("Commits that it has and the branch has not."))
    behind = serializers.IntegerField(help_text=_("Commits that the branch has and it has not."))


class NewPullRequest(Body):
    """A pull request from a branch, for another one."""

    source = serializers.CharField(max_length=255)  # type: ignore[assignment]
    base = serializers.CharField(max_length=255, default="main")
    title = serializers.CharField(max_length=MAX_TITLE)
    description = serializers.CharField(max_length=MAX_TEXT, default="", allow_blank=True, trim_whitespace=False)
    draft = serializers.BooleanField(default=False)


class Merge(Body):
    """How a pull request is taken in. With `expected_head`, only while that commit is its head. Without words of its own, the
    commit says by itself what it takes in."""

    method = serializers.ChoiceField(
        choices=Method.values,
        default=Method.SQUASH.value,
        help_text=_("One commit with everything, or all its commits."),
    )
    title = serializers.CharField(max_length=MAX_COMMIT_TITLE, default="", allow_blank=True)
    message = serializers.CharField(
        max_length=20_000, default=None, allow_null=True, allow_blank=True, trim_whitespace=False
    )
    comment = serializers.CharField(max_length=MAX_TEXT, default="", allow_blank=True, trim_whitespace=False)
    expected_head = serializers.RegexField(_COMMIT, default="", allow_blank=True)


class Update(Body):
    """The branch's commits for a pull request. Of files in conflict, `keep` says whose stays, and `texts` what one says from
    now on, where it is a text that both sides have; no marks of the conflict may be left in it."""

    expected_head = serializers.RegexField(_COMMIT, default="", allow_blank=True)
    expected_base = serializers.RegexField(
        _COMMIT, default="", allow_blank=True, help_text=_("Only while this commit is the branch's head.")
    )
    keep = serializers.DictField(
        child=serializers.ChoiceField(choices=Side.values),
        default=dict,
        help_text=_("Path: own for the pull request's file, base for the branch's."),
    )
    texts = serializers.DictField(
        child=serializers.CharField(max_length=MAX_BYTES, allow_blank=True, trim_whitespace=False),
        default=dict,
        help_text=_("Path: the whole new text of the file."),
    )


class MadeShape(serializers.Serializer[Any]):
    """The commit that was made."""

    commit = serializers.CharField()


@operation(
    "POST",
    tag="pull requests",
    summary=_("Open a pull request from a branch"),
    description=_("It gets the branch's later commits, too, as long as it has none of its own."),
    answer=PullRequestShape,
    status=201,
    body=NewPullRequest,
    parts=REPO,
)
def open_from_a_branch(
    request: Request, kind: str, namespace: str, name: str, query: dict[str, Any], body: dict[str, Any]
) -> Response:
    repo = get_repo_for_proposing(request.user, kind, namespace, name)
    wanted = body | {key: BRANCH_PREFIX + body[key] for key in ("source", "base")}
    pull = open_from_branch(repo=repo, actor=writer(request), **wanted)
    return Response(_shape(request.user, pull), status=201)


@operation(
    "GET",
    tag="pull requests",
    summary=_("How a pull request stands"),
    answer=PullRequestShape,
    parts=(*REPO, "number"),
)
def read_pull_request(
    request: Request, kind: str, namespace: str, name: str, number: int, query: dict[str, Any]
) -> Response:
    repo = get_repo_for_read(request.user, kind, namespace, name)
    return Response(_shape(request.user, get_pull_request(repo, number)))


@operation(
    "POST",
    tag="pull requests",
    summary=_("Merge a pull request"),
    answer=MadeShape,
    body=Merge,
    parts=(*REPO, "number"),
)
def merge_a_pull_request(
    request: Request, kind: str, namespace: str, name: str, number: int, query: dict[str, Any], body: dict[str, Any]
) -> Response:
    repo = get_repo_for_write(request.user, kind, namespace, name)
    commit = merge_pull_request(
        pull=get_pull_request(repo, number),
        actor=writer(request),
        text=body["comment"],
        method=body["method"],
        title=body["title"],
        message=body["message"],
        expected=body["expected_head"] or None,
    )
    return Response({"commit": commit.oid})


@operation(
    "POST",
    tag="pull requests",
    summary=_("Merge the branch into a pull request"),
    answer=MadeShape,
    body=Update,
    parts=(*REPO, "number"),
)
def update_a_pull_request(
    request: Request, kind: str, namespace: str, name: str, number: int, query: dict[str, Any], body: dict[str, Any]
) -> Response:
    repo = get_repo_for_read(request.user, kind, namespace, name)
    commit = update_from_base(
        pull=get_pull_request_for_push(request.user, repo, number),
        actor=writer(request),
        expected=body["expected_head"] or None,
        expected_base=body["expected_base"] or None,
        keep=body["keep"],
        texts=body["texts"],
    )
    return Response({"commit": commit.oid})


def _shape(user: Someone, pull: PullRequest) -> dict[str, Any]:
    discussion, standing = pull.discussion, standing_of(pull)
    return {
        "number": discussion.number,
        "title": discussion.title,
        "status": discussion.status,
        "base": pull.branch,
        "source": pull.source_branch,
        "head": standing.head.oid if standing.head else None,
        "merge_commit": pull.merge,
        "mergeable": discussion.status == Status.OPEN and standing.is_mergeable,
        "conflicts": standing.paths if may_fetch(user, discussion.repository) else None,
        "commits": len(standing.commits),
        "behind": standing.behind,
    }
