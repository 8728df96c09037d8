"""The fault proxy does to bytes what it was told, and nothing else."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from pyrpc.errors import ConfigError
from pyrpc.testing.proxy import FaultProxy, Faults


class Echo:
    """Sends back what it gets; tells how its connections ended."""

    def __init__(self) -> None:
        self._port = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"127.0.0.1:{self._port.getsockname()[1]}"
        self.ends: list[str] = []
        self.ended = threading.Semaphore(0)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._port.accept()
            except OSError:
                return
            threading.Thread(target=self._echo, args=(sock,), daemon=True).start()

    def _echo(self, sock: socket.socket) -> None:
        end = "closed"
        with sock:
            try:
                while data := sock.recv(65536):
                    sock.sendall(data)
            except OSError:
                end = "reset"
        self.ends.append(end)
        self.ended.release()

    def close(self) -> None:
        self._port.shutdown(socket.SHUT_RDWR)
        self._port.close()


@pytest.fixture
def echo() -> Iterator[Echo]:
    echo = Echo()
    yield echo
    echo.close()


@pytest.fixture
def proxy(echo: Echo) -> Iterator[FaultProxy]:
    with FaultProxy(echo.endpoint) as proxy:
        yield proxy


def connect(proxy: FaultProxy) -> socket.socket:
    host, port = proxy.endpoint.split(":")
    return socket.create_connection((host, int(port)), 10)


def read(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size and (more := sock.recv(size - len(data))):
        data += more
    return data


def read_to_end(sock: socket.socket) -> bytes:
    return read(sock, 1 << 30)


def test_without_faults_all_bytes_pass_in_both_directions(proxy: FaultProxy) -> None:
    data = bytes(range(256)) * 4096
    with connect(proxy) as sock:
        sender = threading.Thread(target=sock.sendall, args=(data,))
        sender.start()
        assert read(sock, len(data)) == data
        sender.join()
    assert proxy.accepted == 1


def test_end_of_the_stream_passes_after_all_bytes(proxy: FaultProxy, echo: Echo) -> None:
    with connect(proxy) as sock:
        sock.sendall(b"last words")
        sock.shutdown(socket.SHUT_WR)
        assert read_to_end(sock) == b"last words"
    assert echo.ended.acquire(timeout=10)
    assert echo.ends == ["closed"]


def test_slices_arrive_whole_and_in_order(proxy: FaultProxy) -> None:
    proxy.afflict(to_node=Faults(slice_bytes=1), to_client=Faults(slice_bytes=3))
    with connect(proxy) as sock:
        sock.sendall(b"0123456789" * 20)
        assert read(sock, 200) == b"0123456789" * 20


def test_connection_is_closed_after_so_many_bytes(proxy: FaultProxy) -> None:
    proxy.afflict(to_client=Faults(after_bytes=5))
    with connect(proxy) as sock:
        sock.sendall(b"0123456789")
        assert read_to_end(sock) == b"01234"


def test_as_many_bytes_as_are_allowed_pass(proxy: FaultProxy) -> None:
    proxy.afflict(to_client=Faults(after_bytes=10))
    with connect(proxy) as sock:
        sock.sendall(b"0123456789")
        assert read(sock, 10) == b"0123456789"
        sock.sendall(b"!")
        assert read_to_end(sock) == b""


def test_reset_reaches_both_ends(proxy: FaultProxy, echo: Echo) -> None:
    proxy.afflict(to_node=Faults(after_bytes=0, then="reset"))
    with connect(proxy) as sock:
        sock.sendall(b"0123456789")
        with pytest.raises(ConnectionResetError):
            sock.recv(1)
    assert echo.ended.acquire(timeout=10)
    assert echo.ends == ["reset"]


def test_dropped_bytes_leave_the_connection_open(proxy: FaultProxy) -> None:
    proxy.afflict(to_client=Faults(after_bytes=2, then="drop"))
    with connect(proxy) as sock:
        sock.sendall(b"0123456789")
        assert read(sock, 2) == b"01"
        sock.settimeout(0.05)
        with pytest.raises(TimeoutError):
            sock.recv(1)
        proxy.heal()
        sock.settimeout(10)
        sock.sendall(b"new")
        assert read(sock, 3) == b"new"


def test_one_byte_is_corrupted(proxy: FaultProxy) -> None:
    proxy.afflict(to_node=Faults(corrupt_at=3))
    with connect(proxy) as sock:
        sock.sendall(b"\0\0")
        sock.sendall(b"\0\0\0")
        assert read(sock, 5) == b"\0\0\0\xff\0"


def test_delay_holds_back_each_piece(proxy: FaultProxy) -> None:
    proxy.afflict(to_client=Faults(delay_s=0.05))
    with connect(proxy) as sock:
        began = time.monotonic()
        sock.sendall(b"late")
        assert read(sock, 4) == b"late"
        assert time.monotonic() - began >= 0.05


def test_faults_are_for_so_many_connections_only(proxy: FaultProxy) -> None:
    proxy.afflict(to_client=Faults(after_bytes=0), connections=1)
    with connect(proxy) as first, connect(proxy) as second:
        for sock in (first, second):
            sock.sendall(b"hello")
        assert read_to_end(first) == b""
        assert read(second, 5) == b"hello"


def test_cut_resets_what_is_open_and_takes_new_connections(proxy: FaultProxy) -> None:
    with connect(proxy) as sock:
        sock.sendall(b"hello")
        assert read(sock, 5) == b"hello"
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            sock.recv(1)
    with connect(proxy) as sock:
        sock.sendall(b"again")
        assert read(sock, 5) == b"again"


def test_held_bytes_go_on_when_released(proxy: FaultProxy) -> None:
    with connect(proxy) as sock:
        proxy.hold()
        sock.sendall(b"hello")
        sock.settimeout(0.05)
        with pytest.raises(TimeoutError):
            sock.recv(1)
        proxy.release()
        sock.settimeout(10)
        assert read(sock, 5) == b"hello"


def test_client_is_reset_when_the_node_is_gone(proxy: FaultProxy, echo: Echo) -> None:
    echo.close()
    echo._port = socket.create_server(("127.0.0.1", 0))  # for the fixture to close
    with pytest.raises(ConnectionResetError), connect(proxy) as sock:
        sock.recv(1)


def test_closing_closes_every_connection(echo: Echo) -> None:
    with FaultProxy(echo.endpoint) as proxy:
        sock = connect(proxy)
        sock.sendall(b"x")
        assert read(sock, 1) == b"x"
    with sock:
        assert read_to_end(sock) == b""
    proxy.close()


@pytest.mark.parametrize("options", [{"delay_s": -1}, {"slice_bytes": 0}])
def test_faults_that_make_no_sense_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="make no sense"):
        Faults(**options)
