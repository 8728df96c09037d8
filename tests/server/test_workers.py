"""The front of several worker processes; tests/cli/test_serve_workers.py has it at work."""

from __future__ import annotations

import pytest

from pyrpc.errors import ConfigError
from pyrpc.server.workers import WorkerFront, respawn_delay_s
from pyrpc.transport.endpoint import Endpoint


def test_first_death_is_mended_at_once_and_a_row_of_them_ever_later() -> None:
    delays = [respawn_delay_s(deaths) for deaths in range(20)]
    assert delays[:4] == [0.0, 0.0, 0.1, 0.2]
    assert delays == sorted(delays) and delays[-1] == 30.0


def test_no_workers_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least 1"):
        WorkerFront(Endpoint("127.0.0.1", 0), ["unused"], 0)


def test_worker_that_cannot_be_started_leaves_nothing_open() -> None:
    front = WorkerFront(Endpoint("127.0.0.1", 0), ["/no/such/program"], 2)
    with pytest.raises(FileNotFoundError):
        front.start()
