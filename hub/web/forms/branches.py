"""What people fill in about branches."""

from django import forms
from django.utils.translation import gettext_lazy as _

from hub.repos.git.commits import MAX_TITLE
from hub.repos.names import MAX_REF_BYTES
from hub.web.forms.repositories import PLAIN


class NewBranchForm(forms.Form):
    """A branch to be made."""

    name = forms.CharField(label=_("Name"), max_length=MAX_REF_BYTES, widget=forms.TextInput(attrs=PLAIN))
    start = forms.CharField(
        label=_("From"),
        max_length=255,
        required=False,
        help_text=_("A branch, a tag or a commit; empty means main."),
        widget=forms.TextInput(attrs={**PLAIN, "placeholder": "main", "list": "revisions"}),
    )


class SquashForm(forms.Form):
    """What the one commit says."""

    message = forms.CharField(
        label=_("What the commit says"),
        max_length=MAX_TITLE,
        required=False,
        help_text=_("Empty for “Squash the history”."),
    )


class BranchRuleForm(forms.Form):
    """Which branches are protected, and how far."""

    pattern = forms.CharField(
        label=_("Branches"),
        max_length=200,
        help_text=_("A name, such as main, or a pattern: in release/* the star stands for any characters."),
        widget=forms.TextInput(attrs={**PLAIN, "placeholder": "main"}),
    )
    admins_only = forms.BooleanField(
        label=_("Only administrators change them"),
        required=False,
        help_text=_("Others open a pull request. Without this, whoever may write may still add commits."),
    )
