"""Letting tools and applications in: the code that a tool shows, and the consent that an application asks for.

Whoever lends a stranger their eyes here gives their account away, so both pages say who asks, from where and for what, and that
nobody else has any business with the code. Neither can be framed, and both decide by a POST with the token against CSRF.
"""

from datetime import timedelta
from urllib.parse import urlencode, urlsplit

from authlib.oauth2.rfc6749 import OAuth2Error, scope_to_list
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_deny
from django.views.decorators.http import require_http_methods

from hub.accounts import sign_in
from hub.accounts.applications import give_consent, has_consent
from hub.accounts.models import DeviceRequest, Right, User
from hub.accounts.oauth import server
from hub.accounts.oauth.grants import CodeGrant
from hub.core import callers
from hub.core.errors import HubError
from hub.core.middleware import CONTENT_POLICY
from hub.web.forms import explain
from hub.web.forms.applications import CodeForm, DecisionForm
from hub.web.pages.errors import error_page
from hub.web.proving import proof_needed
from hub.web.requests import MemberRequest

# `prompt=login` is content with a log-in that is this young.
FRESH = timedelta(minutes=5)


@never_cache
@xframe_options_deny
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@proof_needed
def device(request: MemberRequest) -> HttpResponse:
    """Ask for the code of a tool, show what waits under it, and let it in or turn it away."""
    given = request.POST if request.method == "POST" else request.GET
    if "code" not in given:
        return render(request, "web/sign_in/code.html", {"form": CodeForm()})
    form = CodeForm(given)
    if not form.is_valid():
        return render(request, "web/sign_in/code.html", {"form": form})
    code = form.cleaned_data["code"]
    try:
        if request.POST.get("decision") == "deny":
            asked = sign_in.deny_device(user=request.user, code=code)
            return render(request, "web/sign_in/decided.html", {"asked": asked, "approved": False})
        asked = sign_in.find_device_request(user=request.user, code=code)
        decision = DecisionForm(request.POST if request.POST.get("decision") else None, rights=asked.rights)
        if decision.is_valid():
            asked = sign_in.approve_device(user=request.user, code=code, rights=decision.rights())
            return render(request, "web/sign_in/decided.html", {"asked": asked, "approved": True})
    except HubError as error:
        explain(form, error)
        return render(request, "web/sign_in/code.html", {"form": form}, status=error.status)
    return render(request, "web/sign_in/device.html", {"form": decision, **_asker(request, asked)})


def _asker(request: MemberRequest, asked: DeviceRequest) -> dict[str, object]:
    here = callers.address_of(request)
    return {"asked": asked, "elsewhere": bool(asked.address) and asked.address != here}


@never_cache
@xframe_options_deny
@require_http_methods(["GET", "HEAD", "POST"])
@proof_needed
def authorize(request: HttpRequest) -> HttpResponse:
    """Ask whether an application may know and do what it wants, and send the browser back to it with the answer."""
    user = request.user if isinstance(request.user, User) else None
    try:
        wished = server.wish(request, user)
    except OAuth2Error as error:
        return _refused(request, error)
    prompts = request.GET.get("prompt", "").split()
    if user is None:
        return redirect_to_login(request.get_full_path())
    if "login" in prompts and (user.last_login is None or timezone.now() - user.last_login > FRESH):
        return _log_in_again(request)
    application, rights = wished.request.client.application, scope_to_list(wished.request.scope)
    if request.method == "POST":
        if request.POST.get("decision") != "approve":
            return _and_back(server.grant(wished, None))
        give_consent(user=user, application=application, rights=rights)
        return _and_back(server.grant(wished, user))
    if "consent" not in prompts and _remembered(wished, user, rights):
        return _and_back(server.grant(wished, user))
    if "none" in prompts:
        return _and_back(server.refuse(request, _consent_needed(wished)))
    target = urlsplit(wished.redirect_uri)
    context = {
        "application": application,
        "rights": [Right(right) for right in rights],
        "target": target.netloc,
        "plain": target.scheme == "http",
    }
    response = render(request, "web/sign_in/consent.html", context)
    # Browsers hold the redirect that follows the form to this as well.
    origin = f"{target.scheme}://{target.netloc}"
    response["Content-Security-Policy"] = CONTENT_POLICY.replace("form-action 'self'", f"form-action 'self' {origin}")
    return response


def _remembered(wished: CodeGrant, user: User, rights: list[str]) -> bool:
    """Whether `user` need not be asked again. Without a secret and without https anybody could pass for the application."""
    application = wished.request.client.application
    proven = application.confidential or wished.redirect_uri.startswith("https:")
    return proven and has_consent(user, application, rights)


def _consent_needed(wished: CodeGrant) -> OAuth2Error:
    return OAuth2Error(error="consent_required", description="Somebody has to agree.", redirect_uri=wished.redirect_uri)


def _and_back(response: HttpResponse) -> HttpResponse:
    # The code in the address must not travel on to wherever the application links to.
    response["Referrer-Policy"] = "no-referrer"
    return response


def _refused(request: HttpRequest, error: OAuth2Error) -> HttpResponse:
    """Tell the application where it may be told, else the person: an address that was not registered gets nothing."""
    if error.redirect_uri:
        return _and_back(server.refuse(request, error))
    return error_page(
        request,
        400,
        heading=_("This application asks in a way that the hub does not take"),
        text=_("You were not signed in there, and nothing was given. Tell whoever runs the application what is wrong:"),
        advice=error.get_error_description() or error.error,
    )


def _log_in_again(request: HttpRequest) -> HttpResponse:
    left = QueryDict(request.META.get("QUERY_STRING", ""), mutable=True)
    left["prompt"] = " ".join(word for word in left.get("prompt", "").split() if word != "login")
    if not left["prompt"]:
        del left["prompt"]
    back = f"{request.path}?{left.urlencode()}"
    return redirect(f"{reverse('account_reauthenticate')}?{urlencode({'next': back})}")
