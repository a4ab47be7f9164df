"""Opens connections to one server: plain or TLS, directly or through the proxy that the environment names.

`HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` (either case) count as everywhere. Certificates are verified against the
system's authorities, or those in `SSL_CERT_FILE` and `SSL_CERT_DIR`.
"""

from __future__ import annotations

import asyncio
import base64
import os
import re
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies_environment, proxy_bypass

from plait.common.errors import PlaitError, UserError
from plait.gateway.relay.refusals import too_slow, unreachable

ProtocolT = TypeVar("ProtocolT", bound=asyncio.Protocol)
_PORTS: Final = {"http": 80, "https": 443}
_MOST_PROXY_HEAD: Final = 64 * 1024
_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([0-9]{3})[ \r]")
_PAUSES: Final = (0.2, 0.6, None)
"""Seconds before each further try to open a connection that was refused."""


class ProxyRefused(PlaitError):
    """The proxy did not open a way."""


@dataclass(frozen=True)
class Proxy:
    """An HTTP proxy on the way."""

    host: str
    port: int
    authorization: bytes | None
    """What its `Proxy-Authorization` has to be."""


def proxy_for(base_url: str) -> Proxy | None:
    """The proxy that the environment names for this address, None where it is reached directly.

    Raises:
        UserError: it is no `http://` proxy.
    """
    url = urlsplit(base_url)
    given = getproxies_environment().get(url.scheme)
    if not given or proxy_bypass(url.netloc.rpartition("@")[2]):
        return None
    place = urlsplit(given if "://" in given else f"http://{given}")
    if place.scheme != "http" or not place.hostname:
        raise UserError(f"{url.scheme.upper()}_PROXY must be an http:// address: the gateway speaks to no other proxy.")
    return Proxy(place.hostname, place.port or _PORTS["http"], _authorization(place))


def _authorization(place: SplitResult) -> bytes | None:
    if place.username is None:
        return None
    pair = f"{unquote(place.username)}:{unquote(place.password or '')}"
    return b"Basic " + base64.b64encode(pair.encode())


class Dialer:
    """Opens connections to the server of one base URL."""

    def __init__(self, base_url: str, proxy: Proxy | None = None) -> None:
        url = urlsplit(base_url)
        if url.hostname is None:
            raise UserError(f"{base_url} names no host")
        self._host, self._port = url.hostname, url.port or _PORTS[url.scheme]
        self._tls = _tls() if url.scheme == "https" else None
        self._proxy = proxy
        self.host_field: Final = url.netloc.rpartition("@")[2].encode("ascii")
        """What the `Host` field has to be."""
        self.path: Final = url.path.rstrip("/").encode("ascii")
        """What stands before the path of every request."""
        self.absolute: Final = b"http://" + self.host_field if proxy and not self._tls else b""
        """What stands before that: a proxy that is asked in plain text wants whole addresses."""
        self.proxy_authorization: Final = proxy.authorization if proxy and not self._tls else None

    async def dial(self, protocol: ProtocolT) -> ProtocolT:
        """Connect `protocol`; both sides send at once what they are given (TCP_NODELAY, asyncio's default).

        Raises:
            OSError, ssl.SSLError, ProxyRefused: there is no way.
        """
        loop = asyncio.get_running_loop()
        if self._proxy is None:
            await loop.create_connection(
                lambda: protocol,
                self._host,
                self._port,
                ssl=self._tls,
                server_hostname=self._host if self._tls else None,
            )
        elif self._tls is None:
            await loop.create_connection(lambda: protocol, self._proxy.host, self._proxy.port)
        else:
            await self._through(self._proxy, self._tls, protocol)
        return protocol

    async def connect(self, make: Callable[[], ProtocolT], name: str, seconds: float) -> ProtocolT:
        """A new connection to the server that people know as `name`; where nobody listens it is tried twice more.

        Raises:
            Refusal: 502 when there is none to be had, 504 when one takes longer than `seconds`.
        """
        for pause in _PAUSES:
            try:
                async with asyncio.timeout(seconds):
                    return await self.dial(make())
            except TimeoutError as error:
                raise too_slow(name, "no connection") from error
            except Exception as error:  # whatever it is, a client waits
                if pause is None or not _may_pass(error):
                    raise unreachable(name, _cause(error)) from error
                await asyncio.sleep(pause)
        raise AssertionError("the last pause is None")

    async def _through(self, proxy: Proxy, tls: ssl.SSLContext, protocol: asyncio.Protocol) -> None:
        loop = asyncio.get_running_loop()
        plain, way = await loop.create_connection(_Way, proxy.host, proxy.port)
        try:
            plain.write(self._way_asked(proxy))
            _check(await way.answer)
            transport = await loop.start_tls(plain, protocol, tls, server_hostname=self._host)
        except BaseException:
            plain.abort()
            raise
        assert transport is not None
        protocol.connection_made(transport)

    def _way_asked(self, proxy: Proxy) -> bytes:
        host = f"[{self._host}]" if ":" in self._host else self._host
        place = f"{host}:{self._port}".encode()
        mark = b"Proxy-Authorization: %b\r\n" % proxy.authorization if proxy.authorization else b""
        return b"CONNECT %b HTTP/1.1\r\nHost: %b\r\n%b\r\n" % (place, place, mark)


class _Way(asyncio.Protocol):
    """Waits for a proxy's answer to CONNECT."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        """Its head."""
        self._came = b""

    def data_received(self, data: bytes) -> None:
        """Bytes from the proxy; behind its answer it is silent until we speak TLS."""
        self._came += data
        if not self.answer.done() and (b"\r\n\r\n" in self._came or len(self._came) > _MOST_PROXY_HEAD):
            self.answer.set_result(self._came)

    def connection_lost(self, error: Exception | None) -> None:
        """Closed before it has answered."""
        if not self.answer.done():
            refused = ProxyRefused("the proxy gave no answer")
            refused.__cause__ = error
            self.answer.set_exception(refused)


def _check(answer: bytes) -> None:
    status = _STATUS.match(answer)
    if status is None:
        raise ProxyRefused("the proxy's answer is no HTTP")
    if not status[1].startswith(b"2"):
        raise ProxyRefused(f"the proxy refused with status {status[1].decode()}")


def _tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def _may_pass(error: Exception) -> bool:
    """Whether another try may go better."""
    return isinstance(error, (OSError, ProxyRefused)) and not isinstance(error, ssl.SSLError)


def _cause(error: Exception) -> str:
    """What went wrong, without addresses or content."""
    if isinstance(error, ssl.SSLError):
        return "its certificate or TLS is not good"
    if isinstance(error, ProxyRefused):
        return str(error)
    if isinstance(error, (socket.gaierror, UnicodeError)):
        return "its name cannot be resolved"
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    return type(error).__name__
