"""Adding, renaming and removing passkeys, and proving by one who somebody is: allauth's views with our rules and words."""

from typing import Any
from urllib.parse import urlencode

from allauth.account import app_settings
from allauth.account.utils import get_next_redirect_url
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn import views as allauth
from django.contrib import messages
from django.db import transaction
from django.forms import BaseForm
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse, reverse_lazy
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.generic.edit import FormView

from hub.accounts import passkeys
from hub.accounts.errors import PasskeyRefused
from hub.web.forms import explain


@method_decorator(never_cache, name="dispatch")
class _Add(allauth.AddWebAuthnView):
    """Ask the browser for a new passkey, and keep it. One that can log in alone is wished for; what is only a second factor,
    as older security keys are, is taken as well."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        # allauth's forgets the form that was looked at, and a second look would find the question answered.
        context: dict[str, Any] = {**super().get_context_data(**kwargs), **kwargs}
        options = context["js_data"]["creation_options"]
        wished = {**options["publicKey"]["authenticatorSelection"], "residentKey": "preferred"}
        options["publicKey"] = {**options["publicKey"], "authenticatorSelection": wished}
        return context

    def form_valid(self, form: BaseForm) -> HttpResponse:
        try:
            with transaction.atomic():
                passkeys.check_room(user=self.request.user)
                return super().form_valid(form)
        except PasskeyRefused as error:
            explain(form, error)
            return self.form_invalid(form)


class _Rename(allauth.EditWebAuthnView):
    success_url = reverse_lazy("mfa_index")


class _Remove(allauth.RemoveWebAuthnView):
    success_url = reverse_lazy("mfa_index")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        factors = Authenticator.objects.filter(user=self.request.user)
        context["last"] = factors.exclude(type=Authenticator.Type.RECOVERY_CODES).count() == 1
        return context


@method_decorator(never_cache, name="dispatch")
class _Login(allauth.LoginWebAuthnView):
    """A log-in by a passkey alone. For scripts a GET has what to ask the passkey."""

    def form_valid(self, form: BaseForm) -> HttpResponse:
        response: HttpResponse = super().form_valid(form)
        # As after a log-in by password.
        self.request.session.set_expiry(app_settings.SESSION_COOKIE_AGE if form.cleaned_data["remember"] else 0)
        return response

    def form_invalid(self, form: BaseForm) -> HttpResponse:
        for problem in form.errors.get("credential", []):
            messages.error(self.request, str(problem))
        target = get_next_redirect_url(self.request)
        return redirect(reverse("account_login") + (f"?{urlencode({'next': target})}" if target else ""))


@method_decorator(never_cache, name="dispatch")
class _Reauthenticate(allauth.ReauthenticateWebAuthnView):
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = {**super().get_context_data(**kwargs), **kwargs}
        options = context["js_data"]["request_options"]
        options["publicKey"] = {**options["publicKey"], "userVerification": "required"}
        return context

    def form_invalid(self, form: BaseForm) -> HttpResponse:
        return FormView.form_invalid(self, form)


add = _Add.as_view()
rename = _Rename.as_view()
remove = _Remove.as_view()
log_in = _Login.as_view()
reauthenticate = _Reauthenticate.as_view()
