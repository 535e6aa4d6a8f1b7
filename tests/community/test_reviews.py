"""Who may review what, how often, and what the reviews say together."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, connection, transaction

from hub.accounts.models import Organization, Role, User
from hub.accounts.organizations import add_member
from hub.accounts.services import create_token
from hub.community.errors import (
    NotReviewable,
    NotYourReview,
    OwnModel,
    OwnReview,
    ReviewExists,
    ReviewHidden,
    ReviewNeedsSignIn,
    ReviewNotFound,
)
from hub.community.models import Activity, ActivityKind, Block, Review, ReviewEdit, ReviewVote
from hub.community.models.review import Exclusion
from hub.community.moderating import set_review_hidden
from hub.community.permissions import check_may_review, get_own_review, get_review
from hub.community.reviews.ratings import ratings_of
from hub.community.reviews.services import (
    RATE,
    delete_reply,
    delete_review,
    edit_review,
    post_review,
    reply_to_review,
    vote_review,
)
from hub.core.errors import HubError, Invalid, TooMany
from hub.core.models import AuditEvent
from hub.repos.errors import ReadOnlyToken, ReleaseNotFound, WriteNeedsSignIn
from hub.repos.git.files import resolve_revision
from hub.repos.models import Repository
from hub.repos.releases import create_release, delete_release, delete_tag, get_release
from hub.repos.services import delete_repo, move_repo
from tests.factories import make_organization, make_repo, make_reviewer, make_user
from tests.web.repos import commit_files, owner

pytestmark = pytest.mark.django_db


def review(repo: Repository, author: User | None = None, stars: int = 4, **more: Any) -> Review:
    return post_review(repo=repo, author=author or make_reviewer(), stars=stars, **more)


def release(repo: Repository, tag: str) -> None:
    create_release(repo=repo, actor=owner(repo), tag=tag)


def test_one_review_of_main_and_one_of_each_release() -> None:
    repo, ada = make_repo(), make_user()
    first = review(repo, ada, 5, text="Good *enough*.\r\n")
    assert (first.release, first.tag, first.text) == (None, "", "Good *enough*.")
    assert first.commit == resolve_revision(repo, "main").oid
    release(repo, "v1")
    commit_files(repo, {"a.txt": "a"})
    release(repo, "v2")
    for tag in ("v1", "v2"):
        made = review(repo, ada, 3, tag=tag)
        assert (made.commit, made.release) == (resolve_revision(repo, tag).oid, get_release(repo, tag))
    for tag in ("", "v1", "v2"):
        with pytest.raises(ReviewExists):
            review(repo, ada, tag=tag)
    with pytest.raises(ReleaseNotFound):
        review(repo, ada, tag="v3")
    assert Review.objects.filter(author=ada).count() == 3
    assert review(repo, tag="v1").pk


@pytest.mark.parametrize(
    ("stars", "text", "field"), [(0, "", "stars"), (6, "", "stars"), (3, "x" * 10_001, "text"), (3, "a\0", "text")]
)
def test_what_is_refused(stars: int, text: str, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        review(make_repo(), stars=stars, text=text)
    assert refused.value.field == field


def test_the_database_refuses_other_stars() -> None:
    made = review(make_repo())
    made.stars = 6
    with pytest.raises(IntegrityError), transaction.atomic():
        made.save()


def test_nobody_reviews_what_is_their_own() -> None:
    ada = make_user()
    with pytest.raises(OwnModel):
        review(make_repo(ada), ada)
    people = {str(role): make_user() for role in Role}
    boss = make_user()
    repo = make_repo(boss, organization=make_organization(boss, **people))
    for member in (*people.values(), boss):
        with pytest.raises(OwnModel):
            review(repo, member)
    # Who made it stays out after leaving.
    repo.created_by = ada
    repo.save()
    with pytest.raises(OwnModel):
        review(repo, ada)
    assert review(repo).pk


def test_strangers_and_datasets() -> None:
    with pytest.raises(ReviewNeedsSignIn):
        check_may_review(AnonymousUser(), make_repo())
    with pytest.raises(NotReviewable):
        review(make_repo(kind="dataset"))


def test_a_token_that_reads_writes_no_review() -> None:
    repo, ada = make_repo(), make_user()
    made = review(repo, ada)
    ada.acting_token = create_token(user=ada, name="reads", scope="read")[0]
    release(repo, "v1")
    with pytest.raises(ReadOnlyToken):
        review(repo, ada, tag="v1")
    with pytest.raises(ReadOnlyToken):
        get_own_review(ada, repo, made.pk)


def test_only_the_author_changes_a_review() -> None:
    repo, ada = make_repo(), make_user()
    made = review(repo, ada, 2, text="Slow.")
    for other in (make_user(), owner(repo)):
        with pytest.raises(NotYourReview):
            get_own_review(other, repo, made.pk)
    with pytest.raises(WriteNeedsSignIn):
        get_own_review(AnonymousUser(), repo, made.pk)
    with pytest.raises(ReviewNotFound):
        get_own_review(ada, make_repo(), made.pk)
    commit_files(repo, {"a.txt": "a"})
    edit_review(review=get_own_review(ada, repo, made.pk), actor=ada, stars=3, text="")
    made.refresh_from_db()
    assert (made.stars, made.text, made.commit != resolve_revision(repo, "main").oid) == (3, "", True)
    assert made.edited_at is not None
    delete_review(review=get_own_review(ada, repo, made.pk), actor=ada)
    assert not Review.objects.exists()
    # Loaded before somebody deleted it in another window.
    with pytest.raises(ReviewNotFound):
        edit_review(review=made, actor=ada, stars=4, text="")
    assert AuditEvent.objects.filter(verb__startswith="review.").count() == 3
    assert review(repo, ada).pk


def test_reviews_outlive_their_release() -> None:
    repo, ada = make_repo(), make_user()
    for tag in ("v1", "v2"):
        release(repo, tag)
        review(repo, ada, tag=tag)
    review(repo, ada)
    delete_release(release=get_release(repo, "v1"), actor=owner(repo))
    delete_tag(repo=repo, actor=owner(repo), name="v2")
    kept = Review.objects.filter(release=None).order_by("pk")
    assert [(r.tag, r.orphaned) for r in kept] == [("v1", True), ("v2", True), ("", False)]
    # A new release under an old tag is another release.
    release(repo, "v1")
    assert review(repo, ada, tag="v1").release == get_release(repo, "v1")
    with pytest.raises(ReviewExists):
        review(repo, ada)


def test_reviews_go_with_their_model_and_stay_without_their_author() -> None:
    repo, other, ada = make_repo(), make_repo(), make_user()
    for tag in ("v1", "v2"):
        release(repo, tag)
        review(repo, ada, tag=tag)
    review(repo, ada)
    review(other, ada)
    delete_repo(repo=repo, actor=owner(repo))
    assert [r.repository for r in Review.objects.all()] == [other]
    ada.delete()
    assert [r.author for r in Review.objects.all()] == [None]


def test_whoever_comes_to_belong_to_the_owner_counts_no_more() -> None:
    boss = make_user()
    team: Organization = make_organization(boss)
    repo, ada = make_repo(boss, organization=team), make_reviewer()
    made = review(repo, ada, 5)
    review(repo, stars=1)
    assert ratings_of(repo).all.mean == 3
    add_member(organization=team, actor=boss, user=ada, role=Role.READ)
    told = ratings_of(repo).all
    assert (told.count, told.rated, told.mean, told.excluded) == (2, 1, 1, {Exclusion.OWN: 1})
    with pytest.raises(OwnModel):
        edit_review(review=get_own_review(ada, repo, made.pk), actor=ada, stars=5, text="Still good.")
    delete_review(review=get_own_review(ada, repo, made.pk), actor=ada)
    # The same where a model is moved to its reviewer.
    bob = make_reviewer()
    review(repo, bob, 5)
    assert ratings_of(repo).all.rated == 2
    move_repo(repo=repo, actor=boss, namespace=bob.namespace, name=repo.name)
    assert ratings_of(repo).all.rated == 1


def test_blocked_people_may_review() -> None:
    repo, ada = make_repo(), make_reviewer()
    Block.objects.create(blocker=owner(repo), blocked=ada)
    assert review(repo, ada, 1).pk


def test_the_rubric() -> None:
    repo, ada = make_repo(), make_reviewer()
    made = review(repo, ada, 4, quality=5, speed=None, use_case="  sorting \n mail ", hardware="RTX 4090")
    made.refresh_from_db()
    assert (made.quality, made.speed, made.safety, made.use_case) == (5, None, None, "sorting mail")
    assert [(name, given) for name, _words, given in made.rubric] == [("quality", 5)]
    for field, wrong in [("ease", 0), ("safety", 6), ("hardware", "x" * 201), ("use_case", "a\0b")]:
        with pytest.raises(Invalid) as refused:
            edit_review(review=made, actor=ada, **{field: wrong})  # type: ignore[misc]
        assert refused.value.field == field


def test_an_edit_keeps_what_was_said() -> None:
    repo, ada = make_repo(), make_reviewer()
    made = review(repo, ada, 4, text="Good.", ease=3)
    edit_review(review=made, actor=ada, stars=4)
    assert not ReviewEdit.objects.exists() and made.edited_at is None
    edit_review(review=made, actor=ada, stars=2, ease=None)
    edit_review(review=made, actor=ada, text="Worse.")
    first, second = ReviewEdit.objects.all()
    assert (first.said["stars"], first.said["text"], first.said["ease"]) == (4, "Good.", 3)
    assert (second.said["stars"], second.said["text"], second.said["ease"]) == (2, "Good.", None)
    made.refresh_from_db()
    assert (made.stars, made.text, made.ease) == (2, "Worse.", None)


def test_helpful() -> None:
    repo, bob = make_repo(), make_user()
    made = review(repo)
    other = review(repo, stars=1)
    for _ in range(2):
        vote_review(review=made, actor=bob, helpful=True)
    assert get_review(bob, repo, made.pk).helpful == 1
    assert list(Review.objects.with_votes().sorted_by("helpful")) == [made, other]
    for _ in range(2):
        vote_review(review=made, actor=bob, helpful=False)
    assert get_review(bob, repo, made.pk).helpful == 0
    with pytest.raises(OwnReview):
        vote_review(review=made, actor=made.author, helpful=True)  # type: ignore[arg-type] # it has one
    delete_review(review=other, actor=other.author)  # type: ignore[arg-type]
    other.pk = Review(pk=10**9).pk
    with pytest.raises(ReviewNotFound):
        vote_review(review=other, actor=bob, helpful=True)


def test_a_reply_is_told_once() -> None:
    repo = make_repo()
    made = review(repo)
    boss = owner(repo)
    for text in ("Thanks.", "Thank you."):
        reply_to_review(review=made, actor=boss, text=text)
    made.refresh_from_db()
    assert (made.reply, made.replied_by) == ("Thank you.", boss)
    kinds = Activity.objects.filter(review=made).values_list("kind", flat=True)
    assert sorted(kinds) == [ActivityKind.REVIEW, ActivityKind.REVIEW_REPLY]
    delete_reply(review=made, actor=boss)
    made.refresh_from_db()
    assert (made.reply, made.replied_by, made.replied_at) == ("", None, None)
    with pytest.raises(ReviewNotFound):
        delete_reply(review=made, actor=boss)
    with pytest.raises(Invalid):
        reply_to_review(review=made, actor=boss, text="x" * 10_001)


def test_what_moderators_hide() -> None:
    repo, ada, judge = make_repo(), make_reviewer(), make_user(admin=True)
    made = review(repo, ada, 1)
    set_review_hidden(review=made, actor=judge, hidden=True)
    for reader in (AnonymousUser(), owner(repo), make_user()):
        with pytest.raises(ReviewNotFound):
            get_review(reader, repo, made.pk)
        assert not Review.objects.visible_to(reader).exists()
    assert get_review(ada, repo, made.pk) == made
    told = ratings_of(repo).all
    assert (told.count, told.rated, told.excluded) == (0, 0, {Exclusion.HIDDEN: 1})
    # It is not written again under another number.
    with pytest.raises(ReviewHidden):
        delete_review(review=made, actor=ada)
    with pytest.raises(ReviewHidden):
        edit_review(review=made, actor=ada, stars=2)
    with pytest.raises(ReviewExists):
        review(repo, ada, 1)
    set_review_hidden(review=made, actor=judge, hidden=False)
    assert ratings_of(repo).all.count == 1


def test_reviews_are_as_private_as_their_model() -> None:
    repo = make_repo()
    review(repo)
    repo.visibility = "private"
    repo.save()
    assert not Review.objects.visible_to(make_user()).exists()
    assert not Review.objects.visible_to(AnonymousUser()).exists()
    assert Review.objects.visible_to(owner(repo)).exists()


def test_a_limit_in_a_minute() -> None:
    ada = make_user()
    with pytest.raises(TooMany):
        for _ in range(2 * RATE + 1):
            review(make_repo(), ada)


@pytest.mark.django_db(transaction=True)
def test_many_votes_at_once() -> None:
    repo = make_repo()
    made = review(repo)
    people = [make_user() for _ in range(3)]

    def one(n: int) -> None:
        try:
            vote_review(
                review=Review.objects.get(pk=made.pk), actor=User.objects.get(pk=people[n % 3].pk), helpful=True
            )
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(one, range(12)))
    assert ReviewVote.objects.filter(review=made).count() == 3


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("tag", ["", "v1"])
def test_posting_twice_at_once_makes_one_review(tag: str) -> None:
    repo, ada = make_repo(), make_user()
    if tag:
        release(repo, tag)

    def one(_n: int) -> str:
        try:
            review(Repository.objects.get(pk=repo.pk), User.objects.get(pk=ada.pk), tag=tag)
            return "made"
        except HubError as error:
            return error.code
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        told = sorted(pool.map(one, range(6)))
    assert told == ["ReviewExists"] * 5 + ["made"]
    assert Review.objects.count() == 1


def test_a_member_in_name_only_is_still_no_critic() -> None:
    admin, weak = make_user(), make_user()
    group = make_organization(admin, write=weak)
    Organization.objects.filter(pk=group.pk).update(requires_mfa=True)
    User.objects.filter(pk=admin.pk).update(second_factor=True)
    admin.refresh_from_db()
    with pytest.raises(OwnModel):
        check_may_review(weak, make_repo(admin, organization=group))
