"""From a branch to a prompt."""

from __future__ import annotations

from typing import Final

from plait.analyzer.insight.cutting import Count, estimate, fit, surely_fits
from plait.analyzer.insight.fencing import boundary_for
from plait.analyzer.insight.prompting import VERSION, Prompt, write
from plait.analyzer.insight.settings import InsightSettings
from plait.analyzer.insight.shaping import shape
from plait.analyzer.insight.shortening import Cleaner
from plait.common.analysis import LONGEST_WISH
from plait.common.queries.insight import BranchRecord

_MOST_CHARACTERS_PER_TOKEN: Final = 8
"""Of no text that people write there are more."""
_SEAMS: Final = 32
"""Tokens that two texts may have more together than each on its own."""
_LEAST: Final = 1000
"""Tokens of a conversation that are sent however long the wish is."""


async def prepare(branch: BranchRecord, wish: str | None, settings: InsightSettings, count: Count) -> Prompt:
    """What a model is to be sent: the rules, and the conversation as data, as much of it as the settings allow.

    `wish`: what the one who asked for the analysis wants of it besides.
    """
    cleaner = Cleaner(settings.redactor())
    longest = settings.analysis_max_input_tokens * _MOST_CHARACTERS_PER_TOKEN
    messages = shape(branch, cleaner, settings.analysis_tool_characters, longest)
    wanted = cleaner.clean((wish or "").strip()[:LONGEST_WISH])
    boundary = boundary_for(wanted, *messages)
    rules = write("", wanted, boundary)
    frame = rules.system + rules.user
    most = settings.analysis_max_input_tokens
    sure = surely_fits(frame + "\n\n".join(messages), most)
    taken = estimate(frame) if sure else await count(frame) + _SEAMS
    room = most if sure else max(most - taken, _LEAST)
    first, last = settings.analysis_first_messages, settings.analysis_last_messages
    cut = await fit(messages, room, count, first=first, last=last)
    words = write(cut.text, wanted, boundary)
    return Prompt(
        system=words.system,
        user=words.user,
        version=VERSION,
        tokens=taken + cut.tokens,
        left_out=cut.left_out,
        redacted=dict(cleaner.found),
    )
