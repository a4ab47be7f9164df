"""A made-up history straight into Postgres, as if all parts had worked for 90 days: for timing what reads it.

`python -m tests.bench.history --help`. The same seed, size and end give the same history. `plait doctor --deep` finds
nothing wrong with it; only linking cannot go on from it, since facts hold no hashes of messages.

Every text has the word `COMMON` in one of five, and one of some 2,500 exchanges the word `RARE`.
"""

from __future__ import annotations

from typing import Final

COMMON: Final = "heddle"
RARE: Final = "shuttlecock"
DAYS: Final = 90
