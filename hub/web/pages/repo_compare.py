"""What lies between two revisions, such as two releases."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from hub.core.errors import Invalid
from hub.core.links import repo_path
from hub.repos.comparing import BETWEEN, Comparison, Weights, compare_revisions
from hub.repos.git.files import resolve_revision
from hub.repos.models import Release, Repository
from hub.repos.names import FULL_ID
from hub.web.pages.repo_head import DEFAULT_BRANCH, REFS_SHOWN, for_fetchers, open_revision, repo_page
from hub.web.templatetags.grove import shortnum


@for_fetchers
@require_safe
def choose(request: HttpRequest, repo: Repository) -> HttpResponse:
    """The form that asks for two revisions; with `?from=` and `?to=`, on to their comparison."""
    old, new = request.GET.get("from", "").strip(), request.GET.get("to", "").strip()
    if old and new:
        return redirect(repo_path(repo.kind, repo.full_name, "compare", old + BETWEEN + new))
    return repo_page(request, "web/repo/compare_form.html", repo, tab="releases", **_offered(repo, old, new))


@for_fetchers
@require_safe
def compare(request: HttpRequest, repo: Repository, spec: str) -> HttpResponse:
    """`{old}...{new}`: commits, files, card and weights. Raises Invalid, RevisionNotFound."""
    old, between, new = spec.partition(BETWEEN)
    if not (old and between and new):
        raise Invalid(_("A comparison names two revisions, such as v1.0...main."))
    found = compare_revisions(repo, resolve_revision(repo, old), resolve_revision(repo, new))
    return repo_page(
        request,
        "web/repo/compare.html",
        repo,
        tab="releases",
        found=found,
        shrunk=-found.grown,
        weight_lines=_weight_lines(found) if found.weights_changed else [],
        unnamed_commits=found.ahead - len(found.commits),
        unnamed_files=found.changed - len(found.diffs),
        shown_old=old[:7] if FULL_ID.fullmatch(old) else old,
        shown_new=new[:7] if FULL_ID.fullmatch(new) else new,
        **_offered(repo, old, new),
    )


def _weight_lines(found: Comparison) -> list[str]:
    """Say in words what became of the weights."""
    old, new = found.old_weights, found.new_weights
    if old is None and new is None:
        return [_("The files of the weights are different. What they hold cannot be compared.")]
    if old is None or new is None:
        if old is None:
            assert new is not None
            return [_("Weights that can be read are new here: %(what)s.") % {"what": _said(new)}]
        return [_("There are no weights any more that can be read; there were %(what)s.") % {"what": _said(old)}]
    if old.by_dtype == new.by_dtype:
        return [
            _("As many parameters as before, of the same types, with other values: %(what)s.") % {"what": _said(new)}
        ]
    lines = []
    if old.parameters == new.parameters:
        lines.append(_("As many parameters as before: %(count)s.") % {"count": shortnum(new.parameters)})
    else:
        counts = {"old": shortnum(old.parameters), "new": shortnum(new.parameters)}
        lines.append(_("%(old)s parameters before, %(new)s after.") % counts)
    if old.by_dtype.keys() != new.by_dtype.keys():
        lines.append(_("Types: %(old)s before, %(new)s after.") % {"old": _types(old), "new": _types(new)})
    return lines


def _said(weights: Weights) -> str:
    return _("%(count)s parameters in %(types)s") % {
        "count": shortnum(weights.parameters),
        "types": _types(weights),
    }


def _types(weights: Weights) -> str:
    return _(", ").join(dtype.lower() for dtype in weights.by_dtype)


def _offered(repo: Repository, old: str, new: str) -> dict[str, Any]:
    """Return the two names, and the revisions that the form suggests: releases, branches, tags."""
    revision = open_revision(repo, DEFAULT_BRANCH)
    releases = Release.objects.filter(repository=repo).newest_first().values_list("tag", flat=True)[:REFS_SHOWN]
    suggested = dict.fromkeys([*releases, *revision.branches, *revision.tags])
    return {"old": old, "new": new, "suggested": list(suggested)}
