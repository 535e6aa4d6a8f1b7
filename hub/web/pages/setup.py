"""The first administrator, by the one-time link that the first start prints."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from hub.accounts import services
from hub.accounts.errors import LinkExpired
from hub.accounts.models import OneTimeLink
from hub.core.errors import HubError
from hub.web.forms import explain
from hub.web.forms.accounts import SetupForm


@never_cache
@sensitive_post_parameters()
def setup(request: HttpRequest, secret: str) -> HttpResponse:
    """Make the administrator's account. Raises LinkExpired for a link that is spent or was never printed."""
    services.open_link(purpose=OneTimeLink.Purpose.SETUP, secret=secret)
    form = SetupForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            user = services.create_first_admin(secret=secret, **form.cleaned_data)
        except LinkExpired:
            raise
        except HubError as error:
            explain(form, error)
        else:
            login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
            messages.success(request, _("You are the administrator of this hub."))
            return redirect("home")
    return render(request, "web/setup.html", {"form": form})
