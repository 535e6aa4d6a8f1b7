"""Reports, claims, what moderators do, appeals; and that two of them at once end in one way."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.utils import timezone

from hub.accounts.errors import NotSuspendable
from hub.accounts.models import Role, User
from hub.accounts.organizations import add_member, remove_member
from hub.accounts.suspensions import suspend_user
from hub.community.discussions.services import open_discussion, post_comment
from hub.community.models import Activity, ActivityKind, DiscussionEvent
from hub.community.reviews.services import post_review
from hub.core.errors import HubError, Invalid
from hub.core.models import AuditEvent, record
from hub.moderation.appeals import appeal, decide_appeal
from hub.moderation.errors import (
    ActionInvalid,
    ActionNotFound,
    AlreadyClaimed,
    AlreadyReported,
    AppealClosed,
    CaseClosed,
    NotModerator,
    OwnCase,
    TargetNotFound,
)
from hub.moderation.models import Action, Appeal, Case, Report
from hub.moderation.permissions import get_action_for_appeal, get_case
from hub.moderation.services import act, claim_case, dismiss_cases, release_case, report
from hub.moderation.targets import find_target, name_of
from hub.moderation.transparency import periods, takedowns
from hub.repos.models import Repository, Visibility
from tests.factories import make_organization, make_repo, make_user

pytestmark = pytest.mark.django_db


def comment_of(author: User, repo: Repository | None = None) -> DiscussionEvent:
    discussion = open_discussion(repo=repo or make_repo(), actor=make_user(), title="Why?", text="Tell me.")
    return post_comment(discussion=discussion, actor=author, text="Buy my pills.")


def reported(kind: str, name: str, reporter: User | None = None, ground: str = "spam", text: str = "") -> Case:
    reporter = reporter or make_user()
    return report(found=find_target(reporter, kind, name), reporter=reporter, ground=ground, text=text).case


def told(person: User) -> list[str]:
    rows = Activity.objects.filter(kind=ActivityKind.MODERATION, data__to=person.pk).order_by("pk")
    return [row.data["action"] for row in rows]


def test_reports_of_one_thing_are_one_case_that_keeps_what_was_said() -> None:
    spammer, first, second = make_user(), make_user(), make_user()
    comment = comment_of(spammer)
    case = reported("comment", str(comment.pk), first)
    assert reported("comment", str(comment.pk), second, "other", "Look closely.") == case
    with pytest.raises(AlreadyReported):
        reported("comment", str(comment.pk), first)
    comment.text = "Innocent."
    comment.save(update_fields=["text"])
    case.refresh_from_db()
    assert (case.excerpt, case.accused, case.author_name) == ("Buy my pills.", spammer, spammer.username)
    assert case.reports.count() == 2
    with pytest.raises(Invalid) as refused:
        reported("comment", str(comment.pk), make_user(), "other")
    assert refused.value.field == "text"


def test_nobody_reports_what_they_cannot_read() -> None:
    owner, stranger = make_user(), make_user()
    repo = make_repo(owner, visibility=Visibility.PRIVATE)
    comment = comment_of(owner, repo)
    for kind, name in (("repository", name_of(repo)), ("comment", str(comment.pk)), ("user", "nobody-at-all")):
        with pytest.raises(TargetNotFound):
            find_target(stranger, kind, name)
    assert find_target(owner, "repository", name_of(repo)).repository == repo


def test_a_comment_is_hidden_and_shown_again_and_everybody_is_told() -> None:
    moderator, spammer, reporter = make_user(admin=True), make_user(), make_user()
    comment = comment_of(spammer)
    case = reported("comment", str(comment.pk), reporter)
    with pytest.raises(NotModerator):
        act(case=case, moderator=reporter, kind="hide", reason="Spam.")
    with pytest.raises(Invalid) as refused:
        act(case=case, moderator=moderator, kind="hide")
    assert refused.value.field == "reason"
    action = act(case=case, moderator=moderator, kind="hide", reason="Spam.", note="Third time.")
    comment.refresh_from_db()
    assert comment.hidden and comment.text == "Buy my pills."
    assert (told(spammer), told(reporter)) == (["hide"], ["report_acted"])
    with pytest.raises(CaseClosed):
        act(case=case, moderator=moderator, kind="warn", reason="And this.")
    made = appeal(action=get_action_for_appeal(spammer, action.pk), user=spammer, text="It was a joke.")
    with pytest.raises(AppealClosed):
        appeal(action=action, user=spammer, text="Once more.")
    other = make_user(admin=True)
    with pytest.raises(OwnCase):
        decide_appeal(appeal=made, moderator=moderator, grant=True, answer="Fine.")
    decide_appeal(appeal=made, moderator=other, grant=True, answer="It was.")
    comment.refresh_from_db()
    assert not comment.hidden
    assert told(spammer) == ["hide", "unhide", "appeal_granted"]
    with pytest.raises(AppealClosed):
        decide_appeal(appeal=made, moderator=other, grant=False, answer="No.")


def test_nobody_else_appeals_and_the_only_moderator_decides_alone() -> None:
    moderator, person = make_user(admin=True), make_user()
    case = reported("user", person.username)
    action = act(case=case, moderator=moderator, kind="suspend", reason="Spam.")
    person.refresh_from_db()
    assert person.suspended
    with pytest.raises(ActionNotFound):
        get_action_for_appeal(make_user(), action.pk)
    # Who is suspended may still ask.
    made = appeal(action=action, user=person, text="Please.")
    decide_appeal(appeal=made, moderator=moderator, grant=True, answer="Once.")
    person.refresh_from_db()
    assert not person.suspended


def test_an_appeal_against_an_old_suspension_leaves_the_new_one() -> None:
    moderator, person = make_user(admin=True), make_user()
    first = act(case=reported("user", person.username), moderator=moderator, kind="suspend", reason="Spam.")
    made = appeal(action=first, user=person, text="Please.")
    act(case=reported("user", person.username), moderator=moderator, kind="suspend", reason="Worse.")
    decide_appeal(appeal=made, moderator=moderator, grant=True, answer="That one was wrong.")
    person.refresh_from_db()
    assert person.suspended and person.suspension_reason == "Worse."


def test_suspensions_end_and_spare_the_last_administrator() -> None:
    moderator, person = make_user(admin=True), make_user()
    suspend_user(user=person, actor=moderator, reason="Spam.", until=timezone.now() + timedelta(days=1))
    assert person.suspended
    User.objects.filter(pk=person.pk).update(suspended_until=timezone.now() - timedelta(seconds=1))
    person.refresh_from_db()
    assert not person.suspended
    with pytest.raises(Invalid):
        suspend_user(user=person, actor=moderator, reason="Spam.", until=timezone.now() - timedelta(days=1))
    with pytest.raises(NotSuspendable):
        suspend_user(user=moderator, actor=moderator, reason="Me.")
    second = make_user(admin=True)
    suspend_user(user=second, actor=moderator, reason="Gone mad.")
    with pytest.raises(NotSuspendable):
        suspend_user(user=moderator, actor=second, reason="Revenge.")
    # A suspended administrator does not moderate.
    with pytest.raises(NotModerator):
        claim_case(case=reported("user", person.username), moderator=second)


def test_a_repository_is_taken_down_and_put_back() -> None:
    moderator, owner, admin = make_user(admin=True), make_user(), make_user()
    organization = make_organization(owner)
    add_member(organization=organization, actor=owner, user=admin, role=Role.ADMIN)
    repo = make_repo(owner, organization=organization)
    case = reported("repository", name_of(repo), ground="malware")
    action = act(case=case, moderator=moderator, kind="take_down", reason="It steals keys.", close=False)
    assert not Repository.objects.visible_to(owner).filter(pk=repo.pk).exists()
    assert [(found.name, found.reason) for found in takedowns()] == [(repo.full_name, "It steals keys.")]
    assert told(owner) == told(admin) == ["take_down"]
    assert get_action_for_appeal(admin, action.pk) == action
    with pytest.raises(ActionInvalid):
        act(case=case, moderator=moderator, kind="take_down", reason="Again.")
    act(case=case, moderator=moderator, kind="restore", reason="It does not.")
    assert Repository.objects.visible_to(owner).filter(pk=repo.pk).exists()
    assert takedowns() == []


def test_one_claim_wins_and_a_case_can_be_taken_over() -> None:
    first, second = make_user(admin=True), make_user(admin=True)
    case = reported("user", make_user().username)
    claim_case(case=case, moderator=first)
    with pytest.raises(AlreadyClaimed):
        claim_case(case=case, moderator=second)
    with pytest.raises(AlreadyClaimed):
        act(case=case, moderator=second, kind="warn", reason="Do not.")
    claim_case(case=case, moderator=second, take_over=True)
    assert told(first) == ["case_taken_over"]
    with pytest.raises(AlreadyClaimed):
        release_case(case=case, moderator=first)
    release_case(case=case, moderator=second)
    assert get_case(first, case.pk).state == Case.State.OPEN
    # A moderator who is reported leaves it to the other.
    with pytest.raises(OwnCase):
        claim_case(case=reported("user", first.username), moderator=first)


def test_many_cases_are_dismissed_at_once() -> None:
    moderator, other, reporter = make_user(admin=True), make_user(admin=True), make_user()
    cases = [reported("user", make_user().username, reporter) for _number in range(3)]
    claim_case(case=cases[0], moderator=other)
    assert dismiss_cases(cases=cases, moderator=moderator) == 2
    assert Case.objects.unsettled().get() == cases[0]
    assert told(reporter) == ["report_dismissed"] * 2
    # What is closed can be reported anew.
    assert reported("user", cases[1].author_name).pk not in {case.pk for case in cases}


def test_a_review_is_neither_shown_nor_counted() -> None:
    moderator, author, repo = make_user(admin=True), make_user(), make_repo()
    review = post_review(repo=repo, author=author, stars=1, text="Rubbish by an idiot.")
    case = reported("review", str(review.pk), ground="harassment")
    act(case=case, moderator=moderator, kind="hide", reason="No insults.")
    review.refresh_from_db()
    assert review.hidden_at is not None and review.hidden_by == moderator
    act(case=case, moderator=moderator, kind="unhide")
    review.refresh_from_db()
    assert review.hidden_at is None


def test_numbers_for_everybody() -> None:
    moderator, other, person = make_user(admin=True), make_user(admin=True), make_user()
    case = reported("user", person.username)
    reported("user", person.username, ground="privacy")
    Case.objects.filter(pk=case.pk).update(opened_at=timezone.now() - timedelta(hours=5))
    action = act(case=case, moderator=moderator, kind="warn", reason="Do not.")
    decide_appeal(appeal=appeal(action=action, user=person, text="No."), moderator=other, grant=False, answer="Yes.")
    for by in ("month", "quarter"):
        (period,) = periods(by)
        assert (period.reports, period.actions) == ({"spam": 1, "privacy": 1}, {"warn": 1})
        assert (period.appeals, period.hours) == ({"rejected": 1}, 5.0)


def test_the_record_of_acts_cannot_be_changed() -> None:
    moderator, person = make_user(admin=True), make_user()
    record(actor=person, verb="test", target="nothing")
    act(case=reported("user", make_user().username), moderator=moderator, kind="warn", reason="Do not.")
    for rows, change in (
        (AuditEvent.objects.filter(verb="test"), {"target": "something"}),
        (Action.objects.all(), {"reason": "Nothing."}),
        (AuditEvent.objects.filter(verb="test"), {"actor": moderator}),
    ):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            rows.update(**change)
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            rows._raw_delete(rows.db)
    # Only who did it is forgotten, with their account.
    AuditEvent.objects.filter(verb="test").update(actor=None)
    Action.objects.update(moderator=None)


@pytest.mark.django_db(transaction=True)
def test_moderators_and_reporters_at_once() -> None:
    """Of two claims one wins; of two reports of one thing comes one case; of two appeals' decisions one."""
    moderators = [make_user(f"mod{number}", admin=True) for number in range(4)]
    person = make_user("accused")
    reporters = [make_user(f"reporter{number}") for number in range(4)]

    def at_once(calls: list) -> list:  # type: ignore[type-arg]
        def tried(call) -> object:  # type: ignore[no-untyped-def]
            try:
                return call()
            except HubError as error:
                return type(error)
            finally:
                connection.close()

        with ThreadPoolExecutor(4) as pool:
            return list(pool.map(tried, calls))

    made = at_once([lambda who=who: reported("user", "accused", who) for who in reporters])
    assert len(set(made)) == 1 and Report.objects.count() == 4
    case = made[0]
    won = at_once([lambda who=who: claim_case(case=case, moderator=who) for who in moderators])
    assert won.count(AlreadyClaimed) == 3
    case.refresh_from_db()
    assert case.claimed_by is not None
    action = act(case=case, moderator=case.claimed_by, kind="suspend", reason="Spam.")
    asked = appeal(action=action, user=person, text="Please.")
    others = [who for who in moderators if who != case.claimed_by]
    decided = at_once(
        [lambda who=who: decide_appeal(appeal=asked, moderator=who, grant=True, answer="Yes.") for who in others]
    )
    assert decided.count(AppealClosed) == 2
    assert Appeal.objects.get().state == Appeal.State.GRANTED
    assert Action.objects.filter(kind="lift").count() == 1


