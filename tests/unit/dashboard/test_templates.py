"""Every template, with an attack in place of every value: what it draws has no tag and no attribute but its own."""

from __future__ import annotations

import dis
import itertools
import sys
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
from jinja2 import ChainableUndefined, Environment, meta

from plait.dashboard.islands.icons import icon
from plait.dashboard.islands.render import TEMPLATES
from tests.harmless import Reader

ATTACK = "\"'><script>window.hit=1</script><img src=x onerror=a()> onfocus=x` {{7*7}} javascript:alert(1) \u202e</div>"
OURS = ("figure", "dollars", "share", "bytes", "short", "duration", "short_id", "short_model")
"""Filters that take what is no text; what they do is tested beside `words`."""
KEPT = {"nothing", "range", "dict", "lipsum", "cycler", "joiner", "namespace", "icon"}
ENOUGH = 300
"""Questions after which there is nothing more: some templates call themselves."""


class Poison(str):
    """Stands for whatever a template asks for, however it asks, and reads as an attack."""

    _truth: bool
    _equal: bool
    _asked: int

    def __new__(cls, *, truth: bool, equal: bool) -> Poison:
        made = super().__new__(cls, ATTACK)
        made._truth, made._equal, made._asked = truth, equal, 0
        return made

    def __getattribute__(self, name: str) -> Any:
        return super().__getattribute__(name) if name.startswith("_") or name == "encode" else self

    def _more(self) -> bool:
        self._asked += 1
        return self._asked < ENOUGH

    def _itself(self, *_: object, **__: object) -> Any:
        return self

    __call__ = __getitem__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _itself
    __truediv__ = __rtruediv__ = __neg__ = __round__ = __add__ = _itself

    def __bool__(self) -> bool:
        return self._truth and self._more()

    def __eq__(self, _: object) -> bool:
        """As it is set, where a template compares; names of arguments are compared too."""
        return self._equal and _doing()[0] in {"COMPARE_OP", "CONTAINS_OP"}

    def __hash__(self) -> int:
        return 7

    def _compared(self, _: object) -> bool:
        return self._equal

    __lt__ = __gt__ = __le__ = __ge__ = __contains__ = _compared

    def __len__(self) -> int:
        return 2

    def __int__(self) -> int:
        return 7

    __index__ = __int__

    def __float__(self) -> float:
        return 7.0

    def __str__(self) -> str:
        return ATTACK

    def __format__(self, how: str) -> str:
        return format(7, how) if how else ATTACK

    def __iter__(self) -> Iterator[Any]:
        """As many as are unpacked, else two."""
        what, how_many = _doing()
        if what == "UNPACK_SEQUENCE":
            return iter([self] * how_many)
        return iter([self] * 2 if self._more() else [])


def _doing() -> tuple[str, int]:
    """What who asks is doing: the name and the argument of its instruction."""
    asking = sys._getframe(2)
    code, at = asking.f_code.co_code, asking.f_lasti
    return dis.opname[code[at]], code[at + 1]


@pytest.fixture(scope="module")
def templates() -> Environment:
    """Those of the pages, whose own filters give attacks too."""
    found = TEMPLATES.overlay(undefined=ChainableUndefined)
    found.filters = {**TEMPLATES.filters, **dict.fromkeys(OURS, lambda *_: ATTACK)}
    found.globals = {**TEMPLATES.globals, "icon": lambda _: icon("up")}
    return found


def drawn(templates: Environment, name: str, poison: Poison) -> str:
    """The template with nothing but attacks; icons alone are what they are."""
    assert templates.loader
    source, _, _ = templates.loader.get_source(templates, name)
    asked = meta.find_undeclared_variables(templates.parse(source)) | set(TEMPLATES.globals)
    return templates.get_template(name).render(dict.fromkeys(asked - KEPT, poison))


NAMES = sorted(TEMPLATES.list_templates())


def test_there_are_templates() -> None:
    assert "message.html" in NAMES


@pytest.mark.parametrize(("truth", "equal"), list(itertools.product([True, False], repeat=2)))
@pytest.mark.parametrize("name", NAMES)
def test_attacks_stay_text(templates: Environment, name: str, *, truth: bool, equal: bool) -> None:
    html = drawn(templates, name, Poison(truth=truth, equal=equal))
    assert "<script" not in html
    for tag, attributes in Reader(html).tags:
        assert not {a for a in attributes if a.startswith("on")}, (tag, attributes)
        assert tag != "img"
        for attribute in ("href", "action", "src"):
            address = unescape(attributes.get(attribute) or "/")
            assert address == ATTACK or address.startswith(("/", "?", "#", "https://")), (tag, address)
