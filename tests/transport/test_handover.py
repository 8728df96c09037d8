"""Connections that go from a front to its worker, here both in one process."""

from __future__ import annotations

import os
import queue
import socket
import threading
from collections.abc import Iterator

import pytest

from pyrpc.errors import ConfigError
from pyrpc.transport.endpoint import Endpoint
from pyrpc.transport.handover import (
    Control,
    Handover,
    Port,
    Word,
    adopt_connections,
    handover_pair,
    open_control,
    tell_closed,
    tell_drain,
    tell_failure,
)
from pyrpc.transport.load_board import LoadBoard


@pytest.fixture
def ends() -> Iterator[tuple[Handover, Control]]:
    handover, control = handover_pair()
    yield handover, control
    handover.close()
    control.close()


def test_connection_arrives_open_and_is_not_inherited(ends: tuple[Handover, Control]) -> None:
    handover, control = ends
    adopted: queue.SimpleQueue[socket.socket] = queue.SimpleQueue()
    ended = threading.Event()
    adopt_connections(control, adopted.put, ended.set)
    assert handover.await_ready()
    caller, connection = socket.socketpair()
    with caller, connection:
        assert handover.give(connection)
        connection.close()
        with adopted.get(timeout=20) as taken:
            caller.sendall(b"hello")
            assert taken.recv(5) == b"hello"
            assert not taken.get_inheritable()
    handover.end()
    assert ended.wait(20)


def test_front_hears_of_each_closed_connection_and_of_the_end(ends: tuple[Handover, Control]) -> None:
    handover, control = ends
    for _ in range(3):
        tell_closed(control)
    control.close()
    assert (handover.await_word(), handover.await_word()) == (Word(3, None), None)


def test_failure_arrives_whole(ends: tuple[Handover, Control]) -> None:
    handover, control = ends
    failure = ConfigError("it broke", expected="x", got="y", help="mend it", remote_traceback="trace\n" * 1000)
    threading.Thread(target=tell_failure, args=(control, failure)).start()
    with pytest.raises(ConfigError) as caught:
        handover.await_ready()
    assert str(caught.value) == str(failure)


def test_worker_that_ends_without_a_word_is_not_ready(ends: tuple[Handover, Control]) -> None:
    handover, control = ends
    control.close()
    assert not handover.await_ready()


def test_front_sees_how_many_calls_a_worker_runs(ends: tuple[Handover, Control]) -> None:
    handover, control = ends
    board = LoadBoard()
    assert handover.running == 0
    adopt_connections(control, lambda connection: None, lambda: None, load=board.descriptor)
    assert handover.await_ready()
    for running in (0, 3, 2**40, 0):
        board.shown[0] = running
        assert handover.running == running
    assert board.descriptor is not None
    # Whatever the worker does to it costs the front nothing.
    os.ftruncate(board.descriptor, 3)
    assert handover.running == 0
    handover.close()
    assert handover.running == 0


def test_worker_without_shared_memory_is_taken_for_free(
    ends: tuple[Handover, Control], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "memfd_create")
    handover, control = ends
    board = LoadBoard()
    board.shown[0] = 3
    adopt_connections(control, lambda connection: None, lambda: None, load=board.descriptor)
    assert handover.await_ready()
    assert handover.running == 0


def test_worker_that_takes_nothing_never_blocks_the_front(ends: tuple[Handover, Control]) -> None:
    handover, _ = ends
    caller, connection = socket.socketpair()
    with caller, connection:
        assert any(not handover.give(connection) for _ in range(10_000))


def test_caller_that_left_in_between_is_told_as_closed(ends: tuple[Handover, Control]) -> None:
    handover, control = ends
    adopted: list[socket.socket] = []
    adopt_connections(control, adopted.append, lambda: None)
    assert handover.await_ready()
    # Never connected: it has no peer, as one that was reset.
    with socket.socket() as gone:
        assert handover.give(gone)
    assert handover.await_word() == Word(1, None)
    assert not adopted
    handover.end()


def test_number_that_is_no_socket_is_refused() -> None:
    with pytest.raises(ConfigError, match="workers that pyrpc starts itself"):
        open_control(987)


def test_port_gives_its_connections_away_until_it_is_closed() -> None:
    port = Port(Endpoint("127.0.0.1", 0))
    connections = port.connections()
    with socket.create_connection((port.endpoint.host, port.endpoint.port)) as caller:
        next(connections).sendall(b"x")
        assert caller.recv(1) == b"x"
        closing = threading.Timer(0, port.close)
        closing.start()
        assert list(connections) == []
        closing.join()
    with pytest.raises(OSError):
        socket.create_connection((port.endpoint.host, port.endpoint.port))


def test_port_that_nobody_iterates_closes_too() -> None:
    port = Port(Endpoint("127.0.0.1", 0))
    port.close()
    with pytest.raises(OSError):
        socket.create_connection((port.endpoint.host, port.endpoint.port))


@pytest.mark.parametrize(("grace_s", "told"), [(None, None), (2.5, 2.5), (0.0, 0.0)])
def test_request_to_go_away_reaches_the_front_among_connections_that_end(grace_s: float | None, told: object) -> None:
    handover, control = handover_pair()
    with control:
        tell_closed(control)
        tell_drain(control, grace_s)
        tell_closed(control)
        heard = [handover.await_word()]
        while sum(word.closed for word in heard if word) < 2:
            heard.append(handover.await_word())
    drains = [word.drain.grace_s for word in heard if word and word.drain]
    assert drains == [told]
    handover.close()


def test_request_that_arrives_in_pieces_is_one() -> None:
    handover, control = handover_pair()
    with control:
        control.sendall(b"d25")
        first = handover.await_word()
        control.sendall(b"00;")
        second = handover.await_word()
    assert first is not None and first.drain is None
    assert second is not None and second.drain is not None and second.drain.grace_s == 2.5
    handover.close()


def test_connections_in_the_backlog_are_given_out_before_the_port_closes() -> None:
    port = Port(Endpoint("127.0.0.1", 0))
    connections = port.connections()
    with socket.create_connection((port.endpoint.host, port.endpoint.port), 10):
        port.close()
        assert len(list(connections)) == 1


def test_worker_that_is_to_finish_takes_what_is_on_its_way_first() -> None:
    handover, control = handover_pair()
    adopted: list[socket.socket] = []
    ended = threading.Event()
    port = Port(Endpoint("127.0.0.1", 0))
    connections = port.connections()
    with control, socket.create_connection((port.endpoint.host, port.endpoint.port), 10):
        assert handover.give(next(connections))
        handover.finish()
        adopt_connections(control, adopted.append, ended.set)
        assert ended.wait(10)
        assert len(adopted) == 1
        adopted[0].close()
    port.close()
    connections.close()
    handover.close()
