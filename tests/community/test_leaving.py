"""Whatever names a person: their export has it, or says why not; and it is decided what becomes of it once they are gone."""

import io
import json
import zipfile
from typing import Any

import pytest
from django.apps import apps
from django.db.models import CASCADE, SET_NULL

from hub.accounts.joining import invite, request_to_join
from hub.accounts.models import MemberInvitation, Role, User
from hub.accounts.organizations import add_member
from hub.community.collections import add_item, create_collection
from hub.community.deletion import delete_account
from hub.community.exporting.archive import COVERED, parts_of, write_export
from hub.community.models import (
    Activity,
    ActivityKind,
    Collection,
    CollectionItem,
    Domain,
    Webhook,
    WebhookDelivery,
)
from hub.community.notifications.telling import tell
from hub.community.webhooks.services import Watched, create_webhook, enable_webhook
from hub.core.models import AuditEvent
from hub.evaluations.models import Result, Run
from hub.moderation.appeals import appeal
from hub.moderation.models import ActionKind, Ground, Target
from hub.moderation.services import act, report
from hub.moderation.targets import find_target
from hub.repos.models import Repository, Visibility
from hub.repos.models.git import GitCommit
from hub.repos.releases import create_release
from tests.factories import make_organization, make_repo, make_user
from tests.jobs.conftest import make_job
from tests.web.conftest import browser_of
from tests.web.repos import commit_files

pytestmark = pytest.mark.django_db

# What becomes of each thing that names a person once their account is deleted. GOES: with the account. NAMELESS: it stays, and
# names nobody. ERASED: it stays nameless where they leave their words, and goes, or is emptied, where they take them along.
GOES, NAMELESS, ERASED = "goes", "nameless", "erased"
FATES = {
    # Who they are, and how they come in.
    "account.EmailAddress.user": GOES,
    "mfa.Authenticator.user": GOES,
    "socialaccount.SocialAccount.user": GOES,
    "accounts.Namespace.user": GOES,
    "accounts.AccessToken.user": GOES,
    "accounts.Application.owner": GOES,
    "accounts.Consent.user": GOES,
    "accounts.SignIn.user": GOES,
    "accounts.AuthorizationCode.user": GOES,
    "accounts.DeviceRequest.user": GOES,
    "accounts.BrowserSession.user": GOES,
    "accounts.User_groups.user": GOES,
    "accounts.User_user_permissions.user": GOES,
    # Invitations to the hub that nobody has used; who came by one stays.
    "accounts.OneTimeLink.created_by": GOES,
    "accounts.OneTimeLink.used_by": NAMELESS,
    # Between them and organizations. Who was invited by them asks another administrator: the invitation opens nothing.
    "accounts.Membership.user": GOES,
    "accounts.MemberInvitation.user": GOES,
    "accounts.JoinRequest.user": GOES,
    "accounts.MemberInvitation.invited_by": NAMELESS,
    # What they did in repositories is part of those.
    "repos.Repository.created_by": NAMELESS,
    "repos.GitCommit.author": NAMELESS,
    "repos.RefUpdate.actor": NAMELESS,
    "repos.Release.author": NAMELESS,
    "repos.BlobClaim.user": NAMELESS,
    "repos.AccessRequest.decided_by": NAMELESS,
    # What only they could go on with, and what they were given.
    "repos.LargeUpload.user": GOES,
    "repos.LargeFileLock.owner": GOES,
    "repos.CommitReceipt.user": GOES,
    "repos.AccessRequest.user": GOES,
    "repos.Use.user": GOES,
    "repos.XorbGrant.user": GOES,
    "jobs.Job.user": NAMELESS,
    "evaluations.Run.user": NAMELESS,
    # What they said. Titles of discussions belong to all who talk there; who hid what was an office.
    "community.Discussion.author": NAMELESS,
    "community.DiscussionEvent.author": ERASED,
    "community.DiscussionEvent.hidden_by": NAMELESS,
    "community.Review.author": ERASED,
    "community.Review.replied_by": ERASED,
    "community.Review.hidden_by": NAMELESS,
    "community.Attachment.owner": ERASED,
    "community.Activity.actor": ERASED,
    # What was between them and others.
    "community.Reaction.user": GOES,
    "community.AnswerVote.user": GOES,
    "community.ReviewVote.user": GOES,
    "community.CollectionUpvote.user": GOES,
    "community.Like.user": GOES,
    "community.Follow.follower": GOES,
    "community.Block.blocker": GOES,
    "community.Block.blocked": GOES,
    "community.Notification.user": GOES,
    "community.Subscription.user": GOES,
    "community.NotificationSettings.user": GOES,
    # What they made for organizations is those organizations'; their own goes with their namespace.
    "community.Collection.created_by": NAMELESS,
    "community.CollectionItem.added_by": NAMELESS,
    "community.Webhook.created_by": NAMELESS,
    # The records, which tell others why things are as they are.
    "core.AuditEvent.actor": NAMELESS,
    "moderation.Case.accused": NAMELESS,
    "moderation.Case.claimed_by": NAMELESS,
    "moderation.Report.reporter": NAMELESS,
    "moderation.Action.moderator": NAMELESS,
    "moderation.Appeal.user": NAMELESS,
    "moderation.Appeal.decided_by": NAMELESS,
}


