"""Rows of `links` and the names in them: reading trees, or what stands around an exchange, and writing what changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from plait.common.ids import conversation_id
from plait.linker import statements
from plait.linker.columns import columns
from plait.linker.domain.link import Link
from plait.linker.domain.names import Member, Names, Taken, member
from plait.linker.knowledge import read_facts


@dataclass(frozen=True)
class Named:
    """A member of a tree with its names."""

    member: Member
    names: Names

    @property
    def target(self) -> UUID | None:
        """Whom it points at."""
        return target_of(self.member)


def target_of(member: Member) -> UUID | None:
    """Whom a member points at: the attempt it retries, its parent, or whom it serves."""
    return member.retry_of or member.parent_id or member.serves_id


async def read_near(
    connection: asyncpg.pool.PoolConnectionProxy,
    placed: Iterable[UUID],
    targets: Iterable[UUID],
    attempts: Iterable[UUID],
) -> dict[UUID, Named]:
    """Those exchanges, as they are named now, and what stands around them (`statements.LINKS_NEAR`)."""
    rows = await connection.fetch(statements.LINKS_NEAR, sorted(placed), sorted(targets), sorted(attempts))
    return {row["exchange_id"]: _named(row) for row in rows}


async def read_trees(connection: asyncpg.pool.PoolConnectionProxy, conversations: Iterable[UUID]) -> dict[UUID, Named]:
    """All exchanges that carry these conversations' ids, as they are named now."""
    rows = await connection.fetch(statements.TREES, sorted(conversations))
    return {row["exchange_id"]: _named(row) for row in rows}


async def read_below(connection: asyncpg.pool.PoolConnectionProxy, numbers: Iterable[UUID]) -> dict[UUID, Named]:
    """These exchanges and all below them, as they are named now."""
    rows = await connection.fetch(statements.BELOW, sorted(numbers))
    return {row["exchange_id"]: _named(row) for row in rows}


async def read_taken(connection: asyncpg.pool.PoolConnectionProxy, conversations: Iterable[UUID]) -> dict[UUID, Taken]:
    """Which names these conversations have given away."""
    return {row["id"]: _taken(row) for row in await connection.fetch(statements.TAKEN, sorted(conversations))}


def _taken(row: asyncpg.Record) -> Taken:
    last_spawn = (row["last_at"], row["last_id"]) if row["last_id"] else None
    return Taken(row["branch_ids"], row["spawns"], last_spawn, (row["newest_at"], row["newest_id"]))


async def write(
    connection: asyncpg.pool.PoolConnectionProxy,
    changed: Mapping[UUID, Named],
    links: Mapping[UUID, Link],
    before: Mapping[UUID, Named],
) -> None:
    """Placed exchanges get their links anew, others only new names; kinds follow where the tree changed them."""
    placed = [_link_row(named, links[number]) for number, named in sorted(changed.items()) if number in links]
    renamed = [_name_row(named) for number, named in sorted(changed.items()) if number not in links]
    had = {
        number: before[number].names.kind if number in before else named.member.kind
        for number, named in changed.items()
    }
    kinds = [(number, named.names.kind) for number, named in sorted(changed.items()) if named.names.kind != had[number]]
    for statement, rows in (
        (statements.PUT_LINKS, placed),
        (statements.RENAME_LINKS, renamed),
        (statements.CORRECT_KINDS, kinds),
    ):
        if rows:
            await connection.execute(statement, *columns(rows))


def _named(row: asyncpg.Record) -> Named:
    parent = None if row["retry_of"] else row["parent_id"]
    link = Link(
        exchange_id=row["exchange_id"],
        rule=row["rule"],
        parent_id=parent,
        retry_of=row["retry_of"],
        serves_id=row["serves_id"],
    )
    one = member(read_facts(row), link)
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


def _link_row(named: Named, link: Link) -> tuple[Any, ...]:
    own = conversation_id(link.exchange_id)
    return (*_name_row(named), own, link.retry_of, link.serves_id, link.rule, link.detail)


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
