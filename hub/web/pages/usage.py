"""What a user or an organization keeps here: its quota, each repository, the largest files; and setting the quota."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from hub.accounts.permissions import check_not_suspended, get_namespace
from hub.core.errors import Forbidden
from hub.repos.models import Repository
from hub.repos.permissions import get_namespace_for_usage
from hub.repos.storage.accounting import list_largest, usage_in
from hub.repos.storage.quotas import pending_in, quota_of, set_quota
from hub.web.forms.usage import QuotaForm
from hub.web.paging import page_of
from hub.web.requests import MemberRequest

PER_PAGE = 50
FILES_SHOWN = 20


@login_required
@require_safe
def show(request: MemberRequest, name: str) -> HttpResponse:
    """The page. Raises AccountNotFound, Forbidden."""
    namespace = get_namespace_for_usage(request.user, name)
    seen = Repository.objects.visible_to(request.user).filter(namespace=namespace)
    usage, pending, quota = usage_in(namespace), pending_in(namespace), quota_of(namespace)
    rows = seen.filter(usage__isnull=False).select_related("namespace", "usage").order_by("-usage__large_size", "pk")
    context = {
        "namespace": namespace,
        "usage": usage,
        "pending": pending,
        "quota": quota,
        # In pieces that a browser can count: sizes in bytes go beyond what a page may hold exactly.
        "share": min(round(1000 * (usage.held + pending) / quota), 1000) if quota else None,
        "page": page_of(request, rows, PER_PAGE),
        "files": list_largest(seen, FILES_SHOWN),
        "form": QuotaForm(namespace=namespace) if request.user.is_staff else None,
    }
    return render(request, "web/settings/usage.html", context)


@login_required
@require_POST
def change_quota(request: MemberRequest, name: str) -> HttpResponse:
    """Give a user or an organization more room, or less. Raises AccountNotFound, Forbidden."""
    if not request.user.is_staff:
        raise Forbidden(_("Only administrators of this hub set quotas."))
    check_not_suspended(request.user)
    namespace = get_namespace(name)
    form = QuotaForm(request.POST, namespace=namespace)
    if form.is_valid():
        set_quota(namespace=namespace, actor=request.user, quota=form.quota)
        messages.success(request, _("The quota of “%(name)s” is set.") % {"name": namespace.name})
    else:
        messages.error(request, _("A quota is a number of gigabytes. Nothing was changed."))
    return redirect("usage", name=namespace.name)
