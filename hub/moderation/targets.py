"""What can be reported: found as its reader names it, kept as it was, and found again for what is done to it."""

import uuid
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from hub.accounts.models import Namespace, Organization, Someone, User
from hub.community.models import Attachment, Collection, DiscussionEvent, EventKind, Review
from hub.core.links import repo_path
from hub.core.text import UNSTORABLE, whole_number
from hub.moderation.errors import TargetNotFound
from hub.moderation.models import MAX_EXCERPT, MAX_TITLE, Case, Target
from hub.repos.models import Kind, Repository

Thing = Repository | DiscussionEvent | Review | User | Organization | Collection | Attachment


@dataclass(frozen=True)
class Found:
    """What somebody may report, as it is now. The fields are those of Case."""

    kind: Target
    key: str
    title: str
    path: str
    excerpt: str = ""
    accused: User | None = None
    namespace: Namespace | None = None
    author_name: str = ""
    repository: Repository | None = None


def find_target(user: Someone, kind: str, name: str) -> Found:
    """Return what `user` may read under that name. Raises TargetNotFound, also for what is hidden from them.

    name: of a repository `models/ada/tiny`, as in its address; the id of a comment or a review; the name of a user or an
    organization; the key of a collection or an image.
    """
    match "" if UNSTORABLE.search(name) else kind:
        case Target.REPOSITORY:
            found = _repository(user, name)
        case Target.COMMENT:
            found = _comment(user, name)
        case Target.REVIEW:
            found = _review(user, name)
        case Target.USER | Target.ORGANIZATION:
            found = _account(kind, name)
        case Target.COLLECTION:
            found = _collection(user, name)
        case Target.ATTACHMENT:
            found = _attachment(name)
        case _:
            found = None
    if found is None:
        raise TargetNotFound(_("What you want to report is not there, or it is gone already."))
    return found


def name_of(repo: Repository) -> str:
    """Return what `find_target` knows a repository by."""
    return f"{repo.plural}/{repo.full_name}"


def thing_of(case: Case) -> Thing | None:
    """Return what a case is about as it is now, hidden, taken down or not; None where it has been deleted."""
    match case.kind:
        case Target.REPOSITORY:
            return Repository.objects.select_related("namespace").filter(pk=case.key).first()
        case Target.COMMENT:
            comments = DiscussionEvent.objects.select_related("author", "discussion__repository__namespace")
            return comments.filter(pk=case.key, kind=EventKind.COMMENT).first()
        case Target.REVIEW:
            return Review.objects.select_related("author", "repository__namespace").filter(pk=case.key).first()
        case Target.USER:
            return User.objects.filter(pk=case.key).first()
        case Target.ORGANIZATION:
            return Organization.objects.filter(pk=case.key).first()
        case Target.COLLECTION:
            return Collection.objects.select_related("namespace").filter(pk=case.key).first()
        case _:
            return Attachment.objects.select_related("owner").defer("content").filter(pk=case.key).first()


def is_readable(user: Someone, case: Case) -> bool:
    """Tell whether `user` sees what the case is about where it stands."""
    thing = thing_of(case)
    match thing:
        case Repository():
            return Repository.objects.visible_to(user).filter(pk=thing.pk).exists()
        case DiscussionEvent():
            return not thing.hidden and _reads(user, thing.discussion.repository)
        case Review():
            return thing.hidden_at is None and _reads(user, thing.repository)
        case User():
            return thing.is_active
        case Collection():
            return Collection.objects.visible_to(user).filter(pk=thing.pk).exists()
    return thing is not None


def title_for(user: Someone, case: Case) -> str:
    """Return what a case is called to somebody whom it concerns: its title, or only its kind
    where they may not know of its repository any more."""
    if case.repository_id is None or Repository.objects.open_to(user).filter(pk=case.repository_id).exists():
        return case.title
    return str(Target(case.kind).label)


def _reads(user: Someone, repo: Repository) -> bool:
    return Repository.objects.visible_to(user).filter(pk=repo.pk).exists()


