"""Signs under comments: agreement, thanks, a laugh. Nobody is notified of them, and each stands for one person."""

from django.db import transaction
from django.utils.translation import gettext as _

from hub.accounts.models import User
from hub.community.models import DiscussionEvent, Emoji, Reaction
from hub.community.permissions import check_may_join, check_not_blocked, check_there
from hub.core.errors import Invalid
from hub.core.throttles import check_rate

# Of one person in a minute: a click is less than a comment.
RATE = 60


@transaction.atomic
def set_reaction(*, comment: DiscussionEvent, actor: User, emoji: str, wanted: bool) -> None:
    """Put one's sign under a comment, or take it away. A second time changes nothing.

    Raises Invalid for a sign that is not offered, CommentHidden, DiscussionLocked, Blocked, TooMany.
    """
    if emoji not in Emoji.values:
        raise Invalid(
            _("There is no such reaction. Choose one of %(all)s.") % {"all": " ".join(Emoji.values)}, field="emoji"
        )
    check_may_join(actor, comment.discussion)
    check_not_blocked(actor, comment.author_id)
    check_rate("react", actor.pk, limit=RATE, seconds=60)
    # Its row stays as it is until this is through: whoever deletes the comment deletes this sign as well.
    comment = DiscussionEvent.objects.select_for_update(of=("self",), no_key=True).get(pk=comment.pk)
    check_there(comment)
    if wanted:
        Reaction.objects.get_or_create(comment=comment, user=actor, emoji=emoji)
    else:
        Reaction.objects.filter(comment=comment, user=actor, emoji=emoji).delete()
