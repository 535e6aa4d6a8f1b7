"""What opens an account: the second factor, the provider that it is connected to, and the browsers that are logged in."""

from typing import Any

from allauth.account.decorators import reauthentication_required
from allauth.account.internal.decorators import login_not_required
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.views import GenerateRecoveryCodesView
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.forms import DisconnectForm
from allauth.socialaccount.helpers import render_authentication_error
from allauth.socialaccount.models import SocialAccount
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django.views.generic.edit import FormView
from requests import RequestException

from hub.accounts import passkeys, second_factor, sessions
from hub.accounts.models import Membership
from hub.accounts.provider import Connection
from hub.core import links
from hub.web.requests import MemberRequest


@never_cache
@require_safe
@login_required
def show(request: MemberRequest) -> HttpResponse:
    held = {row.type: row for row in Authenticator.objects.filter(user=request.user)}
    here = links.base_url(request)
    logged_in = list(sessions.sessions_of(request.user).select_related("session"))
    demanding = Membership.objects.filter(user=request.user, organization__requires_mfa=True)
    context = {
        "app": held.get(Authenticator.Type.TOTP),
        "codes_left": second_factor.codes_left(held.get(Authenticator.Type.RECOVERY_CODES)),
        "passkeys": [
            (passkey, passkey.wrap().name, passkey.wrap().is_passwordless, passkeys.made_for(passkey, here))
            for passkey in passkeys.passkeys_of(request.user)
        ],
        "demanding": demanding.select_related("organization__namespace"),
        "browsers": [
            (one, sessions.device_of(one.agent), one.session_id == request.session.session_key) for one in logged_in
        ],
        "sso_name": settings.OIDC_NAME if settings.OIDC_ISSUER else "",
        "connected": SocialAccount.objects.filter(user=request.user, provider=settings.OIDC_ISSUER).first(),
    }
    return render(request, "web/settings/security.html", context)


class _NewCodes(GenerateRecoveryCodesView):
    """New codes do not need the old ones to be read: the key that encrypted them may be lost."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        codes = Authenticator.objects.filter(user=self.request.user, type=Authenticator.Type.RECOVERY_CODES).first()
        return {**FormView.get_context_data(self, **kwargs), "unused_code_count": second_factor.codes_left(codes)}


new_codes = _NewCodes.as_view()


@require_POST
@login_required
def end_session(request: MemberRequest, browser_id: int) -> HttpResponse:
    sessions.end_session(user=request.user, browser_id=browser_id)
    messages.success(request, _("That browser is logged out."))
    return redirect("mfa_index")


@require_POST
@login_required
def end_other_sessions(request: MemberRequest) -> HttpResponse:
    sessions.end_sessions(user=request.user, but=request.session.session_key)
    messages.success(request, _("All other browsers are logged out. Tools stay signed in with their tokens."))
    return redirect("mfa_index")


@require_POST
@login_required
@reauthentication_required(app="allauth.socialaccount")
def disconnect(request: MemberRequest) -> HttpResponse:
    """Disconnect the account from the provider, where there is another way in."""
    form = DisconnectForm(request.POST, request=request)
    # One of a provider that the hub had before opens nothing, and allauth does not know its provider any more.
    form.fields["account"].queryset = form.accounts.filter(provider=settings.OIDC_ISSUER)
    if form.is_valid():
        form.save()
    else:
        for problems in form.errors.values():
            messages.error(request, " ".join(problems))
    return redirect("mfa_index")


# --- coming in by the provider ------------------------------------------------------------------------------------------


class _Callback(OAuth2CallbackView):
    """Hands the nonce on that the browser's session keeps with the state."""

    def _get_state(self, request: HttpRequest, provider: object) -> tuple[dict | None, HttpResponse | None]:
        state, refusal = super()._get_state(request, provider)
        self.adapter.nonce = (state or {}).get("nonce", "")
        return state, refusal


@never_cache
@require_POST
@login_not_required
def sso_login(request: HttpRequest) -> HttpResponse:
    """Send the browser to the provider. By a page, not by an answer to the form: the content policy lets forms lead nowhere
    else, and browsers hold all redirects that follow to it."""
    adapter = _connection(request)
    try:
        answer = OAuth2LoginView.adapter_view(adapter)(request)
    except (RequestException, OAuth2Error, KeyError) as error:
        return render_authentication_error(request, adapter.get_provider(), exception=error)
    if answer.status_code != 302:
        return answer
    response = render(request, "socialaccount/leaving.html", {"target": answer["Location"]})
    response["Referrer-Policy"] = "no-referrer"
    return response


@never_cache
@require_safe
@login_not_required
def sso_callback(request: HttpRequest) -> HttpResponse:
    """Where the provider sends the browser back to."""
    adapter = _connection(request)
    try:
        return _Callback.adapter_view(adapter)(request)
    except (KeyError, ValueError, TypeError) as error:
        # What the provider answered is not what the protocol has.
        return render_authentication_error(request, adapter.get_provider(), exception=error)


def _connection(request: HttpRequest) -> Connection:
    if not settings.OIDC_ISSUER or not get_adapter().list_apps(request, provider=settings.OIDC_ISSUER):
        raise Http404
    return Connection(request, settings.OIDC_ISSUER)
