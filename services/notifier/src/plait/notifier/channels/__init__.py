"""Ways out. Each takes a notice, and says by its errors what is to be done when it did not get there."""

from __future__ import annotations

from typing import Protocol

from plait.common.errors import PlaitError
from plait.notifier.notice import Notice


class Undelivered(PlaitError):
    """It may get there later."""


class Busy(Undelivered):
    """The other side wants to be left alone for a while."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"it asks to wait {seconds:g} s")
        self.seconds = seconds


class Refused(PlaitError):
    """It will never get there: what is sent, or where, is wrong. The message holds no address."""


class Channel(Protocol):
    """A way out, for one address."""

    async def send(self, notice: Notice) -> None:
        """Deliver it.

        Raises:
            Busy, Undelivered: not now.
            Refused: not ever.
        """
        ...
