"""What is looked up of the few turns that missed something."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

import asyncpg
import msgspec
import structlog

from plait.common.blobs import unshelve
from plait.common.bodies import last_mark, rest_of_request
from plait.common.frames import settings_of
from plait.ledger.cache import statements
from plait.ledger.cache.judging import NO_MARK, Before, Common, Evidence, Marks, is_over
from plait.ledger.cache.messages import End, common_of
from plait.ledger.cache.shelf import FARTHEST, Connection, Shelf
from plait.ledger.cache.turn import MINUTES_S, Turn

_NEAR: Final = 16
_FAR: Final = 512
"""Messages from the end of a list that are looked at, first and where lists part further off."""
_Pair = tuple[Turn, Turn]
_log = structlog.get_logger()


async def common_beginnings(connection: Connection, pairs: Sequence[_Pair]) -> dict[UUID, tuple[Common, End]]:
    """Of each turn how far its messages are those of another, and its last links, by its id."""
    found = await _compare(connection, pairs, _NEAR)
    again = [(mine, theirs) for mine, theirs in pairs if found[mine.id][0].messages is None]
    return {**found, **await _compare(connection, again, _FAR)} if again else found


async def gather(
    connection: Connection, shelf: Shelf, suspects: Mapping[UUID, tuple[Turn, Before]]
) -> dict[UUID, Evidence]:
    """What tells why turns read less than they could."""
    pairs = [(turn, before.turn) for turn, before in suspects.values() if before.turn]
    alike = [pair for pair in pairs if pair[0].scope == pair[1].scope]
    common = await common_beginnings(connection, alike)
    marks = await _marks(connection, shelf, [*suspects, *(theirs.id for _, theirs in alike)])
    changed = [pair for pair in alike if _parts(common[pair[0].id][0], pair[1])]
    shorter = await _shorter(shelf, changed, common)
    return {
        number: Evidence(
            common=common[number][0] if number in common else None,
            marks=marks.get(number),
            marks_before=marks.get(before.turn.id) if before.turn else None,
            shorter=shorter.get(number, 0),
        )
        for number, (_, before) in suspects.items()
    }


async def renewed(
    connection: Connection, suspects: Mapping[UUID, tuple[Turn, Before]]
) -> dict[UUID, tuple[Turn, Before]]:
    """The same, with later uses of what seems to have lived its time."""
    old = [(turn, before) for turn, before in suspects.values() if before.turn and is_over(turn, before)]
    if not old:
        return dict(suspects)
    rows = await connection.fetch(
        statements.RENEWED,
        [turn.id for turn, _ in old],
        [before.id for _, before in old],
        [turn.started_at for turn, _ in old],
        [turn.scope for turn, _ in old],
        [before.expected for _, before in old],
    )
    used = {UUID(int=row["id"].int): row["used_at"] for row in rows}
    return {
        number: (turn, msgspec.structs.replace(before, used_at=max(before.used_at, used.get(number, before.used_at))))
        for number, (turn, before) in suspects.items()
    }


async def _compare(connection: Connection, pairs: Sequence[_Pair], most: int) -> dict[UUID, tuple[Common, End]]:
    if not pairs:
        return {}
    rows = await connection.fetch(
        statements.ENDS,
        [mine.id for mine, _ in pairs],
        [mine.chain for mine, _ in pairs],
        [t.chain for _, t in pairs],
        most,
    )
    ends: defaultdict[tuple[UUID, bool], dict[int, tuple[bytes, bytes]]] = defaultdict(dict)
    for row in rows:
        ends[UUID(int=row["id"].int), row["mine"]][row["depth"]] = (row["hash"], row["blob"])
    return {mine.id: (common_of(ends[mine.id, True], ends[mine.id, False]), ends[mine.id, True]) for mine, _ in pairs}


def _parts(common: Common, theirs: Turn) -> bool:
    return common.messages is not None and common.messages < theirs.depth


async def _shorter(shelf: Shelf, pairs: Sequence[_Pair], common: Mapping[UUID, tuple[Common, End]]) -> dict[UUID, int]:
    """What the newest turn above the one that is followed left, whose whole prompt begins this one."""
    found: dict[UUID, int] = {}
    ahead = {mine.id: (mine, theirs, theirs) for mine, theirs in pairs}
    for _ in range(FARTHEST):
        above = await shelf.fetch_lines([at for _, _, at in ahead.values()])
        ahead = {n: (mine, theirs, above[at.id]) for n, (mine, theirs, at) in ahead.items() if at.id in above}
        for number, (mine, theirs, at) in list(ahead.items()):
            link = common[number][1].get(at.depth)
            if at.scope == mine.scope and link and link[0] == at.chain:
                found[number] = _alive(mine, theirs, at)
                del ahead[number]
        if not ahead:
            break
    return found


def _alive(mine: Turn, theirs: Turn, at: Turn) -> int:
    """What a turn left that can still be there; who followed it used it again if it read as much."""
    if at.figures is None or theirs.figures is None or mine.figures is None:
        return 0
    used = theirs if theirs.figures.read >= at.figures.left else at
    lives = at.figures.lifetime_s or mine.figures.lifetime_s or MINUTES_S
    fresh = (mine.started_at - used.started_at).total_seconds() < lives
    return min(at.figures.left, mine.figures.prompt) if fresh else 0


async def _marks(connection: Connection, shelf: Shelf, numbers: Sequence[UUID]) -> dict[UUID, Marks]:
    found = {}
    for row in await connection.fetch(statements.MARKS, list(dict.fromkeys(numbers))):
        turn = shelf.get(UUID(int=row["id"].int))
        if turn and not row["whole"] and (marks := _marks_of(row, turn)):
            found[turn.id] = marks
    return found


def _marks_of(row: asyncpg.Record, turn: Turn) -> Marks | None:
    try:
        settings = settings_of(unshelve(row["encoding"], row["data"])) if row["data"] is not None else None
        rest = rest_of_request(row["remainder"], settings)
        last = last_mark(row["remainder"])
    except (ValueError, msgspec.DecodeError) as error:
        _log.error("a request is damaged, and its cache marks are not known", exchange=str(turn.id), error=str(error))
        return None
    if rest.get("cache_control"):  # the provider puts a breakpoint on the last message
        return Marks(turn.depth - 1, rest)
    return Marks(NO_MARK if last is None else last, rest)
