"""Making and running organizations."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from hub.accounts import organizations, services
from hub.accounts.models import Membership, Organization, Role
from hub.accounts.permissions import get_organization, get_organization_for_admin
from hub.core.errors import HubError
from hub.web.forms import explain
from hub.web.forms.organizations import MemberForm, NewOrganizationForm, OrganizationForm
from hub.web.requests import MemberRequest


@login_required
def create(request: MemberRequest) -> HttpResponse:
    form = NewOrganizationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            organization = organizations.create_organization(owner=request.user, **form.cleaned_data)
        except HubError as error:
            explain(form, error)
        else:
            messages.success(request, _("The organization is there. Now add its members."))
            return redirect("organization_members", name=organization.namespace.name)
    return render(request, "web/organizations/new.html", {"form": form})


@login_required
def settings(request: MemberRequest, name: str) -> HttpResponse:
    """What the organization says of itself, and its deletion. Raises AccountNotFound, NotYours."""
    organization = get_organization_for_admin(request.user, name)
    initial = {field: getattr(organization, field) for field in ("display_name", "bio", "website")}
    form = OrganizationForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        organizations.update_organization(organization=organization, actor=request.user, **form.cleaned_data)
        messages.success(request, _("The organization's settings are saved."))
        return redirect("organization_settings", name=organization.namespace.name)
    return render(request, "web/organizations/settings.html", {"form": form, "organization": organization})


@login_required
@require_POST
def delete(request: MemberRequest, name: str) -> HttpResponse:
    """Delete an empty organization, once its name has been typed."""
    organization = get_organization_for_admin(request.user, name)
    if request.POST.get("confirm", "").strip() != organization.namespace.name:
        messages.error(request, _("The name that you typed is not this organization's. Nothing was deleted."))
        return redirect("organization_settings", name=organization.namespace.name)
    try:
        organizations.delete_organization(organization=organization, actor=request.user)
    except HubError as error:
        messages.error(request, error.message)
        return redirect("organization_settings", name=organization.namespace.name)
    messages.success(request, _("The organization “%(name)s” is deleted.") % {"name": name})
    return redirect("home")


@login_required
def members(request: MemberRequest, name: str) -> HttpResponse:
    """Who is in it and what they may do; adding somebody. Raises AccountNotFound, NotYours."""
    organization = get_organization_for_admin(request.user, name)
    form = MemberForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            user = services.get_user(name=form.cleaned_data["user"])
            organizations.add_member(
                organization=organization, actor=request.user, user=user, role=form.cleaned_data["role"]
            )
        except HubError as error:
            _explain_member(form, error)
        else:
            messages.success(request, _("%(name)s is a member now.") % {"name": user.username})
            return _to_members(organization)
    memberships = Membership.objects.filter(organization=organization).select_related("user").order_by("joined_at")
    context = {"form": form, "organization": organization, "memberships": memberships, "roles": Role.choices}
    return render(request, "web/organizations/members.html", context)


def _explain_member(form: MemberForm, error: HubError) -> None:
    """A name that nobody has is the fault of the field `user`, whatever the service calls it."""
    form.add_error("role" if error.field == "role" else "user", error.message)


@login_required
@require_POST
def set_role(request: MemberRequest, name: str, member: str) -> HttpResponse:
    organization = get_organization_for_admin(request.user, name)
    user, role = services.get_user(name=member), request.POST.get("role", "")
    try:
        organizations.set_role(organization=organization, actor=request.user, user=user, role=role)
    except HubError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, _("The role of %(name)s is changed.") % {"name": user.username})
    return _to_members(organization)


@login_required
@require_POST
def remove_member(request: MemberRequest, name: str, member: str) -> HttpResponse:
    """Let somebody go. Administrators remove anybody; everybody may leave."""
    user = services.get_user(name=member)
    leaving = user == request.user
    organization = get_organization(name) if leaving else get_organization_for_admin(request.user, name)
    try:
        organizations.remove_member(organization=organization, actor=request.user, user=user)
    except HubError as error:
        messages.error(request, error.message)
        return redirect("profile", name=organization.namespace.name) if leaving else _to_members(organization)
    if leaving:
        messages.success(request, _("You have left %(name)s.") % {"name": organization.namespace.name})
        return redirect("home")
    messages.success(request, _("%(name)s is no longer a member.") % {"name": user.username})
    return _to_members(organization)


def _to_members(organization: Organization) -> HttpResponse:
    return redirect("organization_members", name=organization.namespace.name)
