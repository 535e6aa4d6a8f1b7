"""The client protocol below `/api/`."""

from django.urls import path

from hub.api.hf import (
    account,
    commit,
    discussions,
    info,
    listing,
    paths,
    preupload,
    refs,
    repos,
    short_names,
    storage,
    system,
    trees,
    xet_tokens,
)

paths.register()

REPO = "<kinds:kind>/<str:namespace>/<str:name>"

urlpatterns = [
    path("whoami-v2", account.whoami),
    path("users/<str:name>/overview", account.user_overview),
    path("organizations/<str:name>/overview", account.organization_overview),
    path("organizations/<str:name>/members", account.organization_members),
    path("organizations/<str:name>/settings/repositories", storage.organization_repositories),
    path("settings/repositories", storage.own_repositories),
    path("agent-harnesses", system.agent_harnesses),
    path("telemetry/<path:topic>", system.telemetry),
    path("validate-yaml", system.validate_yaml),
    path("repos/create", repos.create),
    path("repos/delete", repos.delete),
    path("repos/move", repos.move),
    path("spaces/templates", repos.space_templates),
    path("<kinds:kind>", listing.repositories),
    path("<kinds:kind>-tags-by-type", listing.tags_by_type),
    # Short names, as some old scripts have them. First: what stands before one of these words is no owner.
    path("<kinds:kind>/<str:name>", short_names.call),
    path("<kinds:kind>/<str:name>/<repoword:word>", short_names.call),
    path("<kinds:kind>/<str:name>/<repoword:word>/<path:rest>", short_names.call),
    path(f"{REPO}", info.info),
    path(f"{REPO}/revision/<rev:revision>", info.info),
    path(f"{REPO}/settings", repos.settings),
    path(f"{REPO}/duplicate", repos.duplicate),
    path("spaces/<str:namespace>/<str:name>/runtime", repos.runtime),
    path(f"{REPO}/auth-check", repos.check_read),
    path(f"{REPO}/auth-check/write", repos.check_write),
    path(f"{REPO}/tree/<rev:revision>", trees.tree),
    path(f"{REPO}/tree/<rev:revision>/<file:path>", trees.tree),
    path(f"{REPO}/paths-info/<rev:revision>", trees.paths_info),
    path(f"{REPO}/refs", refs.refs),
    path(f"{REPO}/commits/<rev:revision>", refs.commits),
    path(f"{REPO}/branch/<rev:branch>", refs.branch),
    path(f"{REPO}/tag/<rev:revision>", refs.tag),
    path(f"{REPO}/preupload/<rev:revision>", preupload.preupload),
    path(f"{REPO}/commit/<rev:revision>", commit.commit),
    path(f"{REPO}/xet-read-token/<rev:revision>", xet_tokens.read_token),
    path(f"{REPO}/xet-write-token/<rev:revision>", xet_tokens.write_token),
    path(f"{REPO}/discussions", discussions.discussions),
    path(f"{REPO}/discussions/<int:number>", discussions.discussion),
    path(f"{REPO}/discussions/<int:number>/comment", discussions.comment),
    path(f"{REPO}/discussions/<int:number>/comment/<str:comment_id>/edit", discussions.edit),
    path(f"{REPO}/discussions/<int:number>/comment/<str:comment_id>/hide", discussions.hide),
    path(f"{REPO}/discussions/<int:number>/title", discussions.title),
    path(f"{REPO}/discussions/<int:number>/status", discussions.status),
    path(f"{REPO}/discussions/<int:number>/merge", discussions.merge),
    path("<path:rest>", system.nothing_here),
]
