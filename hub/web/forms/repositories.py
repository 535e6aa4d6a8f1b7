"""What people fill in about repositories and their files."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from hub.accounts.models import Namespace, User
from hub.core.amounts import bytesize
from hub.repos import vocabulary
from hub.repos.git.commits import MAX_TITLE
from hub.repos.models import Visibility
from hub.repos.models.repository import MAX_REPO_NAME
from hub.repos.names import MAX_PATH_BYTES

PLAIN = {"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"}


class CommitForm(forms.Form):
    """What is said of a change, and where it goes: to the branch at once, or into a pull request that asks for it.

    ways: those that its writer has, COMMIT, PROPOSE or both.
    """

    COMMIT, PROPOSE = "commit", "propose"

    title = forms.CharField(label=_("What changes"), max_length=MAX_TITLE, required=False)
    description = forms.CharField(
        label=_("Why, or anything else"), max_length=10_000, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    way = forms.ChoiceField(
        label=_("Where it goes"),
        choices=[(COMMIT, _("To the branch, at once")), (PROPOSE, _("Into a pull request, for others to look at"))],
        initial=COMMIT,
        required=False,
        widget=forms.RadioSelect,
    )
    draft = forms.BooleanField(
        label=_("Open it as a draft"),
        required=False,
        help_text=_("Of a pull request: nobody is told before you publish it."),
    )

    def __init__(self, *args: Any, ways: tuple[str, ...] = (COMMIT,), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._ways = ways
        if len(ways) == 1:
            del self.fields["way"]
        if self.PROPOSE not in ways:
            del self.fields["draft"]

    def proposes(self) -> bool:
        """Tell whether the change is to become a pull request."""
        return self._ways == (self.PROPOSE,) or self.cleaned_data.get("way") == self.PROPOSE


class FileForm(forms.Form):
    """One file, for browsers without scripts. With scripts the page sends any number, of any size, by itself."""

    MAX_FILE = 100_000_000  # bytes

    folder = forms.CharField(
        label=_("Folder"),
        max_length=MAX_PATH_BYTES,
        required=False,
        help_text=_("Empty for the top. A folder that is not there is made."),
        widget=forms.TextInput(attrs=PLAIN),
    )
    file = forms.FileField(label=_("File"), max_length=255, allow_empty_file=True)
    field_order: tuple[str, ...] = ("file", "folder")

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > self.MAX_FILE:
            limit = bytesize(self.MAX_FILE)
            raise forms.ValidationError(
                _("Without scripts the page takes files of up to %(limit)s. Turn scripts on, or use the hf tool.")
                % {"limit": limit}
            )
        return file

    def path(self) -> str:
        """Return where the file goes."""
        folder = self.cleaned_data["folder"].strip().strip("/")
        name: str = self.cleaned_data["file"].name
        return f"{folder}/{name}" if folder else name


class UploadForm(FileForm, CommitForm):
    """One file, and what is said of its commit."""

    field_order = ("file", "folder", "title", "description", "way", "draft")


class EditForm(CommitForm):
    """The whole text of one file. `parent` is the commit that it was read from."""

    MAX_TEXT = 1_000_000  # characters

    path = forms.CharField(
        label=_("Path"),
        max_length=MAX_PATH_BYTES,
        help_text=_("Folders are parted by slashes. A new path moves the file."),
        widget=forms.TextInput(attrs=PLAIN),
    )
    # Text as it is: stripping would eat the last line's end.
    text = forms.CharField(
        label=_("Content"),
        max_length=MAX_TEXT,
        required=False,
        strip=False,
        widget=forms.Textarea(
            attrs={"class": "area-code", "rows": 24, "wrap": "off", "spellcheck": "false", "autocapitalize": "none"}
        ),
    )
    parent = forms.RegexField("^[0-9a-f]{40}$", widget=forms.HiddenInput)
    field_order = ("path", "text", "title", "description", "way", "draft", "parent")


class NamespaceChoice(forms.ModelChoiceField):
    """A namespace by its name, as addresses have it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(queryset=Namespace.objects.none(), to_field_name="name", empty_label=None, **kwargs)


def visibility_field() -> forms.ChoiceField:
    """A choice of who sees a repository."""
    return forms.ChoiceField(
        label=_("Who can see it"),
        widget=forms.RadioSelect,
        initial=Visibility.PUBLIC,
        choices=[
            (Visibility.PUBLIC, _("Public: everybody who can read this hub")),
            (Visibility.PRIVATE, _("Private: you, or the members of the organization")),
        ],
    )


class NamedForm(forms.Form):
    """Where a repository is: an owner that the person may create under, and a name."""

    owner = NamespaceChoice(label=_("Owner"))
    name = forms.CharField(
        label=_("Name"),
        max_length=MAX_REPO_NAME,
        help_text=_("Letters a to z, digits, underscores, and single hyphens or dots between them."),
        widget=forms.TextInput(attrs=PLAIN),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        owner = self.fields["owner"]
        assert isinstance(owner, NamespaceChoice)
        owner.queryset = Namespace.objects.writable_by(user).select_related("user", "organization").order_by("name")


class NewRepositoryForm(NamedForm):
    """A new repository."""

    # The usual ones; the card takes any other.
    LICENSES = """
        apache-2.0 mit bsd-3-clause gpl-3.0 agpl-3.0 mpl-2.0 cc0-1.0 cc-by-4.0 cc-by-sa-4.0 cc-by-nc-4.0 openrail
    """.split()

    license = forms.ChoiceField(
        label=_("Licence"),
        choices=[
            ("", _("Decide later")),
            *((name, vocabulary.LICENSES[name]) for name in LICENSES),
            ("other", _("Another one: say which in the card")),
        ],
        required=False,
        help_text=_("What others may do with it. It is the first line of the card."),
    )
    visibility = visibility_field()


class DuplicateForm(NamedForm):
    """Where a copy goes, and who sees it."""

    visibility = visibility_field()


class NewSpaceForm(NewRepositoryForm):
    """A new space, whose card says what it is written for."""

    sdk = forms.ChoiceField(
        label=_("SDK"),
        choices=[(name, name.title()) for name in vocabulary.SDKS],
        help_text=_("What the app is written for. It stands in the card; the hub does not run it."),
    )


class MoveForm(NamedForm):
    """Another name, another owner, or both."""


class ShortNameForm(forms.Form):
    """A name without an owner."""

    name = forms.CharField(
        label=_("Short name"),
        max_length=MAX_REPO_NAME,
        help_text=_("Without an owner, such as gpt2. Letters a to z, digits, underscores, single hyphens or dots."),
        widget=forms.TextInput(attrs=PLAIN),
    )


class VisibilityForm(forms.Form):
    visibility = visibility_field()