def naming_people() -> dict[str, Any]:
    """Every field of the database that names a user, by `app.Model.field`."""
    return {
        f"{model._meta.label}.{field.name}": field
        for model in apps.get_models(include_auto_created=True)
        for field in model._meta.concrete_fields
        if field.remote_field is not None and field.remote_field.model is User
    }


def test_whatever_names_a_person_is_exported_or_the_archive_says_why_not() -> None:
    parts = parts_of(make_user())
    exported = [*COVERED, *(covered for part in parts for table in part.tables for covered in table.covers)]
    left_out = [name for part in parts for name in part.left_out]
    assert len(exported) == len(set(exported)) and not set(exported) & set(left_out)
    decided = {*exported, *left_out}
    assert naming_people().keys() - decided == set(), "Export these (hub/*/exporting), or say there why not."
    assert decided - naming_people().keys() == set(), "These are gone from the database."
    names = [table.name for part in parts for table in part.tables]
    assert len(names) == len(set(names))
    assert all(table.text and "|" not in table.text for part in parts for table in part.tables)


def test_it_is_decided_what_becomes_of_whatever_names_a_person() -> None:
    fields = naming_people()
    assert fields.keys() - FATES.keys() == set(), "Decide what becomes of these once an account is deleted."
    assert FATES.keys() - fields.keys() == set(), "These are gone from the database."
    for name, field in fields.items():
        wanted = CASCADE if FATES[name] == GOES else SET_NULL
        assert field.remote_field.on_delete is wanted, name


def exported(user: User) -> dict[str, list[dict[str, Any]]]:
    file = io.BytesIO()
    write_export(user=user, file=file)
    archive = zipfile.ZipFile(file)
    return {
        name.removesuffix(".jsonl"): [json.loads(line) for line in archive.read(name).splitlines()]
        for name in archive.namelist()
        if name.endswith(".jsonl")
    } | {"README": [{"text": archive.read("README.md").decode()}]}


def test_the_apps_above_export_what_they_keep() -> None:
    person, moderator, model, dataset = make_user(), make_user(admin=True), make_repo(), make_repo(kind="dataset")
    job = make_job(person)
    facts = {"config": "", "split": "test", "column": "text", "context": 8, "stride": 4, "max_tokens": 99, "seed": 1}
    commits = {
        "model_revision": "main",
        "model_commit": "0" * 40,
        "dataset_revision": "main",
        "dataset_commit": "1" * 40,
    }
    run = Run.objects.create(job=job, user=person, model=model, dataset=dataset, **commits, **facts)
    Result.objects.create(run=run, metrics={"bits_per_byte": 1.5}, record={})
    bad = find_target(person, Target.REPOSITORY, f"models/{model.full_name}")
    report(found=bad, reporter=person, ground=Ground.SPAM, text="It steals keys.")
    about = report(
        found=find_target(moderator, Target.USER, person.username),
        reporter=make_user(),
        ground=Ground.SPAM,
        text="Rude!",
    )
    warned = act(case=about.case, moderator=moderator, kind=ActionKind.WARN, reason="Be kind.", note="Third time.")
    appeal(action=warned, user=person, text="I was.")
    rows = exported(person)
    assert rows["evaluations"][0]["metrics"] == {"bits_per_byte": 1.5}
    assert rows["evaluations"][0]["dataset"] == f"dataset {dataset.full_name}" and rows["jobs"]
    assert rows["reports"][0]["text"] == "It steals keys." and rows["reports"][0]["about"] == "repository"
    assert rows["decisions"][0]["reason"] == "Be kind." and rows["appeals"][0]["text"] == "I was."
    everything = json.dumps(rows)
    assert "Rude!" not in everything and "Third time." not in everything and moderator.username not in everything
    assert "Who has blocked you" in rows["README"][0]["text"]
    Repository.objects.filter(pk=dataset.pk).update(visibility=Visibility.PRIVATE)
    assert exported(person)["evaluations"][0]["dataset"] is None


