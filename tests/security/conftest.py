"""The gateway under attack, with its byte lane and without."""

from __future__ import annotations

from tests.contract.gateway.conftest import byte_lane, claude, gateway

__all__ = ["byte_lane", "claude", "gateway"]
