"""What the hub keeps of somebody: taking it along, and leaving."""

import tempfile

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hub.community.deletion import MAX_REPOSITORIES, delete_account, leaving
from hub.community.exporting.archive import EXPORTS, write_export
from hub.core.errors import HubError
from hub.web.forms import explain
from hub.web.forms.data import ERASE, DeleteAccountForm
from hub.web.requests import MemberRequest


@require_safe
@login_required
def show(request: MemberRequest) -> HttpResponse:
    return render(request, "web/settings/data.html", {"exports": EXPORTS})


@never_cache
@require_POST
@login_required
def export(request: MemberRequest) -> HttpResponseBase:
    """A ZIP of all that the hub keeps of the person who asks. Raises TooMany."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the answer closes it, once it is sent
    try:
        write_export(user=request.user, file=file)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return FileResponse(file, as_attachment=True, filename=f"grove-{request.user.username}.zip")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@reauthentication_required(app="allauth.mfa")
def delete(request: MemberRequest) -> HttpResponse:
    """Delete the account of the person who asks, who has just proven who they are and types their name."""
    user, left = request.user, leaving(request.user)
    form = DeleteAccountForm(request.POST or None, name=user.username, owns=bool(left.repositories))
    if request.method == "POST" and form.is_valid():
        try:
            delete_account(
                user=user,
                erase=form.cleaned_data["contributions"] == ERASE,
                with_repositories=form.cleaned_data.get("with_repositories", False),
            )
        except HubError as error:
            explain(form, error)
        else:
            logout(request)
            messages.success(request, _("Your account is deleted. Good-bye."))
            return redirect("home")
    return render(request, "web/settings/delete.html", {"form": form, "left": left, "most": MAX_REPOSITORIES})
