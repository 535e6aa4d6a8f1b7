"""What people decide about large files that go for good."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from hub.repos.models import Repository
from hub.web.forms.repositories import PLAIN

KEEP, REWRITE = "keep", "rewrite"


class DeleteLargeFilesForm(forms.Form):
    """How files go, confirmed by the name of the repository."""

    history = forms.ChoiceField(
        label=_("The commits that have them"),
        choices=[
            (KEEP, _("Keep all commits: the files stay listed, and nobody can fetch them")),
            (REWRITE, _("Write history again without the files: commits get other ids, and clones must be made again")),
        ],
        initial=KEEP,
        widget=forms.RadioSelect,
    )
    confirm = forms.CharField(
        label=_("The name of the repository"),
        help_text=_("Type it to confirm."),
        widget=forms.TextInput(attrs={**PLAIN, "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, repo: Repository, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._name = repo.full_name
        self.fields["confirm"].widget.attrs["placeholder"] = repo.full_name

    def clean_confirm(self) -> str:
        typed: str = self.cleaned_data["confirm"].strip()
        if typed != self._name:
            raise ValidationError(gettext("This is not the repository's name. Nothing was deleted."))
        return typed
