"""Passwords and other secrets that tell what they are by what stands before them: `password=`, `Authorization:`, …

Programs are full of such places without a secret in them: `password=get_password()`, `token: str`, `"max_tokens":
4096`, `secret=${SECRET}`. So the value is looked at as well.
"""

from __future__ import annotations

import re
from typing import Final

from plait.common.redaction.finding import TAKEN, Finder, Span, group

_CHOSEN: Final = r"passw(?:or)?d|passwort|passphrase|passcode|\bpw|pwd"
_ISSUED: Final = (
    r"secret|token|credential|(?<=[_-])p(?:ass|w)|api[_-]?key"
    r"|(?:access|account|auth|private|signing|encryption|master|storage)[_-]?key"
)
"""What people choose, and what programs issue. `DB_PASS` is among these: of `n_pass=1000` nothing is to be taken."""
_NAME: Final = rf"(?P<name>{_CHOSEN}|{_ISSUED})(?:[_-]?(?:key|base|value|b64))?\d?"
_QUOTE: Final = r"\\?[\"'`]"
_QUOTED: Final = rf"(?P<quote>{_QUOTE})(?P<quoted>(?:(?!(?P=quote))(?:\\[^\n]|[^\n])){{4,512}})(?P=quote)"
"""Up to the quote that it began with; one behind a backslash is a part of it."""
_BARE: Final = r"(?P<bare>[^\s\"'`,;&<>(){}\[\]\\|]{4,512})"
_ASSIGNED: Final = re.compile(
    rf"{_NAME}(?:{_QUOTE})?\]?[ \t]{{0,8}}(?::=|=>|={{1,3}}|:)[ \t]{{0,8}}(?:{_QUOTED}|{_BARE})", re.IGNORECASE
)
_FLAG: Final = re.compile(rf"(?<![\w-])--?[\w-]{{0,30}}?{_NAME}[ \t]{{1,4}}(?:{_QUOTED}|{_BARE})", re.IGNORECASE)
_SAID: Final = re.compile(
    rf"\b(?P<name>{_CHOSEN})[ ](?:is|was|ist|for [\w.@-]{{1,64}} is)[ ]{{0,2}}:?[ ]{{0,2}}(?:{_QUOTED}|{_BARE})",
    re.IGNORECASE,
)
_NETRC: Final = re.compile(rf"\blogin\s{{1,8}}[^\s]{{1,128}}\s{{1,8}}password\s{{1,8}}(?P<{TAKEN}>[^\s]{{1,256}})")
_ADDRESS: Final = re.compile(
    rf"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{{0,30}}://[^\s/:@\"'<>]{{0,128}}:(?P<{TAKEN}>[^\s/@\"'<>]{{1,256}})@"
)
_NAMELESS: Final = re.compile(rf"\bhttps?://(?P<{TAKEN}>(?=[\w.~%+-]{{0,200}}\d)[\w.~%+-]{{20,256}})@", re.ASCII)
"""A token where a user's name stands, as `git clone` takes it."""
_ELEMENT: Final = re.compile(rf"<[\w.:-]{{0,40}}{_NAME}>{_BARE}</", re.IGNORECASE)
_SIGNED: Final = re.compile(rf"[?&](?:X-Amz-Signature|X-Goog-Signature|sig|signature)=(?P<{TAKEN}>[\w%+/=-]{{20,}})")
_AUTHORIZATION: Final = re.compile(
    rf"(?:\bauthorization(?:{_QUOTE})?[ \t]{{0,8}}[:=][ \t]{{0,8}}(?:{_QUOTE})?"
    r"(?:(?:bearer|basic|token|apikey|digest)[ ]{1,4})?"
    rf"|\bbearer[ ]{{1,4}})(?P<bare>[\w.~+/=:-]{{8,}})",
    re.IGNORECASE,
)
_COOKIE: Final = re.compile(
    rf"\b(?:set-)?cookie(?:{_QUOTE})?[ \t]{{0,8}}:[ \t]{{0,8}}(?:{_QUOTE})?"
    rf"(?P<{TAKEN}>[\w.-]{{1,64}}=[^\s\"'`\\]{{8,}}"
    r"(?:;[ ][\w.-]{1,64}=[^\s\"'`\\]{0,4096}){0,64})",
    re.IGNORECASE,
)
_USER: Final = re.compile(
    rf"\bcurl\b[^\n]{{0,300}}?\s(?:-u|--user)[ =]{{0,2}}[\"']?[^\s:\"']{{1,64}}:(?P<{TAKEN}>[^\s\"']{{1,256}})"
)
_CLIENT: Final = re.compile(
    r"\b(?:(?:mysql|mysqldump|mariadb)\b[^\n]{0,200}?\s-p|sshpass\s{1,4}-p\s?"
    rf"|docker\s{{1,4}}login\b[^\n&|;]{{0,200}}?\s-p\s)[\"']?(?P<{TAKEN}>[^\s\"']{{4,128}})"
)

