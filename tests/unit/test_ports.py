"""No two tests are given one port."""

from __future__ import annotations

import random
import socket

import pytest

from tests.ports import free_port


def test_a_port_is_given_once_and_not_while_somebody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    first, choose = free_port(), random.choice
    with socket.create_server(("127.0.0.1", 0)) as server:
        proposed = [first, taken := server.getsockname()[1]]
        monkeypatch.setattr(random, "choice", lambda ports: proposed.pop() if proposed else choose(ports))
        assert free_port() not in {first, taken}
    assert proposed == []
