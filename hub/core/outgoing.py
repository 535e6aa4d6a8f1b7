"""Requests to addresses that people name, which must not reach what only this machine or its network can reach.

A host's name is resolved once, every address that it has is looked at, and the connection goes to one of these very
addresses: a name that means something else a moment later leads nowhere. No redirect is followed, and no proxy asked.
"""

import http.client
import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from threading import Timer
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from hub.core.errors import Invalid, Unavailable

Address = IPv4Address | IPv6Address

CONNECT_SECONDS = 5.0
# Of a whole exchange, once connected: a peer that sends a byte now and then keeps nobody longer.
TOTAL_SECONDS = 10
MAX_ANSWER = 64 * 1024  # bytes that are read of an answer
MAX_ADDRESSES = 3  # of one host, that are tried
_PORTS = {"http": 80, "https": 443}
# Addresses of IPv6 that carry one of IPv4: what a translator makes of it counts.
_NAT64 = IPv6Network("64:ff9b::/96")
# What counts as everybody's and is not: tunnels, which lead wherever their other end likes; what clouds answer their own
# machines at; what is kept for protocols and for documentation.
_SPECIAL = [
    ip_network(network)
    for network in (
        "2002::/16",
        "2001::/23",
        "64:ff9b:1::/48",
        "3fff::/20",
        "5f00::/16",
        "fec0::/10",
        "168.63.129.16/32",
        "192.0.0.0/24",
        "192.88.99.0/24",
    )
]


class BadUrl(Invalid):
    """It is no address that the hub sends requests to."""

    code = "BadUrl"


class PrivateAddress(Invalid):
    """The host is in a network that the hub does not send requests to."""

    code = "PrivateAddress"


class NoAnswer(Unavailable):
    """The other side could not be reached, or did not answer in time."""

    code = "NoAnswer"


@dataclass(frozen=True)
class Target:
    """An address taken apart. path: with its query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


@dataclass(frozen=True)
class Answer:
    """What came back. content: the first MAX_ANSWER bytes."""

    status: int
    content: bytes


def parse(url: str) -> Target:
    """Take an address apart. Raises BadUrl for what is no plain http(s) address; nothing is resolved."""
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").encode("idna").decode() if ":" not in (parts.hostname or "") else parts.hostname
    except ValueError as error:
        raise BadUrl(_("That is no address of the web. It begins with http:// or https://."), field="url") from error
    if parts.scheme not in _PORTS or not host or any(ord(sign) <= 32 or ord(sign) > 126 for sign in url):
        raise BadUrl(
            _("That is no address of the web. It begins with http:// or https://, in plain letters."), field="url"
        )
    if parts.username is not None or parts.password is not None:
        raise BadUrl(_("The address holds a user name or a password. Leave them out."), field="url")
    path = parts.path or "/"
    if parts.query:
        path += f"?{parts.query}"
    return Target(parts.scheme, host, port or _PORTS[parts.scheme], path)


def addresses_of(target: Target) -> list[str]:
    """Resolve a host, once. Raises PrivateAddress where any of its addresses is refused, NoAnswer where it has none."""
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NoAnswer(_("The host “%(host)s” was not found.") % {"host": target.host[:200]}, field="url") from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for text in addresses:
        if not may_reach(text):
            raise PrivateAddress(
                _(
                    "“%(host)s” is at %(address)s, in a network that this hub does not send requests to. "
                    "Its operator can allow it: GROVE_WEBHOOK_ALLOW."
                )
                % {"host": target.host[:200], "address": text},
                field="url",
            )
    return addresses


def may_reach(text: str) -> bool:
    """Tell whether requests may go to this address: everybody's, and those that the operator's setting allows."""
    address = _meant(ip_address(text.partition("%")[0]))
    if any(address in ip_network(allowed, strict=False) for allowed in settings.WEBHOOK_ALLOW):
        return True
    if any(address in network for network in _SPECIAL):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


def _meant(address: Address) -> Address:
    """Return the address of IPv4 that one of IPv6 stands for, where it stands for one."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64 or 1 < int(address) < 2**32:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def post(url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Send `body`; return what was answered, whatever it was. Takes CONNECT_SECONDS for each address of the host and
    TOTAL_SECONDS for the rest at most, and no connection of the database's.

    Raises BadUrl, PrivateAddress, NoAnswer.
    """
    target = parse(url)
    addresses = addresses_of(target)
    try:
        line = _connect(target, addresses)
    except OSError as error:
        raise NoAnswer(_("No connection: %(error)s") % {"error": _said(error)}) from error
    # The time of each step is bounded by the socket, that of all of them together by the clock.
    timer = Timer(TOTAL_SECONDS, _hang_up, [line])
    timer.daemon = True
    timer.start()
    start = time.monotonic()
    try:
        with closing(line):
            return _exchange(line, target, body, headers)
    except (OSError, http.client.HTTPException, ValueError) as error:
        if time.monotonic() - start >= TOTAL_SECONDS:
            raise NoAnswer(_("No answer within %(seconds)d seconds.") % {"seconds": TOTAL_SECONDS}) from error
        raise NoAnswer(_("No answer: %(error)s") % {"error": _said(error)}) from error
    finally:
        timer.cancel()


def _connect(target: Target, addresses: list[str]) -> socket.socket:
    """Connect to the first address that takes it. TLS begins later, when the clock runs."""
    last = OSError("no address")
    for address in addresses[:MAX_ADDRESSES]:
        try:
            line = socket.create_connection((address, target.port), timeout=CONNECT_SECONDS)
        except OSError as error:
            last = error
            continue
        line.settimeout(TOTAL_SECONDS)
        if target.scheme == "http":
            return line
        try:
            context = ssl.create_default_context()
            return context.wrap_socket(line, server_hostname=target.host, do_handshake_on_connect=False)
        except ValueError as error:
            line.close()
            raise OSError(str(error)) from error
    raise last


def _exchange(line: socket.socket, target: Target, body: bytes, headers: Mapping[str, str]) -> Answer:
    if isinstance(line, ssl.SSLSocket):
        line.do_handshake()
    connection = http.client.HTTPConnection(target.host, target.port)
    connection.sock = line
    connection.request("POST", target.path, body, {"Host": target.host_header, "Connection": "close", **headers})
    response = connection.getresponse()
    return Answer(response.status, response.read(MAX_ANSWER))


def _hang_up(line: socket.socket) -> None:
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)


def _said(error: Exception) -> str:
    return (str(error) or type(error).__name__)[:300]
