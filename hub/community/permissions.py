"""Loading what people say about a repository; who may say something, and who keeps order there."""

from django.utils.translation import gettext as _

from hub.accounts.models import Someone, User
from hub.community.errors import (
    Blocked,
    CommentHidden,
    CommentNotFound,
    DiscussionLocked,
    DiscussionNotFound,
    NotReviewable,
    NotYourComment,
    NotYourPullRequest,
    NotYourReview,
    OwnModel,
    PullRequestClosed,
    PullRequestNotFound,
    ReviewNeedsSignIn,
    ReviewNotFound,
)
from hub.community.models import Block, Discussion, DiscussionEvent, EventKind, PullRequest, Review, Status
from hub.core.errors import HubError
from hub.core.text import MAX_ID, whole_number
from hub.repos.models import Kind, Repository
from hub.repos.permissions import check_may_act, check_may_fetch, get_repo_for_read, may_write

_MAX_NUMBER = 2**31 - 1


def get_repo_for_posting(user: Someone, kind: str, namespace: str, name: str) -> Repository:
    """Return the repository if `user` may say something there: who may read it, signed in, with a token that may write.

    Raises what get_repo_for_read raises, WriteNeedsSignIn, ReadOnlyToken.
    """
    repo = get_repo_for_read(user, kind, namespace, name)
    check_may_act(user)
    return repo


def get_discussion(repo: Repository, number: int) -> Discussion:
    """Return the discussion of that number. Raises DiscussionNotFound. The caller holds a repository that it may read."""
    found = None
    if number <= _MAX_NUMBER:
        found = (
            Discussion.objects.filter(repository=repo, number=number).select_related("author", "pull_request").first()
        )
    if found is None:
        raise DiscussionNotFound(
            _("%(name)s has no discussion number %(number)s.") % {"name": repo.full_name, "number": str(number)[:20]}
        )
    # One repository in memory, with its namespace at hand.
    found.repository = repo
    return found


def check_may_join(user: User, discussion: Discussion) -> None:
    """Refuse whom a discussion is closed to: locked ones to all but maintainers, anybody's to whom that person, or the
    repository's owner, has blocked. Raises DiscussionLocked, Blocked."""
    repo = discussion.repository
    if may_write(user, repo):
        return
    if discussion.locked_at is not None:
        raise DiscussionLocked(
            _("This discussion is locked: only maintainers of %(name)s write here.") % {"name": repo.full_name}
        )
    check_not_blocked(user, discussion.author_id, repo.namespace.user_id)


def check_not_blocked(user: User, *others: int | None) -> None:
    """Refuse `user` where one of these people has blocked them. Raises Blocked."""
    if Block.objects.filter(blocked=user, blocker__in=[other for other in others if other is not None]).exists():
        raise Blocked(_("You cannot do this here: somebody whom it concerns has blocked you."))


def get_comment(discussion: Discussion, comment_id: str) -> DiscussionEvent:
    """Return the comment of that id, hidden or not. Raises CommentNotFound, for other discussions' comments as well."""
    comments = DiscussionEvent.objects.filter(discussion=discussion, kind=EventKind.COMMENT)
    found = comments.select_related("author", "hidden_by").filter(pk=whole_number(comment_id) or 0).first()
    if found is None:
        raise CommentNotFound(
            _("Discussion %(number)d has no comment “%(id)s”.") % {"number": discussion.number, "id": comment_id[:40]}
        )
    found.discussion = discussion
    return found


def may_steer(user: Someone, discussion: Discussion) -> bool:
    """Tell whether `user` may close, reopen and rename: its author, and whoever may change the repository."""
    return _is(user, discussion.author_id) or may_write(user, discussion.repository)


def may_edit(user: Someone, comment: DiscussionEvent) -> bool:
    """Tell whether `user` may put another text in place of this one: its author, while it is there."""
    return not comment.hidden and _is(user, comment.author_id)


def check_there(comment: DiscussionEvent) -> None:
    """Refuse a comment that has been taken away. Raises CommentHidden."""
    if comment.hidden:
        raise CommentHidden(_("This comment has been taken away. Nothing was changed."))


def check_may_edit(user: Someone, comment: DiscussionEvent) -> None:
    """Refuse whoever may not put another text in place of this one. Raises CommentHidden, NotYourComment."""
    check_there(comment)
    if not may_edit(user, comment):
        raise NotYourComment(_("Only the person who wrote a comment can change it."))


def may_take_away(user: Someone, comment: DiscussionEvent, *, maintains: bool) -> bool:
    """Tell whether `user` may take a comment away: its author, except from the opening one; a maintainer, always."""
    return not comment.hidden and (maintains or (_is(user, comment.author_id) and not comment.is_opening))


def may_show_again(comment: DiscussionEvent, *, maintains: bool) -> bool:
    """Tell whether somebody who maintains the repository, or does not, may take back that a comment was hidden: not what its
    author deleted, nor what moderators of the hub hid."""
    hider = comment.hidden_by
    if not maintains or hider is None or comment.deleted_by_author:
        return False
    return not hider.is_staff or may_write(hider, comment.discussion.repository)


