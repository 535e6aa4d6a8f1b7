"""What is filled in to have a model evaluated."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from hub.evaluations.plans import MAX_TOKENS, Settings
from hub.web.forms.repositories import PLAIN


def _number(label: Any, hint: Any = "", initial: int | None = None) -> forms.IntegerField:
    widget = forms.NumberInput(attrs={"inputmode": "numeric"})
    return forms.IntegerField(label=label, help_text=hint, initial=initial, required=False, widget=widget)


class EvaluationForm(forms.Form):
    """A dataset and how it is measured. What is left empty is chosen by what the repositories say of themselves."""

    dataset = forms.CharField(
        label=_("Dataset"),
        max_length=200,
        help_text=_("A dataset of this hub, as owner/name."),
        widget=forms.TextInput(attrs=PLAIN | {"list": "datasets-known", "class": "mono"}),
    )
    split = forms.CharField(
        label=_("Split"),
        max_length=100,
        required=False,
        help_text=_("Empty: the test split where there is one."),
        widget=forms.TextInput(attrs=PLAIN | {"list": "splits-known"}),
    )
    column = forms.CharField(
        label=_("Column with the text"), max_length=100, initial=Settings.column, widget=forms.TextInput(attrs=PLAIN)
    )
    context = _number(_("Context, in tokens"), _("Empty: as long as the model takes, up to 1024."))
    stride = _number(_("Stride, in tokens"), _("Empty: half of the context."))
    max_tokens = _number(_("Tokens at most"), _("Of the text, from its beginning."), Settings.max_tokens)
    config = forms.CharField(
        label=_("Configuration of the dataset"), max_length=100, required=False, widget=forms.TextInput(attrs=PLAIN)
    )
    revision = forms.CharField(
        label=_("Revision of the model"), max_length=255, initial="main", widget=forms.TextInput(attrs=PLAIN)
    )
    dataset_revision = forms.CharField(
        label=_("Revision of the dataset"), max_length=255, initial="main", widget=forms.TextInput(attrs=PLAIN)
    )

    # Folded away until somebody wants them.
    MORE = ("context", "stride", "max_tokens", "config", "revision", "dataset_revision")

    def clean_max_tokens(self) -> int:
        return min(self.cleaned_data["max_tokens"] or Settings.max_tokens, MAX_TOKENS + 1)

    @property
    def more(self) -> list[forms.BoundField]:
        return [self[name] for name in self.MORE]

    @property
    def more_open(self) -> bool:
        """Whether something among the folded fields is wrong, so that it must be seen."""
        return any(self[name].errors for name in self.MORE)

    def asked(self) -> Settings:
        """Return what was filled in."""
        given = self.cleaned_data
        return Settings(
            config=given["config"],
            split=given["split"],
            column=given["column"],
            context=given["context"] or 0,
            stride=given["stride"] or 0,
            max_tokens=given["max_tokens"],
        )
