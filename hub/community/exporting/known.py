"""What of a person the community and the apps below it keep: repositories and jobs here, accounts in `accounts.py`."""

from functools import partial

from django.db.models import F, OuterRef, Q, Subquery

from hub.accounts.models import User
from hub.community.exporting.accounts import account_tables
from hub.community.exporting.tables import Part, Table, of_repositories, plain
from hub.community.models import (
    Activity,
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
from hub.community.models.review import AXES
from hub.jobs.models import Job
from hub.repos.models import LargeFileLock, LargeUpload, RefUpdate, Release, Repository, Use
from hub.repos.models.git import GitCommit

_UNUSED = "Groups and permissions of the framework: the hub does not use them."
_PASSING = (
    "What is in the middle of happening, such as a sign-in or an upload that has not ended: it is forgotten within minutes, "
    "at most a week, and says nothing but that it happens."
)
_OFFICE = (
    "What you decided about others, such as whose request was accepted and whose text was hidden: it is about them. "
    "That you decided is in record.jsonl."
)
_LEFT_OUT = {
    "accounts.User_groups.user": _UNUSED,
    "accounts.User_user_permissions.user": _UNUSED,
    "accounts.AuthorizationCode.user": _PASSING,
    "accounts.DeviceRequest.user": _PASSING,
    "repos.BlobClaim.user": _PASSING,
    "repos.CommitReceipt.user": _PASSING,
    "repos.XorbGrant.user": _PASSING,
    "repos.AccessRequest.decided_by": _OFFICE,
    "community.DiscussionEvent.hidden_by": _OFFICE,
    "community.Review.hidden_by": _OFFICE,
    "community.Block.blocked": "Who has blocked you: that is theirs to know.",
}


def known_part(user: User) -> Part:
    """Return what the community, and the apps below it, export of a person."""
    return Part([*account_tables(user), *_repositories(user), *_said(user), *_collected(user), *_told(user)], _LEFT_OUT)


def _repositories(user: User) -> list[Table]:
    readable = Repository.objects.visible_to(user)
    created = Repository.objects.filter(Q(created_by=user) | Q(namespace__user=user), pk__in=readable.values("pk"))

    of = partial(of_repositories, user)
    return [
        Table(
            "repositories",
            "repositories and buckets in your namespace, and those of others that you created",
            plain(created, "kind", "namespace__name", "name", "visibility", "created_at", "updated_at"),
            ("repos.Repository.created_by",),
        ),
        Table(
            "releases",
            "releases that you made: what they say",
            of(Release.objects.filter(author=user), "repository", "tag", "title", "notes", "created_at", "edited_at"),
            ("repos.Release.author",),
        ),
        Table(
            "commits",
            "commits that bear one of your addresses, in repositories that you may read",
            # Anybody can put an address into a commit: elsewhere, what it says may be others' alone.
            plain(
                GitCommit.objects.filter(author=user, store__in=readable.values("store")),
                *("oid", "title", "description", "author_name", "author_email", "committed_at"),
            ),
            ("repos.GitCommit.author",),
        ),
        Table(
            "pushes",
            "branches and tags that you moved",
            of(RefUpdate.objects.filter(actor=user), "repository", "name", "old", "new", "at"),
            ("repos.RefUpdate.actor",),
        ),
        Table(
            "uploads_begun",
            "large files that you are sending",
            of(LargeUpload.objects.filter(user=user), "repository", "size", "created_at"),
            ("repos.LargeUpload.user",),
        ),
        Table(
            "locks",
            "large files that you have locked",
            of(LargeFileLock.objects.filter(owner=user), "repository", "path", "locked_at"),
            ("repos.LargeFileLock.owner",),
        ),
        Table(
            "access_requests",
            "files of others that you asked for: what you answered, and what was decided",
            of(user.access_requests.all(), "repository", "status", "fields", "reason", "requested_at", "decided_at"),
            ("repos.AccessRequest.user",),
        ),
        Table(
            "uses",
            "which versions you downloaded or ran, with the first times",
            of(Use.objects.filter(user=user), "repository", "commit", "downloaded_at", "ran_at"),
            ("repos.Use.user",),
        ),
        Table(
            "jobs",
            "what you had the hub compute, and when. What a demo was asked is forgotten after a day",
            plain(Job.objects.filter(user=user), "kind", "state", "created_at", "started_at", "finished_at"),
            ("jobs.Job.user",),
        ),
    ]


def _said(user: User) -> list[Table]:
    of, here = partial(of_repositories, user), "discussion__repository"
    did = DiscussionEvent.objects.filter(author=user)
    comments = did.filter(kind=EventKind.COMMENT)
    reviews = Review.objects.filter(author=user)
    said = ("tag", "commit", "stars", *AXES, "use_case", "hardware")
    answers = AnswerVote.objects.filter(user=user)
    return [
        Table(
            "discussions",
            "discussions that you began: their titles",
            of(Discussion.objects.filter(author=user), "repository", "number", "title", "status", "created_at"),
            ("community.Discussion.author",),
        ),
        Table(
            "comments",
            "what you wrote in discussions",
            of(comments, here, "id", "discussion__number", "created_at", "text", "is_opening", "hidden_at"),
            ("community.DiscussionEvent.author",),
        ),
        Table(
            "comment_edits",
            "what your comments said before",
            plain(CommentEdit.objects.filter(comment__in=comments), "comment", "text", "at"),
        ),
        Table(
            "changes",
            "what else you did in discussions: titles, closing, locking, accepting answers",
            of(
                did.exclude(kind=EventKind.COMMENT), here, "discussion__number", "kind", "created_at", "before", "after"
            ),
        ),
        Table(
            "reviews",
            "your reviews",
            of(reviews, "repository", "id", *said, "text", "created_at", "edited_at", "hidden_at"),
            ("community.Review.author",),
        ),
        Table(
            "review_edits",
            "what your reviews said before",
            plain(ReviewEdit.objects.filter(review__in=reviews), "review", "said", "at"),
        ),
        Table(
            "replies",
            "what you replied to reviews",
            of(Review.objects.filter(replied_by=user), "repository", "reply", "replied_at"),
            ("community.Review.replied_by",),
        ),
        Table(
            "reactions",
            "your reactions to comments",
            of(
                Reaction.objects.filter(user=user),
                f"comment__{here}",
                "comment__discussion__number",
                "comment",
                "emoji",
            ),
            ("community.Reaction.user",),
        ),
        Table(
            "answer_votes",
            "answers that you voted for",
            of(answers, f"comment__{here}", "comment__discussion__number", "comment"),
            ("community.AnswerVote.user",),
        ),
        Table(
            "review_votes",
            "reviews that you found helpful",
            of(ReviewVote.objects.filter(user=user), "review__repository", "review"),
            ("community.ReviewVote.user",),
        ),
        Table(
            "uploads",
            "pictures that you sent",
            plain(Attachment.objects.filter(owner=user), "key", "content_type", "created_at"),
            ("community.Attachment.owner",),
        ),
        Table(
            "activities",
            "what of all that stands in feeds and on your profile",
            of(Activity.objects.filter(actor=user), "repository", "kind", "created_at"),
            ("community.Activity.actor",),
        ),
    ]


def _collected(user: User) -> list[Table]:
    of = partial(of_repositories, user)
    # Those of one's own, and those that one made for an organization, as far as one may see them.
    seen = Collection.objects.visible_to(user)
    own = Q(namespace__user=user)
    collections = Collection.objects.filter(own | Q(created_by=user, pk__in=seen.values("pk")))
    items = CollectionItem.objects.filter(
        Q(collection__namespace__user=user) | Q(added_by=user, collection__in=seen.values("pk"))
    )
    # A collection in a collection may have been hidden since.
    nested = Subquery(seen.filter(pk=OuterRef("nested")).values("key"))
    return [
        Table(
            "likes",
            "what you like",
            of(user.likes.all(), "repository", "created_at"),
            ("community.Like.user",),
        ),
        Table(
            "follows",
            "what you follow",
            of(user.follows.all(), "repository", "created_at", account=F("namespace__name")),
            ("community.Follow.follower",),
        ),
        Table(
            "blocks",
            "whom you blocked",
            plain(user.blocks, "blocked__username", "created_at"),
            ("community.Block.blocker",),
        ),
        Table(
            "collections",
            "your collections, and those that you made for organizations",
            plain(collections, "namespace__name", "key", "title", "description", "theme", "is_private", "created_at"),
            ("community.Collection.created_by",),
        ),
        Table(
            "collection_items",
            "what is in your collections, and what you put into others",
            of(items, "repository", "collection__key", "note", "position", "added_at", nested_key=nested),
            ("community.CollectionItem.added_by",),
        ),
        Table(
            "upvotes",
            "collections that you found good",
            plain(
                CollectionUpvote.objects.filter(user=user, collection__in=seen),
                *("collection__key", "collection__title"),
            ),
            ("community.CollectionUpvote.user",),
        ),
    ]


def _told(user: User) -> list[Table]:
    of = partial(of_repositories, user)
    return [
        Table(
            "notifications",
            "what you were told, why, and whether you have read it; those of the last months",
            of(
                user.notifications.all(),
                "activity__repository",
                "reason",
                "created_at",
                "read_at",
                "mail",
                kind=F("activity__kind"),
            ),
            ("community.Notification.user",),
        ),
        Table(
            "subscriptions",
            "what you watch or muted",
            of(
                Subscription.objects.filter(user=user), "repository", "level", discussion_number=F("discussion__number")
            ),
            ("community.Subscription.user",),
        ),
        Table(
            "webhooks",
            "webhooks that you made or changed last, which is why they are told what you may see",
            plain(Webhook.objects.filter(created_by=user), "namespace__name", "key", "url", "domains", "created_at"),
            ("community.Webhook.created_by",),
        ),
    ]