def may_read_history(user: Someone, comment: DiscussionEvent, *, maintains: bool) -> bool:
    """Tell whether `user` may read what a comment said before: everybody, and maintainers alone once it is hidden."""
    return comment.is_comment and (not comment.hidden or (maintains and not comment.deleted_by_author))


def _is(user: Someone, author_id: int | None) -> bool:
    return isinstance(user, User) and user.pk == author_id


# --- pull requests ------------------------------------------------------------------------------------------------------


def get_pull_request(repo: Repository, number: int) -> PullRequest:
    """Return the pull request of that number. Raises PullRequestNotFound. The caller holds a repository that it may read."""
    found = None
    if number <= _MAX_NUMBER:
        discussions = Discussion.objects.pull_requests().filter(repository=repo, number=number)
        found = discussions.select_related("author", "pull_request").first()
    if found is None:
        raise PullRequestNotFound(
            _("%(name)s has no pull request number %(number)s.") % {"name": repo.full_name, "number": str(number)[:20]}
        )
    found.repository = repo
    return found.pull_request


def get_pull_request_for_push(user: Someone, repo: Repository, number: int) -> PullRequest:
    """Return the pull request if `user`, who may read `repo`, may add commits to its `refs/pr/N`.

    Raises PullRequestNotFound, WriteNeedsSignIn, ReadOnlyToken, GatedRepo, DiscussionLocked, Blocked, NotYourPullRequest,
    PullRequestClosed.
    """
    found = get_pull_request(repo, number)
    check_may_act(user)
    check_may_fetch(user, repo)
    assert isinstance(user, User)
    check_may_join(user, found.discussion)
    writes = may_write(user, repo)
    if not writes and not _is(user, found.discussion.author_id):
        raise NotYourPullRequest(
            _(
                "Only whoever opened pull request %(number)d, or may write to %(name)s, adds commits to it. Open your own."
            )
            % {"number": number, "name": repo.full_name}
        )
    status = found.discussion.status
    if status == Status.MERGED or (status == Status.CLOSED and not writes):
        raise PullRequestClosed(
            _("Pull request %(number)d is %(state)s, so it takes no more commits. Open another one, or reopen it.")
            % {"number": number, "state": found.discussion.get_status_display().lower()}
        )
    return found


def may_push_pull_request(user: Someone, repo: Repository, number: int) -> bool:
    """Tell whether `user`, who may read `repo`, may add commits to its `refs/pr/N`: writers until it is merged; its author,
    too, while it is open or a draft."""
    try:
        get_pull_request_for_push(user, repo, number)
    except HubError:
        return False
    return True


def has_pull_requests(user: User, repo: Repository) -> bool:
    """Tell whether `user` has opened a pull request here that takes commits of theirs still."""
    mine = Discussion.objects.pull_requests().filter(repository=repo, author=user)
    return mine.filter(status__in=(Status.OPEN, Status.DRAFT)).exists()


# --- reviews ------------------------------------------------------------------------------------------------------------


def get_review(user: Someone, repo: Repository, review_id: int) -> Review:
    """Return a review of a model that `user` may read, with what is shown of it. One that moderators have hidden is there for
    its author alone. Raises ReviewNotFound."""
    found = None
    if review_id <= MAX_ID:
        found = Review.objects.filter(repository=repo, pk=review_id).with_details().first()
    if found is None or (found.hidden_at is not None and not _is(user, found.author_id)):
        raise ReviewNotFound(_("%(name)s has no such review. It may have been deleted.") % {"name": repo.full_name})
    # One repository in memory, with its namespace at hand.
    found.repository = repo
    return found


def get_own_review(user: Someone, repo: Repository, review_id: int) -> Review:
    """Return a review that `user` wrote. Raises ReviewNotFound, NotYourReview, WriteNeedsSignIn, ReadOnlyToken."""
    review = get_review(user, repo, review_id)
    check_may_act(user)
    if review.author_id != user.pk:
        raise NotYourReview(_("Only whoever wrote a review changes it."))
    return review


def check_may_review(user: Someone, repo: Repository) -> None:
    """Say why `user`, who reads `repo`, may not review it. Raises NotReviewable, ReviewNeedsSignIn, OwnModel.

    Whom the owner has blocked may review all the same: blocking keeps people from talking to somebody, and must not become a
    way to choose one's critics. What is no criticism is for the moderators.
    """
    if repo.kind != Kind.MODEL:
        raise NotReviewable(_("Only models have reviews."))
    if not user.is_authenticated:
        raise ReviewNeedsSignIn(_("Log in to write a review."))
    if user.pk in (repo.namespace.user_id, repo.created_by_id):
        raise OwnModel(_("This model is your own, so you cannot review it."))
    organization = repo.namespace.organization
    # Members in name only, too: otherwise whoever switches their second factor off could praise their own.
    if organization is not None and organization.memberships.filter(user=user.pk).exists():
        raise OwnModel(
            _("You belong to %(owner)s, so you cannot review its models.") % {"owner": organization.shown_name}
        )
