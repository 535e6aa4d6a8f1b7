"""What webhooks are told and how it is sent: to a real receiver on this machine, signatures checked by another's code."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone
from huggingface_hub import WebhookPayload
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from hub.accounts.models import User
from hub.accounts.organizations import remove_member
from hub.community.discussions.pull_requests import open_pull_request
from hub.community.discussions.services import (
    edit_comment,
    open_discussion,
    post_comment,
    rename_discussion,
    take_comment_away,
)
from hub.community.errors import DeliveryNotReplayable, TooManyWebhooks, WebhookDisabled
from hub.community.models import Activity, ActivityKind, Domain, Webhook, WebhookDelivery
from hub.community.webhooks import giving_up
from hub.community.webhooks import sending as webhook_sending
from hub.community.webhooks import services as webhooks
from hub.community.webhooks.announcing import announce, announce_refs
from hub.community.webhooks.permissions import may_see_content
from hub.community.webhooks.services import Watched
from hub.core.errors import HubError, Invalid
from hub.core.outgoing import BadUrl, PrivateAddress, addresses_of, may_reach, parse, post
from hub.repos.models import Repository, Visibility
from hub.repos.services import create_branch, delete_repo, move_repo, set_visibility
from tests.factories import make_organization, make_repo, make_user

pytestmark = pytest.mark.django_db
State = WebhookDelivery.State


@dataclass
class Receiver:
    """Somebody else's server: keeps what comes, and answers as it is told."""

    url: str
    came: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)  # the next statuses; 200 when there are no more

    @property
    def payloads(self) -> list[WebhookPayload]:
        return [WebhookPayload.model_validate_json(body) for _headers, body in self.came]

    @property
    def events(self) -> list[str]:
        return [f"{payload.event.scope} {payload.event.action}" for payload in self.payloads]


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            there.came.append(({name.lower(): value for name, value in self.headers.items()}, content))
            status = there.answers.pop(0) if there.answers else 200
            self.send_response(status)
            if status == 302:
                self.send_header("Location", f"{there.url}elsewhere")
            self.end_headers()
            self.wfile.write(f"answer {status}".encode())

        def log_message(self, *_args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        there = Receiver(f"http://127.0.0.1:{server.server_address[1]}/hook?x=1")
        threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
        settings.WEBHOOK_ALLOW = ["127.0.0.0/8"]
        yield there
        server.shutdown()


@pytest.fixture
def owner() -> User:
    return make_user("nora")


@pytest.fixture
def repo(owner: User) -> Repository:
    return make_repo(owner, name="tiny")


@pytest.fixture
def hook(owner: User, repo: Repository, receiver: Receiver) -> Webhook:
    return webhooks.create_webhook(
        namespace=owner.namespace,
        actor=owner,
        url=receiver.url,
        watched=[Watched("user", "nora"), Watched("model", "nora/tiny")],
        secret="open-sesame",
    )


def send() -> int:
    return webhook_sending.send_due(20)


def later() -> None:
    """It is a day later, as far as the next tries are concerned."""
    WebhookDelivery.objects.filter(state=State.WAITING).update(next_try_at=timezone.now())


# --- what is told -------------------------------------------------------------------------------------------------------


def test_what_happens_to_a_repository_is_told_as_the_client_reads_it(
    hook: Webhook, owner: User, repo: Repository, receiver: Receiver
) -> None:
    asker = make_user("ask-er")
    thread = open_discussion(repo=repo, actor=asker, title="Why?", text="Tell me.")
    said = post_comment(discussion=thread, actor=owner, text="Because.")
    edit_comment(comment=said, actor=owner, text="Because of that.")
    rename_discussion(discussion=thread, actor=owner, title="Why so?")
    pull = open_pull_request(repo=repo, actor=owner, title="Better", description="Much.")
    create_branch(repo=repo, actor=owner, name="side")
    create_branch(repo=repo, actor=owner, name="other")
    move_repo(repo=repo, actor=owner, namespace=owner.namespace, name="small")
    made = make_repo(owner, name="fresh", kind="dataset")
    while send():
        pass
    delete_repo(repo=made, actor=owner)
    send()
    payloads = {(p.event.scope, p.event.action, p.repo.name): p for p in receiver.payloads}
    opened = next(p for p in receiver.payloads if p.event.scope == "discussion" and p.event.action == "create")
    assert opened.discussion is not None
    assert (opened.discussion.num, opened.discussion.title, opened.discussion.status) == (1, "Why?", "open")
    assert opened.discussion.author.id == str(asker.pk) and opened.repo.owner.id == str(owner.pk)
    assert opened.webhook.id == hook.key and opened.repo.url.web.endswith("/nora/tiny")
    proposed = next(p for p in receiver.payloads if p.discussion and p.discussion.num == pull.discussion.number)
    assert proposed.discussion is not None and proposed.discussion.isPullRequest
    assert proposed.discussion.changes is not None and proposed.discussion.changes.base == "refs/heads/main"
    edited = payloads["discussion.comment", "update", "nora/tiny"]
    assert edited.comment is not None and edited.comment.content == "Because of that." and not edited.comment.hidden
    assert payloads["discussion", "update", "nora/tiny"].discussion.title == "Why so?"  # type: ignore[union-attr]
    # Refs of one transaction, as this test is, are told together.
    refs = payloads["repo.content", "update", "nora/tiny"].updatedRefs
    assert [ref.ref for ref in refs or []] == ["refs/pr/2", "refs/heads/side", "refs/heads/other"]
    moved = payloads["repo", "move", "nora/tiny"].movedTo
    assert moved is not None and (moved.name, moved.owner.id) == ("nora/small", str(owner.pk))
    assert ("repo.config", "update", "nora/small") in payloads
    assert {("repo", "create", "nora/fresh"), ("repo", "delete", "nora/fresh")} <= payloads.keys()


def test_signed_by_standard_webhooks_and_by_the_secret(hook: Webhook, owner: User, receiver: Receiver) -> None:
    webhooks.ping(webhook=hook, actor=owner)
    assert send() == 1 and receiver.events == ["ping create"]
    headers, body = receiver.came[0]
    assert headers["x-webhook-secret"] == "open-sesame" and headers["content-type"] == "application/json"
    assert Verifier(hook.signing_secret).verify(body.decode(), headers) == json.loads(body)
    renewed = webhooks.renew_signing_secret(webhook=hook, actor=owner)
    with pytest.raises(WebhookVerificationError):
        Verifier(renewed.signing_secret).verify(body.decode(), headers)
    with pytest.raises(WebhookVerificationError):
        Verifier(hook.signing_secret).verify(body.decode() + " ", headers)


def test_only_the_domains_and_things_that_it_watches(owner: User, repo: Repository, receiver: Receiver) -> None:
    webhooks.create_webhook(
        namespace=owner.namespace,
        actor=owner,
        url=receiver.url,
        watched=[Watched("model", "nora/tiny")],
        domains=[Domain.DISCUSSION],
    )
    make_repo(owner, name="other")
    create_branch(repo=repo, actor=owner, name="side")
    assert not WebhookDelivery.objects.exists()
    open_discussion(repo=repo, actor=owner, title="Why?", text="Tell me.")
    assert WebhookDelivery.objects.count() == 2


def test_a_transaction_that_is_taken_back_tells_nothing(hook: Webhook, owner: User) -> None:
    before = WebhookDelivery.objects.count()
    with pytest.raises(HubError):
        make_repo(owner, name="tiny")
    assert WebhookDelivery.objects.count() == before


def test_nothing_is_told_of_what_its_maker_may_not_see(receiver: Receiver) -> None:
    cache.clear()
    admin, member, stranger = make_user(), make_user(), make_user()
    group = make_organization(admin, read=member)
    repo = make_repo(admin, organization=group)
    name = group.namespace.name
    for user in (member, stranger):
        webhooks.create_webhook(namespace=user.namespace, actor=user, url=receiver.url, watched=[Watched("org", name)])
    set_visibility(repo=repo, actor=admin, visibility=Visibility.PRIVATE)
    create_branch(repo=repo, actor=admin, name="secret")
    assert not WebhookDelivery.objects.filter(webhook__created_by=stranger).exists()
    assert WebhookDelivery.objects.filter(webhook__created_by=member).count() == 2
    remove_member(organization=group, actor=admin, user=member)
    assert send() == 0 and not receiver.came
    assert set(WebhookDelivery.objects.values_list("state", flat=True)) == {State.GIVEN_UP}
    with pytest.raises(Invalid):
        webhooks.create_webhook(
            namespace=stranger.namespace, actor=stranger, url=receiver.url, watched=[Watched("model", repo.full_name)]
        )
    with pytest.raises(DeliveryNotReplayable):
        webhooks.replay(delivery=WebhookDelivery.objects.first(), actor=member)  # type: ignore[arg-type]


def test_another_administrator_learns_of_no_private_repository_that_was_deleted(
    owner: User, repo: Repository, receiver: Receiver
) -> None:
    other = make_user()
    group = make_organization(owner, admin=other)
    set_visibility(repo=repo, actor=owner, visibility=Visibility.PRIVATE)
    shared = webhooks.create_webhook(
        namespace=group.namespace, actor=owner, url=receiver.url, watched=[Watched("model", "nora/tiny")]
    )
    receiver.answers = [500]
    delete_repo(repo=repo, actor=owner)
    assert send() == 1
    waiting = WebhookDelivery.objects.get(webhook=shared, scope="repo", action="delete", state=State.WAITING)
    assert not may_see_content(other, waiting)
    webhooks.update_webhook(webhook=shared, actor=other, url=f"{receiver.url}&mine=1")
    later()
    assert send() == 0 and not may_see_content(other, waiting)


def test_what_was_taken_away_before_it_is_sent_is_not_sent(
    hook: Webhook, owner: User, repo: Repository, receiver: Receiver
) -> None:
    thread = open_discussion(repo=repo, actor=owner, title="Why?", text="Tell me.")
    said = post_comment(discussion=thread, actor=make_user(), text="Buy my things!")
    take_comment_away(comment=said, actor=owner)
    send()
    assert receiver.came and not any(b"Buy" in body for _headers, body in receiver.came)


def test_watching_costs_one_query_where_nobody_does(
    owner: User, repo: Repository, django_assert_num_queries: Callable[..., Any]
) -> None:
    with django_assert_num_queries(1):
        announce(repo, domain=Domain.REPO, scope="repo", action="update")
    with django_assert_num_queries(1):
        announce_refs(repo, "refs/heads/x", None, "0" * 40)


# --- sending ------------------------------------------------------------------------------------------------------------


def test_it_is_tried_again_until_it_arrives(hook: Webhook, owner: User, receiver: Receiver) -> None:
    receiver.answers = [500, 302]
    delivery = webhooks.ping(webhook=hook, actor=owner)
    for status in (500, 302, 200):
        assert send() == 1
        delivery.refresh_from_db()
        assert (delivery.status, delivery.answer) == (status, f"answer {status}")
        assert send() == 0, "Not before its time."
        later()
    assert delivery.state == State.ARRIVED and delivery.tries == 3
    assert len({headers["webhook-id"] for headers, _body in receiver.came}) == 1, "The id stays."
    assert len(receiver.came) == 3, "A redirect is not followed."
    again = webhooks.replay(delivery=delivery, actor=owner)
    assert send() == 1 and receiver.came[-1][1] == receiver.came[0][1]
    assert again.replay_of == delivery and receiver.came[-1][0]["webhook-id"] == str(again.key)


def test_a_receiver_that_fails_for_days_is_switched_off_and_its_owner_told(hook: Webhook, owner: User) -> None:
    Webhook.objects.filter(pk=hook.pk).update(url="http://127.0.0.1:9/")
    for number in range(giving_up.MAX_FAILURES):
        assert not Activity.objects.filter(kind=ActivityKind.WEBHOOK_DISABLED).exists(), number
        cache.clear()
        delivery = webhooks.ping(webhook=hook, actor=owner)
        WebhookDelivery.objects.filter(pk=delivery.pk).update(tries=len(webhook_sending.RETRIES) - 1)
        assert send() == 1
        later()
        assert send() == 1
        delivery.refresh_from_db()
        assert delivery.state == State.GIVEN_UP and "connection" in delivery.answer.lower()
    hook.refresh_from_db()
    assert hook.disabled_at is not None and hook.disabled_reason == giving_up.GAVE_UP
    told = Activity.objects.get(kind=ActivityKind.WEBHOOK_DISABLED)
    assert (told.data["to"], told.data["webhook"]) == (owner.pk, hook.key)
    with pytest.raises(WebhookDisabled):
        webhooks.ping(webhook=hook, actor=owner)
    hook = webhooks.enable_webhook(webhook=hook, actor=owner)
    assert (hook.failures, hook.disabled_reason) == (0, "")


def test_a_full_queue_switches_it_off(hook: Webhook, owner: User, repo: Repository) -> None:
    waiting = [WebhookDelivery(webhook=hook, scope="ping", action="create", payload={}) for _ in range(1000)]
    WebhookDelivery.objects.bulk_create(waiting)
    create_branch(repo=repo, actor=owner, name="side")
    assert hook.deliveries.count() == 1000
    giving_up.give_up_on_full()
    hook.refresh_from_db()
    assert hook.disabled_reason == giving_up.PILED_UP
    assert not hook.deliveries.filter(state=State.WAITING).exists()


def test_a_message_on_its_way_is_nobody_elses_and_old_ones_go(hook: Webhook, owner: User) -> None:
    webhooks.ping(webhook=hook, actor=owner)
    assert len(webhook_sending._claim(5, [])) == 1
    assert webhook_sending._claim(5, []) == []
    WebhookDelivery.objects.update(state=State.ARRIVED, created_at=timezone.now() - timedelta(days=31))
    assert webhook_sending.prune() == 1


# --- where to -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    """127.0.0.1 10.1.2.3 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0 224.0.0.1 240.0.0.1 255.255.255.255
    192.0.0.192 168.63.129.16 ::1 :: fe80::1 fd00:ec2::254 ff02::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::7f00:1 2002:7f00:1::
    64:ff9b::a00:1 64:ff9b:1::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:db8::1 fec0::1 fe80::1%eth0""".split(),
)
def test_addresses_that_are_not_everybodys(address: str) -> None:
    assert not may_reach(address)


def test_addresses_that_are(settings: Any) -> None:
    assert all(map(may_reach, ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]))
    settings.WEBHOOK_ALLOW = ["10.0.0.0/24", "fd00::/8"]
    assert all(map(may_reach, ["10.0.0.7", "::ffff:10.0.0.7", "fd00::7"])) and not may_reach("10.0.1.7")


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:1/", "http://localhost/", "http://2130706433/", "http://0x7f.1/", "http://[::ffff:127.0.0.1]/"],
)
def test_names_of_this_machine_are_refused_when_a_message_goes_out(url: str) -> None:
    with pytest.raises(PrivateAddress, match="GROVE_WEBHOOK_ALLOW"):
        addresses_of(parse(url))


@pytest.mark.parametrize(
    "url",
    """ftp://a.org file:///etc/passwd http:// http://u:p@a.org/ http://a.org:99999/ http://[::1 http://a.org/\x7f
    javascript:alert(1) //a.org/ http://a..org/ http://ä.org/""".split(),
)
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(BadUrl):
        parse(url)


