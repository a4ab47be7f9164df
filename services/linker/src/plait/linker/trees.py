"""Names of the trees that new placements touch, and the conversations that they make."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from plait.common.ids import conversation_id
from plait.linker import statements
from plait.linker.columns import columns
from plait.linker.domain.link import Link
from plait.linker.domain.names import Member, Names, member, name_trees, titles_of
from plait.linker.shelf import Shelf

_members = msgspec.msgpack.Decoder(Member)
_encode = msgspec.msgpack.Encoder().encode


@dataclass(frozen=True)
class Named:
    """A member of a tree with its names: a row of `links`."""

    member: Member
    names: Names


@dataclass(frozen=True)
class Woven:
    """What became of the trees: the conversations that changed, with their titles, and those that are no more."""

    titles: Mapping[UUID, str | None]
    gone: frozenset[UUID]


async def name_again(connection: asyncpg.pool.PoolConnectionProxy, shelf: Shelf, links: Mapping[UUID, Link]) -> Woven:
    """Name all trees that these links were in or lead into, and write what changed.

    The domains must be locked: a tree is read, named and written as a whole.
    """
    before = await _trees_around(connection, links)
    members = {number: named.member for number, named in before.items()}
    members |= {number: member(facts, link) for number, link in links.items() if (facts := shelf.get(number))}
    names = name_trees(members.values())
    now = {number: Named(one, names[number]) for number, one in members.items()}
    changed = {number: named for number, named in now.items() if before.get(number) != named or number in links}
    await _write(connection, changed, links)
    return _woven(before, now, titles_of(members.values(), names))


async def _trees_around(connection: asyncpg.pool.PoolConnectionProxy, links: Mapping[UUID, Link]) -> dict[UUID, Named]:
    """All members, as they are named now, of the trees that these exchanges are in or point into."""
    pointers = {pointer for link in links.values() for pointer in _pointers(link)}
    rows = await connection.fetch(statements.TREES_AROUND, list(links.keys() | pointers))
    return {row["exchange_id"]: _named(row) for row in rows}


def _pointers(link: Link) -> Iterator[UUID]:
    return (pointer for pointer in (link.parent_id, link.retry_of, link.serves_id) if pointer)


def _named(row: asyncpg.Record) -> Named:
    one = _members.decode(row["member"])
    names = Names(
        exchange_id=row["exchange_id"],
        kind="subagent" if row["is_subtask"] and one.kind == "inference" else one.kind,
        conversation_id=row["conversation_id"],
        parent_id=row["parent_id"],
        link_kind=row["link_kind"],
        branch_id=row["branch_id"],
        is_subtask=row["is_subtask"],
        parent_task_id=row["parent_task_id"],
    )
    return Named(one, names)


async def _write(
    connection: asyncpg.pool.PoolConnectionProxy, changed: Mapping[UUID, Named], links: Mapping[UUID, Link]
) -> None:
    """Placed exchanges get their links anew, others only new names."""
    placed = [_link_row(named, links[number]) for number, named in sorted(changed.items()) if number in links]
    renamed = [_name_row(named) for number, named in sorted(changed.items()) if number not in links]
    kinds = [(number, named.names.kind) for number, named in sorted(changed.items())]
    for statement, rows in (
        (statements.PUT_LINKS, placed),
        (statements.RENAME_LINKS, renamed),
        (statements.CORRECT_KINDS, kinds),
    ):
        if rows:
            await connection.execute(statement, *columns(rows))


def _link_row(named: Named, link: Link) -> tuple[Any, ...]:
    own = conversation_id(link.exchange_id)
    return (*_name_row(named), own, link.retry_of, link.serves_id, link.rule, link.detail, _encode(named.member))


def _name_row(named: Named) -> tuple[Any, ...]:
    names = named.names
    return (
        names.exchange_id,
        names.conversation_id,
        names.parent_id,
        names.link_kind,
        names.branch_id,
        names.is_subtask,
        names.parent_task_id,
    )


def _woven(before: Mapping[UUID, Named], now: Mapping[UUID, Named], titles: Mapping[UUID, str]) -> Woven:
    there = _conversations(now.values())
    return Woven({one: titles.get(one) for one in there}, frozenset(_conversations(before.values()) - there))


def _conversations(named: Iterable[Named]) -> set[UUID]:
    return {one.names.conversation_id for one in named if one.names.conversation_id}
