"""Whether HTML can do nothing but be read: only tags and attributes of ours, links to our pages or outside."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Final

_TAGS: Final = {
    *("a", "b", "bdi", "blockquote", "br", "button", "caption", "circle", "code", "dd", "details", "div", "dl", "dt"),
    *("ellipse", "em", "figcaption", "figure", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "i", "img"),
    *("input", "label", "li", "line", "nav", "ol", "p", "path", "pre", "polyline", "rect", "s", "section", "small"),
    *("span", "strong", "summary", "svg", "table", "tbody", "td", "tfoot", "th", "thead", "time", "title", "tr", "ul"),
    *("g", "text", "select", "option", "canvas", "output", "progress", "main", "article", "aside", "polygon", "defs"),
}
_ATTRIBUTE: Final = re.compile(r"[a-z][a-z0-9:-]*", re.IGNORECASE)
_OWN: Final = re.compile(r"/(?!/)[^<>\"]*|\?[^<>\"]*|#m\d+")
_OUTSIDE: Final = re.compile(r"https?://[^/]|mailto:")
_WIDTH: Final = re.compile(r"(--[a-z]+|width|left|top|height): ?[\d.]+(%|rem|px)?;?( ?--[a-z]+: ?[\d.]+(%|rem|px)?;?)*")
_PICTURE: Final = re.compile(r"data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]*")
_CLASS: Final = re.compile(r"[a-z0-9 _-]*")


class Reader(HTMLParser):
    """Gathers what a browser would make of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed("".join(html))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def assert_harmless(html: str) -> Reader:
    """Fails on anything that could run, load, cover the page, or take a name that scripts look for."""
    reader = Reader(html)
    for tag, attributes in reader.tags:
        assert tag in _TAGS, f"<{tag}>"
        for name, value in attributes.items():
            assert _ATTRIBUTE.fullmatch(name), f"{name!r} of <{tag}>"
            assert not name.startswith("on"), f"{name}={value!r} of <{tag}>"
        _check(tag, {name: value or "" for name, value in attributes.items()})
    return reader


def _check(tag: str, attributes: dict[str, str]) -> None:
    assert _CLASS.fullmatch(attributes.get("class", "")), f"class {attributes['class']!r}"
    assert re.fullmatch(r"[a-z0-9-]*", attributes.get("id", "")), f"id {attributes['id']!r}"
    if style := attributes.get("style"):
        assert _WIDTH.fullmatch(style), f"style {style!r}"
    if tag == "img":
        assert _PICTURE.fullmatch(attributes["src"]), f"picture {attributes['src'][:200]!r}"
    for name in ("href", "action"):
        if address := attributes.get(name):
            _check_address(address, attributes)


def _check_address(address: str, attributes: dict[str, str]) -> None:
    if _OUTSIDE.match(address):
        assert attributes["target"] == "_blank", address
        assert "noopener" in attributes["rel"], address
    else:
        assert _OWN.fullmatch(address), f"address {address!r}"
