"""Tools and applications: what they are given, for how long, and how it ends."""

from datetime import timedelta

import pytest
from django.utils import timezone

from hub.accounts import applications, sign_in
from hub.accounts.errors import ApplicationNotFound, CodeNotFound, IdentityOnly
from hub.accounts.models import AccessToken, Application, DeviceRequest, RefreshToken, Right, SignIn, User
from hub.accounts.services import create_token, user_of_token
from hub.core.errors import Conflict, Invalid, TooMany
from tests.factories import make_user

pytestmark = pytest.mark.django_db

URI = "https://space.example.org/callback"


def make_application(owner: User | None = None, **changes: object) -> Application:
    wanted = {
        "name": "Space",
        "homepage": "",
        "redirect_uris": [URI],
        "rights": ["profile", "write-repos"],
        "confidential": True,
    }
    return applications.register_application(owner=owner or make_user(), **(wanted | changes))[0]  # type: ignore[arg-type]


def ask(rights: list[str] | None = None) -> DeviceRequest:
    tool = applications.find_application("26be6b09-91c5-47da-9861-d2d2bb7a7e36")
    assert tool is not None
    return sign_in.ask_by_device(
        application=tool,
        rights=rights or [Right.READ, Right.WRITE],
        device_code=f"device {DeviceRequest.objects.count()}",
        agent="hf",
        address="203.0.113.5",
    )


def open_for(user: User, rights: list[str]) -> tuple[SignIn, sign_in.Issued]:
    opened = sign_in.open_sign_in(
        user=user, application=make_application(), rights=rights, agent="test", address="203.0.113.5"
    )
    issued = sign_in.Issued(sign_in.new_access_secret(), sign_in.new_refresh_secret(), 3600)
    sign_in.issue_tokens(sign_in=opened, rights=rights, issued=issued)
    return opened, issued


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": " "}, "name"),
        ({"redirect_uris": []}, "redirect_uris"),
        ({"redirect_uris": ["javascript:alert(1)"]}, "redirect_uris"),
        ({"redirect_uris": ["https://*.example.org/"]}, "redirect_uris"),
        ({"redirect_uris": ["https://a.example.org/#x"]}, "redirect_uris"),
        ({"redirect_uris": ["https://me@a.example.org/"]}, "redirect_uris"),
        ({"redirect_uris": ["https://a.example.org/ x"]}, "redirect_uris"),
        ({"redirect_uris": ["//a.example.org/"]}, "redirect_uris"),
        ({"redirect_uris": ["https://a.example.org:99999/"]}, "redirect_uris"),
        ({"redirect_uris": [URI] * 11}, "redirect_uris"),
        ({"rights": ["root"]}, "rights"),
    ],
)
def test_an_application_that_cannot_be_registered(change: dict[str, object], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        make_application(**change)
    assert refused.value.field == field


def test_an_application_is_its_owners_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    ada = make_user()
    made = make_application(ada)
    assert made.rights == ["openid", "profile", "write-repos"]
    assert applications.get_application_for_owner(ada, made.client_id) == made
    with pytest.raises(ApplicationNotFound):
        applications.get_application_for_owner(make_user(), made.client_id)
    monkeypatch.setattr(applications, "MAX_APPLICATIONS", 1)
    with pytest.raises(Conflict):
        make_application(ada)


def test_the_tools_own_id_works_without_registration_and_can_be_turned_off(settings: object) -> None:
    client_id = "26be6b09-91c5-47da-9861-d2d2bb7a7e36"
    tool = applications.find_application(client_id)
    assert tool is not None and tool.owner is None and applications.find_application(client_id) == tool
    settings.TOOL_CLIENT_ID = ""  # type: ignore[attr-defined]
    assert applications.find_application(client_id) is None
    assert applications.find_application("") is None
    assert applications.find_application("\0") is None


def test_a_code_is_found_however_it_is_typed_until_it_is_decided() -> None:
    ada, asked = make_user(), ask()
    typed = f" {asked.user_code[:4].lower()} {asked.user_code[4:].lower()} "
    assert sign_in.find_device_request(user=ada, code=typed) == asked
    approved = sign_in.approve_device(user=ada, code=asked.shown_code, rights=[Right.READ, Right.PROFILE])
    assert approved.rights == [Right.READ] and approved.user == ada
    with pytest.raises(CodeNotFound):
        sign_in.deny_device(user=make_user(), code=asked.shown_code)
    late = ask()
    DeviceRequest.objects.filter(pk=late.pk).update(expires_at=timezone.now())
    with pytest.raises(CodeNotFound):
        sign_in.find_device_request(user=ada, code=late.user_code)


def test_guessing_codes_ends_soon_even_for_a_right_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_in, "GUESSES", 3)
    eve, asked = make_user(), ask()
    for _guess in range(3):
        with pytest.raises(CodeNotFound):
            sign_in.find_device_request(user=eve, code="BBBB-BBBB")
        assert sign_in.find_device_request(user=eve, code=asked.user_code) == asked
    for code in ("BBBB-BBBB", asked.user_code):
        with pytest.raises(TooMany):
            sign_in.find_device_request(user=eve, code=code)
    assert sign_in.find_device_request(user=make_user(), code=asked.user_code) == asked


