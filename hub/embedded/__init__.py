"""Grove's carried engines: PostgreSQL and Valkey, started and stopped with the site. Imports none of the apps."""

from hub.embedded.places import Engines, engines_of

__all__ = ["Engines", "engines_of"]
