"""Whom an activity reaches and whom it does not; mails, daily mails, and links that stop them."""

import re
import socketserver
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.db import transaction
from django.utils import timezone

from hub.accounts.joining import request_to_join
from hub.accounts.models import Role, User
from hub.accounts.organizations import add_member, remove_member, set_role
from hub.community.activities import note
from hub.community.discussions.services import open_discussion, take_comment_away
from hub.community.errors import UnsubscribeLinkInvalid
from hub.community.models import (
    Activity,
    ActivityKind,
    Block,
    Discussion,
    DiscussionEvent,
    EventKind,
    Notification,
    NotificationSettings,
    Reason,
    Subscription,
)
from hub.community.moderating import set_review_hidden
from hub.community.notifications import mails
from hub.community.notifications import telling as notifications
from hub.community.notifications.subscriptions import set_deliveries, stop_mail, subscribe
from hub.community.reviews.services import post_review
from hub.repos.models import Repository, Visibility
from hub.repos.permissions import readers_of
from hub.repos.services import set_visibility
from tests.factories import make_organization, make_repo, make_user

pytestmark = pytest.mark.django_db
Delivery = NotificationSettings.Delivery
Mail = Notification.Mail


@pytest.fixture
def owner() -> User:
    return make_user("nora")


@pytest.fixture
def repo(owner: User) -> Repository:
    return make_repo(owner, name="tiny")


@pytest.fixture
def asker() -> User:
    return make_user("ask-er")


@pytest.fixture
def thread(repo: Repository, asker: User) -> Discussion:
    return open_discussion(repo=repo, actor=asker, title="Which tokenizer?", text="The card does not say.")


def comment(thread: Discussion, actor: User, text: str = "It is the old one.") -> Activity:
    """Say something, by rows: what notices it is tested here, not who writes it down."""
    event = DiscussionEvent.objects.create(discussion=thread, kind=EventKind.COMMENT, author=actor, text=text)
    return note(ActivityKind.COMMENT, actor=actor, discussion=thread, event=event)


def told(activity: Activity) -> dict[str, str]:
    notifications.tell(activity.pk)
    rows = Notification.objects.filter(activity=activity).select_related("user")
    return {row.user.username: row.reason for row in rows}


def choose(user: User, **deliveries: str) -> None:
    set_deliveries(user=user, watch_own=True, **deliveries)


# --- whom ---------------------------------------------------------------------------------------------------------------


def test_each_is_told_once_for_the_best_reason(thread: Discussion, owner: User, repo: Repository) -> None:
    mentioned, watcher, stranger = make_user("mia"), make_user("wen"), make_user()
    subscribe(user=watcher, repository=repo, level="watching")
    subscribe(user=mentioned, discussion=thread, level="watching")
    said = comment(thread, stranger, f"@{mentioned.username} knows, and @{stranger.username} does not.")
    assert told(said) == {
        "mia": Reason.MENTIONED,
        "ask-er": Reason.PARTICIPATING,
        "nora": Reason.WATCHING,
        "wen": Reason.WATCHING,
    }
    assert notifications.tell(said.pk) == [], "Nobody is told twice."


def test_nobody_hears_of_what_they_did_muted_blocked_or_switched_off(
    thread: Discussion, owner: User, asker: User, repo: Repository
) -> None:
    speaker, quiet, away, deaf = make_user(), make_user(), make_user(), make_user()
    for user in (quiet, away, deaf):
        subscribe(user=user, repository=repo, level="watching")
    subscribe(user=asker, discussion=thread, level="muted")
    Block.objects.create(blocker=quiet, blocked=speaker)
    User.objects.filter(pk=away.pk).update(is_active=False)
    choose(deaf, watching=Delivery.OFF)
    subscribe(user=owner, repository=repo, level="muted")
    mention = f"@{asker.username} @{owner.username} @{quiet.username}"
    assert told(comment(thread, speaker, mention)) == {}
    # What is said of the thread counts more than what is said of the repository.
    subscribe(user=owner, discussion=thread, level="watching")
    assert told(comment(thread, speaker)) == {"nora": Reason.WATCHING}


