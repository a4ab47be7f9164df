"""What time it is, for routes that tell of the last hours."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends


async def now() -> datetime:
    """The time of the call."""
    return datetime.now(UTC)


Now = Annotated[datetime, Depends(now)]
"""What a route declares to know it; tests set another clock by FastAPI's `dependency_overrides`."""
