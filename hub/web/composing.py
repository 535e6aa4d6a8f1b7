"""Writing a text on the site: what it will look like, and what the form keeps while somebody only looks."""

from collections.abc import Callable

from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from hub.core.markdown import Rendered
from hub.core.throttles import check_rate

# Previews that one person may have in a minute: a long text can take a second to render.
RATE = 30


def previewed(request: HttpRequest, field: str, limit: int, as_html: Callable[[str], Rendered]) -> Rendered | None:
    """Return the text that is being written as it will look, where that was asked for. limit: characters that are shown.

    Raises TooMany.
    """
    if request.method != "POST" or "preview" not in request.POST:
        return None
    check_rate("preview", request.user.pk or 0, limit=RATE, seconds=60)
    return as_html(request.POST.get(field, "")[:limit])


def preview_fragment(request: HttpRequest, preview: Rendered | None) -> HttpResponse | None:
    """Return the preview alone, for the page's script; None where the whole page was asked for."""
    if preview is None or request.headers.get("X-Fragment") != "preview":
        return None
    return render(request, "web/repo/preview.html", {"preview": preview})


def typed(request: HttpRequest, form: BaseForm) -> dict[str, str]:
    """Return what was typed as a form's initial values: somebody who only looks is not told what is missing yet."""
    return {name: request.POST.get(name, "") for name in form.fields}
