"""Making and running organizations."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from hub.accounts import joining, organizations, services
from hub.accounts.models import Organization, Role
from hub.accounts.permissions import get_organization, get_organization_for_admin
from hub.core.errors import HubError
from hub.web.forms import explain
from hub.web.forms.organizations import InviteForm, NewOrganizationForm, OrganizationForm, RequirementsForm
from hub.web.requests import MemberRequest

SHOWN = 100  # members, invitations and requests; a search finds the others


@login_required
def create(request: MemberRequest) -> HttpResponse:
    form = NewOrganizationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            organization = organizations.create_organization(owner=request.user, **form.cleaned_data)
        except HubError as error:
            explain(form, error)
        else:
            messages.success(request, _("The organization is there. Now invite its members."))
            return redirect("organization_members", name=organization.namespace.name)
    return render(request, "web/organizations/new.html", {"form": form})


@login_required
def settings(request: MemberRequest, name: str) -> HttpResponse:
    """What the organization says of itself, what it asks of members, and its deletion. Raises AccountNotFound, NotYours."""
    organization = get_organization_for_admin(request.user, name)
    said = {field: getattr(organization, field) for field in ("display_name", "bio", "website")}
    asked = {field: getattr(organization, field) for field in ("requires_mfa", "takes_requests")}
    about = request.POST.get("about")
    form = OrganizationForm(request.POST if request.method == "POST" and about != "members" else None, initial=said)
    requirements = RequirementsForm(request.POST if about == "members" else None, initial=asked)
    try:
        if form.is_bound and form.is_valid():
            organizations.update_organization(organization=organization, actor=request.user, **form.cleaned_data)
            return _saved(request, organization)
        if requirements.is_bound and requirements.is_valid():
            organizations.set_requirements(organization=organization, actor=request.user, **requirements.cleaned_data)
            return _saved(request, organization)
    except HubError as error:
        explain(requirements, error)
    weak = organization.memberships.filter(user__second_factor=False).count()
    context = {"form": form, "requirements": requirements, "organization": organization, "weak": weak}
    return render(request, "web/organizations/settings.html", context)


def _saved(request: MemberRequest, organization: Organization) -> HttpResponse:
    messages.success(request, _("The organization's settings are saved."))
    return redirect("organization_settings", name=organization.namespace.name)


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
    """Who is in it and what they may do, who was invited, who asks; inviting somebody. Raises AccountNotFound, NotYours."""
    organization = get_organization_for_admin(request.user, name)
    form = InviteForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            invitation = joining.invite(organization=organization, actor=request.user, **form.cleaned_data)
        except HubError as error:
            form.add_error("role" if error.field == "role" else "who", error.message)
        else:
            whom = invitation.user.username if invitation.user else invitation.email
            messages.success(request, _("%(name)s is invited.") % {"name": whom})
            return _to_members(organization)
    sought = request.GET.get("search", "").strip()[:80]
    found = organization.memberships.select_related("user").order_by("joined_at", "pk")
    if sought:
        found = found.filter(Q(user__username__icontains=sought) | Q(user__display_name__icontains=sought))
    rows = list(found[: SHOWN + 1])
    context = {
        "form": form,
        "organization": organization,
        "sought": sought,
        "memberships": rows[:SHOWN],
        "more": len(rows) > SHOWN,
        "roles": Role.choices,
        "invitations": organization.invitations.select_related("user", "invited_by").order_by("-created_at")[:SHOWN],
        "requests": organization.join_requests.select_related("user").order_by("created_at")[:SHOWN],
    }
    return render(request, "web/organizations/members.html", context)


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
