"""Gated repositories: who gets the files, who may ask and when, what their answers must be, and who hears of it."""

from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.models import AnonymousUser
from django.core import mail
from django.core.cache import cache
from django.utils import timezone

from hub.accounts.models import User
from hub.accounts.services import create_token
from hub.core.errors import HubError, Invalid
from hub.core.models import AuditEvent
from hub.evaluations.services import submit_evaluation
from hub.jobs import tokens
from hub.jobs.services import claim_job
from hub.repos import gates
from hub.repos.access_forms import MAX_QUESTION, MAX_QUESTIONS, AccessForm, Asked, Question, form_of, read_form
from hub.repos.cards import parse
from hub.repos.errors import (
    AccessPending,
    AccessRejected,
    AccessRequestNotFound,
    AnswerInvalid,
    GatedRepo,
    HasAccess,
    NotGated,
    ReadOnlyToken,
    WriteNeedsSignIn,
)
from hub.repos.models import AccessRequest, BlobClaim, Kind, RepoBlob, Repository, Visibility
from hub.repos.models.blobs import Blob
from hub.repos.permissions import check_may_fetch, get_repo_for_content, may_fetch
from hub.repos.tasks import mail_decisions, mail_owners, sweep_requests
from hub.repos.xet.access import authorize
from hub.repos.xet.tokens import issue_token
from tests.factories import make_organization, make_repo, make_user
from tests.jobs.conftest import make_job, make_worker
from tests.web.repos import commit_files

pytestmark = pytest.mark.django_db

Status = AccessRequest.Status

CARD = """---
extra_gated_heading: Tell us who you are
extra_gated_prompt: "You agree to *nothing* bad. <script>alert(1)</script>"
extra_gated_button_content: I agree
extra_gated_fields:
  Company: text
  Country: country
  Born on: date_picker
  Purpose:
    type: select
    options: [Research, {label: Something else, value: other}]
  I agree: checkbox
  Where you are: ip_location
---
# A model
"""
ANSWERS = {"Company": "Ada & Co", "Country": "CN", "Born on": "1990-02-28", "Purpose": "other", "I agree": True}


@pytest.fixture
def owner() -> User:
    return make_user()


@pytest.fixture
def stranger() -> User:
    return make_user()


@pytest.fixture
def repo(owner: User) -> Repository:
    """A model behind a gate that its owner watches."""
    made = make_repo(owner)
    gates.set_gate(repo=made, actor=owner, gate="manual")
    return made


def ask(repo: Repository, user: Any, **answers: Any) -> AccessRequest:
    return gates.request_access(repo=repo, user=user, answers=answers)


# --- who gets the files ---------------------------------------------------------------------------------------------------


def test_a_gate_keeps_everybody_out_but_members_and_those_who_were_let_in(stranger: User) -> None:
    olga, rita, cora = make_user(), make_user(), make_user()
    organization = make_organization(olga, read=rita, contributor=cora)
    repo = make_repo(olga, organization=organization)
    gates.set_gate(repo=repo, actor=olga, gate="manual")
    for member in (olga, rita, cora):
        check_may_fetch(member, repo)
    with pytest.raises(GatedRepo) as refused:
        check_may_fetch(stranger, repo)
    assert refused.value.status == 403
    with pytest.raises(GatedRepo) as refused:
        get_repo_for_content(AnonymousUser(), Kind.MODEL, repo.namespace.name, repo.name)
    assert refused.value.status == 401
    gates.accept_request(request=ask(repo, stranger), actor=olga)
    check_may_fetch(stranger, repo)
    assert list(Repository.objects.readable_by(stranger)) == [repo]


def test_whoever_was_let_in_is_out_again_where_the_repository_is_hidden(
    repo: Repository, owner: User, stranger: User
) -> None:
    gates.grant_access(repo=repo, user=stranger, actor=owner)
    Repository.objects.filter(pk=repo.pk).update(visibility=Visibility.PRIVATE)
    assert not may_fetch(stranger, Repository.objects.get(pk=repo.pk))