def test_a_refused_address_is_not_asked_and_the_log_says_why(
    hook: Webhook, owner: User, receiver: Receiver, settings: Any
) -> None:
    settings.WEBHOOK_ALLOW = []
    delivery = webhooks.ping(webhook=hook, actor=owner)
    send()
    delivery.refresh_from_db()
    assert delivery.state == State.GIVEN_UP and "GROVE_WEBHOOK_ALLOW" in delivery.answer and not receiver.came


def test_a_receiver_that_answers_drop_by_drop_keeps_nobody(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from hub.core import outgoing

    class Dripping(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            try:
                while not stop.wait(0.05):
                    self.wfile.write(b"H")
            except OSError:
                pass

        def log_message(self, *_args: Any) -> None:
            pass

    stop = threading.Event()
    settings.WEBHOOK_ALLOW = ["127.0.0.1/32"]
    monkeypatch.setattr(outgoing, "TOTAL_SECONDS", 1)
    with ThreadingHTTPServer(("127.0.0.1", 0), Dripping) as server:
        threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
        with pytest.raises(outgoing.NoAnswer):
            post(f"http://127.0.0.1:{server.server_address[1]}/", b"{}", {})
        stop.set()
        server.shutdown()


# --- limits -------------------------------------------------------------------------------------------------------------


def test_limits_are_stated(hook: Webhook, owner: User, receiver: Receiver) -> None:
    def change(**given: Any) -> str:
        with pytest.raises(Invalid) as caught:
            webhooks.update_webhook(webhook=hook, actor=owner, **given)
        return caught.value.field

    assert change(url="gopher://x") == change(url="http://a.org/" + "x" * 600) == "url"
    assert change(secret="with blanks") == change(secret="x" * 201) == "secret"
    assert change(domains=[]) == change(domains=["all"]) == "domains"
    assert change(watched=[]) == change(watched=[Watched("user", "nobody-here")]) == "watched"
    assert change(watched=[Watched("model", f"a/{n}") for n in range(101)]) == "watched"
    for _ in range(webhooks.MAX_WEBHOOKS - 1):
        webhooks.create_webhook(
            namespace=owner.namespace, actor=owner, url=receiver.url, watched=[Watched("user", "nora")]
        )
    with pytest.raises(TooManyWebhooks):
        webhooks.create_webhook(
            namespace=owner.namespace, actor=owner, url=receiver.url, watched=[Watched("user", "nora")]
        )
