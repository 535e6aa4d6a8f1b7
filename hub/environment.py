"""Reading what an operator has set in the environment."""

from ipaddress import ip_network
from typing import Any

import environ


class Environment(environ.FileAwareEnv):
    """A variable with _FILE behind its name holds the path of a file with the value: `GROVE_SECRET_KEY_FILE=/run/secrets/key`.
    Who wrote it with an editor left a newline at its end, which belongs to no value.

    Values that mean nothing raise ImproperlyConfigured, which names the variable and what it takes.
    """

    def get_value(self, var: str, *args: Any, **options: Any) -> Any:
        value = super().get_value(var, *args, **options)
        return value.rstrip("\n") if isinstance(value, str) else value

    def choice(self, var: str, first: str, *others: str) -> str:
        """Return one of these words; the first where nothing is set."""
        value: str = self.str(var, default=first)
        if value not in (first, *others):
            known = ", ".join((first, *others[:-1]))
            raise environ.ImproperlyConfigured(f"{var} is {value!r}; it takes {known} or {others[-1]}.")
        return value

    def networks(self, var: str) -> list[str]:
        """Return networks as CIDRs, none where nothing is set."""
        values: list[str] = self.list(var, default=[])
        for value in values:
            try:
                ip_network(value, strict=False)
            except ValueError as error:
                raise environ.ImproperlyConfigured(f"{var} holds {value!r}, which is no network.") from error
        return values
