"""Reporting what should not be here, and the moderators' queue."""

from typing import Any

from django.db.models import Count
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from hub.api.edge import writer
from hub.api.v1.bodies import Body
from hub.api.v1.operations import answer, operation
from hub.api.v1.paging import Paged, page
from hub.moderation import services
from hub.moderation.models import MAX_REASON, MAX_TEXT, Action, ActionKind, Case, Ground, Report, Target
from hub.moderation.permissions import check_may_decide, check_may_moderate, get_case
from hub.moderation.targets import find_target


class ReportShape(serializers.ModelSerializer[Report]):
    """A report, as its maker is told of it."""

    kind = serializers.CharField(source="case.kind")
    title = serializers.CharField(source="case.title")
    reason = serializers.CharField(source="ground")

    class Meta:
        model = Report
        fields = ("kind", "title", "reason", "text", "created_at")


class NewReport(Body):
    """What is to be reported, and why."""

    kind = serializers.ChoiceField(choices=Target.choices)
    name = serializers.CharField(
        max_length=300,
        help_text=_(
            "Of a repository models/ada/tiny, as in its address; the id of a comment or a review; the name of a user or an "
            "organization; the key of a collection or an image."
        ),
    )
    reason = serializers.ChoiceField(choices=Ground.choices)
    text = serializers.CharField(max_length=MAX_TEXT, default="", allow_blank=True, trim_whitespace=False)


class CaseShape(serializers.ModelSerializer[Case]):
    """A case: what was reported, as it was then."""

    author = serializers.CharField(source="author_name")
    claimed_by = serializers.CharField(source="claimed_by.username", allow_null=True, default=None)
    reports = serializers.IntegerField(source="report_count")

    class Meta:
        model = Case
        fields = (
            "id",
            "kind",
            "title",
            "excerpt",
            "path",
            "author",
            "state",
            "claimed_by",
            "reports",
            "opened_at",
            "closed_at",
        )


class CaseQuery(Paged):
    """Which cases, the oldest first."""

    state = serializers.ChoiceField(choices=Case.State.choices, required=False)
    kind = serializers.ChoiceField(choices=Target.choices, required=False)


class ActionShape(serializers.ModelSerializer[Action]):
    """What a moderator did."""

    class Meta:
        model = Action
        fields = ("id", "kind", "reason", "note", "until", "at")


class NewAction(Body):
    """What to do about a case. A suspension without an end lasts until it is lifted."""

    kind = serializers.ChoiceField(choices=ActionKind.choices)
    reason = serializers.CharField(max_length=MAX_REASON, default="", allow_blank=True)
    note = serializers.CharField(max_length=MAX_TEXT, default="", allow_blank=True)
    until = serializers.DateTimeField(default=None, allow_null=True)
    close = serializers.BooleanField(
        default=True, help_text=_("Whether this settles the case. Those who reported are told then.")
    )


@operation(
    "POST",
    tag="moderation",
    summary=_("Report something"),
    description=_("Moderators look at it, and tell you whether they did something. Nobody else learns who reported."),
    answer=ReportShape,
    status=201,
    body=NewReport,
    refuses=(404,),
)
def report(request: Request, query: dict[str, Any], body: dict[str, Any]) -> Response:
    found = find_target(request.user, body["kind"], body["name"])
    made = services.report(found=found, reporter=writer(request), ground=body["reason"], text=body["text"])
    return answer(request, ReportShape, made, status=201)


@operation(
    "GET",
    tag="moderation",
    summary=_("The cases of the moderators"),
    description=_("For administrators of the hub."),
    lists=CaseShape,
    query=CaseQuery,
    refuses=(403,),
)
def list_cases(request: Request, query: dict[str, Any]) -> Response:
    check_may_moderate(request.user)
    rows = Case.objects.annotate(report_count=Count("reports")).select_related("claimed_by").order_by("pk")
    rows = rows.filter(**{name: query[name] for name in ("state", "kind") if name in query})
    return page(request, rows, CaseShape, query)


@operation(
    "POST",
    tag="moderation",
    summary=_("Decide a case"),
    description=_("For administrators of the hub. What cannot be done to such a thing, or not now, is refused."),
    answer=ActionShape,
    status=201,
    body=NewAction,
    parts=("case_id",),
)
def decide_case(request: Request, case_id: int, query: dict[str, Any], body: dict[str, Any]) -> Response:
    check_may_decide(request.user)
    case = get_case(request.user, case_id)
    return answer(request, ActionShape, services.act(case=case, moderator=writer(request), **body), status=201)
