"""What an activity says in words: one sentence, in the language that is active, for pages and for mails alike."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.template.defaultfilters import floatformat
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from hub.community.models import Activity, ActivityKind, Status
from hub.community.models.activity import MAX_OPENING
from hub.community.models.review import MAX_STARS
from hub.core.amounts import bytesize
from hub.core.highlight import BIDI_CONTROLS
from hub.core.links import repo_path
from hub.core.markdown import plain_text

MAX_QUOTE = 240  # characters
MAX_NAMED = 3  # datasets of results that are told of together
_BIDI = re.compile(f"[{BIDI_CONTROLS}]")


@dataclass(frozen=True)
class Part:
    """What a sentence names: a text that people wrote (escape it, mind its direction), and its path on the site, or ""."""

    text: str
    path: str = ""


@dataclass(frozen=True)
class Said:
    """An activity in words. `sentence` is ours; each `%(name)s` in it stands for one of `parts`. `icon`: of the sprite.

    changes: what a release changed, in our words, or "". quote: the beginning of what somebody wrote, plain text, or "".
    """

    icon: str
    sentence: str
    parts: Mapping[str, Part] = field(default_factory=dict)
    changes: str = ""
    quote: str = ""

    def __str__(self) -> str:
        """One line of plain text."""
        return self.sentence % {name: one_line(part.text) for name, part in self.parts.items()}


def say(activity: Activity) -> str:
    """Return an activity in one line of plain text, as mails have it. Load it by `with_details`; nothing is read here."""
    return str(said(activity))


def said(activity: Activity) -> Said:
    """Return an activity in words, in the language that is active. Load it by `with_details`; nothing is read here."""
    return _WORDS[ActivityKind(activity.kind)](activity)


def said_together(entry: Sequence[Activity]) -> Said:
    """Return an entry of a feed in words: activities as hub.community.feed.together puts them, newest first."""
    if len(entry) == 1:
        return said(entry[0])
    return _results(entry) if entry[0].kind == ActivityKind.RESULT else _comments(entry)


def _comments(entry: Sequence[Activity]) -> Said:
    """Tell how many comments they are, lead to the first of them and quote the last."""
    last, first, count = entry[0], entry[-1], len(entry)
    parts = {**_parts(last, _thread(first)), "count": Part(str(count))}
    if len({activity.actor_id for activity in entry}) == 1:
        sentence = ngettext(
            "%(who)s wrote %(count)s comment in %(what)s of %(where)s",
            "%(who)s wrote %(count)s comments in %(what)s of %(where)s",
            count,
        )
    else:
        sentence = ngettext(
            "%(count)s new comment in %(what)s of %(where)s, the last by %(who)s",
            "%(count)s new comments in %(what)s of %(where)s, the last by %(who)s",
            count,
        )
    return Said("comment", sentence, parts, quote=_quote(last))


def one_line(text: str) -> str:
    """Return what somebody wrote in one line, without the signs that would reorder what stands around it."""
    return " ".join(_BIDI.sub("", text).split())


# --- repositories -------------------------------------------------------------------------------------------------------


def _repository(activity: Activity) -> Said:
    sentences = {
        "model": _("%(who)s published the model %(where)s"),
        "dataset": _("%(who)s published the dataset %(where)s"),
        "space": _("%(who)s published the space %(where)s"),
        "kernel": _("%(who)s published the kernel %(where)s"),
        "bucket": _("%(who)s published the bucket %(where)s"),
    }
    assert activity.repository is not None
    return Said("plus", sentences[activity.repository.kind], _parts(activity))


def _release(activity: Activity) -> Said:
    release = activity.release
    assert release is not None
    what = Part(f"{release.tag} · {release.title}" if release.title else release.tag, activity.get_absolute_url())
    changes = _changes(activity.data.get("changes"))
    return Said("tune", _("%(who)s released %(what)s of %(where)s"), _parts(activity, what), changes, _quote(activity))


def _changes(changes: Any) -> str:
    """Say what a release changed. changes: {since: tag, added, changed, removed: numbers of files, bytes: more or less}."""
    if not isinstance(changes, dict):
        return ""
    told = []
    if added := changes["added"]:
        told.append(ngettext("%(count)d file added", "%(count)d files added", added) % {"count": added})
    if changed := changes["changed"]:
        told.append(ngettext("%(count)d file changed", "%(count)d files changed", changed) % {"count": changed})
    if removed := changes["removed"]:
        told.append(ngettext("%(count)d file removed", "%(count)d files removed", removed) % {"count": removed})
    if size := changes["bytes"]:
        told.append((_("%(size)s more") if size > 0 else _("%(size)s less")) % {"size": bytesize(abs(size))})
    since = one_line(changes["since"])
    if not told:
        return _("The same files as in %(tag)s") % {"tag": since}
    return _("Since %(tag)s: %(changes)s") % {"tag": since, "changes": " · ".join(told)}


def _result(activity: Activity) -> Said:
    score = floatformat(activity.data["score"], 3)
    what = Part(activity.data["benchmark"], activity.get_absolute_url())
    sentence = _("%(where)s was measured on %(what)s: %(score)s bits per byte")
    return Said("scale", sentence, {**_parts(activity, what), "score": Part(score)})


def _results(entry: Sequence[Activity]) -> Said:
    """Tell on what one model was measured, newest first, and lead to all its results; of one dataset, with the last score."""
    last, count = entry[0], len(entry)
    repository = last.repository
    assert repository is not None
    names = list(dict.fromkeys(one_line(activity.data["benchmark"]) for activity in entry))
    listed = ", ".join(names[:MAX_NAMED]) + (", …" if len(names) > MAX_NAMED else "")
    what = Part(listed, repo_path(repository.kind, repository.full_name, "evaluations"))
    parts = {**_parts(last, what), "count": Part(str(count)), "score": Part(floatformat(last.data["score"], 3))}
    if len(names) == 1:
        sentence = ngettext(
            "%(where)s was measured %(count)s time on %(what)s, last: %(score)s bits per byte",
            "%(where)s was measured %(count)s times on %(what)s, last: %(score)s bits per byte",
            count,
        )
    else:
        sentence = ngettext(
            "%(where)s was measured %(count)s time, on %(what)s",
            "%(where)s was measured %(count)s times, on %(what)s",
            count,
        )
    return Said("scale", sentence, parts)


# --- what people say to each other --------------------------------------------------------------------------------------


def _discussion(activity: Activity) -> Said:
    icon, sentence = {
        ActivityKind.DISCUSSION: ("comment", _("%(who)s opened the discussion %(what)s of %(where)s")),
        ActivityKind.QUESTION: ("question", _("%(who)s asked %(what)s about %(where)s")),
        ActivityKind.PULL_REQUEST: ("fork", _("%(who)s opened the pull request %(what)s for %(where)s")),
        ActivityKind.COMMENT: ("comment", _("%(who)s wrote in %(what)s of %(where)s")),
        ActivityKind.COMMITS: ("commit", _("%(who)s added commits to %(what)s of %(where)s")),
        ActivityKind.ANSWER: ("check", _("%(who)s accepted an answer to %(what)s about %(where)s")),
    }[ActivityKind(activity.kind)]
    return Said(icon, sentence, _parts(activity, _thread(activity)), quote=_quote(activity))


def _status(activity: Activity) -> Said:
    event = activity.event
    assert event is not None
    icon = "check"
    if event.after == Status.MERGED:
        sentence = _("%(who)s merged %(what)s into %(where)s")
    elif event.after == Status.CLOSED:
        sentence = _("%(who)s closed %(what)s of %(where)s")
    elif event.before == Status.DRAFT:
        icon, sentence = "fork", _("%(who)s opened the pull request %(what)s for %(where)s")
    else:
        icon, sentence = "redo", _("%(who)s opened %(what)s of %(where)s again")
    return Said(icon, sentence, _parts(activity, _thread(activity)))


def _thread(activity: Activity) -> Part:
    discussion = activity.discussion
    assert discussion is not None
    return Part(f"{discussion.title} #{discussion.number}", activity.get_absolute_url())


def _review(activity: Activity) -> Said:
    review = activity.review
    assert review is not None
    stars = _("%(stars)d of %(most)d stars") % {"stars": review.stars, "most": MAX_STARS}
    parts = {**_parts(activity, Part(review.tag)), "stars": Part(stars, activity.get_absolute_url())}
    if review.tag:
        sentence = _("%(who)s reviewed %(what)s of %(where)s: %(stars)s")
    else:
        sentence = _("%(who)s reviewed %(where)s: %(stars)s")
    return Said("star", sentence, parts, quote=_quote(activity))


def _review_reply(activity: Activity) -> Said:
    what = Part(_("a review"), activity.get_absolute_url())
    return Said(
        "comment", _("%(who)s replied to %(what)s of %(where)s"), _parts(activity, what), quote=_quote(activity)
    )


# --- people and organizations -------------------------------------------------------------------------------------------


def _follow(activity: Activity) -> Said:
    return Said("user", _("%(who)s follows you"), _parts(activity))


def _invitation(activity: Activity) -> Said:
    return Said("user", _("%(who)s invites you to join %(what)s"), _parts(activity, _owner(activity)))


def _join_request(activity: Activity) -> Said:
    return Said("user", _("%(who)s asks to join %(what)s"), _parts(activity, _owner(activity)))


def _joined(activity: Activity) -> Said:
    member = activity.data["member"]
    parts = {**_parts(activity, _owner(activity)), "member": Part(member, f"/{member}")}
    return Said("user", _("%(member)s has joined %(what)s"), parts)


def _webhook_disabled(activity: Activity) -> Said:
    # One of our sentences, kept before anybody knew who would read it.
    kept = activity.data.get("reason", "")
    reason = Part(_(kept) if kept else "")
    parts = {**_parts(activity, Part(activity.data.get("url", ""), activity.get_absolute_url())), "reason": reason}
    return Said("warn", _("The webhook to %(what)s was switched off: %(reason)s"), parts)


def _moderation(activity: Activity) -> Said:
    what = Part(activity.data.get("target", ""), activity.data.get("path", ""))
    sentences = {
        "hide": _("The moderators have hidden %(what)s"),
        "unhide": _("The moderators show %(what)s again"),
        "lock": _("The moderators have locked the discussion of %(what)s"),
        "unlock": _("The moderators have unlocked the discussion of %(what)s"),
        "warn": _("The moderators warn you because of %(what)s"),
        "suspend": _("The moderators have suspended your account because of %(what)s"),
        "lift": _("The moderators have lifted the suspension of your account"),
        "take_down": _("The moderators have taken down %(what)s"),
        "restore": _("The moderators have put back %(what)s"),
        "appeal_granted": _("Your appeal about %(what)s was granted"),
        "appeal_rejected": _("Your appeal about %(what)s was turned down"),
        "report_acted": _("You reported %(what)s, and the moderators have done something about it"),
        "report_dismissed": _("You reported %(what)s, and the moderators found nothing to do"),
        "case_taken_over": _("Another moderator has taken over your case about %(what)s"),
    }
    action = activity.data.get("action", "")
    sentence = sentences.get(action, _("The moderators wrote to you about %(what)s"))
    if not what.text:
        of_oneself = {
            "warn": _("The moderators have sent you a warning"),
            "suspend": _("The moderators have suspended your account"),
        }
        sentence = of_oneself.get(action, sentence)
    until = activity.data.get("until", "")
    ends = _("Until %(day)s.") % {"day": until[:10]} if until else ""
    return Said("shield", sentence, _parts(activity, what), ends, _short(activity.data.get("reason", "")))


# --- parts --------------------------------------------------------------------------------------------------------------


def _parts(activity: Activity, what: Part | None = None) -> dict[str, Part]:
    """Return who did it, in which repository, and what it was about."""
    actor, repository = activity.actor, activity.repository
    parts = {"who": Part(actor.shown_name, f"/{actor.username}") if actor is not None else Part(_("Deleted user"))}
    if repository is not None:
        parts["where"] = Part(repository.full_name, repository.get_absolute_url())
    if what is not None:
        parts["what"] = what
    return parts


def _owner(activity: Activity) -> Part:
    assert activity.namespace is not None
    return Part(activity.namespace.shown_name, activity.get_absolute_url())


def _quote(activity: Activity) -> str:
    """Return the beginning of what was written, unless it has been taken away since."""
    event, review = activity.event, activity.review
    if (event is not None and event.hidden) or (review is not None and review.hidden_at is not None):
        return ""
    return _short(" ".join(plain_text(activity.opening, MAX_OPENING)))


def _short(text: str) -> str:
    text = one_line(text)
    if len(text) <= MAX_QUOTE:
        return text
    cut = text[:MAX_QUOTE]
    return (cut.rpartition(" ")[0] or cut).rstrip(" ,;:，；：") + "…"


_WORDS: dict[ActivityKind, Callable[[Activity], Said]] = {
    ActivityKind.REPOSITORY: _repository,
    ActivityKind.RELEASE: _release,
    ActivityKind.DISCUSSION: _discussion,
    ActivityKind.QUESTION: _discussion,
    ActivityKind.PULL_REQUEST: _discussion,
    ActivityKind.COMMENT: _discussion,
    ActivityKind.COMMITS: _discussion,
    ActivityKind.STATUS: _status,
    ActivityKind.ANSWER: _discussion,
    ActivityKind.REVIEW: _review,
    ActivityKind.REVIEW_REPLY: _review_reply,
    ActivityKind.RESULT: _result,
    ActivityKind.FOLLOW: _follow,
    ActivityKind.INVITATION: _invitation,
    ActivityKind.JOIN_REQUEST: _join_request,
    ActivityKind.JOINED: _joined,
    ActivityKind.WEBHOOK_DISABLED: _webhook_disabled,
    ActivityKind.MODERATION: _moderation,
}
