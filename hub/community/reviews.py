"""Every change to reviews: writing, editing and deleting one."""

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from hub.accounts.models import User
from hub.community.errors import ReviewExists, ReviewNotFound
from hub.community.models.review import MAX_REVIEW, MAX_STARS, Review
from hub.community.permissions import check_may_review
from hub.community.text import clean_text
from hub.core.errors import Invalid
from hub.core.models import record
from hub.core.throttles import check_rate
from hub.repos.errors import ReleaseNotFound
from hub.repos.git.files import resolve_revision
from hub.repos.models import Release, Repository
from hub.repos.permissions import check_may_act
from hub.repos.releases import get_release

# Reviews that one person writes or edits in a minute.
RATE = 10


@transaction.atomic
def post_review(*, repo: Repository, author: User, stars: int, text: str = "", tag: str = "") -> Review:
    """Review a release by its tag, or "" for `main` as it is now. The caller has passed get_repo_for_read.

    Raises what check_may_review raises, ReleaseNotFound, Invalid, ReviewExists, TooMany, ReadOnlyToken.
    """
    check_may_review(author, repo)
    check_may_act(author)
    kept = _clean(stars, text)
    check_rate("review", author.pk, limit=RATE, seconds=60)
    release = _release(repo, tag) if tag else None
    commit = release.commit if release else resolve_revision(repo, "main").oid
    try:
        with transaction.atomic():
            review = Review.objects.create(
                repository=repo, author=author, release=release, tag=tag, commit=commit, stars=stars, text=kept
            )
    except IntegrityError as error:
        raise ReviewExists(
            _("You have reviewed %(release)s already. Edit that review.") % {"release": tag or "main"}, field="release"
        ) from error
    record(actor=author, verb="review.post", target=_target(review), stars=stars)
    return review


@transaction.atomic
def edit_review(*, review: Review, stars: int, text: str) -> None:
    """Put other stars and words in place; release and commit stay. The caller has passed get_own_review.

    Raises Invalid, TooMany, ReviewNotFound where it has just been deleted, and OwnModel where the author has come to belong
    to the model's owner.
    """
    check_may_review(review.author, review.repository)
    kept = _clean(stars, text)
    check_rate("review", review.author_id, limit=RATE, seconds=60)
    review.stars, review.text, review.edited_at = stars, kept, timezone.now()
    changed = {"stars": review.stars, "text": review.text, "edited_at": review.edited_at}
    if not Review.objects.filter(pk=review.pk).update(**changed):
        raise ReviewNotFound(_("This review has just been deleted."))
    record(actor=review.author, verb="review.edit", target=_target(review), stars=stars)


@transaction.atomic
def delete_review(*, review: Review) -> None:
    """Delete a review for good. The caller has passed get_own_review."""
    author, target = review.author, _target(review)
    review.delete()
    record(actor=author, verb="review.delete", target=target)


def _release(repo: Repository, tag: str) -> Release:
    try:
        return get_release(repo, tag)
    except ReleaseNotFound as error:
        error.field = "release"
        raise


def _clean(stars: int, text: str) -> str:
    """Return the text as it is kept; there may be none."""
    if stars not in range(1, MAX_STARS + 1):
        raise Invalid(_("A review has 1 to 5 stars."), field="stars")
    kept = clean_text(text, field="text") if text.strip() else ""
    if len(kept) > MAX_REVIEW:
        raise Invalid(_("A review has at most %(max)d characters. Shorten it.") % {"max": MAX_REVIEW}, field="text")
    return kept


def _target(review: Review) -> str:
    return f"{review.repository.audit_name} review {review.pk}"