def test_opening_the_gate_lets_everybody_in_and_closing_it_remembers(
    repo: Repository, owner: User, stranger: User
) -> None:
    gates.grant_access(repo=repo, user=stranger, actor=owner)
    gates.set_gate(repo=repo, actor=owner, gate="")
    assert may_fetch(AnonymousUser(), repo)
    gates.set_gate(repo=repo, actor=owner, gate="manual")
    assert not may_fetch(AnonymousUser(), repo)
    assert may_fetch(stranger, repo)
    with pytest.raises(Invalid) as refused:
        gates.set_gate(repo=repo, actor=owner, gate="ajar")
    assert refused.value.field == "gated"
    assert [event.data["gate"] for event in AuditEvent.objects.filter(verb="repo.gate").order_by("pk")] == [
        *("manual", "", "manual")
    ]


# --- asking ---------------------------------------------------------------------------------------------------------------


def test_a_gate_that_opens_by_itself_lets_in_at_once(repo: Repository, owner: User, stranger: User) -> None:
    gates.set_gate(repo=repo, actor=owner, gate="auto")
    asked = ask(repo, stranger)
    assert (asked.status, asked.decided_by) == (Status.ACCEPTED, None)
    assert may_fetch(stranger, repo)
    with pytest.raises(HasAccess):
        ask(repo, stranger)


def test_a_watched_gate_waits_for_its_owner(repo: Repository, stranger: User) -> None:
    assert ask(repo, stranger).status == Status.PENDING
    assert not may_fetch(stranger, repo)
    with pytest.raises(AccessPending):
        ask(repo, stranger)


def test_a_gate_that_opens_by_itself_now_lets_in_those_who_waited(
    repo: Repository, owner: User, stranger: User
) -> None:
    ask(repo, stranger)
    gates.set_gate(repo=repo, actor=owner, gate="auto")
    assert may_fetch(stranger, repo)


def test_who_may_ask(repo: Repository, owner: User, stranger: User) -> None:
    with pytest.raises(WriteNeedsSignIn):
        ask(repo, AnonymousUser())
    stranger.acting_token = create_token(user=stranger, name="reads", scope="read")[0]
    with pytest.raises(ReadOnlyToken):
        ask(repo, stranger)
    with pytest.raises(HasAccess):
        ask(repo, owner)
    with pytest.raises(NotGated):
        ask(make_repo(), owner)


def test_who_was_turned_down_waits_a_week_at_a_watched_gate(repo: Repository, owner: User, stranger: User) -> None:
    gates.reject_request(request=ask(repo, stranger), actor=owner, reason="Say what for.")
    with pytest.raises(AccessRejected):
        ask(repo, stranger)
    # Taking it back would be a way around the week.
    with pytest.raises(AccessRejected):
        gates.withdraw_request(repo=repo, user=stranger)
    AccessRequest.objects.update(decided_at=timezone.now() - gates.ASK_AGAIN_AFTER - timedelta(minutes=1))
    again = ask(repo, stranger)
    assert (again.status, again.reason, again.decided_by) == (Status.PENDING, "", None)


def test_who_was_turned_down_stays_out_of_a_gate_that_opens_by_itself(
    repo: Repository, owner: User, stranger: User
) -> None:
    gates.set_gate(repo=repo, actor=owner, gate="auto")
    gates.reject_request(request=ask(repo, stranger), actor=owner)
    assert not may_fetch(stranger, repo)
    AccessRequest.objects.update(decided_at=timezone.now() - 2 * gates.ASK_AGAIN_AFTER)
    with pytest.raises(AccessRejected):
        ask(repo, stranger)


def test_a_request_is_taken_back_and_access_given_up(repo: Repository, owner: User, stranger: User) -> None:
    with pytest.raises(AccessRequestNotFound):
        gates.withdraw_request(repo=repo, user=stranger)
    for decided in (False, True):
        asked = ask(repo, stranger)
        if decided:
            gates.accept_request(request=asked, actor=owner)
        gates.withdraw_request(repo=repo, user=stranger)
        assert not may_fetch(stranger, repo)
        assert gates.own_request(repo, stranger) is None


