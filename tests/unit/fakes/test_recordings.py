"""The sample traffic as bytes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from plait.common.errors import UserError
from plait.fakes import recordings
from plait.fakes.recordings import load, samples_folder


def test_every_scenario_is_there_in_order() -> None:
    scenarios = load(samples_folder())
    assert len(scenarios) == 23
    assert sum(len(found) for found in scenarios.values()) == 128
    for found in scenarios.values():
        assert [one.number for one in found] == list(range(1, len(found) + 1))


def test_bodies_are_as_long_as_the_client_said_unless_texts_were_cut_out() -> None:
    recorded = [one for found in load(samples_folder()).values() for one in found]
    raw = {(part.parent.name, json.loads(part.read_text())["seq"]): part for part in samples_folder().glob("*/*.json")}
    compared = 0
    for one in recorded:
        said = dict(json.loads(raw[one.scenario, one.number].read_text())["headers"]).get("content-length")
        if one.body is not None and said is not None and b"[elided" not in one.body:
            assert len(one.body) == int(said), one.name
            compared += 1
    assert compared > 20


def test_a_recorded_answer_keeps_its_bytes_end_and_time() -> None:
    scenarios = load(samples_folder())
    one = scenarios["err_stream_cut_text"][0]
    assert one.answer().body == one.answer_body
    assert (one.answer().end, one.answer().chunked) == ("cut", True)
    gone = scenarios["kill_mid_stream"][0].answer(speed=2)
    assert gone.end == "hold"
    assert sum(piece.wait for piece in gone.pieces) == pytest.approx(3.64 / 2, abs=0.2)


def test_an_installation_without_samples_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(recordings, "__file__", str(tmp_path / "recordings.py"))
    with pytest.raises(UserError, match="from a checkout"):
        samples_folder()