def test_an_administrator_in_name_only_neither_hears_nor_appeals() -> None:
    admin, weak, moderator = make_user(), make_user(), make_user(admin=True)
    group = make_organization(admin, admin=weak)
    repo = make_repo(admin, organization=group)
    case = reported("repository", name_of(repo))
    User.objects.filter(pk=admin.pk).update(second_factor=True)
    group.requires_mfa = True
    group.save()
    action = act(case=case, moderator=moderator, kind="take_down", reason="Spam.")
    assert told(admin) == ["take_down"] and told(weak) == []
    assert get_action_for_appeal(admin, action.pk) == action
    with pytest.raises(ActionNotFound):
        get_action_for_appeal(weak, action.pk)


def test_no_moderator_judges_an_organization_of_theirs_while_another_one_can() -> None:
    own, other = make_user(admin=True), make_user(admin=True)
    group = make_organization(make_user(), read=own)
    case = reported("repository", name_of(make_repo(organization=group)))
    with pytest.raises(OwnCase):
        claim_case(case=case, moderator=own)
    with pytest.raises(OwnCase):
        act(case=case, moderator=own, kind="dismiss")
    suspend_user(user=other, actor=own, reason="Away.")
    assert act(case=case, moderator=own, kind="dismiss").kind == "dismiss"