# --- deciding -------------------------------------------------------------------------------------------------------------


def test_decisions_count_from_the_next_look_on(repo: Repository, owner: User, stranger: User) -> None:
    asked = ask(repo, stranger)
    for decide, reads in [
        (gates.accept_request, True),
        (gates.reopen_request, False),
        (gates.accept_request, True),
        (gates.reject_request, False),
        (gates.accept_request, True),
    ]:
        decide(request=asked, actor=owner)
        assert may_fetch(stranger, repo) is reads
        with pytest.raises(AccessRequestNotFound):
            decide(request=asked, actor=owner)
    asked.refresh_from_db()
    assert (asked.decided_by, asked.reason) == (owner, "")
    verbs = AuditEvent.objects.filter(verb__startswith="access.").order_by("pk").values_list("verb", flat=True)
    assert list(verbs) == [
        f"access.{word}" for word in ("request", "accepted", "pending", "accepted", "rejected", "accepted")
    ]


def test_somebody_is_let_in_without_asking(repo: Repository, owner: User, stranger: User) -> None:
    granted = gates.grant_access(repo=repo, user=stranger, actor=owner)
    assert (granted.status, granted.decided_by) == (Status.ACCEPTED, owner)
    with pytest.raises(HasAccess):
        gates.grant_access(repo=repo, user=stranger, actor=owner)
    with pytest.raises(HasAccess):
        gates.grant_access(repo=repo, user=owner, actor=owner)
    with pytest.raises(NotGated):
        gates.grant_access(repo=make_repo(owner), user=stranger, actor=owner)
    waiting = make_user()
    ask(repo, waiting)
    gates.grant_access(repo=repo, user=waiting, actor=owner)
    assert may_fetch(waiting, repo)


def test_a_decision_about_what_was_taken_back_says_so(repo: Repository, owner: User, stranger: User) -> None:
    asked = ask(repo, stranger)
    gates.withdraw_request(repo=repo, user=stranger)
    with pytest.raises(AccessRequestNotFound):
        gates.accept_request(request=asked, actor=owner)
    with pytest.raises(AccessRequestNotFound):
        gates.get_request(repo, user=stranger.username)


def test_requests_belong_to_their_repository(repo: Repository, owner: User, stranger: User) -> None:
    asked = ask(repo, stranger)
    with pytest.raises(AccessRequestNotFound):
        gates.get_request(make_repo(owner), number=asked.pk)


# --- the form -------------------------------------------------------------------------------------------------------------


def test_the_card_says_what_is_asked(repo: Repository) -> None:
    commit_files(repo, {"README.md": CARD})
    form = form_of(repo)
    assert (form.heading, form.button) == ("Tell us who you are", "I agree")
    assert form.questions == (
        Question("Company", Asked.TEXT),
        Question("Country", Asked.COUNTRY),
        Question("Born on", Asked.DATE),
        Question("Purpose", Asked.SELECT, (("Research", "Research"), ("other", "Something else"))),
        Question("I agree", Asked.CHECKBOX),
    )


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"Company": "  "}, "Company"),
        ({"Company": None}, "Company"),
        ({"Company": ["a"]}, "Company"),
        ({"Company": "x" * 1001}, "Company"),
        ({"Country": "China"}, "Country"),
        ({"Country": "ZZ"}, "Country"),
        ({"Born on": "28.2.1990"}, "Born on"),
        ({"Born on": "1990-02-30"}, "Born on"),
        ({"Purpose": "Fun"}, "Purpose"),
        ({"I agree": False}, "I agree"),
        ({"I agree": "yes"}, "I agree"),
        ({"Age": "3"}, "Age"),
        ({"Where you are": "here"}, "Where you are"),
    ],
)
def test_answers_are_checked_by_name(repo: Repository, stranger: User, change: dict[str, Any], field: str) -> None:
    commit_files(repo, {"README.md": CARD})
    with pytest.raises(AnswerInvalid) as refused:
        gates.request_access(repo=repo, user=stranger, answers={**ANSWERS, **change})
    assert refused.value.field == field
    assert field in refused.value.message
    assert not AccessRequest.objects.exists()