_PLACEHOLDER: Final = re.compile(
    r"[$<{%*#\[(]|\\?\$|.*(?:\$\{|\{\{|\[redacted:|x{4}|\*{3}|\.{3}|…)|masked:|(.)\1*$|xxx$"
    r"|(?:your|some|example|dummy|change|insert|enter)[-_ ]",
    re.IGNORECASE | re.DOTALL,
)
_WORDS: Final = (
    "none null nil true false undefined string bytes password passwd secret token required optional missing invalid"
    " pass unset empty hidden default changeme redacted example secretstr bearer basic object number text identifier"
)
_NO_SECRETS: Final = frozenset(_WORDS.split())
_PATH: Final = re.compile(r"[A-Za-z_]\w*(?:(?:\.|::|->|\?\.)[A-Za-z_]\w*)+")
_FILE: Final = re.compile(r"(?:~|\.{1,2})?/[\w.-]+(?:/[\w.-]+)*|[a-z]+://.*", re.IGNORECASE)
_LABEL: Final = re.compile(r"_*[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*|[._]?[a-z]+(?:[-_ ./][a-z]+)*", re.ASCII)
"""Names of variables and fields: letters alone, or capitals."""
_NUMBERED: Final = re.compile(r"[a-z]+\d?(?:[-_][a-z]+\d?)+", re.ASCII)
"""Names as well, some with a digit: no program issues such keys, but people choose such passwords."""
_CURSORS: Final = re.compile(
    r"(?:page|next|continuation|sync|stop|pad|eos|bos|unk|special|mask|cancel|cancellation)[_-]?$"
)
_BEFORE: Final = 16
"""Characters before the name that are looked at."""
_SHORTEST_KEY: Final = 8
_SPELLED: Final = re.compile(_CHOSEN, re.IGNORECASE)


def _assigned(match: re.Match[str]) -> Span | None:
    """The value, unless it is code, a placeholder, a label, or a figure."""
    before = match.string[max(0, match.start() - _BEFORE) : match.start()].lower()
    if _CURSORS.search(before):
        return None
    is_password = _SPELLED.fullmatch(match["name"]) is not None
    if match["quoted"] is not None:
        return match.span("quoted") if _is_secret(match["quoted"], is_password=is_password, may_be_word=True) else None
    is_setting = match["name"].isupper() or before.endswith(("?", "&"))
    return _bare(match, is_password=is_password, may_be_word=is_setting)


def _bare(match: re.Match[str], *, is_password: bool, may_be_word: bool) -> Span | None:
    start, end = match.span("bare")
    value = match["bare"].rstrip(".:!?")
    if match.string[end : end + 1] in ("(", "[", "{") or _PATH.fullmatch(value):
        return None
    is_one = _is_secret(value, is_password=is_password, may_be_word=may_be_word)
    return (start, start + len(value)) if is_one else None


def _is_secret(value: str, *, is_password: bool, may_be_word: bool) -> bool:
    """`may_be_word`: it stands where programs have no names, so that letters alone may be a password."""
    if _PLACEHOLDER.match(value) or value.lower() in _NO_SECRETS or _FILE.fullmatch(value) or len(value.split()) > 1:
        return False
    if _LABEL.fullmatch(value) or value.strip("_").isalpha():
        return is_password and may_be_word and not value.isupper() and "_" not in value
    return is_password or not (len(value) < _SHORTEST_KEY or _is_figure(value) or _NUMBERED.fullmatch(value))


def _is_figure(value: str) -> bool:
    return all(one.isdigit() or one in ".,_-:" for one in value)


def _element(match: re.Match[str]) -> Span | None:
    is_password = _SPELLED.fullmatch(match["name"]) is not None
    return match.span("bare") if _is_secret(match["bare"], is_password=is_password, may_be_word=True) else None


def _header(match: re.Match[str]) -> Span | None:
    is_one = _is_secret(match["bare"].rstrip("."), is_password=False, may_be_word=False)
    return match.span("bare") if is_one else None


def _told(match: re.Match[str]) -> Span | None:
    """A part of an address, a command or a cookie: whatever is no placeholder."""
    return None if _PLACEHOLDER.match(match[TAKEN]) or match[TAKEN] in _NO_SECRETS else group(match)


PASSWORDS: Final = (
    Finder(_ADDRESS, _told, ("://",)),
    Finder(_NAMELESS, _told, ("://",)),
    Finder(_AUTHORIZATION, _header),
    Finder(_COOKIE, _told),
    Finder(_ASSIGNED, _assigned),
    Finder(_FLAG, _assigned, ("-",)),
    Finder(_SAID, _assigned),
    Finder(_NETRC, group, ("login",)),
    Finder(_ELEMENT, _element, ("</",)),
    Finder(_SIGNED, group, ("=",)),
    Finder(_USER, _told, ("curl",)),
    Finder(_CLIENT, _told, ("-p",)),
)
