"""Reviews: who may write one, and writing, editing and deleting it."""

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from hub.accounts.models import Someone, User
from hub.accounts.permissions import role_in
from hub.community.errors import (
    NotReviewable,
    NotYourReview,
    OwnModel,
    ReviewExists,
    ReviewNeedsSignIn,
    ReviewNotFound,
)
from hub.community.models.review import MAX_REVIEW, MAX_STARS, Review
from hub.community.text import clean_text
from hub.core.errors import Invalid
from hub.core.models import record
from hub.core.throttles import check_rate
from hub.repos.errors import ReleaseNotFound
from hub.repos.git.files import resolve_revision
from hub.repos.models import Kind, Release, Repository
from hub.repos.permissions import check_may_act
from hub.repos.releases import get_release

# Reviews that one person writes or edits in a minute.
RATE = 10
_MAX_ID = 2**63 - 1


def get_review(repo: Repository, review_id: int) -> Review:
    """Return a review of a model that the caller may read. Raises ReviewNotFound."""
    found = None
    if review_id <= _MAX_ID:
        found = Review.objects.filter(repository=repo, pk=review_id).select_related("author").first()
    if found is None:
        raise ReviewNotFound(_("%(name)s has no such review. It may have been deleted.") % {"name": repo.full_name})
    # One repository in memory, with its namespace at hand.
    found.repository = repo
    return found


def get_own_review(user: Someone, repo: Repository, review_id: int) -> Review:
    """Return a review that `user` wrote. Raises ReviewNotFound, NotYourReview, WriteNeedsSignIn, ReadOnlyToken."""
    review = get_review(repo, review_id)
    check_may_act(user)
    if review.author_id != user.pk:
        raise NotYourReview(_("Only whoever wrote a review changes it."))
    return review


def check_may_review(user: Someone, repo: Repository) -> None:
    """Say why `user`, who reads `repo`, may not review it. Raises NotReviewable, ReviewNeedsSignIn, OwnModel."""
    if repo.kind != Kind.MODEL:
        raise NotReviewable(_("Only models have reviews."))
    if not user.is_authenticated:
        raise ReviewNeedsSignIn(_("Log in to write a review."))
    if user.pk in (repo.namespace.user_id, repo.created_by_id):
        raise OwnModel(_("This model is your own, so you cannot review it."))
    organization = repo.namespace.organization
    if organization is not None and role_in(user, organization) is not None:
        raise OwnModel(
            _("You belong to %(owner)s, so you cannot review its models.") % {"owner": organization.shown_name}
        )


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

    Raises Invalid, TooMany, and OwnModel where the author has come to belong to the model's owner.
    """
    check_may_review(review.author, review.repository)
    kept = _clean(stars, text)
    check_rate("review", review.author_id, limit=RATE, seconds=60)
    review.stars, review.text, review.edited_at = stars, kept, timezone.now()
    review.save(update_fields=["stars", "text", "edited_at"])
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
    return f"model {review.repository.full_name} review {review.pk}"