def test_of_two_moderators_the_one_who_acted_answers_the_appeal_of_the_other() -> None:
    acted, accused = make_user(admin=True), make_user(admin=True)
    case = reported("comment", str(comment_of(accused).pk))
    action = act(case=case, moderator=acted, kind="warn", reason="Be kind.")
    asked = appeal(action=action, user=accused, text="I was.")
    with pytest.raises(OwnCase):
        decide_appeal(appeal=asked, moderator=accused, grant=True, answer="I was.")
    assert decide_appeal(appeal=asked, moderator=acted, grant=False, answer="No.").state == Appeal.State.REJECTED


def test_who_lost_sight_of_a_repository_is_not_told_its_name() -> None:
    admin, former, moderator = make_user(), make_user(), make_user(admin=True)
    group = make_organization(admin, read=former)
    repo = make_repo(admin, organization=group, visibility=Visibility.PRIVATE)
    comment = comment_of(former, repo)
    remove_member(organization=group, actor=admin, user=former)
    case = reported("comment", str(comment.pk), admin)
    act(case=case, moderator=moderator, kind="hide", reason="Spam.")
    told_of = {row.data["action"]: row.data["target"] for row in Activity.objects.filter(kind=ActivityKind.MODERATION)}
    assert repo.full_name in told_of["report_acted"] and told_of["hide"] == "Comment"
    page = Client()
    page.force_login(former)
    assert repo.full_name not in page.get("/settings/standing").content.decode()
