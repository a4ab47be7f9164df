"""Wrong keys are counted per address: after a few, that address waits."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Tries:
    """At most `limit` wrong keys per address within `window` seconds; remembers at most `addresses` of them."""

    limit: int = 10
    window: float = 300.0
    addresses: int = 10_000
    clock: Callable[[], float] = time.monotonic
    _failures: OrderedDict[str, list[float]] = field(default_factory=OrderedDict, repr=False)

    def wait(self, address: str) -> float:
        """Seconds until `address` may try again; 0 when it may now."""
        recent = self._recent(address)
        return recent[-self.limit] + self.window - self.clock() if len(recent) >= self.limit else 0.0

    def failed(self, address: str) -> None:
        """Count a wrong key."""
        self._failures[address] = [*self._recent(address), self.clock()][-self.limit :]
        self._failures.move_to_end(address)
        if len(self._failures) > self.addresses:
            self._failures.popitem(last=False)

    def succeeded(self, address: str) -> None:
        """Forget the wrong keys of an address that had the right one."""
        self._failures.pop(address, None)

    def _recent(self, address: str) -> list[float]:
        since = self.clock() - self.window
        return [at for at in self._failures.get(address, []) if at > since]
