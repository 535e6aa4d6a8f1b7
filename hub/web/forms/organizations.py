"""Organizations and their members."""

from django import forms
from django.utils.translation import gettext_lazy as _

from hub.accounts.models import Role
from hub.accounts.names import MAX_NAMESPACE

ROLES = [
    (Role.READ, _("Read: sees private repositories")),
    (Role.CONTRIBUTOR, _("Contributor: creates repositories and changes their own")),
    (Role.WRITE, _("Write: changes every repository")),
    (Role.ADMIN, _("Admin: also manages members and settings")),
]


class OrganizationForm(forms.Form):
    """What an organization says of itself."""

    display_name = forms.CharField(
        label=_("Display name"),
        max_length=80,
        required=False,
        help_text=_("In any script. Without one, the name is shown."),
    )
    bio = forms.CharField(
        label=_("Description"),
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "maxlength": 500}),
    )
    website = forms.URLField(label=_("Website"), max_length=200, required=False, assume_scheme="https")


class RequirementsForm(forms.Form):
    """Who may be in, and how."""

    requires_mfa = forms.BooleanField(
        label=_("Members need a second factor"),
        required=False,
        help_text=_("Whoever logs in by a password alone can do nothing here, by no way, until they have set one up."),
    )
    takes_requests = forms.BooleanField(
        label=_("People may ask to be let in"), required=False, help_text=_("Administrators decide about each.")
    )


class NewOrganizationForm(OrganizationForm):
    """The name cannot be changed later, because it stands in addresses."""

    name = forms.CharField(
        label=_("Name"),
        max_length=MAX_NAMESPACE,
        help_text=_("Letters a to z, digits and single hyphens. It stands in the address of everything it owns."),
        widget=forms.TextInput(attrs={"autocapitalize": "none", "spellcheck": "false"}),
    )
    website = None  # type: ignore[assignment]
    field_order = ("name", "display_name", "bio")


class InviteForm(forms.Form):
    """Somebody to invite."""

    who = forms.CharField(
        label=_("User name or e-mail address"),
        max_length=254,
        widget=forms.TextInput(attrs={"autocapitalize": "none", "spellcheck": "false"}),
        help_text=_("To an address goes a mail with a link, for which an account can also be made."),
    )
    role = forms.ChoiceField(label=_("Role"), choices=ROLES, initial=Role.CONTRIBUTOR)
