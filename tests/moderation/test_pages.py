"""The pages: reporting, the queue, a case, the record, standing and appeals, numbers for everybody; the mails about them."""

from typing import Any

import pytest
from django.core import mail
from django.test import Client

from hub.accounts.models import User
from hub.accounts.suspensions import suspend_user
from hub.community.models import Block
from hub.community.notifications.mails import send_for
from hub.community.notifications.telling import tell, untold
from hub.core.models import AuditEvent
from hub.moderation.models import Action, Appeal, Case
from hub.moderation.services import act
from hub.moderation.targets import name_of
from tests.factories import make_repo, make_token, make_user
from tests.moderation.test_cases import reported

pytestmark = pytest.mark.django_db


def browser(user: object) -> Client:
    client = Client()
    client.force_login(user)  # type: ignore[arg-type]
    return client


def test_from_the_report_to_the_appeal() -> None:
    owner, reporter, moderator, second = make_user(), make_user(), make_user(admin=True), make_user(admin=True)
    repo = make_repo(owner)
    ours, theirs, staff = browser(reporter), browser(owner), browser(moderator)
    address = f"/report?kind=repository&key={name_of(repo)}"
    assert repo.full_name in ours.get(address).content.decode()
    assert ours.post(address, {"ground": ""}).status_code == 400
    sent = ours.post(address, {"ground": "malware", "text": "See <script>alert(1)</script>."})
    assert sent.status_code == 200 and "with the moderators" in sent.content.decode()
    assert ours.post(address, {"ground": "malware"}).status_code == 409

    case = Case.objects.get()
    queue = staff.get("/moderation?kind=repository&ground=malware").content.decode()
    assert f"/moderation/{case.pk}" in queue and "1 report" in queue
    assert f"/moderation/{case.pk}" not in staff.get("/moderation?ground=spam").content.decode()
    page = staff.get(f"/moderation/{case.pk}").content.decode()
    assert "&lt;script&gt;alert(1)" in page and reporter.username in page
    assert theirs.get(f"/moderation/{case.pk}").status_code == 403
    staff.post(f"/moderation/{case.pk}/claim", {"do": "claim"})
    assert browser(second).post(f"/moderation/{case.pk}/claim", {"do": "claim"}).status_code == 409
    wrong = staff.post(f"/moderation/{case.pk}/act", {"kind": "take_down"})
    assert wrong.status_code == 400 and "Say why" in wrong.content.decode()
    done = staff.post(
        f"/moderation/{case.pk}/act", {"kind": "take_down", "reason": "It steals keys.", "close": "on", "days": "7"}
    )
    assert done.status_code == 302
    down = Client().get(f"/{repo.full_name}")
    assert down.status_code == 403 and "It steals keys." in down.content.decode()
    shown = Client().get("/transparency").content.decode()
    assert repo.full_name in shown and "It steals keys." in shown and reporter.username not in shown

    standing = theirs.get("/settings/standing").content.decode()
    assert "It steals keys." in standing and reporter.username not in standing and moderator.username not in standing
    action = Action.objects.get()
    assert ours.post(f"/settings/standing/{action.pk}/appeal", {"text": "No!"}).status_code == 404
    assert theirs.post(f"/settings/standing/{action.pk}/appeal", {"text": ""}).status_code == 400
    assert theirs.post(f"/settings/standing/{action.pk}/appeal", {"text": "It does not."}).status_code == 302
    appeal = Appeal.objects.get()
    assert "It does not." in staff.get(f"/moderation/{case.pk}").content.decode()
    answer = {"decision": "grant", "answer": "You are right."}
    assert staff.post(f"/moderation/appeals/{appeal.pk}", answer).status_code == 403
    assert browser(second).post(f"/moderation/appeals/{appeal.pk}", answer).status_code == 302
    assert Client().get(f"/{repo.full_name}").status_code == 200
    told = Client().get("/transparency.json?by=quarter").json()
    assert told["periods"][0]["appeals"] == {"granted": 1} and told["takedowns"] == []
    assert Client().get("/transparency?by=day").status_code == 404


def test_lists_take_as_many_queries_however_long(django_assert_max_num_queries: object) -> None:
    staff, reporter = browser(make_user(admin=True)), make_user()
    for _number in range(12):
        reported("user", make_user().username, reporter)
    for address, most in (("/moderation", 8), (f"/moderation/{Case.objects.first().pk}", 14), ("/moderation/log", 6)):
        with django_assert_max_num_queries(most):  # type: ignore[operator]
            assert staff.get(address).status_code == 200


def test_many_are_dismissed_by_a_tick() -> None:
    staff, reporter = browser(make_user(admin=True)), make_user()
    cases = [reported("user", make_user().username, reporter) for _number in range(2)]
    staff.post("/moderation/dismiss", {"case": [cases[0].pk, cases[1].pk, "x"]})
    assert not Case.objects.unsettled().exists()


