"""Short ways to weave constructed exchanges in tests."""

from __future__ import annotations

from plait.linker.domain.facts import Facts
from plait.linker.domain.link import Link
from plait.linker.domain.names import Names
from plait.linker.domain.weave import Loom


def weave(*facts: Facts) -> Loom:
    """A loom fed with all of them."""
    loom = Loom()
    loom.feed(facts)
    return loom


def link_of(*facts: Facts) -> Link:
    """The link of the last of them."""
    return weave(*facts).links()[facts[-1].id]


def parent_of(*facts: Facts) -> tuple[str, int | None]:
    """Rule and parent (the attempt of a retry) of the last of them."""
    link = link_of(*facts)
    parent = link.retry_of or link.parent_id or link.serves_id
    return link.rule, parent.int if parent else None


def names_of(*facts: Facts) -> dict[int, Names]:
    """The names of all of them by number."""
    return {one.int: names for one, names in weave(*facts).names().items()}
