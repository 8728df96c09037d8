"""Connections are used again as long as they are worth it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from pyrpc.errors import UnreachableError
from pyrpc.transport.connection import TRUSTED_IDLE_S, Connection
from pyrpc.transport.endpoint import Endpoint
from pyrpc.transport.pool import ConnectionPool


class Port:
    """Takes connections and keeps them."""

    def __init__(self) -> None:
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.endpoint = Endpoint(*self.sock.getsockname())
        self.taken: list[socket.socket] = []

    def accept(self) -> socket.socket:
        self.sock.settimeout(10)
        sock, _ = self.sock.accept()
        self.taken.append(sock)
        return sock

    def close(self) -> None:
        for sock in [self.sock, *self.taken]:
            sock.close()


@pytest.fixture
def port() -> Iterator[Port]:
    port = Port()
    yield port
    port.close()


@pytest.fixture
def pool(port: Port) -> Iterator[ConnectionPool]:
    pool = ConnectionPool(port.endpoint)
    yield pool
    pool.close()


def take(pool: ConnectionPool, idle_s: float = 0.0) -> Connection:
    """As if everything had rested for so long."""
    return pool.take(10, time.monotonic() + idle_s)


def test_connection_is_used_again(pool: ConnectionPool) -> None:
    first = take(pool)
    pool.give_back(first)
    assert take(pool) is first
    first.close()


def test_nobody_shares_a_connection(pool: ConnectionPool) -> None:
    connections = [take(pool) for _ in range(5)]
    assert len(set(map(id, connections))) == 5
    for connection in connections:
        pool.give_back(connection)


def test_last_one_given_back_is_first(pool: ConnectionPool) -> None:
    first, second = take(pool), take(pool)
    pool.give_back(first)
    pool.give_back(second)
    assert take(pool) is second
    pool.give_back(second)


def test_closed_connection_is_not_kept(pool: ConnectionPool) -> None:
    first = take(pool)
    first.close()
    pool.give_back(first)
    second = take(pool)
    assert second is not first
    pool.give_back(second)


def test_connection_that_rested_is_looked_at(pool: ConnectionPool, port: Port) -> None:
    first = take(pool)
    port.accept().close()
    while first.is_alive():
        time.sleep(0.001)
    pool.give_back(first)
    second = take(pool, idle_s=2 * TRUSTED_IDLE_S)
    assert second is not first
    assert not first.is_open
    pool.give_back(second)


def test_connection_that_rested_and_is_fine_is_kept(pool: ConnectionPool) -> None:
    first = take(pool)
    pool.give_back(first)
    assert take(pool, idle_s=3600) is first
    pool.give_back(first)


def test_no_more_are_kept_than_allowed(port: Port) -> None:
    pool = ConnectionPool(port.endpoint, max_idle=2)
    connections = [take(pool) for _ in range(3)]
    for connection in connections:
        pool.give_back(connection)
    assert [connection.is_open for connection in connections] == [True, True, False]
    pool.close()


def test_dropping_closes_what_is_idle_and_nothing_else(pool: ConnectionPool) -> None:
    idle, busy = take(pool), take(pool)
    pool.give_back(idle)
    pool.drop_idle()
    assert (idle.is_open, busy.is_open) == (False, True)
    pool.give_back(busy)


def test_closed_pool_keeps_nothing(port: Port) -> None:
    pool = ConnectionPool(port.endpoint)
    idle, busy = take(pool), take(pool)
    pool.give_back(idle)
    pool.close()
    assert not idle.is_open
    assert busy.is_open
    pool.give_back(busy)
    assert not busy.is_open


def test_time_for_connecting_is_the_shorter_of_both(port: Port) -> None:
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for sock in (first, second):
            sock.setblocking(False)
            sock.connect_ex(full.getsockname())
        pool = ConnectionPool(Endpoint(*full.getsockname()), connect_timeout_s=30)
        began = time.monotonic()
        with pytest.raises(UnreachableError):
            pool.take(0.05, began)
        assert time.monotonic() - began < 5


def test_pool_is_thread_safe(pool: ConnectionPool) -> None:
    in_use: set[int] = set()
    clashes: list[int] = []
    lock = threading.Lock()

    def work() -> None:
        for _ in range(200):
            connection = take(pool)
            with lock:
                if id(connection) in in_use:
                    clashes.append(id(connection))
                in_use.add(id(connection))
            with lock:
                in_use.discard(id(connection))
            pool.give_back(connection)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not clashes
    assert len(pool._idle) <= 8


def test_only_who_finds_no_connection_in_steady_use_tells_of_it(pool: ConnectionPool) -> None:
    told: list[int] = []
    pool.on_rested = lambda: told.append(1)
    connection = take(pool)
    assert len(told) == 1
    for _ in range(10):
        pool.give_back(connection)
        assert take(pool) is connection
    assert len(told) == 1
    pool.give_back(connection)
    assert take(pool, idle_s=2 * TRUSTED_IDLE_S) is connection
    assert len(told) == 2
    connection.close()
