"""What somebody's voice counts for: `voice_changed` tells the apps above of it where it counts otherwise."""

from hub.accounts.models import User
from hub.community.models import Like, Review


def voice_of(user: User) -> dict[str, list[int]]:
    """Return the ids of the models that `user` reviewed, as `reviewed`, and of the repositories that they like, as `liked`."""
    return {
        "reviewed": list(Review.objects.filter(author=user).order_by().values_list("repository", flat=True).distinct()),
        "liked": list(Like.objects.filter(user=user).values_list("repository", flat=True)),
    }
