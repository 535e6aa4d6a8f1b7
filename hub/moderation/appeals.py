"""Asking to have a decision looked at again, and answering. Somebody who is suspended may ask, too."""

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from hub.accounts.models import User
from hub.core.models import record
from hub.core.text import clean_text
from hub.moderation import notices
from hub.moderation.errors import AppealClosed
from hub.moderation.models import MAX_REASON, MAX_TEXT, Action, Appeal
from hub.moderation.permissions import check_impartial, check_may_decide
from hub.moderation.services import undo
from hub.repos.errors import ReadOnlyToken


@transaction.atomic
def appeal(*, action: Action, user: User, text: str) -> Appeal:
    """Ask to have an action looked at again. The caller has passed get_action_for_appeal. Raises Invalid, AppealClosed."""
    if user.acting_token is not None and not user.acting_token.may_write:
        raise ReadOnlyToken(_("This token only reads. Make one with the write scope under Settings, Access tokens."))
    kept = clean_text(text, field="text", limit=MAX_TEXT)
    try:
        with transaction.atomic():
            made = Appeal.objects.create(action=action, user=user, text=kept)
    except IntegrityError as error:
        raise AppealClosed(_("There is an appeal against this already.")) from error
    record(actor=user, verb="appeal.make", target=f"case {action.case_id}", action=action.pk)
    return made


@transaction.atomic
def decide_appeal(*, appeal: Appeal, moderator: User, grant: bool, answer: str) -> Appeal:
    """Grant an appeal, which undoes what the action did where that still holds, or turn it down. Whoever appealed is told.

    Another moderator than the one who acted decides, where there is another. Raises NotModerator, ReadOnlyToken, OwnCase,
    AppealClosed, Invalid.
    """
    check_may_decide(moderator)
    kept = clean_text(" ".join(answer.split()), field="answer", limit=MAX_REASON)
    rows = Appeal.objects.select_for_update(of=("self",)).select_related("action__case", "user")
    appeal = rows.get(pk=appeal.pk)
    if appeal.state != Appeal.State.OPEN:
        raise AppealClosed(_("This appeal has been decided."))
    check_impartial(moderator, appeal.action.case, appellant=appeal.user_id, acted=appeal.action.moderator_id)
    appeal.state = Appeal.State.GRANTED if grant else Appeal.State.REJECTED
    appeal.answer, appeal.decided_by, appeal.decided_at = kept, moderator, timezone.now()
    appeal.save(update_fields=["state", "answer", "decided_by", "decided_at"])
    if grant:
        undo(action=appeal.action, moderator=moderator, reason=kept)
    verb = "appeal.grant" if grant else "appeal.reject"
    record(actor=moderator, verb=verb, target=f"case {appeal.action.case_id}", action=appeal.action_id)
    notices.tell_appeal(appeal)
    return appeal
