"""A person's own settings: profile, e-mail and password, access tokens, invitations."""

from typing import Any

from allauth.account.views import EmailView
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from hub.accounts import services, sign_in
from hub.accounts.adapters import INVITATION_PARAMETER
from hub.accounts.models import OneTimeLink
from hub.accounts.permissions import check_not_suspended
from hub.core import links
from hub.core.errors import Forbidden, HubError
from hub.web.forms import explain
from hub.web.forms.accounts import AddEmailForm, ChangePasswordForm
from hub.web.forms.settings import InvitationForm, ProfileForm, TokenForm
from hub.web.pages.site import set_language_cookie
from hub.web.proving import proof_needed
from hub.web.requests import MemberRequest


@login_required
def profile(request: MemberRequest) -> HttpResponse:
    """What others see of this account, and the language of the pages."""
    user = request.user
    initial = {"display_name": user.display_name, "bio": user.bio, "website": user.website, "language": get_language()}
    form = ProfileForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        language = form.cleaned_data.pop("language")
        services.update_profile(user=user, **form.cleaned_data)
        messages.success(request, _("Your profile is saved."))
        services.set_language(user=user, language=language)
        response = redirect("settings_profile")
        set_language_cookie(response, language)
        return response
    return render(request, "web/settings/profile.html", {"form": form})


@method_decorator(login_required, name="dispatch")
class AccountView(EmailView):
    """E-mail addresses (allauth's rules) and, below them, the form that changes the password."""

    template_name = "web/settings/account.html"
    form_class = AddEmailForm

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        context["password_form"] = ChangePasswordForm(user=self.request.user)
        return context


account = AccountView.as_view()


@never_cache
@login_required
@proof_needed
def tokens(request: MemberRequest) -> HttpResponse:
    """List the tokens; make one and show its secret, this one time, in the answer itself."""
    form = TokenForm(request.POST or None)
    secret = ""
    if request.method == "POST" and form.is_valid():
        name, scope = form.cleaned_data["name"], form.cleaned_data["scope"]
        try:
            _token, secret = services.create_token(
                user=request.user, name=name, scope=scope, expires_at=form.expires_at()
            )
        except HubError as error:
            explain(form, error)
        else:
            form = TokenForm()
    held = request.user.access_tokens.filter(revoked_at__isnull=True, sign_in__isnull=True).order_by("-created_at")
    context = {"form": form, "tokens": held, "secret": secret, "sign_ins": sign_in.sign_ins_of(request.user)}
    return render(request, "web/settings/tokens.html", context)


@login_required
@require_POST
def end_sign_in(request: MemberRequest, sign_in_id: int) -> HttpResponse:
    sign_in.end_sign_in(user=request.user, sign_in_id=sign_in_id)
    messages.success(request, _("It is signed out. Everything that it held is closed."))
    return redirect("settings_tokens")


@login_required
@require_POST
def revoke_token(request: MemberRequest, token_id: int) -> HttpResponse:
    services.revoke_token(user=request.user, token_id=token_id)
    messages.success(request, _("The token is revoked. Tools that used it are logged out."))
    return redirect("settings_tokens")


@never_cache
@login_required
def invitations(request: MemberRequest) -> HttpResponse:
    """Links that let one person in each; for administrators of the hub. Raises Forbidden."""
    _require_staff(request)
    form = InvitationForm(request.POST or None)
    link = ""
    if request.method == "POST" and form.is_valid():
        secret = services.create_invitation(user=request.user, note=form.cleaned_data["note"])
        link = f"{links.base_url(request)}/signup?{INVITATION_PARAMETER}={secret}"
        form = InvitationForm()
    made = OneTimeLink.objects.filter(purpose=OneTimeLink.Purpose.INVITATION).select_related("created_by", "used_by")
    context = {"form": form, "link": link, "invitations": made.order_by("-created_at")[:100]}
    return render(request, "web/settings/invitations.html", context)


@login_required
@require_POST
def revoke_invitation(request: MemberRequest, link_id: int) -> HttpResponse:
    _require_staff(request)
    services.revoke_invitation(user=request.user, link_id=link_id)
    messages.success(request, _("The invitation is withdrawn."))
    return redirect("settings_invitations")


def _require_staff(request: MemberRequest) -> None:
    if not request.user.is_staff:
        raise Forbidden(_("Only administrators of this hub invite people. Ask one of them."))
    check_not_suspended(request.user)
