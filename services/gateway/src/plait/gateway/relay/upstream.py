"""The way to Claude, or to a service of our own: aiohttp kept from adding, decoding, following or remembering."""

from __future__ import annotations

import asyncio
import io
import ssl
from typing import Final

import aiohttp
from aiohttp import ClientConnectorError, ClientResponse, ClientSession, StreamReader
from yarl import URL

from plait.common.errors import PlaitError
from plait.gateway.relay.call import Call
from plait.gateway.relay.fields import Fields
from plait.gateway.relay.refusals import too_slow, unreachable

_CONNECT_PAUSES: Final = (0.2, 0.6)
"""Seconds before each further try to open a connection that was refused."""
_HEAD_LIMIT: Final = 1 << 20
_FIELD_COUNT: Final = 1000
_STATUSES: Final = range(200, 600)
"""What ends a request: 1xx come before an answer, and we asked for no other protocol."""
_ADDED_BY_AIOHTTP: Final = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")


class Broke(PlaitError):
    """The answer broke off before its end."""

    def __init__(self, message: str, rest: bytes = b"") -> None:
        super().__init__(message)
        self.rest = rest
        """What had arrived and was not read yet."""


class Upstream:
    """One server that requests go on to, with its pool of connections."""

    def __init__(self, name: str, base_url: str, *, connect: float, first_byte: float, idle: float) -> None:
        """`base_url` may carry a path. Times in seconds. To be made inside the running loop."""
        self._name = name
        self._base = base_url.rstrip("/")
        self._first_byte = first_byte
        self._idle = idle
        self._session = ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=30),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=_ADDED_BY_AIOHTTP,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect),
            max_line_size=_HEAD_LIMIT,
            max_field_size=_HEAD_LIMIT,
            max_headers=_FIELD_COUNT,
        )

    async def close(self) -> None:
        """Close the pool."""
        await self._session.close()

    async def ask(self, call: Call, fields: Fields, body: bytes) -> ClientResponse:
        """Send the request; returns when the answer's head is there. The caller closes the answer.

        Raises:
            Refusal: 502 when there is no connection or no answer, 504 when it takes too long.
        """
        for pause in _CONNECT_PAUSES:
            try:
                return await self._ask_once(call, fields, body)
            except ClientConnectorError:
                await asyncio.sleep(pause)
        try:
            return await self._ask_once(call, fields, body)
        except ClientConnectorError as error:
            raise unreachable(self._name, _cause(error)) from error

    async def _ask_once(self, call: Call, fields: Fields, body: bytes) -> ClientResponse:
        try:
            async with asyncio.timeout(self._first_byte):
                answer = await self._session.request(
                    call.method,
                    URL(self._base + call.target, encoded=True),
                    headers=[(name.decode("ascii"), _as_aiohttp(value)) for name, value in fields],
                    data=io.BytesIO(body) if body else None,
                    allow_redirects=False,
                )
        except aiohttp.ConnectionTimeoutError as error:
            raise too_slow(self._name, "no connection") from error
        except TimeoutError as error:
            raise too_slow(self._name, f"no answer within {self._first_byte:g} s") from error
        except ClientConnectorError:
            raise
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise unreachable(self._name, _cause(error)) from error
        if answer.status not in _STATUSES:
            answer.close()
            raise unreachable(self._name, f"it answered with status {answer.status}, which is no answer")
        return answer

    async def next_piece(self, answer: ClientResponse) -> bytes:
        """The next bytes of an answer as they come, empty at its clean end.

        Raises:
            Broke: it was cut, or nothing came for too long.
        """
        try:
            async with asyncio.timeout(self._idle):
                return await answer.content.readany()
        except TimeoutError as error:
            raise Broke(f"{self._name} sent nothing for {self._idle:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise Broke(f"{self._name} cut the answer", _unread(answer.content)) from error


def _unread(content: StreamReader) -> bytes:
    """Bytes that came just before a cut: aiohttp keeps them, but gives only the error out."""
    return content._read_nowait(-1) if isinstance(content, StreamReader) else b""


def _as_aiohttp(value: bytes) -> str:
    """aiohttp writes header values as UTF-8, so this is what gives the same bytes. What is not UTF-8 it cannot write.

    Latin-1 is then the nearest: every character arrives, in another encoding.
    """
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _cause(error: Exception) -> str:
    """What went wrong, without addresses or content."""
    if isinstance(error, ssl.SSLError | aiohttp.ClientSSLError):
        return "its certificate or TLS is not good"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "it closed the connection without an answer"
    if isinstance(error, ClientConnectorError) and error.strerror:
        return error.strerror
    return type(error).__name__
