"""What was sought, marked in a text that was found."""

from __future__ import annotations

from markupsafe import Markup, escape

from plait.common.search.matching import places
from plait.common.search.query import Query


def marked(text: str, query: Query) -> Markup:
    """The text with a mark around each place of what a query seeks."""
    drawn, at = Markup(""), 0
    for start, end in places(query, text):
        drawn += escape(text[at:start]) + Markup("<mark>{}</mark>").format(text[start:end])
        at = end
    return drawn + escape(text[at:])
