"""What people fill in about pull requests."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from hub.community.discussions.merging import Conflict, Method, Side
from hub.community.models.discussion import MAX_TITLE
from hub.community.writing.text import MAX_TEXT
from hub.repos.git.commits import MAX_TITLE as MAX_COMMIT_TITLE
from hub.web.templatetags.grove import in_order


class HeadForm(forms.Form):
    """What somebody does with the commits that they have looked at. `head`: the id of the last one."""

    head = forms.RegexField("^[0-9a-f]{40}$", widget=forms.HiddenInput)


class MergeForm(HeadForm):
    """How a pull request is taken in."""

    MAX_MESSAGE = 20_000  # characters

    method = forms.ChoiceField(label=_("How to take it in"), choices=Method.choices, widget=forms.RadioSelect)
    title = forms.CharField(label=_("Title of the one commit"), max_length=MAX_COMMIT_TITLE, required=False)
    message = forms.CharField(
        label=_("Its message"), max_length=MAX_MESSAGE, required=False, widget=forms.Textarea(attrs={"rows": 4})
    )

    def words(self) -> dict[str, str]:
        """Return the title and the message for a squash; a merge speaks for itself."""
        if self.cleaned_data["method"] != Method.SQUASH:
            return {}
        return {"title": self.cleaned_data["title"], "message": self.cleaned_data["message"].replace("\r\n", "\n")}


class BranchForm(forms.Form):
    """The branch that is to take a pull request in."""

    base = forms.CharField(label=_("Into the branch"), max_length=200)


class ChoiceForm(forms.Form):
    """Which branch is proposed, and where it is to go."""

    source = forms.CharField(label=_("From the branch"), max_length=200)
    base = forms.CharField(label=_("Into the branch"), max_length=200)


class PullRequestForm(ChoiceForm):
    """A pull request from a branch."""

    source = forms.CharField(max_length=200, widget=forms.HiddenInput)
    base = forms.CharField(max_length=200, widget=forms.HiddenInput)
    title = forms.CharField(label=_("Title"), max_length=MAX_TITLE)
    description = forms.CharField(
        label=_("What it changes, and why"),
        max_length=MAX_TEXT,
        required=False,
        help_text=_("Markdown works."),
        widget=forms.Textarea(attrs={"rows": 8, "dir": "auto"}),
    )
    draft = forms.BooleanField(
        label=_("Open it as a draft"), required=False, help_text=_("Nobody is told before you publish it.")
    )


class ConflictForm(HeadForm):
    """For each file that both sides have changed, which of the two stays."""

    def __init__(self, *args: Any, conflicts: list[Conflict], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.paths = [conflict.path for conflict in conflicts]
        for number, path in enumerate(self.paths):
            self.fields[f"file-{number}"] = forms.ChoiceField(
                label=in_order(path), choices=Side.choices, widget=forms.RadioSelect
            )

    def kept(self) -> dict[str, str]:
        """Return path -> Side."""
        return {path: self.cleaned_data[f"file-{number}"] for number, path in enumerate(self.paths)}