def test_members_who_may_write_watch_what_is_theirs_unless_they_do_not_want_to() -> None:
    admin, writer, reader, tired = make_user("ad"), make_user("wri"), make_user("rea"), make_user("tir")
    group = make_organization(admin, write=writer, read=reader)
    add_member(organization=group, actor=admin, user=tired, role=Role.WRITE)
    set_deliveries(user=tired, watch_own=False)
    repo = make_repo(admin, organization=group)
    asker = make_user()
    opened = open_discussion(repo=repo, actor=asker, title="Hello", text="Is it free?")
    activity = Activity.objects.filter(discussion=opened).first() or note(
        ActivityKind.DISCUSSION, actor=asker, discussion=opened, event=opened.events.get()
    )
    assert told(activity) == {"ad": Reason.WATCHING, "wri": Reason.WATCHING}


def test_what_is_meant_for_somebody_reaches_them_alone(owner: User, asker: User) -> None:
    admin = make_user("boss")
    group = make_organization(admin)
    followed = note(ActivityKind.FOLLOW, actor=asker, namespace=owner.namespace)
    assert told(followed) == {"nora": Reason.DIRECT}
    invited = note(ActivityKind.INVITATION, actor=admin, namespace=group.namespace, to=asker, invitation=1)
    assert told(invited) == {"ask-er": Reason.DIRECT}
    asked = note(ActivityKind.JOIN_REQUEST, actor=asker, namespace=group.namespace)
    assert told(asked) == {"boss": Reason.DIRECT}
    warned = note(ActivityKind.MODERATION, actor=None, to=owner, action="warn", reason="Be kind.", target="x", path="/")
    assert told(warned) == {"nora": Reason.DIRECT}


def test_who_may_read_is_asked_when_told_shown_and_mailed() -> None:
    admin, member, outsider = make_user(), make_user("mem"), make_user("out")
    group = make_organization(admin, read=member)
    repo = make_repo(admin, organization=group, visibility=Visibility.PRIVATE)
    for user in (member, outsider):
        subscribe(user=user, repository=repo, level="watching")
        choose(user, watching=Delivery.MAIL)
    opened = open_discussion(repo=repo, actor=admin, title="Secret plan", text="Tell nobody.")
    said = comment(opened, admin)
    assert told(said) == {"mem": Reason.WATCHING}
    assert notifications.unread_count(member) >= 1
    remove_member(organization=group, actor=admin, user=member)
    assert notifications.unread_count(member) == 0
    assert mails.send_for(said.pk, seconds=5) == 0 and not mail.outbox
    assert Notification.objects.get(activity=said, user=member).mail == Mail.NONE


@pytest.mark.parametrize("visibility", [Visibility.PUBLIC, Visibility.PRIVATE])
def test_readers_of_a_repository_are_those_who_see_it(visibility: Visibility) -> None:
    admin, member, weak, stranger = make_user(), make_user(), make_user(), make_user()
    group = make_organization(admin, read=member, write=weak)
    User.objects.filter(pk__in=[admin.pk, member.pk]).update(second_factor=True)
    type(group).objects.filter(pk=group.pk).update(requires_mfa=True)
    for repo in (make_repo(admin, organization=group), make_repo(stranger)):
        set_visibility(repo=repo, actor=admin, visibility=visibility)
        people = User.objects.filter(pk__in=[admin.pk, member.pk, weak.pk, stranger.pk])
        seeing = {user.pk for user in people if Repository.objects.visible_to(user).filter(pk=repo.pk).exists()}
        assert set(readers_of(repo).filter(pk__in=people).values_list("pk", flat=True)) == seeing
        Repository.objects.filter(pk=repo.pk).update(taken_down_at=timezone.now())
        repo.refresh_from_db()
        assert not readers_of(repo).exists()


