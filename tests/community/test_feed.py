"""The feed: what happened in what one follows, and nothing of what one may not, or does not want to, know."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser

from hub.accounts.models import Role, User
from hub.accounts.organizations import add_member, remove_member
from hub.community.activities import note
from hub.community.discussions.services import open_discussion, post_comment, take_comment_away
from hub.community.feed import PER_PAGE, activity_of, feed_of
from hub.community.following import follow, follow_repo
from hub.community.models import Activity, ActivityKind, Block, Notification, Reason, Subscription
from hub.community.release_changes import keep_changes
from hub.community.reviews.services import post_review
from hub.community.wording import said, said_together
from hub.repos.models import Repository, Visibility
from hub.repos.releases import create_release
from hub.repos.services import set_visibility
from tests.factories import make_organization, make_repo, make_user
from tests.web.repos import commit_files, owner

pytestmark = pytest.mark.django_db
KIND = ActivityKind


def kinds(user: User, **asked: Any) -> list[str]:
    return [activity.kind for activity in feed_of(user, **asked).activities]


def test_what_happens_in_a_followed_repository() -> None:
    ada, repo = make_user(), make_repo()
    assert not feed_of(ada).follows
    follow_repo(actor=ada, repo=repo)
    thread = open_discussion(repo=repo, actor=make_user(), title="Why?", text="Tell me.")
    post_comment(discussion=thread, actor=owner(repo), text="Because.")
    create_release(repo=repo, actor=owner(repo), tag="v1")
    post_review(repo=repo, author=make_user(), stars=4)
    make_repo()  # of no concern
    assert kinds(ada) == [KIND.REVIEW, KIND.RELEASE, KIND.COMMENT, KIND.DISCUSSION, KIND.REPOSITORY]
    assert kinds(ada, kind="releases") == [KIND.RELEASE, KIND.REPOSITORY]
    assert kinds(ada, kind="discussions") == [KIND.COMMENT, KIND.DISCUSSION]
    assert kinds(ada, kind="reviews") == [KIND.REVIEW]
    assert kinds(ada, kind="results") == []


def test_people_are_followed_wherever_they_act_and_organizations_in_what_is_theirs() -> None:
    ada, grace, repo = make_user(), make_user(), make_repo()
    organization = make_organization(make_user())
    follow(actor=ada, namespace=grace.namespace)
    follow(actor=ada, namespace=organization.namespace)
    post_review(repo=repo, author=grace, stars=4)
    theirs = make_repo(organization.memberships.get().user, organization=organization)
    open_discussion(repo=make_repo(grace), actor=make_user(), title="To grace's model", text="Hello.")
    found = feed_of(ada).activities
    assert [each.kind for each in found] == [KIND.DISCUSSION, KIND.REPOSITORY, KIND.REPOSITORY, KIND.REVIEW]
    assert found[2].repository == theirs


def test_what_is_ones_own_or_ones_organizations_needs_no_follow() -> None:
    ada, grace = make_user(), make_user()
    organization = make_organization(ada)
    add_member(organization=organization, actor=ada, user=grace, role=Role.READ)
    mine, shared = make_repo(ada), make_repo(ada, organization=organization)
    post_review(repo=mine, author=grace, stars=4)
    open_discussion(repo=shared, actor=make_user(), title="Why?", text="Hello.")
    assert kinds(ada) == [KIND.DISCUSSION, KIND.REVIEW]
    assert kinds(grace) == [KIND.DISCUSSION, KIND.REPOSITORY]
    remove_member(organization=organization, actor=ada, user=grace)
    assert kinds(grace) == []


def test_not_what_one_did_muted_or_blocked() -> None:
    ada, troll, repo = make_user(), make_user(), make_repo()
    follow_repo(actor=ada, repo=repo)
    open_discussion(repo=repo, actor=ada, title="Mine", text="Hello.")
    shouted = open_discussion(repo=repo, actor=troll, title="Loud", text="Hello.")
    thread = open_discussion(repo=repo, actor=make_user(), title="Long", text="Hello.")
    assert kinds(ada) == [KIND.DISCUSSION, KIND.DISCUSSION, KIND.REPOSITORY]
    block = Block.objects.create(blocker=ada, blocked=troll)
    assert shouted not in [each.discussion for each in feed_of(ada).activities]
    block.delete()
    Block.objects.create(blocker=troll, blocked=ada)
    assert shouted not in [each.discussion for each in feed_of(ada).activities]
    Subscription.objects.create(user=ada, discussion=thread, level=Subscription.Level.MUTED)
    assert kinds(ada) == [KIND.REPOSITORY]
    Subscription.objects.create(user=ada, repository=repo, level=Subscription.Level.MUTED)
    assert kinds(ada) == []
    # Nor by way of a person.
    follow(actor=ada, namespace=repo.namespace)
    assert kinds(ada) == []


def test_whoever_loses_access_sees_nothing_of_it_any_more() -> None:
    ada, admin = make_user(), make_user()
    organization = make_organization(admin)
    add_member(organization=organization, actor=admin, user=ada, role=Role.READ)
    hidden = make_repo(admin, organization=organization, visibility=Visibility.PRIVATE)
    public = make_repo(admin, organization=organization)
    for each in (hidden, public):
        follow_repo(actor=ada, repo=each)
    follow(actor=ada, namespace=admin.namespace)
    open_discussion(repo=hidden, actor=admin, title="Secret", text="Hello.")
    assert len(kinds(ada)) == 3
    remove_member(organization=organization, actor=admin, user=ada)
    assert [each.repository for each in feed_of(ada).activities] == [public]
    stranger = AnonymousUser()
    assert [each.repository for each in activity_of(admin.namespace, stranger).activities] == [public]
    assert [each.repository for each in activity_of(organization.namespace, stranger).activities] == [public]
    # What was said while it was private is news to all once it is not.
    set_visibility(repo=hidden, actor=admin, visibility=Visibility.PUBLIC)
    assert len(kinds(ada)) == 3


def test_a_result_is_for_those_who_may_know_of_the_dataset() -> None:
    ada, model = make_user(), make_repo()
    hidden = make_repo(kind="dataset", visibility=Visibility.PRIVATE)
    follow_repo(actor=ada, repo=model)
    facts = {"run": 1, "dataset": hidden.pk, "benchmark": hidden.full_name, "score": 1.0}
    result = note(KIND.RESULT, actor=owner(hidden), repository=model, **facts)
    Notification.objects.create(user=ada, activity=result, reason=Reason.WATCHING)
    assert kinds(ada) == [KIND.REPOSITORY]
    assert not Notification.objects.visible_to(ada).exists()
    Repository.objects.filter(pk=hidden.pk).update(visibility=Visibility.PUBLIC)
    assert kinds(ada) == [KIND.RESULT, KIND.REPOSITORY]
    assert Notification.objects.visible_to(ada).exists()


def test_what_was_hidden_is_no_news() -> None:
    ada, repo = make_user(), make_repo()
    follow_repo(actor=ada, repo=repo)
    thread = open_discussion(repo=repo, actor=make_user(), title="Why?", text="Hello.")
    comment = post_comment(discussion=thread, actor=make_user(), text="Rude.")
    assert kinds(ada)[0] == KIND.COMMENT
    take_comment_away(comment=comment, actor=owner(repo))
    assert kinds(ada)[0] == KIND.DISCUSSION


def test_comments_that_stand_together_are_one_entry() -> None:
    ada, grace, repo = make_user(), make_user(), make_repo()
    follow_repo(actor=ada, repo=repo)
    one = open_discussion(repo=repo, actor=grace, title="One", text="Hello.")
    other = open_discussion(repo=repo, actor=grace, title="Other", text="Hello.")
    first = post_comment(discussion=one, actor=grace, text="1")
    post_comment(discussion=one, actor=owner(repo), text="2")
    post_comment(discussion=other, actor=grace, text="3")
    post_comment(discussion=one, actor=grace, text="4")
    post_comment(discussion=one, actor=grace, text="5")
    entries = feed_of(ada).together
    assert [len(entry) for entry in entries] == [2, 1, 2, 1, 1, 1]
    name, repository = grace.shown_name, repo.full_name
    assert str(said_together(entries[0])) == f"{name} wrote 2 comments in One #{one.number} of {repository}"
    both = said_together(entries[2])
    last = owner(repo).shown_name
    assert str(both) == f"2 new comments in One #{one.number} of {repository}, the last by {last}"
    assert both.quote == "2" and f"event={first.pk}#" in both.parts["what"].path
    assert str(said_together(entries[1])) == f"{name} wrote in Other #{other.number} of {repository}"


def test_results_of_one_model_that_stand_together_are_one_entry() -> None:
    ada, model, other = make_user(), make_repo(), make_repo()
    for each in (model, other):
        follow_repo(actor=ada, repo=each)
    datasets = [make_repo(kind="dataset") for _each in range(4)]

    def measured(repo: Repository, dataset: Repository, score: float) -> None:
        facts = {"run": 1, "dataset": dataset.pk, "benchmark": dataset.full_name, "score": score}
        note(KIND.RESULT, actor=owner(repo), repository=repo, **facts)

    for dataset in datasets:
        measured(model, dataset, 1.0)
    measured(other, datasets[0], 3.0)
    measured(model, datasets[0], 2.0)
    measured(model, datasets[0], 1.5)
    entries = feed_of(ada, kind="results").together
    assert [len(entry) for entry in entries] == [2, 1, 4]
    twice, alone, several = (said_together(entry) for entry in entries)
    name = datasets[0].full_name
    assert str(twice) == f"{model.full_name} was measured 2 times on {name}, last: 1.500 bits per byte"
    assert str(alone) == f"{other.full_name} was measured on {name}: 3.000 bits per byte"
    named = ", ".join(each.full_name for each in reversed(datasets[1:]))
    assert str(several) == f"{model.full_name} was measured 4 times, on {named}, …"
    assert several.parts["what"].path == f"/{model.full_name}/evaluations"


def test_pages_go_on_and_cost_the_same(django_assert_num_queries: Callable[[int], Any]) -> None:
    ada, repo = make_user(), make_repo()
    follow_repo(actor=ada, repo=repo)
    follow(actor=ada, namespace=make_user().namespace)
    for _number in range(PER_PAGE + 2):
        note(KIND.REPOSITORY, actor=owner(repo), repository=repo)
    with django_assert_num_queries(5):
        first = feed_of(ada)
    with django_assert_num_queries(5):
        second = feed_of(ada, before=first.older)
    assert len(first.activities) == PER_PAGE and second.older is None
    met = [each.pk for each in (*first.activities, *second.activities)]
    assert met == sorted(met, reverse=True) and len(set(met)) == PER_PAGE + 3


def test_a_release_says_what_it_changed() -> None:
    repo = make_repo()
    commit_files(repo, {"a.txt": "a", "b.txt": "b"})
    create_release(repo=repo, actor=owner(repo), tag="v1")
    commit_files(repo, {"a.txt": "aa", "c.txt": "c" * 99})
    create_release(repo=repo, actor=owner(repo), tag="v2")
    first, second = Activity.objects.filter(kind=KIND.RELEASE).order_by("pk")
    assert not keep_changes(first.pk)
    assert keep_changes(second.pk)
    told = said(Activity.objects.with_details().get(pk=second.pk)).changes
    assert told == "Since v1: 1 file added · 1 file changed · 100 B more"
