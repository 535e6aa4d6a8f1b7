"""`worker_acl`: the workers' user for a Valkey or Redis that somebody else runs."""

import secrets
from typing import Any
from urllib.parse import urlsplit

import redis
from django.conf import settings

from hub.core.management.base import HubCommand
from hub.embedded import valkey
from hub.jobs import broker

HELP = """\
Print the command that makes the workers' user on the server of REDIS_URL, with a new password, and the variable with which
workers (those of `make run` too) log in as that user. It changes nothing by itself.
"""


class Command(HubCommand):
    help = HELP

    def handle(self, *args: Any, **options: Any) -> None:
        password = secrets.token_urlsafe(24)
        try:
            info: dict[str, Any] = broker.connection().info("server")
        except redis.ResponseError:  # The hub's own user may not ask; then the rule that every server knows.
            info = {}
        name = str(info.get("server_name", "redis"))
        version = str(info.get("valkey_version", "0.0"))
        rules = valkey.worker_rules(password, one_database=valkey.keeps_to_databases(name, version))
        self.stdout.write(f"ACL SETUSER {rules.replace(' ', ' reset ', 1)}")
        self.stdout.write(f"GROVE_WORKER_REDIS_URL={self._url(password)}")

    def _url(self, password: str) -> str:
        login = f"{valkey.WORKER}:{password}"
        place = urlsplit(settings.WORKER_REDIS_URL)
        host = place.netloc.rpartition("@")[2]
        return place._replace(netloc=f"{login}@{host}").geturl()
