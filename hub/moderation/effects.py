"""What an action does to the thing or the person that a case is about, by the services of the app that has it."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from hub.accounts.models import User
from hub.accounts.suspensions import lift_suspension, suspend_user
from hub.community import moderating
from hub.community.models import Attachment, Collection, DiscussionEvent, Review
from hub.moderation.errors import ActionInvalid
from hub.moderation.models import Action, ActionKind, Case
from hub.moderation.permissions import people_of
from hub.moderation.targets import Thing, thing_of
from hub.repos.models import Repository
from hub.repos.takedowns import restore_repo, take_down_repo


@dataclass(frozen=True)
class _State:
    """Whether a thing is hidden, locked, down: what can be done next. None: that can never be done to it."""

    hidden: bool | None = None
    locked: bool | None = None
    down: bool | None = None


def possible(case: Case) -> list[ActionKind]:
    """Return what can be done in a case as things are now."""
    thing = thing_of(case)
    state = _state(thing)
    found = []
    if state.hidden is not None:
        found.append(ActionKind.UNHIDE if state.hidden else ActionKind.HIDE)
    if state.locked is not None:
        found.append(ActionKind.UNLOCK if state.locked else ActionKind.LOCK)
    if state.down is not None:
        found.append(ActionKind.RESTORE if state.down else ActionKind.TAKE_DOWN)
    if people_of(case):
        found.append(ActionKind.WARN)
    if case.accused is not None and case.accused.is_active:
        # A suspension can be given another end.
        found.append(ActionKind.SUSPEND)
        if case.accused.suspended:
            found.append(ActionKind.LIFT)
    return [*found, ActionKind.DISMISS]


def _state(thing: Thing | None) -> _State:
    match thing:
        case Repository():
            return _State(down=thing.taken_down_at is not None)
        case DiscussionEvent():
            # What its author deleted is gone for good.
            hidden = None if thing.deleted_by_author else thing.hidden
            return _State(hidden=hidden, locked=thing.discussion.locked_at is not None)
        case Review():
            return _State(hidden=thing.hidden_at is not None)
        case Collection():
            return _State(down=thing.taken_down_at is not None)
        case Attachment():
            return _State(down=False)
    return _State()


def carry_out(action: Action, moderator: User) -> None:
    """Do what the action says, in the caller's transaction. Raises what the services raise, ActionInvalid."""
    case, kind = action.case, ActionKind(action.kind)
    thing = thing_of(case)
    match kind, thing:
        case ActionKind.WARN | ActionKind.DISMISS, _:
            pass
        case ActionKind.SUSPEND, _ if case.accused is not None:
            suspend_user(user=case.accused, actor=moderator, reason=action.reason, until=action.until)
        case ActionKind.LIFT, _ if case.accused is not None:
            lift_suspension(user=case.accused, actor=moderator)
        case ActionKind.HIDE, DiscussionEvent():
            moderating.hide_comment(comment=thing, actor=moderator)
        case ActionKind.UNHIDE, DiscussionEvent():
            moderating.unhide_comment(comment=thing, actor=moderator)
        case ActionKind.LOCK | ActionKind.UNLOCK, DiscussionEvent():
            moderating.set_locked(discussion=thing.discussion, actor=moderator, locked=kind == ActionKind.LOCK)
        case ActionKind.HIDE | ActionKind.UNHIDE, Review():
            moderating.set_review_hidden(review=thing, actor=moderator, hidden=kind == ActionKind.HIDE)
        case ActionKind.TAKE_DOWN, Repository():
            take_down_repo(repo=thing, actor=moderator, reason=action.reason)
        case ActionKind.RESTORE, Repository():
            restore_repo(repo=thing, actor=moderator)
        case ActionKind.TAKE_DOWN | ActionKind.RESTORE, Collection():
            moderating.set_collection_down(collection=thing, actor=moderator, down=kind == ActionKind.TAKE_DOWN)
        case ActionKind.TAKE_DOWN, Attachment():
            moderating.delete_attachment(attachment=thing, actor=moderator)
        case _:
            raise ActionInvalid(_("That cannot be done to this, or it is gone. Look at the case again."), field="kind")