@pytest.mark.parametrize("count", [1, 300])
def test_many_watchers_take_as_many_queries_as_one(
    thread: Discussion, repo: Repository, count: int, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    names = [f"watcher{number}" for number in range(count)]
    people = User.objects.bulk_create(User(username=name, email=f"{name}@example.org") for name in names)
    Subscription.objects.bulk_create(Subscription(user=user, repository=repo, level="watching") for user in people)
    said = comment(thread, make_user())
    with django_assert_max_num_queries(14):
        assert len(notifications.tell(said.pk)) == count + 2


def test_a_crash_while_telling_leaves_it_to_the_next(thread: Discussion) -> None:
    said = comment(thread, make_user())
    with pytest.raises(KeyboardInterrupt), transaction.atomic():
        assert len(notifications.tell(said.pk)) == 2
        raise KeyboardInterrupt
    assert not Notification.objects.filter(activity=said).exists()
    assert said.pk in notifications.untold()
    assert set(told(said)) == {"ask-er", "nora"}
    assert said.pk not in notifications.untold()


# --- reading ------------------------------------------------------------------------------------------------------------


def test_reading_and_forgetting(thread: Discussion, asker: User, owner: User) -> None:
    first, second = comment(thread, owner), comment(thread, owner)
    for activity in (first, second):
        notifications.tell(activity.pk)
    assert notifications.unread_count(asker) == 2
    newest = asker.notifications.latest("pk")
    notifications.mark_read(owner, [newest.pk])
    assert notifications.unread_count(asker) == 2, "Nobody reads for others."
    moment = notifications.mark_read(asker, [newest.pk])
    assert notifications.unread_count(asker) == 1
    assert notifications.mark_unread(owner, moment) == 0
    assert notifications.mark_unread(asker, moment) == 1
    notifications.mark_all_read(asker, up_to=newest.pk - 1)
    assert notifications.unread_count(asker) == 1
    assert notifications.mark_thread_read(asker, thread) == 1
    assert notifications.unread_count(asker) == 0
    asker.notifications.update(read_at=timezone.now() - notifications.KEEP_READ - timedelta(days=1))
    assert notifications.prune() == 2


# --- mails --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "You get this mail because you were mentioned."), ("zh-hans", "你收到这封邮件")],
)
def test_a_mail_is_in_their_language_threads_and_is_sent_once(
    thread: Discussion, repo: Repository, language: str, said: str
) -> None:
    mia = make_user("mia")
    User.objects.filter(pk=mia.pk).update(language=language)
    activity = comment(thread, make_user("bea"), f"@mia, see the card. {'long ' * 1000}")
    notifications.tell(activity.pk)
    assert mails.send_for(activity.pk, seconds=5) == 1
    assert mails.send_for(activity.pk, seconds=5) == 0 and mails.send_waiting(seconds=5) == 0
    (sent,) = mail.outbox
    assert sent.to == ["mia@example.org"]
    assert sent.subject == f"[{repo.full_name}] Which tokenizer? (#1)"
    assert said in sent.body and "see the card" in sent.body and len(sent.body) < 3000
    assert f"{repo.get_absolute_url()}/discussions/1" in sent.body
    headers = sent.message()
    assert headers["In-Reply-To"] == headers["References"] == f"<discussion-{thread.pk}@127.0.0.1>"
    assert headers["Message-ID"] != headers["References"]
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert headers["List-Unsubscribe"].strip("<>") in sent.body


def test_nothing_is_mailed_that_was_read_taken_away_or_is_not_wanted_any_more(thread: Discussion, owner: User) -> None:
    people = {name: make_user(name) for name in ("read", "off-now", "asleep")}
    names = " ".join(f"@{name}" for name in people)
    said = comment(thread, owner, names)
    notifications.tell(said.pk)
    notifications.mark_thread_read(people["read"], thread)
    stop_mail(user=people["off-now"], reasons=[Reason.MENTIONED], what=Delivery.MAIL)
    User.objects.filter(username="asleep").update(suspended_at=timezone.now())
    hidden = comment(thread, owner, "@free")
    make_user("free")
    notifications.tell(hidden.pk)
    assert hidden.event is not None
    take_comment_away(comment=hidden.event, actor=owner)
    assert mails.send_for(said.pk, seconds=5) == mails.send_for(hidden.pk, seconds=5) == 0
    assert not mail.outbox and not Notification.objects.filter(mail=Mail.NOW).exists()


def test_a_review_that_moderators_have_hidden_since_is_not_mailed_nor_listed(owner: User, repo: Repository) -> None:
    choose(owner, watching=Delivery.MAIL)
    review = post_review(repo=repo, author=make_user(), stars=1, text="Buy my pills.")
    written = Activity.objects.get(kind=ActivityKind.REVIEW)
    notifications.tell(written.pk)
    assert notifications.unread_count(owner) == 1
    set_review_hidden(review=review, actor=make_user(admin=True), hidden=True)
    assert notifications.unread_count(owner) == 0
    assert mails.send_for(written.pk, seconds=5) == 0 and not mail.outbox


