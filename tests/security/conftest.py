"""The gateway under attack, with its byte lane and without."""

from __future__ import annotations

from tests.contract.gateway.conftest import byte_lane, claude, gateway, pytest_asyncio_loop_factories

__all__ = ["byte_lane", "claude", "gateway", "pytest_asyncio_loop_factories"]
