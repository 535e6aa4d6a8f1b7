"""Every change to reviews: writing, editing and deleting one, finding one helpful, answering it. Hiding one: moderating.py."""

from typing import Any, TypedDict, Unpack

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from hub.accounts.models import User
from hub.community.activities import note
from hub.community.errors import OwnReview, ReviewExists, ReviewHidden, ReviewNotFound
from hub.community.limits import Act, check_pace, check_words
from hub.community.models import ActivityKind, Review, ReviewEdit, ReviewVote
from hub.community.models.review import AXES, FILLED_IN, MAX_LINE, MAX_REPLY, MAX_REVIEW, MAX_STARS
from hub.community.permissions import check_may_review
from hub.community.signals import reviews_changed
from hub.core.errors import Invalid
from hub.core.models import record
from hub.core.text import clean_line, clean_text
from hub.core.throttles import check_rate
from hub.repos.errors import ReleaseNotFound
from hub.repos.git.files import resolve_revision
from hub.repos.models import Release, Repository
from hub.repos.permissions import check_may_act
from hub.repos.releases import get_release

# Reviews that one person writes or edits in a minute; votes; replies.
RATE = 10
VOTE_RATE = 60


class Said(TypedDict, total=False):
    """What people fill in. The questions of the rubric are 1 to 5, or None."""

    stars: int
    quality: int | None
    documentation: int | None
    ease: int | None
    safety: int | None
    speed: int | None
    use_case: str
    hardware: str
    text: str


@transaction.atomic
def post_review(*, repo: Repository, author: User, tag: str = "", **said: Unpack[Said]) -> Review:
    """Review a release by its tag, or "" for `main` as it is now. The caller has passed get_repo_for_read.

    Raises what check_may_review raises, ReleaseNotFound, Invalid, ReviewExists, TooMany, ReadOnlyToken.
    """
    check_may_review(author, repo)
    check_may_act(author)
    kept = _clean({"stars": 0, **said})
    check_rate("review", author.pk, limit=RATE, seconds=60)
    check_words(author, kept.get("text", ""))
    check_pace(author, Act.REVIEW)
    release = _release(repo, tag) if tag else None
    commit = release.commit if release else resolve_revision(repo, "main").oid
    try:
        with transaction.atomic():
            review = Review.objects.create(
                repository=repo, author=author, release=release, tag=tag, commit=commit, **kept
            )
    except IntegrityError as error:
        raise ReviewExists(
            _("You have reviewed %(release)s already. Edit that review.") % {"release": tag or "main"}, field="release"
        ) from error
    record(actor=author, verb="review.post", target=_target(review), stars=review.stars)
    note(ActivityKind.REVIEW, actor=author, review=review)
    reviews_changed.send(Review, repository=repo)
    return review


@transaction.atomic
def edit_review(*, review: Review, actor: User, **said: Unpack[Said]) -> None:
    """Put something else in place of what was filled in; what is left out stays, and so do release and commit. What it said
    before can be read on its page. The caller has passed get_own_review.

    Raises Invalid, TooMany, ReviewHidden, ReviewNotFound where it has just been deleted, and OwnModel where the author has
    come to belong to the model's owner.
    """
    check_may_review(actor, review.repository)
    kept = _clean(dict(said))
    check_rate("review", actor.pk, limit=RATE, seconds=60)
    check_words(actor, kept.get("text", ""))
    there = _lock(review)
    _check_not_hidden(there)
    before = {name: getattr(there, name) for name in FILLED_IN}
    after = {**before, **kept}
    if after == before:
        return
    now = timezone.now()
    ReviewEdit.objects.create(review=there, said=before, at=now)
    for name, value in (*after.items(), ("edited_at", now)):
        setattr(review, name, value)
    review.save(update_fields=[*after, "edited_at"])
    record(actor=actor, verb="review.edit", target=_target(review), stars=review.stars)
    reviews_changed.send(Review, repository=review.repository)


