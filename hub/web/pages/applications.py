"""Settings of applications: those that somebody has let in, and those that they have registered."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from hub.accounts import applications
from hub.accounts.models import Right
from hub.core.errors import HubError
from hub.web.forms import explain
from hub.web.forms.applications import ApplicationForm, NewApplicationForm
from hub.web.requests import MemberRequest


@never_cache
@login_required
def list_all(request: MemberRequest) -> HttpResponse:
    """List both kinds; register one and show its secret, this one time, in the answer itself."""
    form = NewApplicationForm(request.POST or None)
    made, secret = None, ""
    if request.method == "POST" and form.is_valid():
        try:
            made, secret = applications.register_application(owner=request.user, **form.cleaned_data)
        except HubError as error:
            explain(form, error)
        else:
            form = NewApplicationForm()
    consents = request.user.consents.select_related("application__owner").order_by("application__name", "pk")
    for consent in consents:
        consent.shown = [Right(right).label for right in consent.rights if right in Right.values]  # type: ignore[attr-defined]
    context = {
        "form": form,
        "made": made,
        "secret": secret,
        "consents": consents,
        "own": request.user.applications.order_by("name", "pk"),
    }
    return render(request, "web/settings/applications.html", context)


@never_cache
@login_required
def change(request: MemberRequest, client_id: str) -> HttpResponse:
    """Change one's own application. Raises ApplicationNotFound."""
    application = applications.get_application_for_owner(request.user, client_id)
    form = ApplicationForm(request.POST or None, initial=ApplicationForm.saying(application))
    if request.method == "POST" and form.is_valid():
        try:
            applications.change_application(application=application, **form.cleaned_data)
        except HubError as error:
            explain(form, error)
        else:
            messages.success(request, _("The application is saved."))
            return redirect("settings_applications")
    return render(request, "web/settings/application.html", {"form": form, "application": application})


@never_cache
@login_required
@require_POST
def renew_secret(request: MemberRequest, client_id: str) -> HttpResponse:
    """Make a new secret and show it, this one time. Raises ApplicationNotFound, Conflict."""
    application = applications.get_application_for_owner(request.user, client_id)
    secret = applications.renew_secret(application=application)
    form = ApplicationForm(initial=ApplicationForm.saying(application))
    context = {"form": form, "application": application, "secret": secret}
    return render(request, "web/settings/application.html", context)


@login_required
@require_POST
def delete(request: MemberRequest, client_id: str) -> HttpResponse:
    """Remove one's own application. Raises ApplicationNotFound."""
    applications.delete_application(application=applications.get_application_for_owner(request.user, client_id))
    messages.success(request, _("The application is removed. Nobody is signed in to it by this hub any more."))
    return redirect("settings_applications")


@login_required
@require_POST
def withdraw(request: MemberRequest, application_id: int) -> HttpResponse:
    """Take back what an application was allowed."""
    applications.withdraw_consent(user=request.user, application_id=application_id)
    messages.success(request, _("The application is shut out. It asks you again before it comes back."))
    return redirect("settings_applications")