def test_commits_of_others_private_repositories_are_not_exported() -> None:
    """Anybody can put an address into a commit, and what it says may be others' alone."""
    person, public, private = make_user(), make_repo(), make_repo(visibility=Visibility.PRIVATE)
    GitCommit.objects.filter(store__in=[public.store_id, private.store_id]).update(author=person)
    told = {row["oid"] for row in exported(person)["commits"]}
    assert told == set(GitCommit.objects.filter(store=public.store_id).values_list("oid", flat=True)) != set()


def test_what_a_collection_holds_is_exported_as_far_as_one_may_see_it() -> None:
    person, other, repo = make_user(), make_user(), make_repo()
    made = create_collection(namespace=person.namespace, actor=person, title="Mine")
    theirs = create_collection(namespace=other.namespace, actor=other, title="Theirs")
    for thing in (repo, theirs):
        add_item(collection=made, actor=person, thing=thing)

    def held() -> list[tuple[str | None, str | None]]:
        return [(row["repository"], row["nested_key"]) for row in exported(person)["collection_items"]]

    assert held() == [(f"model {repo.full_name}", None), (None, theirs.key)]
    Collection.objects.filter(pk=theirs.pk).update(is_private=True)
    Repository.objects.filter(pk=repo.pk).update(visibility=Visibility.PRIVATE)
    assert held() == [(None, None), (None, None)]


@pytest.mark.parametrize("erase", [False, True])
def test_what_a_member_made_for_an_organization_stays_with_it(erase: bool) -> None:
    admin, leaver, guest = make_user(), make_user(), make_user()
    crew = make_organization(admin, "crew")
    add_member(organization=crew, actor=admin, user=leaver, role=Role.ADMIN)
    repo = make_repo(leaver, organization=crew)
    commit_files(repo, {"README.md": "# Ours\n"})
    create_release(repo=repo, actor=leaver, tag="v1", notes="The first.")
    watched = [Watched("org", "crew")]
    url = "https://example.org/hook"
    ours = create_webhook(namespace=crew.namespace, actor=leaver, url=url, watched=watched)
    theirs = create_webhook(namespace=crew.namespace, actor=admin, url=url, watched=watched)
    own = create_webhook(namespace=leaver.namespace, actor=leaver, url=url, watched=watched)
    made = create_collection(namespace=crew.namespace, actor=leaver, title="Small models")
    add_item(collection=made, actor=leaver, thing=repo, note="Start here.")
    create_collection(namespace=leaver.namespace, actor=leaver, title="Mine")
    invite(organization=crew, actor=leaver, who=guest.username, role=Role.READ)
    asking = make_user()
    request_to_join(organization=crew, user=asking, text="Let me in.")
    before = AuditEvent.objects.count()

    delete_account(user=leaver, erase=erase, with_repositories=False)

    assert not Webhook.objects.filter(pk=own.pk).exists() and Collection.objects.get() == made
    item = CollectionItem.objects.get()
    assert (item.note, item.added_by, item.repository) == ("Start here.", None, repo)
    assert repo.releases.get().notes == "The first." and repo.releases.get().author is None
    assert MemberInvitation.objects.get().invited_by is None and crew.join_requests.get().user == asking
    assert AuditEvent.objects.count() > before and not AuditEvent.objects.filter(actor=leaver.pk).exists()
    # The webhook is there, and off until somebody answers for it.
    ours.refresh_from_db()
    assert ours.created_by is None and ours.disabled_at is not None and "deleted their account" in ours.disabled_reason
    theirs.refresh_from_db()
    assert theirs.disabled_at is None
    browser = browser_of(admin)
    told = Activity.objects.get(kind=ActivityKind.WEBHOOK_DISABLED)
    assert [notification.user for notification in tell(told.pk)] == [admin]
    assert "deleted their account" in browser.get("/notifications").content.decode()
    pages = ("/organizations/crew/webhooks", f"/settings/webhooks/{ours.key}", f"/settings/webhooks/{ours.key}/edit")
    for address in (*pages, "/organizations/crew/members", f"/collections/{made.full_slug}", "/crew"):
        assert browser.get(address).status_code == 200, address
    waiting = WebhookDelivery.objects.filter(webhook=ours, state=WebhookDelivery.State.WAITING)
    assert not waiting.exists()
    enable_webhook(webhook=ours, actor=admin)
    ours.refresh_from_db()
    assert ours.created_by == admin and ours.disabled_at is None
    assert ours in Webhook.objects.hearing(repo, Domain.REPO)
