"""What people fill in about a model that they have tried, and what its owner answers."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from hub.community.models.review import AXES, MAX_LINE, MAX_REPLY, MAX_REVIEW, MAX_STARS
from hub.repos.models import Release

_ANSWERS = [("", _("No answer")), *((n, str(n)) for n in range(MAX_STARS, 0, -1))]


class ReviewForm(forms.Form):
    """Stars, the questions of the rubric, which may be left out, what it was used for and on, and a text."""

    stars = forms.TypedChoiceField(
        label=_("Stars"),
        coerce=int,
        choices=[(n, str(n)) for n in range(1, MAX_STARS + 1)],
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose 1 to 5 stars."), "invalid_choice": _("Choose 1 to 5 stars.")},
    )
    use_case = forms.CharField(
        label=_("What you used it for"),
        required=False,
        max_length=MAX_LINE,
        widget=forms.TextInput(attrs={"dir": "auto", "placeholder": _("Sorting support tickets")}),
    )
    hardware = forms.CharField(
        label=_("On what"),
        required=False,
        max_length=MAX_LINE,
        widget=forms.TextInput(attrs={"dir": "auto", "placeholder": _("RTX 4090, llama.cpp, Q4")}),
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
                "placeholder": _("What went well, and what surprised you"),
            }
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, words in AXES.items():
            self.fields[name] = forms.TypedChoiceField(
                label=words,
                required=False,
                coerce=int,
                empty_value=None,
                choices=_ANSWERS,
                widget=forms.Select(attrs={"class": "select select-sm"}),
            )

    @property
    def rubric(self) -> list[forms.BoundField]:
        return [self[name] for name in AXES]

    @property
    def rubric_open(self) -> bool:
        """Whether something is filled in, or wrong, below the questions that a page folds away."""
        return any(field.value() or field.errors for field in self.rubric)


class NewReviewForm(ReviewForm):
    """A review of one of the `releases` that the person has not reviewed; with `main`, of `main` as it is now as well."""

    release = forms.ChoiceField(label=_("Which version"), required=False)

    def __init__(self, *args: Any, releases: list[Release], main: str, **kwargs: Any) -> None:
        """main: what `main` is called in the list, "" where it has been reviewed."""
        super().__init__(*args, **kwargs)
        choices = [(release.tag, release.tag) for release in releases]
        if main:
            choices.append(("", main))
        field = self.fields["release"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices


class ReplyForm(forms.Form):
    """What the model's owner answers to a review."""

    text = forms.CharField(
        label=_("Your reply"),
        strip=False,
        widget=forms.Textarea(attrs={"rows": 6, "maxlength": MAX_REPLY, "dir": "auto"}),
        error_messages={"required": _("Write something first.")},
    )
