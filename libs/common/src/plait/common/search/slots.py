"""Slots of the index: runs of messages whose terms are told from those of other runs (0006_search.sql)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

BITS: Final = 15
"""Messages of a slot, as a power of two: so many at most are looked at for a word that is in all of them."""
_SPREAD: Final = 0x9E3779B1
_MASK: Final = 0xFFFFFFFF
_SIGN_BIT: Final = 1 << 31


def slot_of(number: int) -> int:
    """The slot that a message's number falls into."""
    return number >> BITS


def mask_of(slot: int) -> int:
    """What the terms of a slot are XORed with, as Postgres' integer."""
    found = slot * _SPREAD & _MASK
    return found - 2 * _SIGN_BIT if found >= _SIGN_BIT else found


def masked(terms: Iterable[int], slot: int) -> list[int]:
    """Terms as they stand in a slot, sorted."""
    mask = mask_of(slot)
    return sorted(term ^ mask for term in terms)