@transaction.atomic
def delete_review(*, review: Review, actor: User) -> None:
    """Delete a review for good. One that is hidden stays: nobody writes it again under another number. The caller has passed
    get_own_review. Raises ReviewHidden, ReviewNotFound."""
    _check_not_hidden(_lock(review))
    target = _target(review)
    review.delete()
    record(actor=actor, verb="review.delete", target=target)
    reviews_changed.send(Review, repository=review.repository)


@transaction.atomic
def vote_review(*, review: Review, actor: User, helpful: bool) -> None:
    """Say that a review is helpful, or take that back; saying it twice changes nothing. The caller has passed get_review.

    Raises OwnReview, TooMany, ReadOnlyToken, ReviewNotFound where it has just been deleted.
    """
    check_may_act(actor)
    if review.author_id == actor.pk:
        raise OwnReview(_("This review is your own. Others say whether it is helpful."))
    check_rate("review-vote", actor.pk, limit=VOTE_RATE, seconds=60)
    if helpful:
        _lock(review)
        ReviewVote.objects.bulk_create([ReviewVote(review=review, user=actor)], ignore_conflicts=True)
    else:
        ReviewVote.objects.filter(review=review, user=actor).delete()


@transaction.atomic
def reply_to_review(*, review: Review, actor: User, text: str) -> None:
    """Answer a review for the model's owner, in place of the answer that stands there, if one does. The caller has passed
    get_repo_for_write. Raises Invalid, TooMany, ReviewHidden, ReviewNotFound."""
    kept = clean_text(text, field="text", limit=MAX_REPLY)
    check_rate("review-reply", actor.pk, limit=RATE, seconds=60)
    there = _lock(review)
    _check_not_hidden(there)
    first = not there.reply
    review.reply, review.replied_by, review.replied_at = kept, actor, timezone.now()
    review.save(update_fields=["reply", "replied_by", "replied_at"])
    record(actor=actor, verb="review.reply", target=_target(review))
    if first:
        note(ActivityKind.REVIEW_REPLY, actor=actor, review=review)


@transaction.atomic
def delete_reply(*, review: Review, actor: User) -> None:
    """Take the owner's answer away. The caller has passed get_repo_for_write. Raises ReviewNotFound where there is none."""
    if not _lock(review).reply:
        raise ReviewNotFound(_("Nobody has replied to this review, or the reply has been deleted."))
    review.reply, review.replied_by, review.replied_at = "", None, None
    review.save(update_fields=["reply", "replied_by", "replied_at"])
    record(actor=actor, verb="review.reply.delete", target=_target(review))


def _lock(review: Review) -> Review:
    """Return the review as it is now, kept from other writers until the transaction ends. Raises ReviewNotFound."""
    there = Review.objects.select_for_update(no_key=True).filter(pk=review.pk).first()
    if there is None:
        raise ReviewNotFound(_("This review has just been deleted."))
    return there


def _check_not_hidden(review: Review) -> None:
    if review.hidden_at is not None:
        raise ReviewHidden(_("Moderators have hidden this review. It stays as it is; you can appeal to them."))


def _release(repo: Repository, tag: str) -> Release:
    try:
        return get_release(repo, tag)
    except ReleaseNotFound as error:
        error.field = "release"
        raise


def _clean(said: dict[str, Any]) -> dict[str, Any]:
    """Return what was filled in as it is kept. Raises Invalid, which names the field."""
    kept: dict[str, Any] = {}
    for name, value in said.items():
        if name == "stars":
            if value not in range(1, MAX_STARS + 1):
                raise Invalid(_("A review has 1 to 5 stars."), field="stars")
            kept[name] = value
        elif name in AXES:
            if value is not None and value not in range(1, MAX_STARS + 1):
                raise Invalid(_("An answer is 1 to 5, or left out."), field=name)
            kept[name] = value
        elif name == "text":
            kept[name] = clean_text(value, field="text", limit=MAX_REVIEW, optional=True)
        else:
            kept[name] = clean_line(value, field=name, limit=MAX_LINE)
    return kept


def _target(review: Review) -> str:
    return f"{review.repository.audit_name} review {review.pk}"
