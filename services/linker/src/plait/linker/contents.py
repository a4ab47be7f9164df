"""Blobs and chains: which of a batch the database lacks, and writing them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import asyncpg

from plait.common.blobs import Blob, Link, shelve
from plait.linker import statements
from plait.linker.batch import Batch

_NEAREST = 8
"""Ancestors of a head that are all looked up, before the steps widen: a turn adds two to four messages."""


@dataclass(frozen=True)
class NewContents:
    """What the database lacks, in the order of the hashes, so that two linkers never wait for each other."""

    blobs: Sequence[Blob]
    chains: Sequence[Link]

    def blob_rows(self) -> list[tuple[bytes, int, int, bytes]]:
        """Rows of `blobs`, compressed: before anything is locked, and beside the loop."""
        return [(blob.hash, len(blob.data), *shelve(blob.data)) for blob in self.blobs]


async def find_new(connection: asyncpg.pool.PoolConnectionProxy, batch: Batch) -> NewContents:
    """What of a batch's contents must be written, in two look-ups for the whole batch.

    A chain whose some link is there has all links before it there too, so of a long history only its end is asked for:
    storing turn 2,000 costs what turn 20 does.
    """
    requests = [one.parts for one in batch.requests.values()]
    chains = {parts.head: parts.links for parts in requests if parts.links}
    probes = {link.hash for links in chains.values() for link in _probes(links)}
    known = await _known(connection, statements.KNOWN_CHAINS, probes)
    links = {link.hash: link for chain in chains.values() for link in _after_known(chain, known)}
    wanted = _blobs(batch, {link.blob for link in links.values()})
    there = await _known(connection, statements.KNOWN_BLOBS, wanted)
    missing = [wanted[name] for name in sorted(wanted.keys() - there)]
    return NewContents(missing, [links[name] for name in sorted(links)])


async def add(
    connection: asyncpg.pool.PoolConnectionProxy, blobs: Sequence[tuple[bytes, int, int, bytes]], chains: Sequence[Link]
) -> None:
    """Write what is missing; another linker may have been quicker with some of it."""
    if blobs:
        await connection.execute(statements.ADD_BLOBS, blobs)
    if chains:
        rows = [(link.hash, link.parent, link.blob, link.depth) for link in chains]
        await connection.execute(statements.ADD_CHAINS, rows)


async def _known(connection: asyncpg.pool.PoolConnectionProxy, statement: str, hashes: Iterable[bytes]) -> set[bytes]:
    asked = list(hashes)
    return {row["hash"] for row in await connection.fetch(statement, asked)} if asked else set()


def _probes(links: Sequence[Link]) -> list[Link]:
    """The head, the links just before it, then ever fewer down to the first."""
    found, step, position = [], 1, len(links)
    while position > 0:
        found.append(links[position - 1])
        step = step if len(found) < _NEAREST else step * 2
        position -= step
    return found


def _after_known(links: Sequence[Link], known: set[bytes]) -> Sequence[Link]:
    deepest = max((link.depth for link in _probes(links) if link.hash in known), default=0)
    return links[deepest:]


def _blobs(batch: Batch, messages: set[bytes]) -> dict[bytes, Blob]:
    """By hash: system prompts, tool lists and answers, and of the messages those that are on a new link."""
    requests = [one.parts for one in batch.requests.values()]
    found = [blob for parts in requests for blob in (parts.system, parts.tools) if blob]
    found += [one.parts.content for one in batch.responses.values() if one.parts.content]
    found += [one.frame for one in batch.requests.values()] + [one.frame for one in batch.responses.values()]
    found += [blob for parts in requests for blob in parts.messages if blob.hash in messages]
    return {blob.hash: blob for blob in found}
