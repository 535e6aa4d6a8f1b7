"""Protected branches, and what is different between two revisions."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from hub.api.edge import writer
from hub.api.v1.bodies import Body, Query
from hub.api.v1.operations import REPO, answer, operation
from hub.api.v1.paging import page
from hub.repos.branch_rules import add_branch_rule, remove_branch_rule
from hub.repos.comparing import Weights, compare_revisions
from hub.repos.diffs import State
from hub.repos.git.files import resolve_revision
from hub.repos.models import BranchRule, GitCommit
from hub.repos.permissions import get_repo_for_admin, get_repo_for_content


class RuleShape(serializers.ModelSerializer[BranchRule]):
    """A rule: the branches whose name fits are neither deleted nor rewritten; with `admins_only`, only administrators
    change them."""

    class Meta:
        model = BranchRule
        fields = ("id", "pattern", "admins_only")


class NewRule(Body):
    """A rule to be made."""

    pattern = serializers.CharField(max_length=200, help_text=_("A branch's name; * stands for any characters."))
    admins_only = serializers.BooleanField(default=False)


class CommitShape(serializers.ModelSerializer[GitCommit]):
    """A commit."""

    commit = serializers.CharField(source="oid")
    author = serializers.CharField(source="author_name")

    class Meta:
        model = GitCommit
        fields = ("commit", "title", "author", "committed_at")


class ChangedFileShape(serializers.Serializer[Any]):
    """A file that differs. Sizes are bytes, null on the side where the file is not; lines are counted of texts only."""

    path = serializers.CharField()
    status = serializers.ChoiceField(choices=("added", "modified", "deleted"))
    content = serializers.ChoiceField(choices=[state.value for state in State])
    old_size = serializers.IntegerField(allow_null=True)
    new_size = serializers.IntegerField(allow_null=True)
    added = serializers.IntegerField()
    removed = serializers.IntegerField()


class FieldShape(serializers.Serializer[Any]):
    """A field of the card's metadata that differs, null where it is not."""

    name = serializers.CharField()
    old = serializers.CharField(allow_null=True)
    new = serializers.CharField(allow_null=True)


class WeightsShape(serializers.Serializer[Any]):
    """The weights of one side by their type."""

    parameters = serializers.IntegerField()
    by_dtype = serializers.DictField(child=serializers.IntegerField())


class CountsShape(serializers.Serializer[Any]):
    """How many files differ, and how."""

    added = serializers.IntegerField()
    modified = serializers.IntegerField()
    deleted = serializers.IntegerField()


class ComparisonShape(serializers.Serializer[Any]):
    """What `new` has that `old` has not, and the other way round. Commits and files are told up to a limit, and all counted."""

    old = serializers.CharField()
    new = serializers.CharField()
    ahead = serializers.IntegerField(help_text=_("Commits that only the new side reaches."))
    behind = serializers.IntegerField(help_text=_("Commits that only the old side reaches."))
    commits = CommitShape(many=True)
    counts = CountsShape()
    grown = serializers.IntegerField(help_text=_("Bytes by which all files together have grown."))
    files = ChangedFileShape(many=True)
    card = FieldShape(many=True)
    weights_changed = serializers.BooleanField()
    old_weights = WeightsShape(allow_null=True)
    new_weights = WeightsShape(allow_null=True)


class ComparisonQuery(Query):
    """The two sides: branches, tags (a release's, too), or full commit ids."""

    old = serializers.CharField(max_length=255)
    new = serializers.CharField(max_length=255, default="main")


@operation(
    "GET",
    tag="branches",
    summary=_("The rules of protected branches"),
    lists=RuleShape,
    refuses=(403,),
    parts=REPO,
)
def list_branch_rules(request: Request, kind: str, namespace: str, name: str, query: dict[str, Any]) -> Response:
    repo = get_repo_for_admin(request.user, kind, namespace, name)
    return page(request, repo.branch_rules.order_by("pk"), RuleShape, query)


@operation(
    "POST", tag="branches", summary=_("Protect branches"), answer=RuleShape, status=201, body=NewRule, parts=REPO
)
def protect_branches(
    request: Request, kind: str, namespace: str, name: str, query: dict[str, Any], body: dict[str, Any]
) -> Response:
    repo = get_repo_for_admin(request.user, kind, namespace, name)
    return answer(request, RuleShape, add_branch_rule(repo=repo, actor=writer(request), **body), status=201)


@operation(
    "DELETE",
    tag="branches",
    summary=_("Remove a rule"),
    answer=None,
    status=204,
    parts=(*REPO, "rule_id"),
)
def remove_rule(
    request: Request, kind: str, namespace: str, name: str, rule_id: int, query: dict[str, Any]
) -> Response:
    repo = get_repo_for_admin(request.user, kind, namespace, name)
    remove_branch_rule(repo=repo, actor=writer(request), rule_id=rule_id)
    return Response(status=204)


@operation(
    "GET",
    tag="releases",
    summary=_("What is different between two releases or revisions"),
    answer=ComparisonShape,
    query=ComparisonQuery,
    refuses=(403,),
    parts=REPO,
)
def compare(request: Request, kind: str, namespace: str, name: str, query: dict[str, Any]) -> Response:
    repo = get_repo_for_content(request.user, kind, namespace, name)
    found = compare_revisions(repo, resolve_revision(repo, query["old"]), resolve_revision(repo, query["new"]))
    return Response(
        {
            "old": found.old.oid,
            "new": found.new.oid,
            "ahead": found.ahead,
            "behind": found.behind,
            "commits": CommitShape(found.commits, many=True).data,
            "counts": found.counts,
            "grown": found.grown,
            "files": [
                {
                    "path": file.path,
                    "status": file.status,
                    "content": file.state.value,
                    "old_size": file.old_size,
                    "new_size": file.new_size,
                    "added": file.added,
                    "removed": file.removed,
                }
                for file in found.diffs
            ],
            "card": [{"name": field.name, "old": field.old, "new": field.new} for field in found.fields],
            "weights_changed": found.weights_changed,
            "old_weights": _weights(found.old_weights),
            "new_weights": _weights(found.new_weights),
        }
    )


def _weights(weights: Weights | None) -> dict[str, Any] | None:
    return {"parameters": weights.parameters, "by_dtype": weights.by_dtype} if weights else None
