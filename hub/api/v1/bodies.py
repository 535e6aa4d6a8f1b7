"""What callers send to our own API: a JSON object with the fields of a call and no others."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request

from hub.api.bodies import read_object
from hub.core.errors import Invalid


class Body(serializers.Serializer[Any]):
    """The fields of one call. Subclasses name them."""

    @classmethod
    def read(cls, request: Request, *, partial: bool = False) -> dict[str, Any]:
        """Return the checked fields; with `partial`, those that were sent, at least one.

        Raises Invalid, which names the first field at fault; TooLarge.
        """
        sent = read_object(request)
        body = cls(data=sent, partial=partial)
        takes = ", ".join(body.fields)
        for name in sent:
            if name not in body.fields:
                raise Invalid(f"“{name[:100]}” is not a field of this call. It takes: {takes}.", field=name[:100])
        if partial and not sent:
            raise Invalid(f"Nothing was sent to change. Send at least one of: {takes}.")
        if not body.is_valid():
            name, problems = next(iter(body.errors.items()))
            raise Invalid(f"{name}: {problems[0]}", field=name)
        return dict(body.validated_data)


def check_query(request: Request, *known: str) -> None:
    """Raise Invalid where the address has a parameter that this call does not know."""
    for name in request.query_params:
        if name not in known:
            raise Invalid(
                f"“{name[:100]}” is not a parameter of this call. It takes: {', '.join(known)}.", field=name[:100]
            )
