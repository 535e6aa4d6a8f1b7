"""What callers send to our own API: a JSON object, and parameters in the address, with the names of a call and no others.

The same serializers check what comes and describe it in the API's document.
"""

from typing import Any

from django.http import QueryDict
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
        return _checked(body)


class Query(serializers.Serializer[Any]):
    """The parameters of one call in its address. Subclasses name them; a list is a parameter that may be repeated."""

    @classmethod
    def read(cls, query: QueryDict) -> dict[str, Any]:
        """Return the checked parameters. Raises Invalid, which names the first at fault, or one that the call does not know."""
        known = cls().fields
        for name in query:
            if name not in known:
                takes = f"It takes: {', '.join(known)}." if known else "It takes none."
                raise Invalid(f"“{name[:100]}” is not a parameter of this call. {takes}", field=name[:100])
        lists = {name for name, field in known.items() if isinstance(field, serializers.ListField)}
        sent = {name: query.getlist(name) if name in lists else query.get(name) for name in query}
        return _checked(cls(data=sent))


def _checked(serializer: serializers.Serializer[Any]) -> dict[str, Any]:
    if not serializer.is_valid():
        name, problems = next(iter(serializer.errors.items()))
        raise Invalid(f"{name}: {_first(problems)}", field=name)
    return dict(serializer.validated_data)


def _first(problems: Any) -> str:
    """Return the first sentence in what a field found wrong, which for lists and objects is nested."""
    while isinstance(problems, dict | list):
        problems = next(iter(problems.values() if isinstance(problems, dict) else problems))
    return str(problems)


class Nothing(Query):
    """No parameters."""
