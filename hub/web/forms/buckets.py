"""What people fill in about buckets."""

from hub.web.forms.repositories import NamedForm, visibility_field


class NewBucketForm(NamedForm):
    """A new bucket."""

    visibility = visibility_field()
