"""What people fill in about a model that they have tried."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from hub.community.models.review import MAX_REVIEW, MAX_STARS
from hub.repos.models import Release


class ReviewForm(forms.Form):
    """Stars and a text."""

    stars = forms.TypedChoiceField(
        label=_("Stars"),
        coerce=int,
        choices=[(n, str(n)) for n in range(1, MAX_STARS + 1)],
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose 1 to 5 stars."), "invalid_choice": _("Choose 1 to 5 stars.")},
    )
    # Text as it is: stripping would take leading spaces, which can mean code.
    text = forms.CharField(
        label=_("What should others know?"),
        required=False,
        strip=False,
        widget=forms.Textarea(
            attrs={
                "rows": 6,
                "maxlength": MAX_REVIEW,
                "dir": "auto",
                "placeholder": _("What you used it for, on what, and what surprised you"),
            }
        ),
    )


class NewReviewForm(ReviewForm):
    """A review of one of the `releases` that the person has not reviewed; with `main`, of `main` as it is now as well."""

    release = forms.ChoiceField(label=_("Which version"), required=False)
    field_order = ("release", "stars", "text")

    def __init__(self, *args: Any, releases: list[Release], main: str, **kwargs: Any) -> None:
        """main: what `main` is called in the list, "" where it has been reviewed."""
        super().__init__(*args, **kwargs)
        choices = [(release.tag, release.tag) for release in releases]
        if main:
            choices.append(("", main))
        field = self.fields["release"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices
