"""Forms of the site. They check shape; the services decide."""

from django.forms import BaseForm

from hub.core.errors import HubError


def explain(form: BaseForm, error: HubError) -> None:
    """Put a service's refusal beside the field that it names, or above the form."""
    form.add_error(error.field if error.field in form.fields else None, error.message)
