"""Finding discussions by what is said in them: the one way in for pages and API.

A discussion is found where its title and one of its comments together have all words, or its title alone. What is hidden or
erased counts for nothing. Queries: 1 for a search, 1 for the excerpts of a page.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.contrib.postgres.search import SearchQuery, SearchVectorField
from django.db.models import Case, F, FloatField, Func, IntegerField, Q, QuerySet, Value, When
from django.db.models.expressions import Combinable

from hub.community.discussions.indexing import TITLE_SIGN, keep
from hub.community.models import CommentWords, Discussion, DiscussionEvent
from hub.community.models.discussion import DiscussionQuerySet
from hub.core import words
from hub.core.words import Term

# Comments with the words that are looked at: of more, the newest.
MAX_HITS = 1000
MAX_EXCERPT = 240  # characters
# Of computing, for the excerpts of a page: the shortest texts first, and those for which none is left show their beginning.
MAX_SECONDS = 0.3
_BEFORE = 60  # characters of an excerpt before the first place that is marked
# What a word counts for by where it stands, the last one first: in the title, in that of what it answers to, in the opening
# text, in another comment.
_RELEVANCE = "{0.1, 0.3, 0.5, 1.0}"
_SAID = "{1.0, 1.0, 0.0, 0.0}"


@dataclass(frozen=True)
class Piece:
    """A piece of a text, and whether it is what was asked for."""

    text: str
    marked: bool = False


@dataclass(frozen=True)
class Excerpt:
    """The part of a comment that says what was asked for."""

    comment: DiscussionEvent
    pieces: list[Piece]

    @property
    def text(self) -> str:
        return "".join(piece.text for piece in self.pieces)


@dataclass(frozen=True)
class Found:
    """What a search has found. discussions: with `relevance`, a whole number, the best match highest. terms: what was looked
    for; without any, nothing is found. capped: MAX_HITS comments have the words, and more."""

    discussions: DiscussionQuerySet
    terms: Sequence[Term]
    capped: bool = False
    # Discussion -> those of its comments that have the words.
    comments: dict[int, list[int]] = field(default_factory=dict, repr=False)

    def excerpts(self, shown: Iterable[Discussion]) -> dict[int, Excerpt]:
        """Return discussion id -> what the comment says that says most of it, the first of equals, for those where one says any
        of it. One query."""
        among = [comment for row in shown for comment in self.comments.get(row.pk, ())]
        rows = CommentWords.objects.filter(pk__in=among, comment__hidden_at=None).defer("words")
        said = rows.annotate(said=_rank(_SAID, F("words"), self.terms)).filter(said__gt=0)
        best = said.select_related("comment__author").order_by("discussion", "-said", "comment").distinct("discussion")
        end = time.thread_time() + MAX_SECONDS
        excerpts = {}
        for row in sorted(best, key=lambda row: len(row.text)):
            late = time.thread_time() > end
            excerpts[row.discussion_id] = Excerpt(row.comment, excerpt(row.text, () if late else self.terms))
        return excerpts


def search(rows: DiscussionQuerySet, text: str) -> Found:
    """Return those of `rows`, which the reader may read, in which `text` is said. It may be anything; words.MAX_QUERY
    characters of it count."""
    terms = words.terms(text)
    if not terms:
        return Found(rows.none().annotate(relevance=Value(0)), terms)
    hits = list(_ranked(_hits(rows, terms), terms))
    relevance: dict[int, int] = {}
    comments = defaultdict(list)
    for discussion, comment, rank in hits[:MAX_HITS]:
        relevance[discussion] = max(round(rank * 1000), relevance.get(discussion, 0))
        comments[discussion].append(comment)
    alike = defaultdict(list)
    for discussion, rank in relevance.items():
        alike[rank].append(discussion)
    ranks = [When(pk__in=discussions, then=Value(rank)) for rank, discussions in alike.items()]
    found = Discussion.objects.filter(pk__in=list(relevance))
    return Found(
        found.annotate(relevance=Case(*ranks, default=Value(0), output_field=IntegerField())),
        terms,
        capped=len(hits) > MAX_HITS,
        comments=comments,
    )


def _hits(rows: DiscussionQuerySet, terms: Sequence[Term]) -> QuerySet[CommentWords]:
    """Return the comments of `rows` that have all terms, with the help of the title, and one of them without; the newest."""
    each = [f"({term.lexeme()} | {term.lexeme(TITLE_SIGN)})" for term in terms]
    one = f"({' | '.join(term.lexeme() for term in terms)})"
    # Of one term, that is the term itself.
    wanted = " & ".join([*each, one] if len(terms) > 1 else [one])
    title = _Query(" & ".join(term.lexeme() for term in terms))
    return (
        CommentWords.objects.filter(words=_Query(wanted), discussion__in=rows.order_by().values("pk"))
        .annotate(title=keep("words", "a"))
        .filter(Q(comment__hidden_at=None) | Q(title=title))
        .order_by("-comment")[: MAX_HITS + 1]
    )


def _ranked(hits: QuerySet[CommentWords], terms: Sequence[Term]) -> Iterable[tuple[int, int, float]]:
    """Return (discussion, comment, relevance), the newest comments first. Of what is hidden the title counts alone."""
    # Of these alone: PostgreSQL would rank all that there are before it takes the newest.
    rows = CommentWords.objects.filter(pk__in=hits.values("pk"))
    readable = Case(
        When(comment__hidden_at=None, then=F("words")), default=keep("words", "a"), output_field=SearchVectorField()
    )
    return rows.order_by("-comment").values_list("discussion", "comment", _rank(_RELEVANCE, readable, terms))


class _Query(SearchQuery):
    """The text form of a tsquery as it stands: PostgreSQL's parser would take the signs of titles away."""

    template = "(%(expressions)s)::tsquery"


