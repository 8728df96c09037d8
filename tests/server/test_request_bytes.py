"""Room for the bytes of requests."""

from __future__ import annotations

import threading
import time

import pytest

from pyrpc.errors import OverloadedError
from pyrpc.server.request_bytes import RequestBytes, default_bytes_in_flight, memory_bytes


def test_frames_that_fit_together_are_let_through() -> None:
    room = RequestBytes(100, wait_s=0)
    room.enter(60)
    room.enter(40)
    assert room.held == 100


def test_frame_over_the_limit_is_refused_with_when_to_come_back() -> None:
    room = RequestBytes(100, wait_s=0)
    room.enter(60)
    with pytest.raises(OverloadedError, match="at most 100 bytes") as caught:
        room.enter(41)
    assert caught.value.retry_after_ms
    assert room.held == 60


def test_frame_waits_a_moment_for_room() -> None:
    room = RequestBytes(100, wait_s=30)
    room.enter(60)
    threading.Timer(0.05, room.leave, (60,)).start()
    began = time.monotonic()
    room.enter(100)
    assert time.monotonic() - began < 20
    assert room.held == 100


def test_single_frame_larger_than_the_limit_gets_its_turn_alone() -> None:
    room = RequestBytes(100, wait_s=0)
    room.enter(1000)
    with pytest.raises(OverloadedError):
        room.enter(1)
    room.leave(1000)
    room.enter(1)
    with pytest.raises(OverloadedError):
        room.enter(1000)


def test_default_is_a_share_of_memory_and_at_most_2_gib() -> None:
    assert 0 < default_bytes_in_flight() <= min(2 * 2**30, memory_bytes() // 4)
