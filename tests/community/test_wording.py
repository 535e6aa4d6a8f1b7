"""Activities in words: every kind, in both languages, plain and as HTML, in a constant number of queries."""

from typing import Any

import pytest
from django.template.loader import render_to_string
from django.utils import timezone, translation

from hub.accounts.models import User
from hub.community.activities import note
from hub.community.discussions.services import open_discussion, post_comment, set_status, take_comment_away
from hub.community.models import Activity, ActivityKind
from hub.community.reviews.services import post_review
from hub.community.wording import said, say
from hub.repos.models import Repository
from hub.repos.releases import create_release
from tests.factories import make_organization, make_repo, make_user

pytestmark = pytest.mark.django_db

# Reads "<b>" unless it is escaped, and turns what stands behind it around unless that is shown.
EVIL = "<b>abc</b>\u202egpj.\u202c"
_OF_NAMES = (
    ActivityKind.REPOSITORY,
    ActivityKind.REVIEW,
    ActivityKind.REVIEW_REPLY,
    ActivityKind.RESULT,
    ActivityKind.FOLLOW,
    ActivityKind.INVITATION,
    ActivityKind.JOIN_REQUEST,
    ActivityKind.JOINED,
)


def load(activity: Activity) -> Activity:
    return Activity.objects.with_details().get(pk=activity.pk)


def html(activity: Activity) -> str:
    return str(render_to_string("partials/activity.html", {"entry": [load(activity)]}))


def one_of_each(repo: Repository, actor: User | None) -> dict[ActivityKind, Activity]:
    """Return an activity of every kind, each noted as the services note it."""
    ada, grace = make_user(), make_user()
    thread = open_discussion(repo=repo, actor=ada, title=EVIL, text="first line\n\nsecond *line*")
    comment = post_comment(discussion=thread, actor=grace, text="It is **so**.")
    change = set_status(discussion=thread, actor=ada, status="closed")
    review = post_review(repo=repo, author=grace, stars=4, text="Does what it says.")
    release = create_release(repo=repo, actor=repo.created_by, tag="v1", title=EVIL, notes="# New\n\nFaster.")
    organization = make_organization(ada).namespace
    facts: dict[ActivityKind, dict[str, Any]] = {
        ActivityKind.REPOSITORY: {"repository": repo},
        ActivityKind.RELEASE: {
            "release": release,
            "changes": {"since": "v0", "added": 1, "changed": 2, "removed": 0, "bytes": -1500},
        },
        ActivityKind.DISCUSSION: {"discussion": thread, "event": thread.events.get(is_opening=True)},
        ActivityKind.QUESTION: {"discussion": thread, "event": thread.events.get(is_opening=True)},
        ActivityKind.PULL_REQUEST: {"discussion": thread, "event": thread.events.get(is_opening=True)},
        ActivityKind.COMMENT: {"discussion": thread, "event": comment},
        ActivityKind.COMMITS: {"discussion": thread, "event": comment, "before": "0" * 40},
        ActivityKind.STATUS: {"discussion": thread, "event": change},
        ActivityKind.ANSWER: {"discussion": thread, "event": comment},
        ActivityKind.REVIEW: {"review": review},
        ActivityKind.REVIEW_REPLY: {"review": review},
        ActivityKind.RESULT: {"repository": repo, "run": 7, "benchmark": "ada/wiki", "score": 0.98765},
        ActivityKind.FOLLOW: {"namespace": ada.namespace, "to": ada},
        ActivityKind.INVITATION: {"namespace": organization, "to": grace, "invitation": 3},
        ActivityKind.JOIN_REQUEST: {"namespace": organization},
        ActivityKind.JOINED: {"namespace": organization, "member": grace.username, "role": "read"},
        ActivityKind.WEBHOOK_DISABLED: {"namespace": organization, "webhook": 1, "url": EVIL, "reason": "It is gone."},
        ActivityKind.MODERATION: {"to": ada, "action": "warn", "reason": "Be kind.", "target": EVIL, "path": "/x"},
    }
    return {kind: note(kind, actor=actor, **facts[kind]) for kind in ActivityKind}


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_every_kind_has_words_in_plain_text_and_html(language: str) -> None:
    repo, actor = make_repo(), make_user()
    actor.display_name = EVIL
    actor.save()
    with translation.override(language):
        for kind, activity in one_of_each(repo, actor).items():
            plain, marked = say(load(activity)), html(activity)
            assert plain and "\n" not in plain and "\u202e" not in plain and "%(" not in plain, kind
            assert "<b>" not in marked and "\u202e" not in marked and "%(" not in marked, kind
            assert load(activity).get_absolute_url().startswith("/")
            if "<b>" in plain:
                assert "&lt;b&gt;" in marked
            # Titles show what they tried; names are shown without it everywhere.
            assert ("U+202E" in marked) == (kind not in _OF_NAMES), kind


def test_who_has_deleted_their_account_is_called_so() -> None:
    for activity in one_of_each(make_repo(), None).values():
        words = said(load(activity))
        assert "who" not in words.sentence or words.parts["who"].text == "Deleted user"
        assert "None" not in html(activity)


def test_what_a_release_changed_is_a_line_of_its_own() -> None:
    activities = one_of_each(make_repo(), make_user())
    words = said(load(activities[ActivityKind.RELEASE]))
    assert words.changes == "Since v0: 1 file added · 2 files changed · 1.5 kB less"
    assert words.quote == "New Faster."


def test_what_was_taken_away_is_quoted_no_more() -> None:
    repo = make_repo()
    activities = one_of_each(repo, make_user())
    comment, review = load(activities[ActivityKind.COMMENT]), load(activities[ActivityKind.REVIEW])
    assert (said(comment).quote, said(review).quote) == ("It is so.", "Does what it says.")
    assert comment.event is not None and review.review is not None
    take_comment_away(comment=comment.event, actor=repo.created_by)
    review.review.hidden_at = timezone.now()
    review.review.save(update_fields=["hidden_at"])
    assert [said(load(each)).quote for each in (comment, review)] == ["", ""]


def test_a_page_of_them_costs_one_query(django_assert_num_queries: Any) -> None:
    for _number in range(2):
        one_of_each(make_repo(), make_user())
    with django_assert_num_queries(1):
        for activity in Activity.objects.with_details():
            assert render_to_string("partials/activity.html", {"entry": [activity]})
            assert activity.get_absolute_url()
