"""Where two lists of messages part."""

from __future__ import annotations

from collections.abc import Mapping

from plait.ledger.cache.judging import Common

End = Mapping[int, tuple[bytes, bytes]]
"""By depth (1 at the first message): link and blob of the last messages of a list."""


def common_of(mine: End, theirs: End) -> Common:
    """How far two lists are the same, by the ends of both as far as they were looked at."""
    shared = [depth for depth in mine.keys() & theirs.keys() if mine[depth][0] == theirs[depth][0]]
    if shared:
        depth = max(shared)
    elif 1 in mine and 1 in theirs:
        depth = 0
    else:
        return Common(_below(mine, theirs))
    return Common(depth, _change(mine, theirs, depth + 1))


def _below(mine: End, theirs: End) -> int | None:
    """Where the end of one list stands wholly above the other, nothing is known but that they do not touch there."""
    return 0 if not mine or not theirs else None


def _change(mine: End, theirs: End, depth: int) -> str | None:
    """What became of the first message that is not the same."""
    if depth not in theirs:
        return None
    if depth not in mine:
        return "dropped"
    ahead = {blob for at, (_, blob) in mine.items() if at > depth}
    behind = {blob for at, (_, blob) in theirs.items() if at > depth}
    if theirs[depth][1] in ahead and mine[depth][1] not in behind:
        return "inserted"
    if mine[depth][1] in behind and theirs[depth][1] not in ahead:
        return "dropped"
    return "edited"
