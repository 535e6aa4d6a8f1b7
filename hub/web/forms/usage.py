"""How much somebody may keep."""

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from hub.accounts.models import Namespace

# As sizes are told on all pages.
_GIGABYTE = 10**9


class QuotaForm(forms.Form):
    """The quota of a namespace, in gigabytes; left empty, that of everybody."""

    size = forms.DecimalField(
        label=_("Quota in GB"),
        min_value=0,
        max_value=1024**3,
        max_digits=14,
        decimal_places=3,
        required=False,
        help_text=_("Empty: what this hub gives to everybody. 0: as much as there is room for."),
    )

    def __init__(self, *args: Any, namespace: Namespace, **options: Any) -> None:
        quota = namespace.storage_quota
        initial = None if quota is None else (Decimal(quota) / _GIGABYTE).quantize(Decimal("0.001")).normalize()
        super().__init__(*args, **options)
        self.fields["size"].initial = initial

    @property
    def quota(self) -> int | None:
        """Bytes, None for that of everybody."""
        size: Decimal | None = self.cleaned_data["size"]
        return None if size is None else int(size * _GIGABYTE)
