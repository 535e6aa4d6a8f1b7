"""Making a repository, of any kind."""

from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from hub.core.errors import HubError
from hub.repos.cards import CARD_FILE
from hub.repos.git.commits import Stage, create_commit
from hub.repos.models import Kind, Repository
from hub.repos.names import check_repo_name
from hub.repos.permissions import get_namespace_for_create
from hub.repos.services import create_repo
from hub.web.forms import explain
from hub.web.forms.repositories import NewRepositoryForm, NewSpaceForm
from hub.web.kinds import words_of
from hub.web.requests import MemberRequest


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: MemberRequest, kind: str) -> HttpResponse:
    """The form; `?owner=` chooses an organization."""
    initial = {"owner": request.GET.get("owner", request.user.get_username())}
    form_class = NewSpaceForm if kind == Kind.SPACE else NewRepositoryForm
    form = form_class(request.POST or None, user=request.user, initial=initial)
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            return redirect(_create(request, kind, form).get_absolute_url())
        except HubError as error:
            explain(form, error)
            status = error.status
    return render(
        request, "web/repo/new.html", {"form": form, "words": words_of(kind), "nav": f"{kind}s"}, status=status
    )


@transaction.atomic
def _create(request: MemberRequest, kind: str, form: NewRepositoryForm) -> Repository:
    """Make the repository, with its licence where one was chosen: both or neither."""
    wanted = form.cleaned_data
    namespace = get_namespace_for_create(request.user, wanted["owner"].name)
    repo = create_repo(
        actor=request.user,
        namespace=namespace,
        kind=kind,
        name=wanted["name"],
        visibility=wanted["visibility"],
        sdk=wanted.get("sdk", ""),
    )
    if wanted["license"]:
        stage = Stage(repo)
        sdk = f"sdk: {wanted['sdk']}\n" if "sdk" in wanted else ""
        card = f"---\n{sdk}license: {wanted['license']}\n---\n\n# {repo.name}\n"
        put = stage.file(CARD_FILE, card.encode())
        stage.finish()
        create_commit(repo=repo, actor=request.user, operations=[put], title=_("State the licence"))
    return repo


@login_required
@require_safe
def check_name(request: MemberRequest, kind: str) -> HttpResponse:
    """Tell, while somebody types, whether a name can be had: `{"ok": bool, "message": text}`."""
    owner, name = request.GET.get("owner", ""), request.GET.get("name", "")
    try:
        namespace = get_namespace_for_create(request.user, owner)
        check_repo_name(name)
    except HubError as error:
        return JsonResponse({"ok": False, "message": error.message})
    if Repository.objects.visible_to(request.user).named(kind, namespace.name, name).exists():
        return JsonResponse({"ok": False, "message": _("“%(name)s” is taken.") % {"name": f"{namespace.name}/{name}"}})
    return JsonResponse({"ok": True, "message": _("%(name)s is free.") % {"name": f"{namespace.name}/{name}"}})
