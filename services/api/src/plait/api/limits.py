"""The limits of accounts that are configured, for routes."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from plait.common.settings import LimitSettings


async def _limits(request: Request) -> LimitSettings:
    found: LimitSettings = request.app.state.limits
    return found


Limits = Annotated[LimitSettings, Depends(_limits)]
"""What a route declares to know them."""
