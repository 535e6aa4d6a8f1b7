"""Sending what waits for webhooks: signed, several at once, again after a while where it does not arrive.

A message may come twice, and in another order than it was written: its id stays the same.
"""

import base64
import binascii
import hashlib
import hmac
import json
import random
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import timedelta

from django.core.cache import cache
from django.db import transaction
from django.db.models import F, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from hub.community.models import Webhook, WebhookDelivery
from hub.community.webhooks.giving_up import GAVE_UP, MAX_FAILURES, give_up_on
from hub.community.webhooks.messages import PING, without_hidden
from hub.core import outgoing
from hub.core.errors import HubError
from hub.core.text import UNSTORABLE
from hub.repos.permissions import readers_of

State = WebhookDelivery.State

# Seconds from one try to the next: eight tries in about a day. A fifth more or less, so that many do not come at once.
RETRIES = (10, 60, 300, 1800, 2 * 3600, 6 * 3600, 14 * 3600)
JITTER = 0.2
# Messages on their way at once, and of these to one webhook.
THREADS = 16
PER_WEBHOOK = 2
# For as long a message that is on its way is nobody else's; a task that died has it sent again after that.
LEASE = timedelta(minutes=3)
# What is kept of what was sent.
KEEP = timedelta(days=30)
KEEP_PER_WEBHOOK = 1000
MAX_ANSWER = 1000  # characters that are shown of an answer

_SENDING = "webhooks:sending"


@dataclass(frozen=True)
class Message:
    """One try, ready to go: no database is needed any more."""

    url: str
    body: bytes
    headers: dict[str, str]


@dataclass(frozen=True)
class Outcome:
    """What came of a try. status: None where no answer came; final: another try would change nothing."""

    status: int | None
    answer: str
    took: int
    final: bool = False

    @property
    def arrived(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def send_due(seconds: float) -> int:
    """Send what is due, and what becomes due meanwhile; begin nothing after `seconds`. Returns how many tries were made.

    One task at a time does it, so that slow receivers hold up nothing else of the hub's worker.
    """
    if not cache.add(_SENDING, True, timeout=LEASE.total_seconds()):
        return 0
    try:
        return _send_due(seconds)
    finally:
        cache.delete(_SENDING)


def _send_due(seconds: float) -> int:
    end = time.monotonic() + seconds
    made = 0
    on_their_way: dict[Future[Outcome], WebhookDelivery] = {}
    with ThreadPoolExecutor(THREADS) as threads:
        while True:
            if time.monotonic() < end and len(on_their_way) < THREADS:
                for delivery, message in _claim(THREADS - len(on_their_way), list(on_their_way.values())):
                    on_their_way[threads.submit(attempt, message)] = delivery
                    made += 1
            if not on_their_way:
                return made
            done, _pending = wait(on_their_way, return_when=FIRST_COMPLETED)
            for future in done:
                note_outcome(on_their_way.pop(future), future.result())


def _claim(room: int, busy: list[WebhookDelivery]) -> list[tuple[WebhookDelivery, Message]]:
    """Take messages that are due, a few of each webhook, and return those that may still be sent."""
    rank = Window(RowNumber(), partition_by=F("webhook"), order_by=("next_try_at", "created_at"))
    full = [hook for hook in {row.webhook_id for row in busy} if _of(busy, hook) >= PER_WEBHOOK]
    due = WebhookDelivery.objects.due().filter(webhook__disabled_at=None).exclude(webhook__in=full)
    first = due.annotate(rank=rank).filter(rank__lte=PER_WEBHOOK).order_by("next_try_at").values_list("pk", flat=True)
    with transaction.atomic():
        rows = list(
            WebhookDelivery.objects.due()
            .filter(pk__in=list(first[:room]))
            .select_for_update(skip_locked=True, of=("self",))
            .select_related("webhook", "repository__namespace")
        )
        WebhookDelivery.objects.filter(pk__in=[row.pk for row in rows]).update(next_try_at=timezone.now() + LEASE)
    without_hidden(row.payload for row in rows)
    ready = []
    for row in rows:
        if refusal := _refusal(row):
            note_outcome(row, Outcome(None, refusal, 0, final=True), counts=False)
        else:
            ready.append((row, message_of(row)))
    return ready


def _of(rows: list[WebhookDelivery], webhook_id: int) -> int:
    return sum(row.webhook_id == webhook_id for row in rows)


def _refusal(delivery: WebhookDelivery) -> str:
    """Say why a message is not sent any more, "" where it may be: whoever answers for the webhook may have lost sight of what
    it tells of. That a repository was deleted is told to whoever saw it then."""
    repo = delivery.repository
    if repo is None:
        deleted = (delivery.scope, delivery.action) == ("repo", "delete")
        return "" if deleted or delivery.scope == PING else "The repository has been deleted."
    maker = delivery.webhook.created_by_id
    if maker is None or not readers_of(repo).filter(pk=maker).exists():
        return "Whoever answers for this webhook may not see the repository any more."
    return ""


def message_of(delivery: WebhookDelivery) -> Message:
    """Return a try as it goes out now: JSON, signed by the convention of Standard Webhooks."""
    webhook = delivery.webhook
    body = json.dumps(delivery.payload, ensure_ascii=False, separators=(",", ":")).encode()
    moment = str(int(time.time()))
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Grove-Webhooks/1",
        "webhook-id": str(delivery.key),
        "webhook-timestamp": moment,
        "webhook-signature": sign(webhook.signing_secret, str(delivery.key), moment, body),
    }
    if webhook.secret:
        headers["X-Webhook-Secret"] = webhook.secret
    return Message(webhook.url, body, headers)


