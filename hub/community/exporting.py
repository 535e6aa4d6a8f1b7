"""All that the hub keeps of one person, for that person: a ZIP of JSON, one line for each thing. `README.md` in it tells what
is where.

What is said in repositories that they may not read any more is theirs; the names of those repositories are not, and are null.
"""

import json
import zipfile
from collections.abc import Callable, Iterable
from typing import IO, Any

from allauth.account.models import EmailAddress
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Exists, F, OuterRef, QuerySet
from django.utils import timezone

from hub.accounts.models import User
from hub.community.models import (
    AnswerVote,
    Attachment,
    Collection,
    CollectionItem,
    CollectionUpvote,
    CommentEdit,
    Discussion,
    DiscussionEvent,
    EventKind,
    Reaction,
    Review,
    ReviewEdit,
    ReviewVote,
    Subscription,
    Webhook,
)
from hub.core.models import AuditEvent, record
from hub.core.throttles import check_rate
from hub.repos.models import Repository, Use

EXPORTS = 5  # of one person in a day
DAY = 86_400  # seconds
CHUNK = 500  # rows in memory

README = """\
# Your data

Made for {name} at {at}. Each file `*.jsonl` has one JSON object in a line; times are UTC, in ISO 8601.

| File | What it holds |
|---|---|
| profile.json | your account: names, texts, settings |
| emails.jsonl | your e-mail addresses, and whether they are confirmed |
| tokens.jsonl | your access tokens: names, scopes, times. No secrets: the hub does not keep them |
| tools.jsonl | tools and applications that were signed in as you |
| consents.jsonl, applications.jsonl | applications that you let in, and those that you registered |
| browsers.jsonl | browsers in which you are logged in |
| memberships.jsonl | organizations and your role in them |
| repositories.jsonl | repositories in your namespace, and those of others that you created. Fetch their content by git |
| uses.jsonl | which versions you downloaded or ran, with the first times |
| discussions.jsonl | discussions that you began: their titles |
| comments.jsonl, comment_edits.jsonl | what you wrote in discussions, and what it said before |
| reviews.jsonl, review_edits.jsonl | your reviews, and what they said before |
| replies.jsonl | what you replied to reviews |
| reactions.jsonl, votes.jsonl | your reactions to comments, your votes for answers and for reviews |
| likes.jsonl, follows.jsonl, blocks.jsonl | what you like and follow, and whom you blocked |
| collections.jsonl, collection_items.jsonl, upvotes.jsonl | your collections, what is in them, and others that you found good |
| notifications.json, subscriptions.jsonl | how you are told, and what you watch or muted |
| webhooks.jsonl | webhooks that you made. No secrets |
| uploads/, uploads.jsonl | pictures that you sent |
| record.jsonl | what you did that the hub keeps a record of |

`repository` is null where you may not read it any more. Evaluations that you started stand on the pages of their models.
"""


def write_export(*, user: User, file: IO[bytes]) -> None:
    """Write the ZIP of a person's data into `file`. Raises TooMany. Memory is bounded, whatever they have written."""
    check_rate("export", user.pk, limit=EXPORTS, seconds=DAY)
    record(actor=user, verb="user.export", target=user.username)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.md", README.format(name=user.username, at=timezone.now().isoformat()))
        archive.writestr("profile.json", _dump(_profile(user)))
        archive.writestr("notifications.json", _dump(_notifications(user)))
        for name, rows in _tables(user).items():
            with archive.open(f"{name}.jsonl", "w") as member:
                for row in rows:
                    member.write(_dump(row) + b"\n")
        for picture in Attachment.objects.filter(owner=user).iterator(chunk_size=1):
            kind = picture.content_type.rpartition("/")[2]
            archive.writestr(f"uploads/{picture.key}.{kind}", bytes(picture.content))


def _dump(value: Any) -> bytes:
    return json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _profile(user: User) -> dict[str, Any]:
    fields = ("username", "display_name", "email", "bio", "website", "language", "second_factor", "date_joined")
    standing = ("last_login", "suspended_at", "suspended_until", "suspension_reason")
    return {name: getattr(user, name) for name in (*fields, *standing)}


def _notifications(user: User) -> dict[str, Any]:
    settings = getattr(user, "notification_settings", None)
    names = ("direct", "mentioned", "participating", "watching", "watch_own")
    return {name: getattr(settings, name) for name in names} if settings else {}


