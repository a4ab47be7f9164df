"""Exchange files on disk: whole or not there, compressed by name, read line by line whatever stands in them."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from plait.cli.exchange_file import files
from plait.cli.exchange_file.files import read_from, write_to
from plait.common.errors import UserError


def lines_of(path: Path) -> list[tuple[int, bytes | None]]:
    with read_from(path) as source:
        found = list(iter(source.next, None))
        assert source.done == source.size
    return found


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_what_was_written_is_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with write_to(path) as sink:
        sink.write(b"one\n")
        assert not path.exists()
        sink.write(b"two\n")
    assert lines_of(path) == [(1, b"one\n"), (2, b"two\n")]
    assert path.stat().st_mode & 0o077 == 0
    assert (path.read_bytes()[:2] == b"\x1f\x8b") == name.endswith(".gz")


def test_what_was_not_written_to_its_end_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"before\n")
    with pytest.raises(ZeroDivisionError), write_to(path) as sink:
        sink.write(b"half" * (1 // 0))
    assert [one.name for one in tmp_path.iterdir()] == ["a.jsonl"]
    assert path.read_bytes() == b"before\n"


def test_a_named_pipe_is_written_to_and_stays_one(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with write_to(path) as sink:
        sink.write(b"one\n")
    assert os.read(reading, 100) == b"one\n"
    os.close(reading)
    assert path.is_fifo()


def test_nobody_gets_to_read_a_file_through_one_that_lay_there(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    (tmp_path / f".a.{os.getpid()}").symlink_to(theirs)
    with write_to(tmp_path / "a") as sink:
        sink.write(b"one\n")
    assert not theirs.exists()
    assert lines_of(tmp_path / "a") == [(1, b"one\n")]


def test_where_nothing_can_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot be written: No such file"), write_to(tmp_path / "no" / "a"):
        pass


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none.jsonl cannot be read: No such file"), read_from(tmp_path / "none.jsonl"):
        pass


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read: Is a directory"), read_from(tmp_path):
        pass


def test_empty_lines_count_and_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"\n \r\none\r\n\nlast")
    assert lines_of(path) == [(3, b"one\r\n"), (5, b"last")]


def test_a_line_without_end_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LONGEST_LINE", 8)
    path = tmp_path / "a"
    path.write_bytes(b"one\n" + b"x" * 29 + b"\n1234567\n" + b"y" * 8)
    assert lines_of(path) == [(1, b"one\n"), (2, None), (3, b"1234567\n"), (4, None)]


WHOLE = gzip.compress(b"one\ntwo\n" + bytes(range(256)) * 40)


@pytest.mark.parametrize("damaged", [WHOLE[:-12], WHOLE[:-3], b"plain\n"], ids=["cut", "no sum", "no gzip"])
def test_a_damaged_file_is_read_as_far_as_it_goes(tmp_path: Path, damaged: bytes) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(damaged)
    with pytest.raises(UserError, match=r"a.gz, line \d+: the file is damaged"), read_from(path) as source:
        list(iter(source.next, None))
