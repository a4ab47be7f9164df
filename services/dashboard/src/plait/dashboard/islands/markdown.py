"""Markdown of strangers as HTML that cannot do anything.

First wall: the parser takes no HTML, draws no image and makes links of absolute web addresses alone, so that a
message cannot lead to a page of this dashboard. Second: nh3 lets a short list of tags through. Third, in the browser:
the content policy.
"""

from __future__ import annotations

import re
from collections.abc import MutableMapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict
from markupsafe import Markup, escape

from plait.dashboard.islands.code import MARKED, highlight
from plait.dashboard.islands.kept import Kept

LONGEST: Final = 60_000
"""Longer texts are shown as they were written: reading them as Markdown takes seconds."""

_TAGS: Final = {
    *("p", "br", "hr", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "pre", "code", "span"),
    *("em", "strong", "s", "a", "table", "thead", "tbody", "tr", "th", "td", "div"),
}
_CLEANER: Final = nh3.Cleaner(
    tags=_TAGS,
    attributes={"a": {"href", "title"}, "ol": {"start"}, "div": {"tabindex"}},
    allowed_classes={"span": {*MARKED, "chip"}, "pre": {"code"}, "div": {"table"}},
    url_schemes={"http", "https", "mailto"},
    url_relative="deny",
    link_rel="noopener noreferrer nofollow",
    set_tag_attribute_values={"a": {"target": "_blank"}, "div": {"tabindex": "0"}},
)


_MOST_TOKENS: Final = 20_000
_LANGUAGE: Final = re.compile(r"\s*[\w+#.-]{0,20}\s*")
"""What may stand behind a fence without being shown: it is seen in the colours."""
_Env = MutableMapping[str, Any]


class _Renderer(RendererHTML):
    """Draws an image as a chip with its address, a fenced block in colours, and links with their address at hand."""

    def link_open(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: _Env) -> str:
        """`[text](address)`: where it leads is told on hover, whatever its text or title says."""
        link = tokens[index]
        link.attrSet("title", " · ".join(str(part) for part in (link.attrGet("href"), link.attrGet("title")) if part))
        return str(self.renderToken(tokens, index, options, env))

    def image(self, tokens: Sequence[Token], index: int, _options: OptionsDict, _env: _Env) -> str:
        """`![alt](address)` as text."""
        token = tokens[index]
        named = f"image: {token.content}" if token.content else "image"
        told = " · ".join(str(part) for part in (named, token.attrGet("src"), token.attrGet("title")) if part)
        return f'<span class="chip">{escape(told)}</span>'

    def fence(self, tokens: Sequence[Token], index: int, _options: OptionsDict, _env: _Env) -> str:
        """A fenced block."""
        token = tokens[index]
        language = token.info.split(maxsplit=1)[0] if token.info.strip() else ""
        told = "" if _LANGUAGE.fullmatch(token.info) else f'<span class="chip">{escape(token.info)}</span>\n'
        return f'<pre class="code">{told}{highlight(token.content.rstrip(), language)}</pre>'

    def code_block(self, tokens: Sequence[Token], index: int, _options: OptionsDict, _env: _Env) -> str:
        """An indented block."""
        return f'<pre class="code">{escape(tokens[index].content.rstrip())}</pre>'

    def table_open(self, *_: object) -> str:
        """A table that may be scrolled sideways by itself."""
        return '<div class="table"><table>'

    def table_close(self, *_: object) -> str:
        """Its end."""
        return "</table></div>"


def _leads_outside(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return (parts.scheme in {"http", "https"} and bool(parts.netloc)) or parts.scheme == "mailto"


class _Parser(MarkdownIt):
    """CommonMark with tables, whose links all lead outside."""

    def validateLink(self, url: str) -> bool:  # noqa: N802
        """Whether `[text](url)` becomes a link; if not it stays as it was written."""
        return _leads_outside(url)


def _parser() -> MarkdownIt:
    parser = _Parser("commonmark", {"html": False, "breaks": True}, renderer_cls=_Renderer)
    parser.enable(["table", "strikethrough"])
    # What they would take away is shown as it was written: `&lt;`, and addresses that are named somewhere else.
    parser.disable(["entity", "reference"])
    return parser


_PARSER: Final = _parser()


_KEPT: Final = Kept(16_000_000)


def markdown(text: str) -> Markup:
    """The text as HTML; long ones as they stand."""
    if len(text) > LONGEST:
        return plain(text)
    return _KEPT.get(text.encode(), lambda: _read(text))


def _read(text: str) -> Markup:
    """Few characters can make many cells of a table: then they stay as they are."""
    tokens = _PARSER.parse(text)
    if len(tokens) > _MOST_TOKENS:
        return plain(text)
    return Markup(_CLEANER.clean(_PARSER.renderer.render(tokens, _PARSER.options, {})))  # noqa: S704


def plain(text: str) -> Markup:
    """The text as it was written."""
    return Markup('<pre class="plain">{}</pre>').format(text)


def outside(address: str, text: str) -> Markup:
    """A link to a page elsewhere, or its text and address where it leads to none."""
    if not _leads_outside(address):
        return Markup("{} · {}").format(text, address)
    link = Markup('<a href="{}" title="{}" target="_blank" rel="noopener noreferrer nofollow">{}</a>')
    return link.format(address, address, text)