def _rank(weights: str, vector: Combinable, terms: Sequence[Term]) -> Func:
    """Return how much of the terms stands in a vector, by the weights of D to A. See words.query for the `|`."""
    any_of = _Query(" | ".join(term.lexeme(sign) for term in terms for sign in ("", TITLE_SIGN)))
    return Func(
        vector,
        any_of,
        function="ts_rank",
        template=f"%(function)s('{weights}', %(expressions)s)",
        output_field=FloatField(),
    )


def excerpt(text: str, terms: Sequence[Term], limit: int = MAX_EXCERPT) -> list[Piece]:
    """Return at most `limit` characters of a text, in pieces: where most of the terms stand, or the beginning."""
    there = words.places(text, terms)
    start = 0
    most = 0
    left = 0
    met: Counter[Term] = Counter()
    for place in there:
        met.update(place.terms)
        while place.end - there[left].start > limit - _BEFORE and there[left] is not place:
            met.subtract(there[left].terms)
            left += 1
        if (number := sum(count > 0 for count in met.values())) > most:
            most, start = number, there[left].start
    start = _word_before(text, max(0, start - _BEFORE), start)
    end = min(len(text), start + limit)
    cut = text[start:end]
    if end < len(text) and " " in cut[limit - 30 :]:
        cut = cut[: cut.rindex(" ")]
        end = start + len(cut)
    pieces = [Piece("…")] if start else []
    at = start
    for place in there:
        if place.start >= at and place.end <= end:
            pieces += [Piece(text[at : place.start]), Piece(text[place.start : place.end], marked=True)]
            at = place.end
    pieces += [Piece(text[at:end]), Piece("…" if end < len(text) else "")]
    return [piece for piece in pieces if piece.text]


def marked(text: str, terms: Sequence[Term]) -> list[Piece]:
    """Return a whole text, such as a title, in pieces."""
    return excerpt(text, terms, limit=len(text) + _BEFORE)


def _word_before(text: str, start: int, end: int) -> int:
    """Return where the first whole word begins, at `start` or between it and `end`."""
    if not start or text[start - 1].isspace():
        return start
    blank = text.find(" ", start, end)
    return blank + 1 if blank >= 0 else start