def _tables(user: User) -> dict[str, Iterable[dict[str, Any]]]:
    """Return the rows of each file. Nothing is read before they are iterated."""
    readable = Repository.objects.visible_to(user)

    def of_repositories(rows: QuerySet[Any], path: str, *fields: str, **more: Any) -> Iterable[dict[str, Any]]:
        shown = rows.annotate(
            _readable=Exists(readable.filter(pk=OuterRef(path))),
            _owner=F(f"{path}__namespace__name"),
            _name=F(f"{path}__name"),
            _kind=F(f"{path}__kind"),
            **more,
        )
        for row in shown.order_by("pk").values(*fields, *more, "_readable", "_owner", "_name", "_kind").iterator(CHUNK):
            known, owner, name, kind = (row.pop(key) for key in ("_readable", "_owner", "_name", "_kind"))
            yield {"repository": f"{kind} {owner}/{name}" if known else None, **row}

    comments = DiscussionEvent.objects.filter(author=user, kind=EventKind.COMMENT)
    reviews = Review.objects.filter(author=user)
    created = Repository.objects.filter(created_by=user) | Repository.objects.filter(namespace__user=user)
    here = "discussion__repository"
    said = ("tag", "commit", "stars", "quality", "documentation", "ease", "safety", "speed", "use_case", "hardware")
    return {
        "emails": _plain(EmailAddress.objects.filter(user=user), "email", "verified", "primary"),
        "tokens": _plain(
            user.access_tokens, "name", "scope", "hint", "created_at", "last_used_at", "expires_at", "revoked_at"
        ),
        "tools": _plain(user.sign_ins, "application__name", "rights", "agent", "address", "created_at", "ended_at"),
        "consents": _plain(user.consents, "application__name", "rights", "given_at"),
        "applications": _plain(
            user.applications, "name", "client_id", "homepage", "redirect_uris", "rights", "created_at"
        ),
        "browsers": _plain(user.browser_sessions, "agent", "network", "created_at", "seen_at"),
        "memberships": _plain(user.memberships, "organization__namespace__name", "role", "joined_at"),
        "repositories": _plain(
            created.filter(pk__in=readable.values("pk")).distinct(),
            *("kind", "namespace__name", "name", "visibility", "created_at", "updated_at"),
        ),
        "uses": of_repositories(Use.objects.filter(user=user), "repository", "commit", "downloaded_at", "ran_at"),
        "discussions": of_repositories(
            Discussion.objects.filter(author=user), "repository", "number", "title", "status", "created_at"
        ),
        "comments": of_repositories(
            comments, here, "id", "discussion__number", "created_at", "text", "is_opening", "hidden_at"
        ),
        "comment_edits": _plain(CommentEdit.objects.filter(comment__in=comments), "comment", "text", "at"),
        "reviews": of_repositories(reviews, "repository", "id", *said, "text", "created_at", "edited_at", "hidden_at"),
        "review_edits": _plain(ReviewEdit.objects.filter(review__in=reviews), "review", "said", "at"),
        "replies": of_repositories(Review.objects.filter(replied_by=user), "repository", "reply", "replied_at"),
        "reactions": of_repositories(
            Reaction.objects.filter(user=user), f"comment__{here}", "comment__discussion__number", "comment", "emoji"
        ),
        "votes": _votes(user, of_repositories),
        "likes": of_repositories(user.likes.all(), "repository", "created_at"),
        "follows": of_repositories(user.follows.all(), "repository", "created_at", account=F("namespace__name")),
        "blocks": _plain(user.blocks, "blocked__username", "created_at"),
        "collections": _plain(
            Collection.objects.filter(namespace__user=user), "key", "title", "description", "is_private", "created_at"
        ),
        "collection_items": of_repositories(
            CollectionItem.objects.filter(collection__namespace__user=user),
            "repository",
            "collection__key",
            "note",
            "position",
            "added_at",
        ),
        "upvotes": _plain(
            CollectionUpvote.objects.filter(user=user, collection__in=Collection.objects.visible_to(user)),
            *("collection__key", "collection__title"),
        ),
        "subscriptions": of_repositories(
            Subscription.objects.filter(user=user), "repository", "level", discussion_number=F("discussion__number")
        ),
        "webhooks": _plain(Webhook.objects.filter(created_by=user), "key", "url", "domains", "created_at"),
        "uploads": _plain(Attachment.objects.filter(owner=user), "key", "content_type", "created_at"),
        "record": _plain(AuditEvent.objects.filter(actor=user), "at", "verb", "data"),
    }


def _plain(rows: Any, *fields: str) -> Iterable[dict[str, Any]]:
    yield from rows.order_by("pk").values(*fields).iterator(CHUNK)


def _votes(user: User, of_repositories: Callable[..., Iterable[dict[str, Any]]]) -> Iterable[dict[str, Any]]:
    answers = AnswerVote.objects.filter(user=user)
    yield from of_repositories(answers, "comment__discussion__repository", "comment__discussion__number", "comment")
    yield from of_repositories(ReviewVote.objects.filter(user=user), "review__repository", "review")
