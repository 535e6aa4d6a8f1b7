"""How drf-spectacular describes what `hub.api.v1.operations` declares."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import Direction


class TokenScheme(OpenApiAuthenticationExtension):
    """How callers say who they are."""

    target_class = "hub.api.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": str(_("An access token, from your settings."))}


class OperationSchema(AutoSchema):
    """One operation in the document."""

    def get_auth(self) -> list[dict[str, Any]]:
        """What is public may be read without a token."""
        required: list[dict[str, Any]] = super().get_auth()
        return [{}, *required] if self.method == "GET" else required

    def get_serializer_name(self, serializer: Any, direction: Direction) -> str:
        return str(super().get_serializer_name(serializer, direction)).removesuffix("Shape")


def refuse_unknown_fields(result: dict[str, Any], **_more: Any) -> dict[str, Any]:
    """Say of every body that it takes its own fields alone."""
    for name, schema in result["components"]["schemas"].items():
        if name.endswith("Request"):
            schema["additionalProperties"] = False
    return result
