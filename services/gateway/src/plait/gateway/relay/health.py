"""What the gateway says about itself: `/`, `/health` and its kin (api.md)."""

from __future__ import annotations

import time
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import msgspec

from plait.gateway.access.access import Access
from plait.gateway.relay.call import Send
from plait.gateway.relay.fields import REQUEST_ID
from plait.gateway.spool.shipping import read_status
from plait.gateway.spool.writer import SpoolWriter

_LIVE: Final = frozenset({"/health/live", "/health/liveliness"})
_STALE_SECONDS: Final = 15
_OK: Final = {"status": "ok", "message": ""}


class Health:
    """Ready means: can relay and can write the spool. Trouble behind the spool is `degraded`, never unready."""

    paths: Final = _LIVE | {"/", "/health", "/health/ready"}

    def __init__(self, spool: SpoolWriter, directory: Path, access: Access) -> None:
        self._spool = spool
        self._access = access
        self._directory = directory
        self._version = version("plait-gateway")

    async def answer(self, path: str, request_id: str, send: Send) -> None:
        """Answer a request for one of `paths`."""
        body = msgspec.json.encode(self._about() if path == "/" else self._health(path))
        fields = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (REQUEST_ID, request_id.encode()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": fields})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    def _about(self) -> dict[str, Any]:
        endpoints = ["/v1/*", "/t/<tag>/v1/*", "/api/*", "/health"]
        return {"name": "plait gateway", "version": self._version, "endpoints": endpoints}

    def _health(self, path: str) -> dict[str, Any]:
        checks = {} if path in _LIVE else self._checks()
        status = "ok" if all(check["status"] == "ok" for check in checks.values()) else "degraded"
        return {"status": status, "checks": checks, "version": self._version}

    def _checks(self) -> dict[str, dict[str, str]]:
        credentials = {"status": "degraded", "message": self._access.trouble} if self._access.trouble else _OK
        return {"spool": self._spool_check(), "shipper": self._shipper_check(), "credentials": credentials}

    def _spool_check(self) -> dict[str, str]:
        reason = self._spool.trouble
        messages = {"full": "the spool is full", "disk": "the spool's disk refuses writes"}
        if not reason:
            return _OK
        return {"status": "degraded", "message": f"{messages[reason]}: exchanges are relayed and not recorded"}

    def _shipper_check(self) -> dict[str, str]:
        status = read_status(self._directory)
        if status is None or time.time() - status.at > _STALE_SECONDS:
            return {"status": "degraded", "message": "the shipper is not running: records wait in the spool"}
        if not status.broker_up:
            return {"status": "degraded", "message": "the broker is away: records wait in the spool"}
        return _OK