def test_a_tool_that_asks_too_soon_waits_longer() -> None:
    ask()
    first = sign_in.poll_device(device_code="device 0")
    second = sign_in.poll_device(device_code="device 0")
    third = sign_in.poll_device(device_code="device 0")
    assert first and second and third
    assert (first.asked_too_soon, second.asked_too_soon) == (False, True)
    assert (first.interval, second.interval, third.interval) == (5, 5, 10)
    assert sign_in.poll_device(device_code="another") is None


def test_one_address_does_not_fill_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_in, "ASKS", 2)
    ask(), ask()
    with pytest.raises(TooMany):
        ask()


@pytest.mark.parametrize(
    ("rights", "scope"),
    [(["openid", "profile"], "identity"), (["openid", "read-repos"], "read"), (["write-repos"], "write")],
)
def test_rights_become_the_scope_of_the_token(rights: list[str], scope: str) -> None:
    ada = make_user()
    _opened, issued = open_for(ada, rights)
    assert AccessToken.objects.get().scope == scope
    if scope == "identity":
        with pytest.raises(IdentityOnly):
            user_of_token(issued.access)
    else:
        found = user_of_token(issued.access)
        assert found == ada and found.acting_token is not None
        assert found.acting_token.may_write == (scope == "write")


def test_nobody_makes_a_token_by_hand_that_only_says_who_they_are() -> None:
    with pytest.raises(Invalid):
        create_token(user=make_user(), name="x", scope="identity")


def test_a_refresh_token_is_good_once() -> None:
    ada = make_user()
    opened, issued = open_for(ada, ["read-repos"])
    other = make_application()
    assert sign_in.use_refresh_token(secret=issued.refresh, application=other) is None
    assert sign_in.use_refresh_token(secret=issued.refresh, application=opened.application) is not None
    renewed = sign_in.Issued(sign_in.new_access_secret(), sign_in.new_refresh_secret(), 3600)
    sign_in.issue_tokens(sign_in=opened, rights=["read-repos"], issued=renewed)
    # The answer may have been lost: at once, it is given again, and what was lost is good no more.
    assert sign_in.use_refresh_token(secret=issued.refresh, application=opened.application) is not None
    assert user_of_token(issued.access) == user_of_token(renewed.access) == ada
    RefreshToken.objects.update(used_at=timezone.now() - timedelta(minutes=5))
    assert sign_in.use_refresh_token(secret=renewed.refresh, application=opened.application) is None
    opened.refresh_from_db()
    assert opened.ended_at is not None
    assert user_of_token(issued.access) is None and user_of_token(renewed.access) is None


def test_a_refresh_token_that_was_stolen_ends_the_sign_in() -> None:
    opened, stolen = open_for(make_user(), ["read-repos"])
    for _renewal in range(2):
        latest = sign_in.Issued(sign_in.new_access_secret(), sign_in.new_refresh_secret(), 3600)
        spent = RefreshToken.objects.filter(used_at=None).first()
        assert spent is not None
        RefreshToken.objects.filter(pk=spent.pk).update(used_at=timezone.now())
        sign_in.issue_tokens(sign_in=opened, rights=["read-repos"], issued=latest)
    # Within the time that a lost answer is forgiven, but its successor was used.
    assert sign_in.use_refresh_token(secret=stolen.refresh, application=opened.application) is None
    assert user_of_token(latest.access) is None
    assert sign_in.use_refresh_token(secret=latest.refresh, application=opened.application) is None


def test_people_see_what_is_signed_in_and_end_it() -> None:
    ada, eve = make_user(), make_user()
    opened, issued = open_for(ada, ["read-repos"])
    assert list(sign_in.sign_ins_of(ada)) == [opened] and not sign_in.sign_ins_of(eve)
    sign_in.end_sign_in(user=eve, sign_in_id=opened.pk)
    assert user_of_token(issued.access) == ada
    seen = sign_in.sign_ins_of(ada).get()
    assert seen.last_used_at is not None
    sign_in.end_sign_in(user=ada, sign_in_id=opened.pk)
    sign_in.end_sign_in(user=ada, sign_in_id=opened.pk)
    assert user_of_token(issued.access) is None and not sign_in.sign_ins_of(ada)


def test_consent_adds_up_and_ends_with_what_came_of_it() -> None:
    ada = make_user()
    opened, issued = open_for(ada, ["read-repos"])
    applications.give_consent(user=ada, application=opened.application, rights=["openid"])
    applications.give_consent(user=ada, application=opened.application, rights=["read-repos"])
    assert applications.has_consent(ada, opened.application, ["openid", "read-repos"])
    assert not applications.has_consent(ada, opened.application, ["openid", "write-repos"])
    applications.withdraw_consent(user=make_user(), application_id=opened.application.pk)
    assert user_of_token(issued.access) == ada
    applications.withdraw_consent(user=ada, application_id=opened.application.pk)
    assert not applications.has_consent(ada, opened.application, ["openid"])
    assert user_of_token(issued.access) is None


def test_what_is_long_over_is_forgotten() -> None:
    ask()
    open_for(make_user(), ["read-repos"])
    kept = create_token(user=make_user(), name="by hand", scope="read")[0]
    assert sign_in.prune() == 0
    long_ago = timezone.now() - timedelta(days=8)
    for table in (DeviceRequest, RefreshToken, AccessToken):
        table.objects.update(expires_at=long_ago)
    assert sign_in.prune() == 3
    assert list(AccessToken.objects.all()) == [kept]
