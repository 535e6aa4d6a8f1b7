"""Making the sample content, and removing it.

Models and datasets are trained and uploaded by the worker's environment with the client library, as anybody would do it; what
people say comes after, through the same services as everything that people say.
"""

import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from hub.accounts.models import Namespace, Organization, Role, User
from hub.accounts.organizations import add_member, create_organization, delete_organization
from hub.accounts.services import create_token, create_user, get_user, revoke_token, update_profile
from hub.community.collections import add_item, create_collection
from hub.community.discussions.pull_requests import commit_as_pull_request
from hub.community.discussions.questions import accept_answer, vote
from hub.community.discussions.services import open_discussion, post_comment, set_status
from hub.community.following import follow, like
from hub.community.models import Status
from hub.community.reviews.services import post_review, reply_to_review, vote_review
from hub.core.models import AuditEvent, record
from hub.evaluations.services import submit_evaluation
from hub.jobs.models import Job
from hub.repos.git.commits import Stage
from hub.repos.models import Kind, Repository
from hub.repos.services import delete_repo
from hub.samples import content
from hub.samples.errors import NamesTaken, NotMade, SamplesExist

Say = Callable[[str], None]
JOINED_BEFORE = timedelta(days=365)


def make_samples(*, url: str, python: Path, say: Say) -> str:
    """Make all of it on the hub that answers at `url`; returns the password of the sample accounts.

    python: the interpreter of the worker's environment. What fails half-way is removed again, and so is what an earlier
    run that was killed has left. Raises SamplesExist, NamesTaken, NotMade.
    """
    if _people().exists():
        if AuditEvent.objects.filter(verb="samples.make", actor__in=_people()).exists():
            raise SamplesExist("The sample content is here already. `make demo-remove` removes it.")
        remove_samples(say=say)
    names = [content.ORGANIZATION, *(person.name for person in content.PEOPLE)]
    taken = [name for name in names if Namespace.objects.named(name).exists()]
    if taken:
        raise NamesTaken(f"These names are taken on this hub, so the samples cannot be made: {', '.join(taken)}.")
    password = secrets.token_urlsafe(9)
    say("making accounts and an organization")
    people = make_people(password)
    try:
        upload_repositories(owner=people[content.MIRA], url=url, python=python, say=say)
        say("starting evaluations, opening discussions, writing reviews")
        start_evaluations(people)
        hold_discussions(people)
        write_reviews(people)
        like_and_collect(people)
        propose_changes(people)
    except BaseException:
        remove_samples(say=lambda _text: None)
        raise
    record(actor=people[content.MIRA], verb="samples.make", target="samples")
    return password


@transaction.atomic
def make_people(password: str) -> dict[str, User]:
    """Make the accounts and their organization; returns the users by name."""
    people = {}
    for person in content.PEOPLE:
        user = create_user(name=person.name, email=f"{person.name}@{content.MAIL_DOMAIN}", password=password)
        # Nobody is new in a hub that is to look lived in: new accounts may say little, and count for little in scores.
        User.objects.filter(pk=user.pk).update(date_joined=timezone.now() - JOINED_BEFORE)
        user.refresh_from_db()
        update_profile(user=user, display_name=person.display_name, bio=person.bio, website="")
        people[person.name] = user
    mira = people[content.MIRA]
    organization = create_organization(
        name=content.ORGANIZATION, owner=mira, display_name=content.ORGANIZATION_NAME, bio=content.ORGANIZATION_BIO
    )
    add_member(organization=organization, actor=mira, user=people[content.JUN], role=Role.WRITE)
    return people


def upload_repositories(*, owner: User, url: str, python: Path, say: Say) -> None:
    """Train the models and upload everything, in the worker's environment. Raises NotMade."""
    token, secret = create_token(
        user=owner, name="Sample content", scope="write", expires_at=timezone.now() + timedelta(hours=1)
    )
    folder = Path(tempfile.mkdtemp(prefix="samples-", dir=settings.DATA_DIR))
    # The client is to speak to this hub alone, and to keep its own files with the others.
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HF_ENDPOINT": url,
        "HF_TOKEN": secret,
        "HF_HOME": str(folder / "client"),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "PYTHONUNBUFFERED": "1",
        # Beside a working site, threads that wait must not keep the others from working.
        "OMP_WAIT_POLICY": "PASSIVE",
    }
    try:
        made = folder / "repositories"
        _run([str(python), "-m", "workers.samples", str(settings.BASE_DIR), str(made)], environment, say)
        arguments = [str(python), "-m", "workers.samples.upload", str(made), content.ORGANIZATION]
        _run(arguments, environment, say)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        revoke_token(user=owner, token_id=token.pk)


