"""The people whom one does not want to hear from."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from hub.accounts.services import get_user
from hub.community.blocks import block_user, unblock_user
from hub.core.errors import HubError, NotFound
from hub.web.forms import explain
from hub.web.forms.moderation import BlockForm
from hub.web.paging import page_of
from hub.web.requests import MemberRequest

PER_PAGE = 100


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def blocked(request: MemberRequest) -> HttpResponse:
    """Those whom one blocks, and a form that blocks one more by name: profiles have the same form."""
    form, status = BlockForm(request.POST or None), 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                other = get_user(name=form.cleaned_data["name"])
                block_user(user=request.user, other=other)
            except HubError as error:
                explain(form, error)
                status = error.status
            else:
                messages.success(request, _("You block “%(name)s” now.") % {"name": other.username})
                return redirect("settings_blocked")
    page = page_of(request, request.user.blocks.select_related("blocked").order_by("-pk"), PER_PAGE)
    return render(request, "web/settings/blocked.html", {"form": form, "page": page}, status=status)


@require_POST
@login_required
def unblock(request: MemberRequest) -> HttpResponse:
    """Hear from somebody again. Raises NotFound."""
    # Not get_user: the account may have been closed meanwhile.
    form = BlockForm(request.POST)
    name = form.cleaned_data["name"] if form.is_valid() else ""
    block = request.user.blocks.filter(blocked__username=name).select_related("blocked").first()
    if block is None:
        raise NotFound(_("You do not block anybody of that name."))
    other = block.blocked
    unblock_user(user=request.user, other=other)
    messages.success(request, _("You block “%(name)s” no more.") % {"name": other.username})
    return redirect("settings_blocked")