def test_who_asks_to_join_is_told_to_nobody_who_administers_no_more() -> None:
    first, second = make_user(), make_user()
    group = make_organization(first, admin=second)
    request = request_to_join(organization=group, user=make_user("eager"), text="")
    asked = Activity.objects.get(kind=ActivityKind.JOIN_REQUEST)
    notifications.tell(asked.pk)
    assert notifications.unread_count(first) == notifications.unread_count(second) == 1
    set_role(organization=group, actor=second, user=first, role=Role.READ)
    assert notifications.unread_count(first) == 0 and notifications.unread_count(second) == 1
    assert mails.send_for(asked.pk, seconds=5) == 1
    assert [sent.to for sent in mail.outbox] == [[second.email]] and request.user.username in mail.outbox[0].body


class _Refusing(socketserver.StreamRequestHandler):
    """A mail server that is there and takes nothing."""

    def handle(self) -> None:
        self.wfile.write(b"421 Come back later\r\n")


def test_a_mail_server_that_is_away_loses_nothing(thread: Discussion, owner: User, settings: Any) -> None:
    make_user("mia")
    said = comment(thread, owner, "@mia")
    notifications.tell(said.pk)
    kept = settings.EMAIL_BACKEND
    with socketserver.TCPServer(("127.0.0.1", 0), _Refusing) as server:
        threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.server_address[1]
        assert mails.send_for(said.pk, seconds=5) == 0
        server.shutdown()
    assert mails.send_for(said.pk, seconds=5) == 0, "Nobody listens there any more."
    settings.EMAIL_BACKEND = kept
    Notification.objects.update(created_at=timezone.now() - timedelta(minutes=5))
    assert mails.send_waiting(seconds=5) == 1 and len(mail.outbox) == 1


def test_a_daily_mail_comes_once_a_day_by_repository(thread: Discussion, asker: User, owner: User) -> None:
    User.objects.filter(pk=asker.pk).update(language="en")
    asker.refresh_from_db()
    other = open_discussion(repo=make_repo(owner, name="other"), actor=asker, title="And this?", text="Why?")
    yesterday = timezone.now() - timedelta(days=1)
    for place, text in ((thread, "First."), (other, "Second."), (thread, "Third.")):
        notifications.tell(comment(place, owner, text).pk)
    assert mails.send_digests(seconds=5) == 0, "What is new today comes tomorrow."
    asker.notifications.update(created_at=yesterday - timedelta(hours=1))
    assert mails.send_digests(seconds=5) == 1
    (sent,) = mail.outbox
    assert sent.subject == "3 pieces of news on Grove"
    assert sent.body.index("nora/tiny") < sent.body.index("nora/other")
    assert sent.body.count("Which tokenizer?") == 2 and sent.body.count("And this?") == 1
    late = comment(thread, owner, "Fourth.")
    notifications.tell(late.pk)
    asker.notifications.update(created_at=yesterday - timedelta(hours=1))
    assert mails.send_digests(seconds=5) == 0, "One a day."
    NotificationSettings.objects.filter(user=asker).update(digested_at=yesterday)
    notifications.mark_thread_read(asker, thread)
    assert mails.send_digests(seconds=5) == 0, "All of it has been read."
    assert len(mail.outbox) == 1 and not Notification.objects.filter(user=asker, mail=Mail.DIGEST).exists()


def unsubscribe_link(sent: EmailMessage) -> mails.Link:
    found = re.search(r"/unsubscribe/(\S+)>", str(sent.message()["List-Unsubscribe"]))
    assert found is not None
    return mails.open_link(found[1])


def test_a_link_in_the_mail_stops_mails_of_its_sort_or_mutes_the_thread(thread: Discussion, owner: User) -> None:
    mia = make_user("mia")
    said = comment(thread, owner, "@mia")
    notifications.tell(said.pk)
    mails.send_for(said.pk, seconds=5)
    link = unsubscribe_link(mail.outbox[0])
    assert (link.user, link.reason, link.discussion) == (mia, Reason.MENTIONED, thread)
    mails.stop(link)
    mails.stop(link)
    chosen = NotificationSettings.objects.get(user=mia)
    assert (chosen.mentioned, chosen.direct) == (Delivery.SITE, Delivery.MAIL)
    mails.mute(link)
    assert told(comment(thread, owner, "@mia")) == {"ask-er": Reason.PARTICIPATING}
    with pytest.raises(UnsubscribeLinkInvalid):
        mails.open_link("eyJ1IjoxfQ:abc:def")
