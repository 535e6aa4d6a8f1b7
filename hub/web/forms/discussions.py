"""What people fill in to talk to each other. The services decide how long it may be, in their own words."""

from django import forms
from django.utils.translation import gettext_lazy as _

from hub.community.models.discussion import MAX_TITLE
from hub.community.writing.text import MAX_TEXT


class TitleForm(forms.Form):
    """The title of a discussion."""

    title = forms.CharField(
        label=_("Title"), max_length=MAX_TITLE, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )


class CommentForm(forms.Form):
    """A text in Markdown. Text as it is: stripping would take leading spaces, which can mean code."""

    text = forms.CharField(
        label=_("Your comment"),
        strip=False,
        # The service counts for itself: browsers count line ends otherwise than they send them.
        widget=forms.Textarea(attrs={"rows": 6, "maxlength": MAX_TEXT, "dir": "auto"}),
    )


class ReplyForm(CommentForm):
    """A comment that may close or reopen as well; then it may be empty."""

    status = forms.CharField(required=False)

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        if self.data.get("status"):
            self.fields["text"].required = False


class DiscussionForm(TitleForm, CommentForm):
    """A title and what there is to say; a question waits for an answer."""

    field_order = ("title", "text")
    is_question = forms.BooleanField(
        label=_("This is a question"),
        help_text=_("You can then take one of the comments for its answer."),
        required=False,
    )
