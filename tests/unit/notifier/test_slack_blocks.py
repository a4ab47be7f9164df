"""Notices in Slack's form: within its limits, and nobody called by what was said."""

from __future__ import annotations

import html
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.fakes.slack import fault_in
from plait.notifier.channels.blocks import MOST_TEXT, escaped, message, pieces
from plait.notifier.notice import Link, Notice

HOSTILE = st.text(alphabet=st.sampled_from("&<>@|!\n`*_ aélp;mchannel\u2028\x00😀"), max_size=3500)


def notice(*sections: str, footer: tuple[str, ...] = ("a.test",), link: Link | None = None) -> Notice:
    at = datetime(2026, 11, 21, tzinfo=UTC)
    return Notice(id="1", kind="turn", domain="a.test", at=at, title="t", sections=sections, footer=footer, link=link)


@settings(deadline=None)
@given(st.lists(HOSTILE, max_size=4), HOSTILE)
def test_slack_takes_whatever_was_said(sections: list[str], footer: str) -> None:
    sent = message(notice(*sections, footer=("a.test", footer), link=Link("Open", "https://x.test/?a=1&b=<2>|3")))
    assert fault_in(json.dumps(sent).encode()) == ""


@settings(deadline=None)
@given(HOSTILE)
def test_nothing_in_a_text_is_markup_and_all_of_it_is_there(text: str) -> None:
    safe = escaped(text)
    assert "<" not in safe
    assert ">" not in safe
    back = html.unescape(safe).replace("\u2060", "").replace("\x00", "")
    assert back == html.unescape(html.escape(text, quote=False)).replace("\x00", "").replace("\r\n", "\n")


@settings(deadline=None)
@given(HOSTILE, st.integers(8, 200))
def test_pieces_make_the_whole_and_cut_no_escape(text: str, most: int) -> None:
    safe = escaped(text)
    found = list(pieces(safe, most))
    assert all(0 < len(piece) <= most for piece in found)
    assert "".join(found).rstrip() == safe.rstrip()
    assert html.unescape("".join(found)) == "".join(html.unescape(piece) for piece in found)


@pytest.mark.parametrize("crowd", ["@channel", "@here", "@everyone", "@Channel", "<!channel>", "<!here|x>", "<@U1>"])
def test_nobody_is_called_by_content(crowd: str) -> None:
    sent = json.dumps(message(notice(f"Hello {crowd}!")), ensure_ascii=False)
    assert crowd not in sent
    assert "verbatim" in sent


def test_a_long_notice_has_at_most_fifty_blocks() -> None:
    sent = message(notice(*("x" * MOST_TEXT for _ in range(80))))
    assert len(sent["blocks"]) == 50
    assert sent["blocks"][-1]["type"] == "context"


def test_a_link_is_one() -> None:
    sent = message(notice("x", link=Link("Open the request", "https://x.test/request?id=1&tab=a")))
    (context,) = sent["blocks"][-1]["elements"]
    assert context["text"] == "a.test · <https://x.test/request?id=1&amp;tab=a|Open the request>"
