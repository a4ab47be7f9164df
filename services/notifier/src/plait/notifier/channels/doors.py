"""Through which addresses notices may leave the house: https to known hosts, and nobody's inside.

Who can set an address could otherwise have us call services that only we reach. So a host must be known; unless the
operator named it, what its name stands for must be a public address, looked at when the connection is made; and no
redirect is followed. A proxy that the environment names looks names up itself.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import ssl
from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from plait.notifier.channels import Refused, Undelivered

KNOWN_HOSTS: Final = frozenset({"hooks.slack.com"})
_TIMEOUT: Final = aiohttp.ClientTimeout(total=10, connect=5)
_PORTS: Final = {"http": 80, "https": 443}
_REDIRECTS: Final = range(300, 400)
_TRANSLATED: Final = ipaddress.IPv6Network("64:ff9b::/96")


def check(url: str, named: Collection[str]) -> str:
    """The address, if notices may go there; `named`: hosts, or `host:port`, trusted with plain http, too.

    Raises:
        Refused: they may not; the message says why.
    """
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        raise Refused("its address is no address") from None
    if not host or parts.scheme not in ("http", "https"):
        raise Refused("its address is no https address")
    if parts.username is not None or parts.password is not None:
        raise Refused("its address holds a user name")
    if host in named or f"{host}:{port}" in named:
        return url
    if host not in KNOWN_HOSTS:
        raise Refused(f"{host} is not among WEBHOOK_ALLOWED_HOSTS")
    if parts.scheme != "https" or port != 443:
        raise Refused(f"{host} may be reached by https alone")
    return url


class Resolver(AbstractResolver):
    """Looks hosts up, and finds no address inside for a known host that the operator did not name himself."""

    def __init__(self, named: Collection[str], inner: AbstractResolver | None = None) -> None:
        self._guarded = KNOWN_HOSTS - set(named)
        self._inner = inner or aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """As its base class has it.

        Raises:
            OSError: the name stands for an address that is not public.
        """
        found = await self._inner.resolve(host, port, family)
        if host.lower() in self._guarded and not all(is_public(one["host"]) for one in found):
            raise OSError(f"{host} stands for an address that is not public")
        return found

    async def close(self) -> None:
        """Nothing is kept open."""
        await self._inner.close()


def is_public(address: str) -> bool:
    """Whether an IP address is one of the internet's: not private, of this machine, of a link, or for many."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    carried = _carried(ip) if isinstance(ip, ipaddress.IPv6Address) else None
    ip = carried or ip
    return ip.is_global and not (ip.is_multicast or ip.is_reserved)


def _carried(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 one leads to: mapped (RFC 4291), 6to4 (RFC 3056), or translated (RFC 6052)."""
    if ip in _TRANSLATED:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour


async def _no_redirects(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    answer = await handler(request)
    if answer.status in _REDIRECTS:
        answer.close()
        raise Refused("it answers with a redirect, and none is followed")
    return answer


def new_session(named: Collection[str]) -> aiohttp.ClientSession:
    """Connections that lead nowhere else, a new one for each notice; those that take longer than 10 s are given up."""
    connector = aiohttp.TCPConnector(resolver=Resolver(named), use_dns_cache=False, force_close=True)
    return aiohttp.ClientSession(
        connector=connector, timeout=_TIMEOUT, middlewares=(_no_redirects,), cookie_jar=aiohttp.DummyCookieJar()
    )


def undelivered(error: Exception) -> Undelivered:
    """What went wrong on the way, without the address, which is a secret."""
    return Undelivered(f"no answer: {_in_words(error)}")


def _in_words(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientSSLError):
        return "its certificate is not good" if isinstance(error, ssl.CertificateError) else "it speaks no TLS"
    if isinstance(error, aiohttp.ClientConnectorError):
        return _of_connection(error.os_error)
    if isinstance(error, TimeoutError):
        return "it took too long"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "the connection was closed"
    return type(error).__name__


def _of_connection(cause: OSError) -> str:
    if isinstance(cause, socket.gaierror):
        return "its name is not known"
    return os.strerror(cause.errno).lower() if cause.errno else str(cause)
