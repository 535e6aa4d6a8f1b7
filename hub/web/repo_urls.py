"""Addresses of lists and of everything about one repository. Links to them are made by `hub.core.links.repo_path`."""

from django.urls import URLPattern, path

from hub.repos.models import VERSIONED, Kind
from hub.web.pages import (
    bucket,
    buckets,
    collections,
    discussion_lists,
    leaderboard,
    listing,
    repo_access,
    repo_branches,
    repo_card,
    repo_commits,
    repo_compare,
    repo_demo,
    repo_discussion_acts,
    repo_discussions,
    repo_duplicate,
    repo_edit,
    repo_evaluations,
    repo_files,
    repo_large_files,
    repo_new,
    repo_pulls,
    repo_releases,
    repo_review_acts,
    repo_reviews,
    repo_settings,
    repo_upload,
    short_names,
    social,
)

MODEL = "<str:namespace>/<str:name>"


def _of_kind(kind: Kind, prefix: str) -> list[URLPattern]:
    """Return the addresses below `/[datasets/]{namespace}/{name}`."""
    repo = f"{prefix}<str:namespace>/<str:name>"
    told = {"kind": kind}
    return [
        # Short names first: what stands before one of these words is no owner.
        path(f"{prefix}<str:name>/<repoword:word>", short_names.page_by_short_name, told),
        path(f"{prefix}<str:name>/<repoword:word>/<path:rest>", short_names.page_by_short_name, told),
        path(repo, repo_card.card, told),
        path(f"{repo}/tree/<rev:rev>", repo_files.tree, told),
        # As older clients print it after an upload.
        path(f"{repo}/tree/<rev:rev>/", repo_files.tree, told),
        path(f"{repo}/tree/<rev:rev>/<file:path>", repo_files.tree, told),
        path(f"{repo}/blob/<rev:rev>/<file:path>", repo_files.blob, told),
        path(f"{repo}/raw/<rev:rev>/<file:path>", repo_files.raw, told),
        path(f"{repo}/commits/<rev:rev>", repo_commits.commits, told),
        path(f"{repo}/commits/<rev:rev>/<file:path>", repo_commits.commits, told),
        path(f"{repo}/commit/<rev:sha>", repo_commits.commit, told),
        path(f"{repo}/branches", repo_branches.branches, told),
        path(f"{repo}/branches/new", repo_branches.new, told),
        path(f"{repo}/branches/<rev:branch>/delete", repo_branches.delete, told),
        path(f"{repo}/branches/<rev:branch>/squash", repo_branches.squash, told),
        path(f"{repo}/tags/<rev:tag>/delete", repo_branches.drop_tag, told),
        path(f"{repo}/compare", repo_compare.choose, told),
        path(f"{repo}/compare/<file:spec>", repo_compare.compare, told),
        path(f"{repo}/duplicate", repo_duplicate.duplicate, told),
        path(f"{repo}/collect", collections.collect, told),
        path(f"{repo}/upload/<rev:rev>", repo_upload.upload, told),
        path(f"{repo}/upload/<rev:rev>/<file:path>", repo_upload.upload, told),
        path(f"{repo}/new/<rev:rev>", repo_edit.new, told),
        path(f"{repo}/new/<rev:rev>/<file:path>", repo_edit.new, told),
        path(f"{repo}/edit/<rev:rev>/<file:path>", repo_edit.edit, told),
        path(f"{repo}/delete/<rev:rev>/<file:path>", repo_edit.delete, told),
        path(f"{repo}/discussions", discussion_lists.of_repo, told),
        path(f"{repo}/discussions/new", repo_discussions.new, told),
        path(f"{repo}/discussions/new/pull-request", repo_pulls.new, told),
        path(f"{repo}/discussions/<int:number>", repo_discussions.discussion, told),
        path(f"{repo}/discussions/<int:number>/commits", repo_pulls.commits, told),
        path(f"{repo}/discussions/<int:number>/files", repo_pulls.files, told),
        path(f"{repo}/discussions/<int:number>/files/<file:path>", repo_pulls.file, told),
        path(f"{repo}/discussions/<int:number>/conflicts", repo_pulls.conflicts, told),
        path(f"{repo}/discussions/<int:number>/merged", repo_pulls.mark, told),
        path(f"{repo}/discussions/<int:number>/merge", repo_pulls.merge, told),
        path(f"{repo}/discussions/<int:number>/update", repo_pulls.update, told),
        path(f"{repo}/discussions/<int:number>/base", repo_pulls.turn, told),
        path(f"{repo}/discussions/<int:number>/news", repo_discussions.news, told),
        path(f"{repo}/discussions/<int:number>/comment", repo_discussions.comment, told),
        path(f"{repo}/discussions/<int:number>/comment/<str:comment_id>/edit", repo_discussions.edit, told),
        path(f"{repo}/discussions/<int:number>/comment/<str:comment_id>/delete", repo_discussions.take_away, told),
        path(f"{repo}/discussions/<int:number>/title", repo_discussions.rename, told),
        path(f"{repo}/discussions/<int:number>/change", repo_discussion_acts.change, told),
        path(f"{repo}/discussions/<int:number>/comment/<str:comment_id>/react", repo_discussion_acts.react, told),
        path(f"{repo}/discussions/<int:number>/comment/<str:comment_id>/vote", repo_discussion_acts.vote, told),
        path(f"{repo}/discussions/<int:number>/comment/<str:comment_id>/accept", repo_discussion_acts.accept, told),
        path(f"{repo}/discussions/<int:number>/comment/<str:comment_id>/show", repo_discussion_acts.show_again, told),
        path(f"{repo}/discussions/<int:number>/comment/<str:comment_id>/history", repo_discussion_acts.history, told),
        path(f"{repo}/like", social.like, told),
        path(f"{repo}/follow", social.follow_repo, told),
        path(f"{repo}/likes", social.likers, told),
        path(f"{repo}/releases", repo_releases.releases, told),
        path(f"{repo}/releases/new", repo_releases.new, told),
        path(f"{repo}/releases/<rev:tag>/edit", repo_releases.edit, told),
        path(f"{repo}/releases/<rev:tag>/delete", repo_releases.delete, told),
        path(f"{repo}/access", repo_access.access, told),
        path(f"{repo}/access/withdraw", repo_access.withdraw, told),
        path(f"{repo}/settings/gate", repo_access.set_gate, told),
        path(f"{repo}/settings/access", repo_access.requests, told),
        path(f"{repo}/settings/access.csv", repo_access.download, told),
        path(f"{repo}/settings/access/grant", repo_access.grant, told),
        path(f"{repo}/settings/access/<int:number>", repo_access.decide, told),
        path(f"{repo}/settings", repo_settings.settings, told),
        path(f"{repo}/settings/large-files", repo_large_files.large_files, told),
        path(f"{repo}/settings/large-files/delete", repo_large_files.delete, told),
        path(f"{repo}/settings/branches", repo_branches.rules, told),
        path(f"{repo}/settings/branches/<int:rule_id>/remove", repo_branches.remove_rule, told),
        path(f"{repo}/settings/names", short_names.names, told),
        path(f"{repo}/settings/names/take", short_names.take, told),
        path(f"{repo}/settings/move", repo_settings.move, told),
        path(f"{repo}/settings/visibility", repo_settings.visibility, told),
        path(f"{repo}/settings/delete", repo_settings.delete, told),
    ]


