"""What discussions are found by: a row of words for each comment, written in the transaction that writes the comment."""

from django.contrib.postgres.search import SearchVectorField
from django.db import transaction
from django.db.models import Exists, Expression, Func, OuterRef, Q, QuerySet, TextField, Value
from django.db.models.functions import Cast

from hub.community.models import CommentWords, Discussion, DiscussionEvent, EventKind
from hub.community.writing.text import MAX_TEXT
from hub.core import words
from hub.core.markdown import plain_text

# Raise it when rows come out differently: the sweep makes all older ones anew.
VERSION = 1
BATCH = 200  # comments of one transaction of the sweep
# Before the terms of a title in the rows of those who answer.
TITLE_SIGN = "="


def index_comment(comment: DiscussionEvent) -> None:
    """Have a comment found by what it says now, and by the title of its discussion. The caller has locked the discussion, or
    has just made it."""
    index_all([comment])


def index_all(comments: list[DiscussionEvent]) -> None:
    """Have comments found by what they say now, and by the titles of their discussions, which the caller has locked or just
    made. One query."""
    rows = []
    for comment in comments:
        paragraphs = plain_text(comment.text, MAX_TEXT, whole=True)
        said = words.vector([("C" if comment.is_opening else "D", " ".join(paragraphs))])
        rows.append(
            CommentWords(
                comment=comment,
                discussion=comment.discussion,
                version=VERSION,
                text=words.composed("\n".join(paragraphs)),
                words=_joined(_title(comment.discussion, comment.is_opening), Value(said)),
            )
        )
    CommentWords.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["comment"], update_fields=["version", "text", "words"]
    )


def index_title(discussion: Discussion) -> None:
    """Have what is said in a discussion, whose row is locked, found by its title of now."""
    rows = CommentWords.objects.filter(discussion=discussion)
    for is_opening in (True, False):
        rows.filter(comment__is_opening=is_opening).update(
            words=_joined(_title(discussion, is_opening), keep("words", "cd"))
        )


def forget_texts(comments: QuerySet[DiscussionEvent]) -> None:
    """Have comments, whose texts are erased for good, found no more: an opening text by the title alone."""
    CommentWords.objects.filter(comment__in=comments).update(text="", words=keep("words", "a"))


def index_some() -> int:
    """Make rows that are missing or of an earlier version; returns how many were made, 0 when all is done.

    Discussions in which something is being changed at this moment are left for the next time.
    """
    current = CommentWords.objects.filter(comment=OuterRef("pk"), version=VERSION)
    with transaction.atomic():
        comments = (
            DiscussionEvent.objects.filter(~Exists(current), kind=EventKind.COMMENT)
            # What is erased for good, and opens nothing, is found by nothing.
            .filter(Q(is_opening=True) | ~Q(text=""))
            .select_related("discussion")
            .select_for_update(of=("self", "discussion"), skip_locked=True)
            .order_by("-pk")[:BATCH]
        )
        made = list(comments)
        index_all(made)
    return len(made)


def keep(vector: str | Expression, weights: str) -> Func:
    """Return the words of a vector that have one of these weights, by their small letters."""
    return Func(
        vector,
        Cast(Value(f"{{{','.join(weights)}}}"), _Letters()),
        function="ts_filter",
        output_field=SearchVectorField(),
    )


class _Letters(TextField):
    """PostgreSQL's list of single letters, which its functions for vectors take."""

    def db_type(self, connection: object) -> str:
        return '"char"[]'


def _title(discussion: Discussion, is_opening: bool) -> Value:
    if is_opening:
        return Value(words.vector([("A", discussion.title)]))
    return Value(words.vector([("B", discussion.title)], TITLE_SIGN))


def _joined(*vectors: Expression) -> Func:
    """Return vectors as one, in which each word keeps all of its weights."""
    casts = [Cast(vector, SearchVectorField()) for vector in vectors]
    return Func(*casts, function="tsvector_concat", output_field=SearchVectorField())