def test_answers_are_kept_as_they_were_given(repo: Repository, stranger: User) -> None:
    commit_files(repo, {"README.md": CARD})
    gates.request_access(repo=repo, user=stranger, answers=ANSWERS)
    assert AccessRequest.objects.get().fields == ANSWERS


HOSTILE: list[tuple[str, AccessForm]] = [
    ("extra_gated_fields: text", AccessForm()),
    ("extra_gated_fields: [a, b]", AccessForm()),
    ("extra_gated_fields: {Purpose: {type: select}}", AccessForm(questions=(Question("Purpose", Asked.TEXT),))),
    (
        "extra_gated_fields: {Purpose: {type: select, options: [[a], {x: 1}, 2]}}",
        AccessForm(questions=(Question("Purpose", Asked.SELECT, (("2", "2"),)),)),
    ),
    ("extra_gated_fields: {Age: number, Where: ip_location}", AccessForm(questions=(Question("Age", Asked.TEXT),))),
    ("extra_gated_fields: {Deep: {type: {type: [text]}}}", AccessForm(questions=(Question("Deep", Asked.TEXT),))),
    (f"extra_gated_fields: {{{'x' * (MAX_QUESTION + 1)}: text}}", AccessForm()),
    ("extra_gated_heading: [a]\nextra_gated_prompt: {a: b}\nextra_gated_button_content: true", AccessForm()),
]


@pytest.mark.parametrize(("metadata", "form"), HOSTILE)
def test_what_cannot_be_asked_is_left_out(metadata: str, form: AccessForm) -> None:
    assert read_form(parse(f"---\n{metadata}\n---\n").metadata) == form


def test_a_card_asks_so_much_and_no_more() -> None:
    many = "\n".join(f"  Question {n}: text" for n in range(500))
    form = read_form(parse(f"---\nextra_gated_fields:\n{many}\nextra_gated_prompt: {'x' * 60_000}\n---\n").metadata)
    assert len(form.questions) == MAX_QUESTIONS
    assert len(form.prompt) == 20_000


# --- what else goes by it -------------------------------------------------------------------------------------------------


def test_xet_asks_at_every_call(repo: Repository, owner: User, stranger: User) -> None:
    gates.grant_access(repo=repo, user=stranger, actor=owner)
    secret = str(issue_token(repository=repo, user=stranger, scope="read"))
    assert authorize(secret, write=False).repository == repo
    gates.reopen_request(request=gates.get_request(repo, user=stranger.username), actor=owner)
    with pytest.raises(GatedRepo):
        authorize(secret, write=False)
    with pytest.raises(GatedRepo):
        authorize(str(issue_token(repository=repo, user=AnonymousUser(), scope="read")), write=False)


def test_a_hash_from_behind_a_gate_is_no_right(repo: Repository, owner: User, stranger: User) -> None:
    blob = Blob.objects.create(sha256="ab" * 32, size=1, whole=True)
    RepoBlob.objects.create(repository=repo, blob=blob)
    other = make_repo(stranger)
    assert not Blob.objects.all().usable_in(other, stranger).exists()
    gates.grant_access(repo=repo, user=stranger, actor=owner)
    assert Blob.objects.all().usable_in(other, stranger).exists()
    assert not BlobClaim.objects.exists()


def test_evaluations_need_the_files_of_both(repo: Repository, stranger: User) -> None:
    dataset = make_repo(stranger, kind=Kind.DATASET)
    with pytest.raises(GatedRepo):
        submit_evaluation(user=stranger, model=repo, dataset=dataset)
    model = make_repo(stranger)
    gated = make_repo(kind=Kind.DATASET)
    Repository.objects.filter(pk=gated.pk).update(gate="auto")
    gated.refresh_from_db()
    with pytest.raises(GatedRepo):
        submit_evaluation(user=stranger, model=model, dataset=gated)