def sign(secret: str, key: str, moment: str, body: bytes) -> str:
    """Return the signature `v1,…` of a message by the secret `whsec_…`."""
    try:
        raw = base64.b64decode(secret.removeprefix("whsec_"))
    except binascii.Error as error:
        raise ValueError("The secret is not one of Standard Webhooks.") from error
    digest = hmac.new(raw, f"{key}.{moment}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def attempt(message: Message) -> Outcome:
    """Send one message and say what came of it. No database is used: this runs in threads."""
    start = time.monotonic()
    try:
        answer = outgoing.post(message.url, message.body, message.headers)
    except HubError as error:
        final = isinstance(error, (outgoing.PrivateAddress, outgoing.BadUrl))
        return Outcome(None, _short(error.message), _milliseconds(start), final)
    return Outcome(answer.status, _short(answer.content.decode(errors="replace")), _milliseconds(start))


def _milliseconds(start: float) -> int:
    return int((time.monotonic() - start) * 1000)


def _short(text: str) -> str:
    return UNSTORABLE.sub("", text)[:MAX_ANSWER]


@transaction.atomic
def note_outcome(delivery: WebhookDelivery, outcome: Outcome, *, counts: bool = True) -> None:
    """Write down what came of a try, and when the next one is. counts: whether a failure is the receiver's."""
    webhook = Webhook.objects.select_for_update(of=("self",)).select_related("namespace", "created_by").filter(
        pk=delivery.webhook_id
    ).first()  # fmt: skip
    if webhook is None:
        return
    tries = delivery.tries + (1 if counts else 0)
    waits = not outcome.arrived and not outcome.final and tries <= len(RETRIES)
    changed: dict[str, object] = {
        "tries": tries,
        "status": outcome.status,
        "answer": outcome.answer,
        "took": outcome.took,
        "state": State.ARRIVED if outcome.arrived else State.WAITING if waits else State.GIVEN_UP,
    }
    if waits:
        changed["next_try_at"] = timezone.now() + _pause(tries)
    noted = WebhookDelivery.objects.filter(pk=delivery.pk, state=State.WAITING).update(**changed)
    if not noted or waits:
        return
    if outcome.arrived:
        if webhook.failures:
            Webhook.objects.filter(pk=webhook.pk).update(failures=0)
    elif counts:
        webhook.failures += 1
        webhook.save(update_fields=["failures"])
        if webhook.failures >= MAX_FAILURES:
            give_up_on(webhook, GAVE_UP)


def _pause(tries: int) -> timedelta:
    spread = random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - it keeps no secret
    return timedelta(seconds=RETRIES[tries - 1] * spread)


def prune() -> int:
    """Forget what was sent long ago, and beyond the newest KEEP_PER_WEBHOOK of each webhook; returns how many."""
    done = WebhookDelivery.objects.exclude(state=State.WAITING)
    old, _by_table = done.filter(created_at__lt=timezone.now() - KEEP).delete()
    rank = Window(RowNumber(), partition_by=F("webhook"), order_by=F("created_at").desc())
    beyond = done.annotate(rank=rank).filter(rank__gt=KEEP_PER_WEBHOOK).values_list("pk", flat=True)
    many, _by_table = WebhookDelivery.objects.filter(pk__in=list(beyond[:10_000])).delete()
    return old + many
