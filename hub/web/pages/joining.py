"""Coming into organizations: what administrators do about invitations and requests, and what those do whom they are about."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from hub.accounts import joining, services
from hub.accounts.models import MemberInvitation, Organization, User
from hub.accounts.permissions import get_organization, get_organization_for_admin
from hub.core.errors import HubError
from hub.web.requests import MemberRequest

# --- by administrators ------------------------------------------------------------------------------------------------


@require_POST
@login_required
def resend(request: MemberRequest, name: str, invitation_id: int) -> HttpResponse:
    organization = get_organization_for_admin(request.user, name)
    joining.resend_invitation(organization=organization, actor=request.user, invitation_id=invitation_id)
    messages.success(request, _("The invitation is sent again. It is good for 14 days from now."))
    return redirect("organization_members", name=organization.namespace.name)


@require_POST
@login_required
def withdraw(request: MemberRequest, name: str, invitation_id: int) -> HttpResponse:
    organization = get_organization_for_admin(request.user, name)
    joining.withdraw_invitation(organization=organization, actor=request.user, invitation_id=invitation_id)
    messages.success(request, _("The invitation is withdrawn."))
    return redirect("organization_members", name=organization.namespace.name)


@require_POST
@login_required
def decide(request: MemberRequest, name: str, member: str) -> HttpResponse:
    """Let somebody in who asked, or not."""
    organization = get_organization_for_admin(request.user, name)
    user = services.get_user(name=member)
    try:
        if request.POST.get("decision") == "accept":
            role = request.POST.get("role", "")
            joining.accept_request(organization=organization, actor=request.user, user=user, role=role)
            messages.success(request, _("%(name)s is a member now.") % {"name": user.username})
        else:
            joining.decline_request(organization=organization, actor=request.user, user=user)
            messages.success(request, _("The request of %(name)s is turned down.") % {"name": user.username})
    except HubError as error:
        messages.error(request, error.message)
    return redirect("organization_members", name=organization.namespace.name)


# --- by those whom it is about ----------------------------------------------------------------------------------------


@require_POST
@login_required
def ask(request: MemberRequest, name: str) -> HttpResponse:
    """Ask to be let in, or take that back."""
    organization = get_organization(name)
    try:
        if "withdraw" in request.POST:
            joining.withdraw_request(organization=organization, user=request.user)
            messages.success(request, _("Your request is withdrawn."))
        else:
            joining.request_to_join(organization=organization, user=request.user, text=request.POST.get("text", ""))
            messages.success(request, _("Its administrators have your request."))
    except HubError as error:
        messages.error(request, error.message)
    return redirect("profile", name=organization.namespace.name)


@require_POST
@login_required
def answer(request: MemberRequest, name: str) -> HttpResponse:
    """What somebody says to an invitation by name. Raises LinkExpired."""
    organization = get_organization(name)
    invitation = joining.invitation_of(request.user, organization)
    if invitation is None:
        raise joining.expired()
    return _say(request, invitation)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, secret: str) -> HttpResponse:
    """Where the link of a mail leads. Raises LinkExpired."""
    found = joining.find_invitation(secret)
    if request.method == "POST":
        if request.POST.get("answer") == "accept" and not request.user.is_authenticated:
            return redirect_to_login(request.path)
        return _say(request, found)
    organization = found.organization
    member = request.user.is_authenticated and organization.memberships.filter(user=request.user.pk).exists()
    context = {"invitation": found, "organization": organization, "member": member}
    response = render(request, "web/organizations/invitation.html", context)
    # The secret in the address must not travel on to wherever the page links to.
    response["Referrer-Policy"] = "no-referrer"
    return response


def _say(request: HttpRequest, found: MemberInvitation) -> HttpResponse:
    organization: Organization = found.organization
    user = request.user if isinstance(request.user, User) else None
    try:
        if request.POST.get("answer") == "accept" and user is not None:
            joining.accept_invitation(invitation=found, user=user)
            messages.success(request, _("You are a member of %(name)s now.") % {"name": organization.shown_name})
        else:
            joining.decline_invitation(invitation=found, user=user)
            messages.success(
                request, _("You have declined the invitation of %(name)s.") % {"name": organization.shown_name}
            )
            return redirect("home")
    except HubError as error:
        messages.error(request, error.message)
    return redirect("profile", name=organization.namespace.name)
