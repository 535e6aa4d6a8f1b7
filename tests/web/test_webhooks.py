"""The pages of webhooks, of people and organizations."""

import re

import pytest
from django.test import Client

from hub.accounts.models import User
from hub.community.models import Webhook, WebhookDelivery
from hub.community.webhooks import sending as webhook_sending
from hub.community.webhooks import services as webhooks
from hub.community.webhooks.services import Watched
from hub.repos.models import Repository, Visibility
from hub.repos.services import create_branch
from tests.community.test_webhooks import Receiver, receiver  # noqa: F401 - a fixture
from tests.factories import make_organization, make_repo, make_token, make_user
from tests.web.conftest import browser_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def repo(member: User) -> Repository:
    return make_repo(member, name="tiny", visibility=Visibility.PRIVATE)


def make(browser: Client, url: str, watched: str, place: str = "/settings/webhooks") -> Webhook:
    form = {"url": url, "watched": watched, "domains": ["repo"], "secret": "open-sesame"}
    answer = browser.post(f"{place}/new", form)
    assert answer.status_code == 302, answer.content.decode()
    return Webhook.objects.get(key=answer["Location"].rpartition("/")[2])


def test_make_try_read_and_send_again(
    browser: Client,
    member: User,
    repo: Repository,
    receiver: Receiver,  # noqa: F811
) -> None:
    hook = make(browser, receiver.url, f"{member.username}\n{repo.full_name}\n")
    place = f"/settings/webhooks/{hook.key}"
    browser.post(f"{place}/ping")
    create_branch(repo=repo, actor=member, name="side")
    assert webhook_sending.send_due(10) == 2 and set(receiver.events) == {"ping create", "repo.content update"}
    shown = browser.get(place).content.decode()
    assert hook.signing_secret in shown and "open-sesame" in shown and shown.count("arrived") >= 2
    told = WebhookDelivery.objects.get(scope="repo.content")
    text = browser.get(f"{place}/deliveries/{told.key}").content.decode()
    assert "refs/heads/side" in text and str(told.key) in text and "answer 200" in text
    assert browser.post(f"{place}/deliveries/{told.key}/replay").status_code == 302
    assert webhook_sending.send_due(10) == 1 and receiver.events[-1] == "repo.content update"
    assert receiver.url.replace("&", "&amp;") in browser.get("/settings/webhooks").content.decode()


def test_change_switch_and_delete(browser: Client, member: User, repo: Repository) -> None:
    hook = make(browser, "https://example.org/a", repo.full_name)
    place = f"/settings/webhooks/{hook.key}"
    assert repo.full_name in browser.get(f"{place}/edit").content.decode()
    form = {"url": "https://example.org/b", "watched": member.username, "domains": ["discussion"], "secret": ""}
    assert browser.post(f"{place}/edit", form)["Location"] == place
    kept = Webhook.objects.get(pk=hook.pk)
    assert (kept.url, kept.domains, kept.secret) == ("https://example.org/b", ["discussion"], "")
    assert kept.signing_secret == hook.signing_secret
    browser.post(f"{place}/secret")
    browser.post(f"{place}/disable")
    changed = Webhook.objects.get(pk=hook.pk)
    assert changed.signing_secret != hook.signing_secret and changed.disabled_at
    assert "switched off" in browser.post(f"{place}/ping", follow=True).content.decode()
    browser.post(f"{place}/enable")
    assert Webhook.objects.get(pk=hook.pk).disabled_at is None
    assert browser.post(f"{place}/delete")["Location"] == "/settings/webhooks"
    assert not Webhook.objects.exists()
    refused = browser.post("/settings/webhooks/new", {"url": "ftp://x", "watched": "no/such", "domains": ["repo"]})
    assert refused.status_code == 200 and re.search(r'class="err', refused.content.decode())


def test_of_an_organization_by_its_administrators_alone(member: User, browser: Client) -> None:
    boss, writer = make_user("boss"), make_user("writer")
    group = make_organization(boss, write=writer)
    place = f"/organizations/{group.namespace.name}/webhooks"
    hook = make(browser_of(boss), "https://example.org/a", group.namespace.name, place)
    assert "https://example.org/a" in browser_of(boss).get(place).content.decode()
    for other in (browser, browser_of(writer)):
        assert other.get(place).status_code == 403
        for below in ("", "/edit"):
            assert other.get(f"/settings/webhooks/{hook.key}{below}").status_code == 404
        for act in ("ping", "disable", "secret", "delete"):
            assert other.post(f"/settings/webhooks/{hook.key}/{act}").status_code == 404
    assert Webhook.objects.filter(pk=hook.pk, disabled_at=None).exists()


def test_who_lost_access_reads_nothing_of_what_was_told(member: User, browser: Client) -> None:
    boss = make_user("boss")
    group = make_organization(boss, admin=member)
    repo = make_repo(boss, name="secret-plan", visibility=Visibility.PRIVATE)
    hook = webhooks.create_webhook(
        namespace=group.namespace, actor=boss, url="https://example.org/", watched=[Watched("model", repo.full_name)]
    )
    create_branch(repo=repo, actor=boss, name="hidden-branch")
    told = WebhookDelivery.objects.get()
    for place in ("", "/edit", f"/deliveries/{told.key}"):
        text = browser.get(f"/settings/webhooks/{hook.key}{place}").content.decode()
        assert "secret-plan" not in text and "hidden-branch" not in text
    browser.post(f"/settings/webhooks/{hook.key}/deliveries/{told.key}/replay")
    assert WebhookDelivery.objects.count() == 1


def test_a_token_that_only_reads_gets_no_secret(member: User, browser: Client) -> None:
    make(browser, "https://example.org/a", member.username)
    for scope, shown in (("write", "open-sesame"), ("read", None)):
        answer = Client().get(
            "/api/settings/webhooks", headers={"Authorization": f"Bearer {make_token(member, scope)}"}
        )
        assert [hook.get("secret") for hook in answer.json()] == [shown]
