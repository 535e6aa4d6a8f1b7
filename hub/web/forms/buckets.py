"""What people fill in about buckets and their files."""

from hub.web.forms.repositories import NamedForm, UploadForm, visibility_field


class NewBucketForm(NamedForm):
    """A new bucket."""

    visibility = visibility_field()


class BucketUploadForm(UploadForm):
    """One file, for browsers without scripts. Nothing is said of it: a bucket has no history to say it in."""

    title = None  # type: ignore[assignment]
    description = None  # type: ignore[assignment]
    field_order = ("file", "folder")
