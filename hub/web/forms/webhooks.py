"""Webhooks, as people write them down."""

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hub.community.models import Domain
from hub.community.models.webhook import MAX_URL
from hub.community.webhooks.services import MAX_SECRET, MAX_WATCHED, Watched
from hub.repos.models import Kind

_PREFIXES = {f"{kind}s": kind.value for kind in Kind}


class WebhookForm(forms.Form):
    """Where to, what of, and a secret that goes along."""

    url = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=MAX_URL,
        help_text=gettext_lazy("What happens is sent there, as a POST with JSON."),
        widget=forms.URLInput(attrs={"placeholder": "https://example.org/hook", "spellcheck": "false"}),
    )
    watched = forms.CharField(
        label=gettext_lazy("What it watches"),
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "autocapitalize": "none"}),
        help_text=gettext_lazy(
            "One in each line: a user or an organization (ada), a model (ada/tiny), or something else (datasets/ada/notes)."
        ),
    )
    domains = forms.MultipleChoiceField(
        label=gettext_lazy("What it hears of"),
        choices=[
            (Domain.REPO, gettext_lazy("Repositories: new content, settings, names, deletions")),
            (Domain.DISCUSSION, gettext_lazy("Discussions and pull requests, and what is said there")),
        ],
        initial=[Domain.REPO, Domain.DISCUSSION],
        widget=forms.CheckboxSelectMultiple,
    )
    secret = forms.CharField(
        label=gettext_lazy("Secret"),
        max_length=MAX_SECRET,
        required=False,
        strip=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=gettext_lazy(
            "Sent along as X-Webhook-Secret, which receivers of the client library ask for. Messages are signed as well."
        ),
    )

    def clean_watched(self) -> list[Watched]:
        lines = [line.strip() for line in self.cleaned_data["watched"].splitlines() if line.strip()]
        if len(lines) > MAX_WATCHED:
            raise forms.ValidationError(_("A webhook watches at most %(max)d things.") % {"max": MAX_WATCHED})
        return [_watched(line) for line in lines]


def _watched(line: str) -> Watched:
    first, _slash, rest = line.partition("/")
    if not rest:
        return Watched("account", line)
    if first in _PREFIXES and "/" in rest:
        return Watched(_PREFIXES[first], rest)
    return Watched(Kind.MODEL.value, line)
