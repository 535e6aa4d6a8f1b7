"""Model fields that every app shares."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.expressions import Combinable


class HexField(models.BinaryField):
    """A digest: lower-case hex text in Python, `length` bytes in the database (half the size of text, and of its indexes)."""

    # What the type checker takes and gives for such a field.
    _pyi_private_set_type: str | Combinable
    _pyi_private_get_type: str  # type: ignore[assignment]

    def __init__(self, *args: Any, length: int, **kwargs: Any) -> None:
        self.length = length
        kwargs.setdefault("editable", True)
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        kwargs["length"] = self.length
        return name, path, args, kwargs

    def _bytes(self, value: Any) -> bytes | None:
        if value is None:
            return None
        raw = bytes.fromhex(value) if isinstance(value, str) else bytes(value)
        if len(raw) != self.length:
            raise ValueError(f"{self.name} takes {self.length} bytes of hex, got {len(raw)}")
        return raw

    def get_prep_value(self, value: Any) -> bytes | None:
        return self._bytes(value)

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        return super().get_db_prep_value(self._bytes(value), connection, prepared)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> str | None:
        return None if value is None else bytes(value).hex()

    def to_python(self, value: Any) -> str | None:
        if value is None or isinstance(value, str):
            return value
        return bytes(value).hex()

    def value_to_string(self, obj: models.Model) -> str:
        return str(self.value_from_object(obj) or "")

    def clean(self, value: Any, model_instance: Any) -> Any:
        try:
            self._bytes(value)
        except ValueError as error:
            raise ValidationError(str(error)) from error
        return value
