"""Texts that people type, made safe for `ILIKE`."""

from __future__ import annotations

import re

_WILDCARD = re.compile(r"[\\%_]")
_OF_AN_ID = re.compile(r"[0-9a-fA-F-]*")
_ESCAPED = r"\\\g<0>"


def containing(text: str | None) -> str | None:
    """The pattern that matches what contains `text`, in any case; `%`, `_` and `\\` stand for themselves."""
    return None if text is None else f"%{_WILDCARD.sub(_ESCAPED, text)}%"


def words_of(text: str | None) -> dict[str, object]:
    """Parameters of a statement that looks for `text` (`words`), also in ids if it can stand in one (`id_words`).

    Ids are made texts row by row: that is not done for nothing.
    """
    also_ids = text is not None and _OF_AN_ID.fullmatch(text) is not None
    pattern = containing(text)
    return {"words": None if also_ids else pattern, "id_words": pattern if also_ids else None}
