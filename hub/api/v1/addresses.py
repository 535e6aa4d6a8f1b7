"""The addresses of our own API, below `/api/v1/`: all that its document tells of, and nothing else."""

from django.urls import URLPattern, path

from hub.api.v1 import (
    access,
    branches,
    collections,
    discussions,
    evaluations,
    files,
    moderation,
    names,
    organizations,
    pull_requests,
    releases,
    repositories,
    reviews,
    usage,
)
from hub.api.v1.operations import address

REPO = "<kinds:kind>/<str:namespace>/<str:name>"
DISCUSSION = f"{REPO}/discussions/<int:number>"
COMMENT = f"{DISCUSSION}/comments/<str:comment_id>"
COLLECTION = "collections/<str:namespace>/<str:slug>"
ORGANIZATION = "organizations/<str:organization>"
MODEL = "models/<str:namespace>/<str:name>"


urlpatterns: list[URLPattern] = [
    path("<kinds:kind>", address(repositories.find_repositories, repositories.make_repository)),
    path(f"{REPO}/files/<rev:revision>", address(files.list_the_files)),
    path(f"{REPO}/files/<rev:revision>/<file:path>", address(files.read_file_facts, files.put_file, files.delete_file)),
    path(f"{REPO}/releases", address(releases.list_releases, releases.create_a_release)),
    path(
        f"{REPO}/releases/<rev:tag>",
        address(releases.read_release, releases.change_release, releases.remove_release),
    ),
    path(f"{REPO}/compare", address(branches.compare)),
    path(f"{REPO}/branch-rules", address(branches.list_branch_rules, branches.protect_branches)),
    path(f"{REPO}/branch-rules/<int:rule_id>", address(branches.remove_rule)),
    path(f"{REPO}/pull-requests", address(pull_requests.open_from_a_branch)),
    path(f"{REPO}/pull-requests/<int:number>", address(pull_requests.read_pull_request)),
    path(f"{REPO}/pull-requests/<int:number>/merge", address(pull_requests.merge_a_pull_request)),
    path(f"{REPO}/pull-requests/<int:number>/update", address(pull_requests.update_a_pull_request)),
    path("discussions", address(discussions.list_all_discussions)),
    path(f"{REPO}/discussions", address(discussions.list_discussions)),
    path(DISCUSSION, address(discussions.read_discussion, discussions.change_discussion)),
    path(f"{DISCUSSION}/answer", address(discussions.accept_an_answer, discussions.take_an_answer_back)),
    path(COMMENT, address(discussions.read_comment)),
    path(f"{COMMENT}/history", address(discussions.read_comment_history)),
    path(f"{COMMENT}/hidden", address(discussions.show_comment_again)),
    path(f"{COMMENT}/vote", address(discussions.vote_for_answer, discussions.take_vote_back)),
    path(f"{COMMENT}/reactions/<str:emoji>", address(discussions.add_reaction, discussions.remove_reaction)),
    path(f"{REPO}/access", address(access.read_access, access.ask_for_access, access.give_access_up)),
    path(f"{REPO}/short-names", address(names.list_short_names, names.give_a_short_name)),
    path(f"{REPO}/short-names/<str:short_name>", address(names.take_a_short_name)),
    path(f"{MODEL}/reviews", address(reviews.list_reviews, reviews.write_review)),
    path(
        f"{MODEL}/reviews/<int:review_id>",
        address(reviews.read_review, reviews.change_review, reviews.remove_review),
    ),
    path(f"{MODEL}/reviews/<int:review_id>/edits", address(reviews.list_review_edits)),
    path(
        f"{MODEL}/reviews/<int:review_id>/vote",
        address(reviews.find_helpful, reviews.find_no_longer_helpful),
    ),
    path(f"{MODEL}/reviews/<int:review_id>/reply", address(reviews.reply, reviews.remove_reply)),
    path(f"{MODEL}/ratings", address(reviews.read_ratings)),
    path("collections", address(collections.list_collections, collections.make_collection)),
    path(
        COLLECTION,
        address(collections.read_collection, collections.change_collection, collections.remove_collection),
    ),
    path(f"{COLLECTION}/upvote", address(collections.upvote_collection, collections.take_upvote_back)),
    path(f"{COLLECTION}/items", address(collections.list_items, collections.put_in)),
    path(f"{COLLECTION}/items/<int:item_id>", address(collections.change_item, collections.take_out)),
    path(f"{ORGANIZATION}/members", address(organizations.list_members)),
    path(
        f"{ORGANIZATION}/members/<str:member>",
        address(organizations.change_role, organizations.remove_from_organization),
    ),
    path(f"{ORGANIZATION}/invitations", address(organizations.list_invitations, organizations.invite_somebody)),
    path(
        f"{ORGANIZATION}/invitations/<int:invitation_id>",
        address(organizations.send_invitation_again, organizations.withdraw_invitation),
    ),
    path(
        f"{ORGANIZATION}/join-requests",
        address(organizations.list_join_requests, organizations.ask_to_join, organizations.take_join_request_back),
    ),
    path(
        f"{ORGANIZATION}/join-requests/<str:member>",
        address(organizations.accept_join_request, organizations.decline_join_request),
    ),
    path(
        f"{ORGANIZATION}/invitation",
        address(organizations.accept_own_invitation, organizations.decline_own_invitation),
    ),
    path("invitations", address(organizations.list_own_invitations)),
    path("reports", address(moderation.report)),
    path("moderation/cases", address(moderation.list_cases)),
    path("moderation/cases/<int:case_id>/actions", address(moderation.decide_case)),
    path("usage/<str:namespace>", address(usage.read_usage)),
    path("evaluations", address(evaluations.submit)),
    path("evaluations/<int:run_id>", address(evaluations.evaluation)),
    path("evaluations/<int:run_id>/events", address(evaluations.events)),
    path("evaluations/<int:run_id>/cancel", address(evaluations.cancel)),
    path(f"{MODEL}/evaluations", address(evaluations.of_model)),
    path("datasets/<str:namespace>/<str:name>/leaderboard", address(evaluations.leaderboard)),
]
