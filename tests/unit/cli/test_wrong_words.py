"""Words that a command does not take."""

from __future__ import annotations

import pytest

from plait.cli import main


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["audit", "extra"], "Too many words: extra. See `plait audit --help`."),
        (["keys", "list", "a.test", "b c"], "Too many words: 'b c'. See `plait keys list --help`."),
        (["nope"], 'Unknown command "nope". Commands: analyses, analyze, audit,'),
    ],
)
def test_are_named(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main.main(words)
    assert ended.value.code == 2
    assert said in " ".join(capsys.readouterr().err.replace("│", "").split())
