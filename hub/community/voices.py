"""What counts because somebody said it, so that it can be counted anew once they are suspended, back again, or gone."""

from hub.accounts.models import User
from hub.community.models import Like, Review


def voice_of(user: User) -> dict[str, list[int]]:
    """Return what `voice_changed` says: the ids of the models that `user` `reviewed`, of the repositories that they `liked`."""
    return {
        "reviewed": list(Review.objects.filter(author=user).order_by().values_list("repository", flat=True).distinct()),
        "liked": list(Like.objects.filter(user=user).values_list("repository", flat=True)),
    }
