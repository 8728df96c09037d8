"""Answers of quick calls on one connection go out together, but never wait for a call that is slow."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from pyrpc import Server
from pyrpc.wire import small
from pyrpc.wire.source import BytesSource


class Service:
    def __init__(self) -> None:
        self.may_go = threading.Event()

    def quick(self, x: int) -> int:
        return x

    def slow(self, x: int) -> int:
        self.may_go.wait(30)
        return x


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def connection(service: Service) -> Iterator[socket.socket]:
    with Server(service, port=0) as server:
        host, _, port = server.endpoint.rpartition(":")
        with socket.create_connection((host, int(port)), 10) as sock:
            yield sock
        service.may_go.set()


def _call(method: str, number: int) -> bytes:
    frame = small.encode_call(f"Service.{method}", (number,), number, 30_000)
    assert frame is not None
    return frame


def _receive(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = sock.recv(size - len(data))
        assert part, "the node closed the connection"
        data += part
    return data


def _answer(sock: socket.socket, number: int) -> object:
    head = _receive(sock, 4)
    frame = head + _receive(sock, int.from_bytes(head, "big"))
    source = BytesSource(b"")
    source.buf[: len(frame)] = frame
    source.end = len(frame)
    decoded = small.decode_reply(source, number)
    assert decoded is not None
    return decoded[0]


def test_answers_do_not_wait_for_a_method_that_was_not_seen_to_be_quick(
    connection: socket.socket, service: Service
) -> None:
    calls = [_call("quick", number) for number in range(1, 6)]
    connection.sendall(b"".join([*calls, _call("slow", 6), _call("quick", 7)]))
    # The slow one is running, or about to: the others are answered all the same.
    assert [_answer(connection, number) for number in range(1, 6)] == [1, 2, 3, 4, 5]
    service.may_go.set()
    assert [_answer(connection, number) for number in (6, 7)] == [6, 7]


def test_many_calls_in_one_go_are_all_answered_in_their_order(connection: socket.socket) -> None:
    numbers = range(1, 501)
    sender = threading.Thread(target=connection.sendall, args=(b"".join(_call("quick", n) for n in numbers),))
    sender.start()
    assert [_answer(connection, number) for number in numbers] == list(numbers)
    sender.join(10)
