"""Who may review what, how often, and what the reviews say together."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.cache import cache
from django.db import IntegrityError, connection, transaction

from hub.accounts.models import Organization, Role, User
from hub.accounts.organizations import add_member
from hub.accounts.services import create_token
from hub.community.errors import NotReviewable, NotYourReview, OwnModel, ReviewExists, ReviewNeedsSignIn, ReviewNotFound
from hub.community.models import Review
from hub.community.permissions import check_may_review, get_own_review
from hub.community.reviews import RATE, delete_review, edit_review, post_review
from hub.core.errors import HubError, Invalid, TooMany
from hub.core.models import AuditEvent
from hub.repos.errors import ReadOnlyToken, ReleaseNotFound, WriteNeedsSignIn
from hub.repos.git.files import resolve_revision
from hub.repos.models import Repository
from hub.repos.releases import create_release, delete_release, delete_tag, get_release
from hub.repos.services import delete_repo, move_repo
from tests.factories import make_organization, make_repo, make_user
from tests.web.repos import commit_files, owner

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh_limits() -> None:
    cache.clear()


def review(repo: Repository, author: User | None = None, stars: int = 4, **more: str) -> Review:
    return post_review(repo=repo, author=author or make_user(), stars=stars, **more)


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
    edit_review(review=get_own_review(ada, repo, made.pk), stars=3, text="")
    made.refresh_from_db()
    assert (made.stars, made.text, made.commit != resolve_revision(repo, "main").oid) == (3, "", True)
    assert made.edited_at is not None
    delete_review(review=get_own_review(ada, repo, made.pk))
    assert not Review.objects.exists()
    # Loaded before somebody deleted it in another window.
    with pytest.raises(ReviewNotFound):
        edit_review(review=made, stars=4, text="")
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


def test_what_reviews_say_together() -> None:
    repo = make_repo()
    assert Review.objects.summary().mean is None
    for stars in (5, 5, 4, 1):
        review(repo, stars=stars)
    review(make_repo(), stars=1)
    told = repo.reviews.all().summary()
    assert (told.count, told.mean, told.enough) == (4, 3.75, False)
    assert told.distribution == {5: 2, 4: 1, 3: 0, 2: 0, 1: 1}
    release(repo, "v1")
    review(repo, stars=2, tag="v1")
    assert repo.reviews.all().summary().enough
    assert repo.reviews.all().by_tag() == [("", 4, 3.75), ("v1", 1, 2.0)]
    assert [r.stars for r in repo.reviews.all().sorted_by("highest")] == [5, 5, 4, 2, 1]
    assert [r.stars for r in repo.reviews.all().sorted_by("lowest")] == [1, 2, 4, 5, 5]
    assert [r.stars for r in repo.reviews.all().sorted_by("newest")] == [2, 1, 4, 5, 5]


def test_whoever_comes_to_belong_to_the_owner_counts_no_more() -> None:
    boss = make_user()
    team: Organization = make_organization(boss)
    repo, ada = make_repo(boss, organization=team), make_user()
    made = review(repo, ada, 5)
    review(repo, stars=1)
    assert repo.reviews.counted().summary().mean == 3
    add_member(organization=team, actor=boss, user=ada, role=Role.READ)
    assert repo.reviews.count() == 2
    assert repo.reviews.counted().summary().mean == 1
    with pytest.raises(OwnModel):
        edit_review(review=get_own_review(ada, repo, made.pk), stars=5, text="Still good.")
    delete_review(review=get_own_review(ada, repo, made.pk))
    # The same where a model is moved to its reviewer.
    bob = make_user()
    review(repo, bob, 5)
    assert repo.reviews.counted().count() == 2
    move_repo(repo=repo, actor=boss, namespace=bob.namespace, name=repo.name)
    assert repo.reviews.counted().count() == 1


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