def _run(command: list[str], environment: dict[str, str], say: Say) -> None:
    process = subprocess.Popen(
        command,
        cwd=settings.BASE_DIR,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    assert process.stdout is not None
    last = ""
    try:
        for line in process.stdout:
            if line.startswith(("training", "uploading")):
                say(line.rstrip())
            elif line.strip():
                last = line.strip()
    except BaseException:
        process.kill()
        raise
    if process.wait() != 0:
        raise NotMade(f"{command[2]} ended with exit code {process.returncode}: {last}")


def start_evaluations(people: dict[str, User]) -> list[Job]:
    """Queue the evaluations; the job worker runs them one after the other."""
    return [
        submit_evaluation(
            user=people[name],
            model=_repo(Kind.MODEL, model),
            dataset=_repo(Kind.DATASET, dataset),
            revision=revision,
        ).job
        for name, model, revision, dataset in content.EVALUATIONS
    ]


def hold_discussions(people: dict[str, User]) -> None:
    for thread in content.THREADS:
        (opener, text), *answers = thread.said
        discussion = open_discussion(
            repo=_repo(thread.kind, thread.repo),
            actor=people[opener],
            title=thread.title,
            text=text,
            is_question=thread.is_question,
        )
        comments = [post_comment(discussion=discussion, actor=people[name], text=answer) for name, answer in answers]
        if thread.answer:
            answer = comments[thread.answer - 1]
            for name in thread.thanked_by:
                vote(comment=answer, actor=people[name], wanted=True)
            accept_answer(comment=answer, actor=people[opener])
        if thread.closed_by:
            set_status(discussion=discussion, actor=people[thread.closed_by], status=Status.CLOSED)


def write_reviews(people: dict[str, User]) -> None:
    for model, reviews in content.REVIEWS.items():
        repo = _repo(Kind.MODEL, model)
        for rated in reviews:
            review = post_review(repo=repo, author=people[rated.by], tag=rated.release, **rated.said)
            for name in rated.helpful_to:
                vote_review(review=review, actor=people[name], helpful=True)
            if rated.reply:
                reply_to_review(review=review, actor=people[content.MIRA], text=rated.reply)


def like_and_collect(people: dict[str, User]) -> None:
    lab = Namespace.objects.get(name=content.ORGANIZATION)
    for name, models in content.LIKES.items():
        follow(actor=people[name], namespace=lab)
        for model in models:
            like(repo=_repo(Kind.MODEL, model), actor=people[name])
    for picked in content.COLLECTIONS:
        collection = create_collection(
            actor=people[picked.by],
            namespace=people[picked.by].namespace,
            title=picked.title,
            description=picked.description,
        )
        for kind, repo, text in picked.items:
            add_item(collection=collection, actor=people[picked.by], thing=_repo(kind, repo), note=text)


def propose_changes(people: dict[str, User]) -> None:
    for proposal in content.PROPOSALS:
        repo = _repo(Kind.MODEL, proposal.repo)
        stage = Stage(repo)
        put = stage.file(proposal.path, proposal.content.encode())
        stage.finish()
        commit_as_pull_request(
            repo=repo,
            actor=people[proposal.by],
            operations=[put],
            title=proposal.title,
            description=proposal.text,
        )


@transaction.atomic
def remove_samples(*, say: Say) -> int:
    """Delete the sample repositories with all that was said about them, the organization and the accounts.

    Returns how many accounts went. What sample accounts said elsewhere stays, as by a deleted user.
    """
    people = _people()
    organization = Organization.objects.filter(
        namespace__name__iexact=content.ORGANIZATION, memberships__user__in=people
    ).first()
    owned = Repository.objects.filter(namespace__user__in=people)
    if organization is not None:
        owned |= Repository.objects.filter(namespace__organization=organization)
    for repo in owned.select_related("namespace", "store"):
        say(f"deleting {repo.kind} {repo.full_name}")
        delete_repo(repo=repo, actor=repo.created_by or get_user(name=content.MIRA))
    if organization is not None:
        delete_organization(organization=organization, actor=get_user(name=content.MIRA))
    Job.objects.filter(user__in=people).delete()
    count = people.count()
    people.delete()
    record(actor=None, verb="samples.remove", target="samples", accounts=count)
    return count


def _people() -> QuerySet[User]:
    return User.objects.filter(email__endswith=f"@{content.MAIL_DOMAIN}")


def _repo(kind: str, name: str) -> Repository:
    return Repository.objects.select_related("namespace").get(
        kind=kind, namespace__name__iexact=content.ORGANIZATION, name=name
    )
