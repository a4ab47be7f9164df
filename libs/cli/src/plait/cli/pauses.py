"""How long to wait before something that ended is started again."""

from __future__ import annotations

from typing import Final

LONGEST: Final = 5.0
_FIRST: Final = 0.25
_SETTLED: Final = 10.0


class Pauses:
    """None after the first end, then 0.25 s, doubling to 5 s; one that ran for 10 s starts from none again."""

    def __init__(self) -> None:
        self.ends = 0
        """How often it ended in a row without having run for long."""

    def after(self, lived: float) -> float:
        """Seconds to wait now that it has ended after `lived` seconds."""
        self.ends = 1 if lived >= _SETTLED else self.ends + 1
        return 0.0 if self.ends == 1 else min(_FIRST * 2 ** min(self.ends - 2, 10), LONGEST)