# A bucket has no card, no commits and no discussions: it has pages of its own.
BUCKET = "buckets/<str:namespace>/<str:name>"
_OF_BUCKETS = [
    path("buckets", buckets.listing, name="buckets"),
    path("new/bucket", buckets.new, name="new_bucket"),
    path("new/bucket/check", repo_new.check_name, {"kind": Kind.BUCKET}),
    *(
        path(f"{BUCKET}{below}", view, {"kind": Kind.BUCKET})
        for below, view in (
            ("", bucket.files),
            ("/tree", bucket.files),
            ("/tree/<file:path>", bucket.files),
            ("/upload", bucket.upload),
            ("/upload/<file:path>", bucket.upload),
            ("/delete", bucket.remove),
            ("/settings", bucket.settings),
            ("/settings/move", bucket.move),
            ("/settings/visibility", repo_settings.visibility),
            ("/settings/delete", repo_settings.delete),
        )
    ),
]

urlpatterns = [
    *_OF_BUCKETS,
    *(
        pattern
        for kind in VERSIONED
        for pattern in (
            path(f"{kind}s", listing.listing, {"kind": kind}, name=f"{kind}s"),
            path(f"new/{kind}", repo_new.new, {"kind": kind}, name=f"new_{kind}"),
            path(f"new/{kind}/check", repo_new.check_name, {"kind": kind}),
        )
    ),
    # Models last: the other prefixes would pass for a namespace.
    *(
        pattern
        for kind in VERSIONED
        if kind != Kind.MODEL
        for pattern in (
            path(f"{kind}s/<str:name>", short_names.page_by_short_name, {"kind": kind}),
            *_of_kind(kind, f"{kind}s/"),
        )
    ),
    path("datasets/<str:namespace>/<str:name>/leaderboard", leaderboard.leaderboard, {"kind": Kind.DATASET}),
    *(
        path(
            f"datasets/<str:namespace>/<str:name>/leaderboard.{form}",
            leaderboard.download,
            {"kind": Kind.DATASET, "form": form},
        )
        for form in ("json", "csv")
    ),
    *_of_kind(Kind.MODEL, ""),
    # Only models are tried.
    path(f"{MODEL}/demo", repo_demo.demo, {"kind": Kind.MODEL}),
    path(f"{MODEL}/demo/ask", repo_demo.ask, {"kind": Kind.MODEL}),
    # Only models are rated.
    path(f"{MODEL}/reviews", repo_reviews.reviews, {"kind": Kind.MODEL}),
    path(f"{MODEL}/reviews/new", repo_review_acts.new, {"kind": Kind.MODEL}),
    path(f"{MODEL}/reviews/<int:review_id>", repo_reviews.review, {"kind": Kind.MODEL}),
    path(f"{MODEL}/reviews/<int:review_id>/vote", repo_review_acts.vote, {"kind": Kind.MODEL}),
    path(f"{MODEL}/reviews/<int:review_id>/reply", repo_review_acts.reply, {"kind": Kind.MODEL}),
    path(f"{MODEL}/reviews/<int:review_id>/reply/delete", repo_review_acts.delete_reply, {"kind": Kind.MODEL}),
    path(f"{MODEL}/reviews/<int:review_id>/edit", repo_review_acts.edit, {"kind": Kind.MODEL}),
    path(f"{MODEL}/reviews/<int:review_id>/delete", repo_review_acts.delete, {"kind": Kind.MODEL}),
    path(f"{MODEL}/evaluations", repo_evaluations.evaluations, {"kind": Kind.MODEL}),
    path(f"{MODEL}/evaluations/datasets", repo_evaluations.datasets, {"kind": Kind.MODEL}),
    path(f"{MODEL}/evaluations/<int:run_id>", repo_evaluations.evaluation, {"kind": Kind.MODEL}),
    path(f"{MODEL}/evaluations/<int:run_id>/live", repo_evaluations.live, {"kind": Kind.MODEL}),
    path(f"{MODEL}/evaluations/<int:run_id>/cancel", repo_evaluations.cancel, {"kind": Kind.MODEL}),
    path(f"{MODEL}/evaluations/<int:run_id>/record.json", repo_evaluations.record, {"kind": Kind.MODEL}),
]