def test_the_record_is_searched_and_downloaded() -> None:
    staff, person = browser(make_user(admin=True)), make_user()
    reported("user", make_user().username, person)
    page = staff.get(f"/moderation/log?actor={person.username}&verb=report").content.decode()
    assert "report.make" in page and "user.create" not in page
    assert "report.make" not in staff.get("/moderation/log?since=2999-01-01").content.decode()
    lines = b"".join(staff.get("/moderation/log.csv?verb=report")).decode().splitlines()
    assert len(lines) == 2 and person.username in lines[1]
    last = AuditEvent.objects.order_by("-pk").values_list("pk", flat=True)[0]
    assert "report.make" not in staff.get(f"/moderation/log?verb=report&before={last}").content.decode()
    assert staff.get("/moderation/log?before=x").status_code == 404


def test_somebody_is_blocked_by_a_form_and_heard_from_again() -> None:
    ada, troll = make_user(), make_user()
    page = browser(ada)
    assert "/settings/blocked" in page.get(f"/{troll.username}").content.decode()
    assert page.post("/settings/blocked", {"name": "nobody-of-that-name"}).status_code == 404
    page.post("/settings/blocked", {"name": troll.username})
    assert Block.objects.get().blocked == troll
    assert troll.username in page.get("/settings/blocked").content.decode()
    page.post("/settings/blocked/remove", {"name": troll.username})
    assert not Block.objects.exists()


def test_the_suspended_read_and_appeal_and_do_nothing_else() -> None:
    moderator, person = make_user(admin=True), make_user()
    action = act(case=reported("user", person.username), moderator=moderator, kind="suspend", reason="Spam.")
    page = browser(person)
    assert "Spam." in page.get("/settings/standing").content.decode()
    assert page.get("/models").status_code == 200
    for address, form in (
        ("/organizations/new", {"name": "another-one"}),
        ("/settings/profile", {"language": "en", "bio": "Pills!"}),
        ("/settings/blocked", {"name": moderator.username}),
        (f"/report?kind=user&key={moderator.username}", {"ground": "spam"}),
        (f"/{moderator.username}/follow", {}),
    ):
        assert page.post(address, form).status_code != 302, address
    person.refresh_from_db()
    assert person.bio == "" and not person.memberships.exists() and not Block.objects.exists()
    assert page.post(f"/settings/standing/{action.pk}/appeal", {"text": "Sorry."}).status_code == 302


def test_a_suspended_administrator_administers_nothing() -> None:
    first, second = make_user(admin=True), make_user(admin=True)
    suspend_user(user=second, actor=first, reason="Gone mad.")
    page = browser(second)
    assert {page.get(address).status_code for address in ("/moderation", "/settings/invitations")} == {403}


def test_mails_tell_what_was_decided_and_why() -> None:
    moderator, person, reporter = make_user(admin=True), make_user(), make_user()
    repo = make_repo(person)
    act(case=reported("user", person.username, reporter), moderator=moderator, kind="warn", reason="No adverts.")
    act(case=reported("user", person.username, reporter), moderator=moderator, kind="suspend", reason="More adverts.")
    taken = reported("repository", name_of(repo), reporter)
    act(case=taken, moderator=moderator, kind="take_down", reason="It steals keys.")
    for activity in untold():
        tell(activity)
        send_for(activity, seconds=30)
    texts = {
        who: "\n".join(m.subject + m.body for m in mail.outbox if m.to == [who.email]) for who in (person, reporter)
    }
    for words in ("No adverts.", "More adverts.", "It steals keys.", repo.full_name, "/settings/standing"):
        assert words in texts[person]
    assert reporter.username not in texts[person] and moderator.username not in texts[person]
    assert repo.full_name in texts[reporter] and "No adverts." not in texts[reporter]


def test_reports_and_decisions_by_the_api() -> None:
    moderator, person, reporter = make_user(admin=True), make_user(), make_user()

    def call(user: User, method: str, path: str, body: object = None) -> Any:
        headers = {"Authorization": f"Bearer {make_token(user)}"}
        return getattr(Client(), method)(f"/api/v1/{path}", body, content_type="application/json", headers=headers)

    told = {"kind": "user", "name": person.username, "reason": "spam"}
    made = call(reporter, "post", "reports", told)
    assert made.status_code == 201 and made.json()["reason"] == "spam", made.content
    assert call(reporter, "post", "reports", told).status_code == 409
    assert call(reporter, "post", "reports", told | {"name": "a\0b"}).status_code in (400, 404)
    assert call(reporter, "get", "moderation/cases").status_code == 403
    (case,) = call(moderator, "get", "moderation/cases?state=open").json()["items"]
    assert (case["author"], case["reports"], case["claimed_by"]) == (person.username, 1, None)
    refused = call(moderator, "post", f"moderation/cases/{case['id']}/actions", {"kind": "hide", "reason": "No."})
    assert refused.status_code == 400
    done = call(moderator, "post", f"moderation/cases/{case['id']}/actions", {"kind": "warn", "reason": "Do not."})
    assert done.status_code == 201, done.content
    assert not Case.objects.unsettled().exists()