def test_a_job_reads_what_its_asker_may_read_now(repo: Repository, owner: User, stranger: User) -> None:
    gates.grant_access(repo=repo, user=stranger, actor=owner)
    job = make_job(stranger, repos=[repo])
    job = claim_job(worker=make_worker(), job_id=str(job.pk))
    secret = tokens.token_of(job)

    def reads() -> bool:
        reader = tokens.reader_of(secret)
        return reader is not None and may_fetch(reader, repo)

    assert reads()
    gates.reject_request(request=gates.get_request(repo, user=stranger.username), actor=owner)
    assert not reads()


# --- mails ----------------------------------------------------------------------------------------------------------------


def test_mails_are_queued_when_the_decision_is_committed(
    repo: Repository, owner: User, stranger: User, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks() as queued:
        asked = ask(repo, stranger)
    assert len(queued) == 1
    with django_capture_on_commit_callbacks() as queued:
        gates.accept_request(request=asked, actor=owner)
    assert len(queued) == 1
    with django_capture_on_commit_callbacks() as queued:
        gates.reopen_request(request=asked, actor=owner)
    assert not queued


def test_owners_are_told_once_an_hour_how_many_wait(owner: User) -> None:
    other, member = make_user(), make_user()
    organization = make_organization(owner, admin=other, write=member)
    repo = make_repo(owner, organization=organization)
    mail_owners(repo.pk)
    gates.set_gate(repo=repo, actor=owner, gate="manual")
    mail_owners(repo.pk)
    assert not mail.outbox
    ask(repo, make_user())
    mail_owners(repo.pk)
    assert {to for message in mail.outbox for to in message.to} == {owner.email, other.email}
    assert "1 person waits" in mail.outbox[0].body
    # Nobody's language is known here, so every mail says it in both.
    assert mail.outbox[0].body.count(f"/{repo.full_name}/settings/access\n") == 2
    ask(repo, make_user())
    mail_owners(repo.pk)
    sweep_requests()
    assert len(mail.outbox) == 2
    # The hour is over: the sweep tells of the second one, once.
    cache.delete(f"access-mail:pause:{repo.pk}")
    sweep_requests()
    assert len(mail.outbox) == 4
    assert "2 people wait" in mail.outbox[-1].body
    cache.delete(f"access-mail:pause:{repo.pk}")
    sweep_requests()
    assert len(mail.outbox) == 4


def test_who_asked_is_told_what_was_decided(repo: Repository, owner: User, stranger: User) -> None:
    asked = ask(repo, stranger)
    mail_decisions([asked.pk])
    assert not mail.outbox
    gates.reject_request(request=asked, actor=owner, reason="Say <what> for & why.")
    mail_decisions([asked.pk])
    (message,) = mail.outbox
    assert message.to == [stranger.email]
    assert "Say <what> for & why." in message.body
    gates.accept_request(request=asked, actor=owner)
    mail_decisions([asked.pk])
    assert "You have access to" in mail.outbox[-1].subject
    assert "\n" not in mail.outbox[-1].subject


def test_only_confirmed_addresses_get_mail_where_addresses_are_confirmed(
    repo: Repository, owner: User, stranger: User, settings: Any
) -> None:
    settings.EMAIL_VERIFICATION = "optional"
    EmailAddress.objects.filter(user=stranger).update(verified=False)
    granted = gates.grant_access(repo=repo, user=stranger, actor=owner)
    mail_decisions([granted.pk])
    assert not mail.outbox
    EmailAddress.objects.filter(user=stranger).update(verified=True)
    mail_decisions([granted.pk])
    assert len(mail.outbox) == 1


def test_refusals_are_sentences(repo: Repository, owner: User, stranger: User) -> None:
    asked = ask(repo, stranger)
    refusals: list[HubError] = []
    for act in (
        lambda: ask(repo, stranger),
        lambda: ask(repo, owner),
        lambda: gates.reject_request(request=asked, actor=owner, reason="x" * 1001),
    ):
        with pytest.raises(HubError) as refused:
            act()
        refusals.append(refused.value)
    assert [error.status for error in refusals] == [409, 409, 400]
    assert all(error.message.endswith(".") for error in refusals)
