"""What people fill in about pull requests."""

import hashlib
from typing import Any, Self

from django import forms
from django.utils.translation import gettext_lazy as _

from hub.community.discussions.conflicts import Dispute
from hub.community.discussions.merging import Method
from hub.community.discussions.standing import Conflict
from hub.community.discussions.updating import Side
from hub.community.models.discussion import MAX_TITLE
from hub.community.writing.text import MAX_TEXT
from hub.repos.git.commits import MAX_TITLE as MAX_COMMIT_TITLE
from hub.web.forms.repositories import EditForm
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
    """For each file in conflict, which of the two sides stays, or what it says instead. target: the head of the branch."""

    EDIT = "edit"
    # Of all files together that can be written here: more is for git.
    MAX_FILES = 20
    MAX_TEXT = EditForm.MAX_TEXT  # characters

    target = forms.RegexField("^[0-9a-f]{40}$", widget=forms.HiddenInput)

    def __init__(self, *args: Any, conflicts: list[Conflict], disputes: dict[str, Dispute], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.paths = [conflict.path for conflict in conflicts]
        room, files = self.MAX_TEXT, self.MAX_FILES
        for path in self.paths:
            key, text = _key(path), disputes[path].text if path in disputes else None
            choices = list(Side.choices)
            if text is not None and files and len(text) <= room:
                room, files = room - len(text), files - 1
                choices.append((self.EDIT, _("As written here")))
                self.fields[f"text-{key}"] = forms.CharField(
                    label=_("Text of %(path)s") % {"path": in_order(path)},
                    max_length=self.MAX_TEXT,
                    required=False,
                    strip=False,
                    initial=text,
                    widget=forms.Textarea(
                        attrs={
                            "class": "area area-code",
                            "rows": 16,
                            "wrap": "off",
                            "spellcheck": "false",
                            "data-choice": f"file-{key}",
                        }
                    ),
                )
            self.fields[f"file-{key}"] = forms.ChoiceField(
                label=_("What stays of %(path)s") % {"path": in_order(path)},
                choices=choices,
                widget=forms.RadioSelect,
            )

    def of(self, path: str) -> tuple[forms.BoundField, forms.BoundField | None]:
        """Return the fields for one file: the choice, and its text where that can be written here."""
        text = f"text-{_key(path)}"
        return self[f"file-{_key(path)}"], self[text] if text in self.fields else None

    def again(self, head: str, target: str) -> Self:
        """Return the form with what was typed, for the commits that are there now."""
        typed = self.data.copy()  # type: ignore[attr-defined]
        typed["head"], typed["target"] = head, target
        self.data = typed
        return self

    def kept(self) -> dict[str, str]:
        """Return path -> Side."""
        return {path: kept for path, kept in self._chosen() if kept != self.EDIT}

    def texts(self) -> dict[str, str]:
        """Return path -> the text that the file has from now on."""
        return {path: self.cleaned_data[f"text-{_key(path)}"] for path, kept in self._chosen() if kept == self.EDIT}

    def _chosen(self) -> list[tuple[str, str]]:
        return [(path, self.cleaned_data[f"file-{_key(path)}"]) for path in self.paths]


def _key(path: str) -> str:
    """Return what the fields for a file are called: the same whatever other files there are."""
    return hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()[:16]
