"""Pictures beside texts: taking one in, and taking it away."""

from django.db import transaction
from django.db.models import Sum
from django.db.models.functions import Coalesce, Length
from django.utils.translation import gettext as _

from hub.accounts.models import User
from hub.community.errors import NoPicture, NotYourPicture, PicturesFull
from hub.community.limits import Act, check_pace
from hub.community.models import Attachment
from hub.community.writing.pictures import rewrite
from hub.core.models import record
from hub.core.throttles import check_rate

PER_HOUR = 60  # of one person
MAX_OF_ONE = 100_000_000  # bytes that one person's pictures take up together


def add_attachment(*, owner: User, content: bytes, content_type: str = "") -> Attachment:
    """Keep a picture of somebody who may act. content_type: as the sender has it; what counts is what the file is.

    Raises NoPicture, PictureTooLarge, PicturesFull, TooMany, NewAccount.
    """
    if content_type.startswith(("audio/", "video/")):
        raise NoPicture(
            _(
                "This hub keeps no sound and no video beside texts, only pictures. Put it into a repository, and link to it."
            )
        )
    check_rate("picture", owner.pk, limit=PER_HOUR, seconds=3600)
    check_pace(owner, Act.PICTURE)
    # Before the transaction: this takes time.
    picture = rewrite(content)
    with transaction.atomic():
        # Two at once must not both find the last room.
        User.objects.select_for_update(no_key=True).get(pk=owner.pk)
        if bytes_of(owner) + len(picture.content) > MAX_OF_ONE:
            raise PicturesFull(
                _(
                    "Your pictures take up %(limit)d MB together, which is all that one person may have. Delete some first."
                )
                % {"limit": MAX_OF_ONE // 10**6}
            )
        made = Attachment.objects.create(owner=owner, content=picture.content, content_type=picture.content_type)
        record(actor=owner, verb="attachment.create", target=f"attachment {made.key}")
    return made


def bytes_of(owner: User) -> int:
    """Return how many bytes somebody's pictures take up."""
    rows = Attachment.objects.filter(owner=owner)
    return int(rows.aggregate(total=Coalesce(Sum(Length("content")), 0))["total"])


@transaction.atomic
def delete_attachment(*, attachment: Attachment, actor: User) -> None:
    """Take one's own picture away for good, from wherever it is shown; caches of browsers may keep it. Raises NotYourPicture.

    What moderators take away, they take by `moderating.delete_attachment`.
    """
    if attachment.owner_id != actor.pk:
        raise NotYourPicture(_("Only the person who sent a picture can delete it. Others can report it."))
    record(actor=actor, verb="attachment.delete", target=f"attachment {attachment.key}")
    attachment.delete()
