"""A notice as Slack shows it: Block Kit, with plain text for whoever does not show blocks. Pure.

Slack refuses a message with a text of more than 3,000 characters, or with more than 50 blocks; a context has at most 10
elements. `&`, `<` and `>` mark links and mentions, so they are escaped in whatever people and models wrote.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from plait.notifier.notice import Link, Notice

MOST_TEXT: Final = 3000
MOST_BLOCKS: Final = 50
_MOST_FALLBACK: Final = 3000
_CROWDS: Final = re.compile(r"@(?=channel\b|here\b|everyone\b|group\b)", re.IGNORECASE)
_SPACE: Final = "\u2060"
"""Of no width: between the sign and the name, so that nobody's client makes a call to everybody of it."""
_UNSHOWN: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f]|[\ud800-\udfff]")
_PIECE: Final = re.compile(r"&(?:amp|lt|gt);|.", re.DOTALL)

Json = dict[str, Any]


def message(notice: Notice) -> Json:
    """What an incoming webhook is sent."""
    sections = notice.sections or (notice.title,)
    texts = [text for section in sections for text in pieces(escaped(section))]
    blocks = [_section(text) for text in texts[: MOST_BLOCKS - 1]]
    return {
        "text": fallback(notice),
        "blocks": [*blocks, _context(notice)],
        "unfurl_links": False,
        "unfurl_media": False,
    }


def escaped(text: str) -> str:
    """A text in which Slack finds no markup of links or mentions; what no JSON or font has is left out."""
    plain = _UNSHOWN.sub("", text.replace("\r\n", "\n"))
    safe = plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _CROWDS.sub(f"@{_SPACE}", safe)


def pieces(text: str, most: int = MOST_TEXT) -> Iterator[str]:
    """An escaped text in parts of at most `most` characters, cut between lines if that can be, never in an escape."""
    while len(text) > most:
        end = text.rfind("\n", 1, most) + 1 or _last_whole(text, most)
        yield text[:end]
        text = text[end:]
    if text.strip():
        yield text


def _last_whole(text: str, most: int) -> int:
    """The end of the last character or escape that is whole before `most`."""
    start = max(0, most - len("&amp;"))
    amp = text.rfind("&", start, most)
    match = _PIECE.match(text, amp) if amp >= 0 else None
    return amp if match and match.end() > most else most


def fallback(notice: Notice) -> str:
    """What notifications and clients without blocks show."""
    return next(pieces(escaped(notice.text), _MOST_FALLBACK), "")


def _section(text: str) -> Json:
    """`verbatim`: nothing in it is made into a link or a mention."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def _context(notice: Notice) -> Json:
    parts = [escaped(part) for part in notice.footer] or [escaped(notice.domain)]
    text = next(pieces(" · ".join(parts), MOST_TEXT - 1000), "")
    if notice.link:
        text += f" · {_link(notice.link)}"
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": text, "verbatim": True}]}


def _link(link: Link) -> str:
    """Both halves are ours; an address of ours holds neither `|` nor `>`, or it is quoted."""
    address = escaped(link.address).replace("|", "%7C")[:900]
    return f"<{address}|{escaped(link.label).replace('|', ' ')}>"
