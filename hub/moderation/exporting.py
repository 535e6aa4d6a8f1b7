"""What moderation keeps of a person, for that person: what they reported, what was decided about them, and their appeals.

Not the names of things, which they may have lost sight of: Settings, Account standing tells those that they may know.
"""

from typing import Any

from django.db.models import F
from django.dispatch import receiver

from hub.accounts.models import User
from hub.community.exporting.tables import Part, Table, plain
from hub.community.signals import export_asked
from hub.moderation.models import Action, ActionKind, Appeal, Report

_OFFICE = "What you did as a moderator, beside what record.jsonl says: cases are about others."


@receiver(export_asked)
def export_cases(user: User, **_kwargs: Any) -> Part:
    reports = Report.objects.filter(reporter=user).annotate(about=F("case__kind"), about_id=F("case__key"))
    # Of a case in which nothing was decided against them they learn nothing, nor of those who reported.
    decided = Action.objects.filter(case__accused=user).exclude(kind=ActionKind.DISMISS).annotate(about=F("case__kind"))
    appeals = Appeal.objects.filter(user=user).annotate(against=F("action__kind"))
    return Part(
        [
            Table(
                "reports",
                "what you reported, and why",
                plain(reports, "about", "about_id", "ground", "text", "created_at"),
                ("moderation.Report.reporter",),
            ),
            Table(
                "decisions",
                "what moderators decided about you and what is yours. Not who reported it, nor what nothing came of",
                plain(decided, "about", "kind", "reason", "until", "at"),
                ("moderation.Case.accused",),
            ),
            Table(
                "appeals",
                "your appeals, and what was answered",
                plain(appeals, "against", "text", "created_at", "state", "answer", "decided_at"),
                ("moderation.Appeal.user",),
            ),
        ],
        dict.fromkeys(
            ("moderation.Case.claimed_by", "moderation.Action.moderator", "moderation.Appeal.decided_by"), _OFFICE
        ),
    )
