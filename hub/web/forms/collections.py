"""What people fill in about collections. The services decide, in their own words."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from hub.accounts.models import Namespace
from hub.community.collections import THEMES
from hub.community.models.collection import MAX_COLLECTION_DESCRIPTION, MAX_COLLECTION_TITLE, MAX_NOTE
from hub.web.forms.repositories import PLAIN

_COLOURS = {
    "green": _("Green"),
    "blue": _("Blue"),
    "purple": _("Purple"),
    "pink": _("Pink"),
    "orange": _("Orange"),
    "indigo": _("Indigo"),
}


class CollectionForm(forms.Form):
    """What a collection says of itself, and who sees it."""

    title = forms.CharField(
        label=_("Title"),
        max_length=MAX_COLLECTION_TITLE,
        widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "auto"}),
    )
    description = forms.CharField(
        label=_("What it is about"),
        max_length=MAX_COLLECTION_DESCRIPTION,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "dir": "auto"}),
    )
    theme = forms.ChoiceField(label=_("Colour"), choices=[(name, _COLOURS[name]) for name in THEMES])
    is_private = forms.BooleanField(
        label=_("Private"),
        required=False,
        help_text=_("Only you, or the members of the organization, see it."),
    )


class NewCollectionForm(CollectionForm):
    """A collection to be made, under one's own name or that of an organization."""

    namespace = forms.ChoiceField(label=_("Owner"))
    field_order = ("namespace", "title", "description", "theme", "is_private")

    def __init__(self, *args: Any, namespaces: list[Namespace], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["namespace"].choices = [(one.name, one.name) for one in namespaces]  # type: ignore[attr-defined]


class ItemForm(forms.Form):
    """Something to put into a collection, by its name or its address."""

    item = forms.CharField(
        label=_("Add by name"),
        max_length=300,
        help_text=_("owner/name of a model, datasets/owner/name, or an address of this hub."),
        widget=forms.TextInput(attrs={**PLAIN, "placeholder": "owner/name"}),
    )
    note = forms.CharField(
        label=_("Note"),
        max_length=MAX_NOTE,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "auto"}),
    )


class NoteForm(forms.Form):
    """What is said of one item."""

    note = forms.CharField(max_length=MAX_NOTE, required=False)
