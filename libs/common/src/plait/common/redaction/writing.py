"""E-mail addresses, as programs write them and as people spell them out."""

from __future__ import annotations

import re
from typing import Final

from plait.common.redaction.finding import ESCAPED, Finder, Span

LOCAL: Final = r"[\w.%+-]"
"""A character of what stands before the `@`."""
BEFORE: Final = rf"(?:(?<![\w.%+\\-])|{ESCAPED})"
"""Where that begins."""
_DOMAIN: Final = r"(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}(?![\w-])"
ADDRESS: Final = rf"{BEFORE}{LOCAL}{{1,64}}@{_DOMAIN}"
_WRITTEN: Final = rf"{BEFORE}{LOCAL}{{1,64}}(?:@|%40|\\u0040){_DOMAIN}"
_SPELLED: Final = (
    r"(?<![\w.+-])[\w.+-]{1,64}"
    r"(?:\s?[\[({]\s?at\s?[\])}]\s?[\w-]{1,63}(?:(?:\s?[\[({]\s?dot\s?[\])}]\s?|\.)[\w-]{1,63}){1,4}"
    r"| at [\w-]{1,63}(?: dot [\w-]{1,63}){0,3} dot (?:com|org|net|edu|gov|io|de|fr|uk|eu|ch|at|nl|es|it))(?![\w-])"
)
_FILES: Final = "png jpg jpeg gif svg webp ico js mjs cjs ts tsx jsx json css scss html whl gz zip"
_ENDS: Final = frozenset(_FILES.split())
"""Ends of names of files, such as `icon@2x.png`; none of them is a country."""


def _address(match: re.Match[str]) -> Span | None:
    found, following = match.group(), match.string[match.end() : match.end() + 1]
    local = re.split(r"@|%40", found, maxsplit=1)[0]
    is_remote = local == "git" and following in (":", "/")
    is_code = following == "("
    is_file = found.rpartition(".")[2].lower() in _ENDS
    return None if is_remote or is_code or is_file else match.span()


EMAILS: Final = (
    Finder(re.compile(_WRITTEN), _address, ("@", "%40", "\\u0040")),
    Finder(re.compile(_SPELLED, re.IGNORECASE)),
)
