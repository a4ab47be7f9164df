"""`plait dead-letters`: what consumers put aside, and sending it again once its cause is mended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from plait.common.deadletters import DeadLetter, list_letters
from plait.common.errors import UserError
from plait.common.settings import KafkaSettings


@dataclass(frozen=True)
class Found:
    """A dead letter and when it was put aside."""

    letter: DeadLetter
    at: datetime


async def read(settings: KafkaSettings) -> list[Found]:
    """All dead letters, oldest first; of several with one place the last.

    Raises:
        DependencyDown: the broker does not answer.
    """
    found = {letter.place: Found(letter, at) async for letter, at in list_letters(settings)}
    return list(found.values())


def choose(found: Sequence[Found], places: Sequence[str]) -> list[DeadLetter]:
    """The letters of these places (`topic-partition-offset`), all when there are none.

    Raises:
        UserError: there is no letter of a place, or a record was too large to be kept.
    """
    known = {each.letter.place: each.letter for each in found}
    if strangers := [place for place in places if place not in known]:
        raise UserError(f"There is no dead letter {strangers[0]}: `plait dead-letters list` shows them.")
    chosen = [known[place] for place in places] or list(known.values())
    if lost := [letter for letter in chosen if letter.value is None and letter.size]:
        raise UserError(f"The record of {lost[0].place} was too large to be kept: name the others.")
    return chosen
