"""Messages as texts for people."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.common.texts import Said, role_of, said

IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}
SCRIPTED = {"type": "image", "source": {"type": "base64", "media_type": "image/svg+xml", "data": "PHN2Zz4="}}


def result(*content: Any, **fields: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": "toolu_1", "content": list(content), **fields}


CASES: list[tuple[Any, list[Said]]] = [
    ("Hi", [Said("text", "", "Hi")]),
    (["Hi", {"type": "text", "text": "there"}], [Said("text", "", "Hi"), Said("text", "", "there")]),
    ([{"type": "thinking", "thinking": "Hm", "signature": "x"}], [Said("thinking", "thinking", "Hm")]),
    (
        [{"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {"path": "ü"}}],
        [Said("call", "Read toolu_1", '{\n  "path": "ü"\n}')],
    ),
    (
        [{"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {}, "partial_json": '{"pa'}],
        [Said("call", "Read toolu_1", '{"pa')],
    ),
    (
        [
            {
                "type": "tool_result",
                "tool_use_id": "toolu_1",
                "content": [{"type": "text", "text": "no"}],
                "is_error": True,
            }
        ],
        [Said("result", "failed result of toolu_1", "no")],
    ),
    (
        [result({"type": "text", "text": "seen"}, IMAGE)],
        [
            Said("result", "result of toolu_1", "seen"),
            Said("image", "image, image/png", "9 bytes", "image/png", "iVBORw0KGgo="),
        ],
    ),
    ([{"type": "new_kind", "a": 1}], [Said("other", "new_kind", '{\n  "type": "new_kind",\n  "a": 1\n}')]),
    (None, []),
    (7, [Said("other", "", "7")]),
    ([7], [Said("other", "", "7")]),
]


@pytest.mark.parametrize(("content", "wanted"), CASES)
def test_what_is_said(content: Any, wanted: list[Said]) -> None:
    assert said({"role": "user", "content": content}) == wanted


@pytest.mark.parametrize("data", ['"><script>', "A B", "", None, 7, "===="])
def test_an_image_holds_nothing_but_base64_of_a_harmless_type(data: Any) -> None:
    wrong = {"type": "image", "source": {"media_type": "image/png", "data": data}}
    assert [part.sort for part in said({"content": [wrong, SCRIPTED]})] == ["other", "other"]


def test_an_answer_that_is_no_message() -> None:
    assert said({"type": "error"}) == [Said("other", "error", '{\n  "type": "error"\n}')]
    assert said(None) == []


def test_roles() -> None:
    assert [role_of(one) for one in ({"role": "user"}, {"role": 7}, {}, "text")] == ["user"] + ["message"] * 3


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["role", "content", "type", "text", "name", "input", "source", "tool_use_id"]), inner
        )
    ),
)


@given(JSON)
def test_nothing_has_a_shape_that_cannot_be_told(value: Any) -> None:
    assert all(isinstance(part.text, str) and isinstance(part.label, str) for part in said(value))
