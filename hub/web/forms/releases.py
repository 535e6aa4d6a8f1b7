"""What people fill in about releases."""

from django import forms
from django.utils.translation import gettext_lazy as _

from hub.repos.models.release import MAX_RELEASE_NOTES, MAX_RELEASE_TITLE
from hub.web.forms.repositories import PLAIN


class ReleaseForm(forms.Form):
    """What a release says."""

    title = forms.CharField(label=_("Title"), max_length=MAX_RELEASE_TITLE, required=False)
    # Text as it is: stripping would take leading spaces, which can mean code.
    notes = forms.CharField(
        label=_("What is new"),
        required=False,
        strip=False,
        help_text=_("Markdown works. Links such as config.json lead to the files of this release."),
        widget=forms.Textarea(attrs={"rows": 12, "maxlength": MAX_RELEASE_NOTES, "dir": "auto"}),
    )


class NewReleaseForm(ReleaseForm):
    """A release to be made, of a tag that is there or of a new one."""

    tag = forms.CharField(
        label=_("Tag"),
        max_length=200,
        help_text=_("The name of the version, such as v1.0. A tag that is not there yet is made."),
        widget=forms.TextInput(attrs={**PLAIN, "list": "tags", "placeholder": "v1.0"}),
    )
    revision = forms.CharField(
        label=_("Branch or commit"),
        max_length=255,
        required=False,
        help_text=_("Where a new tag is made; empty means main. A tag that is there stays where it is."),
        widget=forms.TextInput(attrs={**PLAIN, "placeholder": "main"}),
    )
    field_order = ("tag", "revision", "title", "notes")