def _repository(user: Someone, name: str) -> Found | None:
    plural, _slash, full_name = name.partition("/")
    namespace, _slash, last = full_name.partition("/")
    kind = plural.removesuffix("s")
    if kind not in Kind.values or plural == kind:
        return None
    named = Repository.objects.visible_to(user).named(kind, namespace, last)
    repo = named.select_related("namespace__user", "search_row").first()
    if repo is None:
        return None
    row = getattr(repo, "search_row", None)
    return Found(
        Target.REPOSITORY,
        str(repo.pk),
        repo.full_name,
        repo.get_absolute_url(),
        row.summary if row is not None else "",
        accused=repo.namespace.user,
        namespace=repo.namespace,
        author_name=repo.namespace.name,
        repository=repo,
    )


def _comment(user: Someone, name: str) -> Found | None:
    comments = DiscussionEvent.objects.filter(pk=whole_number(name) or 0, kind=EventKind.COMMENT, hidden_at=None)
    comment = comments.select_related("author", "discussion__repository__namespace").first()
    if comment is None or not _reads(user, comment.discussion.repository):
        return None
    discussion = comment.discussion
    return Found(
        Target.COMMENT,
        str(comment.pk),
        f"{discussion.repository.full_name}#{discussion.number}: {discussion.title}"[:MAX_TITLE],
        f"{discussion.get_absolute_url()}#{comment.anchor}",
        comment.text[:MAX_EXCERPT],
        accused=comment.author,
        author_name=comment.author.username if comment.author else "",
        repository=discussion.repository,
    )


def _review(user: Someone, name: str) -> Found | None:
    reviews = Review.objects.filter(pk=whole_number(name) or 0, hidden_at=None)
    review = reviews.select_related("author", "repository__namespace").first()
    if review is None or not _reads(user, review.repository):
        return None
    repo = review.repository
    return Found(
        Target.REVIEW,
        str(review.pk),
        f"{repo.full_name} · {review.tag or 'main'} · {'★' * review.stars}"[:MAX_TITLE],
        f"{repo_path(repo.kind, repo.full_name, 'reviews')}#{review.anchor}",
        review.text[:MAX_EXCERPT],
        accused=review.author,
        author_name=review.author.username if review.author else "",
        repository=repo,
    )


def _account(kind: str, name: str) -> Found | None:
    namespace = Namespace.objects.named(name).select_related("user", "organization").first()
    if namespace is None:
        return None
    owner = namespace.user if kind == Target.USER else namespace.organization
    if owner is None or (namespace.user is not None and not namespace.user.is_active):
        return None
    return Found(
        Target(kind),
        str(owner.pk),
        f"{owner.shown_name} ({namespace.name})" if owner.shown_name != namespace.name else namespace.name,
        f"/{namespace.name}",
        "\n".join(part for part in (owner.bio, owner.website) if part),
        accused=namespace.user,
        namespace=namespace,
        author_name=namespace.name,
    )


def _collection(user: Someone, name: str) -> Found | None:
    rows = Collection.objects.visible_to(user).filter(key=name)
    collection = rows.select_related("namespace__user").first()
    if collection is None:
        return None
    return Found(
        Target.COLLECTION,
        str(collection.pk),
        collection.title,
        f"/collections/{collection.namespace.name}/{collection.key}",
        collection.description,
        accused=collection.namespace.user,
        namespace=collection.namespace,
        author_name=collection.namespace.name,
    )


def _attachment(name: str) -> Found | None:
    try:
        key = uuid.UUID(name)
    except (ValueError, ValidationError):
        return None
    attachment = Attachment.objects.select_related("owner").defer("content").filter(pk=key).first()
    if attachment is None:
        return None
    owner = attachment.owner
    return Found(
        Target.ATTACHMENT,
        str(key),
        _("Image of %(date)s") % {"date": attachment.created_at.date().isoformat()},
        f"/uploads/{key}",
        accused=owner,
        author_name=owner.username if owner else "",
    )
