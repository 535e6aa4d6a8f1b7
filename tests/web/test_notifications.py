"""The pages of notifications: the list, what people do with it, settings, links of mails, and the language of their mail."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from hub.accounts.models import User
from hub.community.models import Discussion, Notification, NotificationSettings, Subscription
from hub.community.notifications import mails
from hub.community.notifications import telling as notifications
from hub.repos.models import Repository
from tests.community.test_notifications import asker, comment, owner, repo, thread  # noqa: F401 - fixtures
from tests.factories import make_user
from tests.web.conftest import browser_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def mia() -> User:
    return make_user("mia")


@pytest.fixture
def browser(mia: User) -> Client:
    return browser_of(mia)


def tell(thread: Discussion, count: int = 1) -> list[int]:  # noqa: F811
    for number in range(count):
        notifications.tell(comment(thread, thread.repository.created_by, f"@mia {number}").pk)  # type: ignore[arg-type]
    return list(Notification.objects.filter(user__username="mia").order_by("pk").values_list("pk", flat=True))


def page(browser: Client, query: str = "") -> str:
    answer = browser.get(f"/notifications{query}")
    assert answer.status_code == 200
    return answer.content.decode()


def test_list_filters_and_marks(browser: Client, mia: User, thread: Discussion, repo: Repository) -> None:  # noqa: F811
    assert "Nothing unread" in page(browser)
    first, second = tell(thread, 2)
    text = page(browser)
    # Comments on one thread make one line, which leads to the first of them and is marked as a whole.
    assert text.count('class="notice notice-new"') == 1 and "2 unread notifications" in text
    assert f'value="{second},{first}"' in text and f'href="/notifications/{first}"' in text
    assert page(browser, "?reason=mentioned").count('<li class="notice') == 1
    assert page(browser, "?reason=watching").count('<li class="notice') == 0
    assert page(browser, f"?repository={repo.pk}").count('<li class="notice') == 1
    assert page(browser, "?repository=0").count('<li class="notice') == 1, "What is not there filters nothing."
    # One, and taken back.
    answer = browser.post("/notifications/mark", {"only": first, "next": "?reason=mentioned"})
    assert answer["Location"].startswith("/notifications?reason=mentioned&undo=")
    undo = re.search(r'name="undo" value="([^"]+)"', browser.get(answer["Location"]).content.decode())
    assert undo and notifications.unread_count(mia) == 1
    browser.post("/notifications/mark", {"undo": undo[1]})
    assert notifications.unread_count(mia) == 2
    browser.post("/notifications/mark", {"only": first})
    assert page(browser, "?show=all").count('<li class="notice') == 2, "What is read stands apart from what is not."
    browser.post("/notifications/mark", {"ids": [f"{second},{first}", "x", "9" * 30]})
    assert notifications.unread_count(mia) == 0
    third = tell(thread)[-1]
    browser.post("/notifications/mark", {"do": "all", "up_to": second})
    assert notifications.unread_count(mia) == 1, "What came after the page was shown stays."
    answer = browser.get(f"/notifications/{third}")
    assert answer["Location"].startswith(thread.get_absolute_url()) and notifications.unread_count(mia) == 0
    assert browser_of(make_user()).get(f"/notifications/{third}").status_code == 404
    tell(thread)
    browser.get(thread.get_absolute_url())
    assert notifications.unread_count(mia) == 0, "They have read the thread."


def test_pages_of_the_list_cost_the_same(
    browser: Client,
    thread: Discussion,  # noqa: F811
    django_assert_num_queries: Callable[..., Any],
) -> None:
    tell(thread, 2)
    # Session, user, the list, what it tells of, the number at the top.
    with django_assert_num_queries(5):
        page(browser)
    newest = tell(thread, 62)[-1]
    with django_assert_num_queries(5):
        text = page(browser)
    older = re.search(r'href="(\?before=\d+)"', text)
    assert older and text.count('<li class="notice') == 1 and f'value="{newest},' in text
    assert "wrote <bdi>4</bdi> comments in" in page(browser, older[1])


def test_watch_and_mute(browser: Client, mia: User, thread: Discussion, repo: Repository) -> None:  # noqa: F811
    name = {"kind": "model", "name": repo.full_name}
    assert browser.post("/notifications/watch", {**name, "level": "watching"})["Location"] == repo.get_absolute_url()
    assert "Watching" in browser.get(repo.get_absolute_url()).content.decode()
    browser.post("/notifications/watch", {**name, "number": 1, "level": "muted"})
    levels = Subscription.objects.filter(user=mia).order_by("pk").values_list("level", flat=True)
    assert list(levels) == ["watching", "muted"]
    assert "Muted" in browser.get(thread.get_absolute_url()).content.decode()
    settings = browser.get("/settings/notifications").content.decode()
    assert thread.title in settings and repo.full_name in settings
    for each in Subscription.objects.filter(user=mia):
        browser.post(f"/settings/notifications/{each.pk}/remove")
    assert not Subscription.objects.filter(user=mia).exists()
    (one,) = tell(thread)
    browser.post(f"/notifications/{one}/mute", {"what": "thread"})
    assert Subscription.objects.get(user=mia).discussion == thread
    assert browser.post("/notifications/watch", {**name, "level": "loudly"}).status_code == 400
    for wrong in ({"name": "no/such"}, {"kind": "x"}, {"name": "a\0/b"}, {"number": "9"}):
        assert browser.post("/notifications/watch", {**name, "level": "muted", **wrong}).status_code == 404


def test_settings_are_kept(browser: Client, mia: User) -> None:
    chosen = {"direct": "site", "mentioned": "off", "participating": "mail", "watching": "digest"}
    assert browser.post("/settings/notifications", chosen).status_code == 302
    kept = NotificationSettings.objects.get(user=mia)
    assert {reason: getattr(kept, reason) for reason in chosen} == chosen and not kept.watch_own
    assert browser.post("/settings/notifications", {**chosen, "direct": "pigeon"}).status_code == 200


def test_one_click_in_the_mail_stops_it_without_signing_in(mia: User, thread: Discussion) -> None:  # noqa: F811
    (told,) = tell(thread)
    mails.send_for(Notification.objects.get(pk=told).activity_id, seconds=5)
    found = re.search(r"http://[^/]+(/unsubscribe/\S+)", mail.outbox[0].body)
    assert found is not None
    stranger = Client(enforce_csrf_checks=True)
    assert "Stop these mails" in stranger.get(found[1]).content.decode()
    assert not NotificationSettings.objects.filter(user=mia, mentioned="site").exists(), "Scanners open links."
    answer = stranger.post(found[1], "List-Unsubscribe=One-Click", content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 200
    assert NotificationSettings.objects.get(user=mia).mentioned == "site"
    stranger.post(found[1], {"stop": "thread"})
    assert Subscription.objects.get(user=mia).level == "muted"
    assert stranger.get(found[1][:-3]).status_code == 404


def test_the_language_that_they_read_is_that_of_their_mail(browser: Client, mia: User) -> None:
    browser.post("/preferences", {"language": "zh-hans"})
    mia.refresh_from_db()
    assert mia.language == "zh-hans"
    browser.post("/preferences", {"language": "xx"})
    mia.refresh_from_db()
    assert mia.language == "zh-hans"
    form = {"username": "lin", "email": "lin@example.org", "password1": "correct horse battery"}
    Client(headers={"Accept-Language": "zh-CN"}).post("/signup", form)
    assert User.objects.get(username="lin").language == "zh-hans"
