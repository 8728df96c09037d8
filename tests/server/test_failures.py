"""Whatever a stage does, its caller gets one typed error, and the server and its threads go on."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import pyrpc
from pyrpc import Client, Server
from pyrpc.errors import (
    ArgumentError,
    BadResultError,
    ContractError,
    InternalError,
    OverloadedError,
    ProtocolError,
    PyrpcError,
    StageFailedError,
    TooLargeError,
    UnknownMethodError,
    UnsupportedTypeError,
)


class Unprintable(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")


class Wild:
    def fail(self, error: str) -> None:
        errors: dict[str, BaseException] = {
            "plain": ValueError("of the stage"),
            "exit": SystemExit(3),
            "interrupt": KeyboardInterrupt(),
            "generator exit": GeneratorExit(),
            "memory": MemoryError("no room"),
            "os": FileNotFoundError(2, "No such file", "x.npy"),
            "connection": ConnectionResetError("of another service"),
            "timeout": TimeoutError("of another service"),
            "stop": StopIteration(),
            "surrogate": ValueError("\udc80 is no text"),
            "unprintable": Unprintable(),
            "long": ValueError("x" * 100_000),
            "ours": ContractError("of another node", endpoint="elsewhere:1", help="ask there"),
            "ours, lost": pyrpc.errors.ConnectionLostError("of another node", endpoint="elsewhere:1"),
            "assertion": AssertionError(),
        }
        raise errors[error]

    def exit(self, code: Any) -> None:
        sys.exit(code)

    def recurse(self) -> None:
        self.recurse()

    def give(self, what: str) -> Any:
        nested: list[Any] = []
        nested.append(nested)
        results: dict[str, Any] = {
            "generator": (i for i in range(3)),
            "set": {1, 2},
            "object array": np.array([{}, None]),
            "structured": np.zeros(2, "i4,f4"),
            "big int": 2**80,
            "function": len,
            "keys": {1: 2},
            "nested": nested,
            "surrogate": "\udc80",
            "exception": ValueError("returned, not raised"),
            "many": list(range(5000)),
        }
        return results[what]

    @pyrpc.stage(gives="float32[n]")
    def liar(self) -> Any:
        return np.zeros(3)

    def full(self) -> None:
        raise OverloadedError("the GPU is taken", retry_after_ms=1)

    def echo(self, x: Any) -> Any:
        return x


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(Wild, port=0, threads=2) as server:
        yield server


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[Client]:
    with Client(server.endpoint) as client:
        yield client


@pytest.fixture(autouse=True)
def _goes_on(client: Client) -> Iterator[None]:
    """After each test both threads of the server still answer."""
    yield
    assert [future.result(10) for future in [client.submit("Wild.echo", i) for i in range(8)]] == list(range(8))


@pytest.mark.parametrize(
    ("what", "name", "text"),
    [
        ("plain", "ValueError", "ValueError: of the stage"),
        ("exit", "SystemExit", r"the stage called sys.exit\(3\)"),
        ("interrupt", "KeyboardInterrupt", "KeyboardInterrupt"),
        ("generator exit", "GeneratorExit", "GeneratorExit"),
        ("memory", "MemoryError", "no room"),
        ("os", "FileNotFoundError", "No such file"),
        ("connection", "ConnectionResetError", "of another service"),
        ("timeout", "TimeoutError", "of another service"),
        ("stop", "StopIteration", "StopIteration"),
        ("surrogate", "ValueError", "is no text"),
        ("unprintable", "Unprintable", "Unprintable"),
        ("long", "ValueError", "x{1000}"),
        ("ours", "ContractError", "of another node"),
        ("ours, lost", "ConnectionLostError", "of another node"),
        ("assertion", "AssertionError", "AssertionError"),
    ],
)
def test_what_a_stage_raises_is_a_failed_stage(client: Client, what: str, name: str, text: str) -> None:
    with pytest.raises(StageFailedError, match=text) as caught:
        client.call("Wild.fail", what)
    error = caught.value
    assert error.remote_type == name
    assert error.endpoint == client.endpoints[0]
    assert error.message.startswith("Wild.fail failed: ")
    assert what == "long" or "in fail" in (error.remote_traceback or "")


def test_error_of_any_length_arrives_short_enough_to_read(client: Client) -> None:
    with pytest.raises(StageFailedError) as caught:
        client.call("Wild.fail", "long")
    assert len(str(caught.value)) < 30_000


@pytest.mark.parametrize("code", [0, 1, None, "goodbye"])
def test_sys_exit_in_a_stage_ends_nothing(client: Client, code: Any) -> None:
    with pytest.raises(StageFailedError, match=r"sys\.exit"):
        client.call("Wild.exit", code)


def test_endless_recursion_is_a_failed_stage(client: Client) -> None:
    with pytest.raises(StageFailedError) as caught:
        client.call("Wild.recurse")
    assert caught.value.remote_type == "RecursionError"


@pytest.mark.parametrize(
    "what",
    ["generator", "set", "object array", "structured", "big int", "function", "keys", "nested", "surrogate", "many"],
)
def test_result_that_cannot_travel_is_a_bad_result(client: Client, what: str) -> None:
    with pytest.raises(BadResultError, match=r"the result of Wild\.give cannot travel") as caught:
        client.call("Wild.give", what)
    assert caught.value.endpoint == client.endpoints[0]


def test_returned_exception_is_no_result(client: Client) -> None:
    with pytest.raises(BadResultError):
        client.call("Wild.give", "exception")


def test_result_against_the_contract_is_a_bad_result(client: Client) -> None:
    with pytest.raises(BadResultError) as caught:
        client.call("Wild.liar")
    assert (caught.value.expected, caught.value.got) == ("float32[n]", "float64[3]")


def test_overloaded_stage_is_called_again_after_the_time_it_asks_for(client: Client) -> None:
    with pytest.raises(OverloadedError) as caught:
        client.call("Wild.full")
    assert (caught.value.attempt, caught.value.retry_after_ms) == (3, 1)


def test_errors_are_counted_by_name(client: Client) -> None:
    with pytest.raises(StageFailedError):
        client.call("Wild.fail", "plain")
    (before,) = client.stats().values()
    with pytest.raises(StageFailedError):
        client.call("Wild.fail", "plain")
    with pytest.raises(UnknownMethodError):
        client.call("Wild.nothing")
    (after,) = client.stats().values()
    for code in ("STAGE_FAILED", "UNKNOWN_METHOD"):
        assert after.errors[code] == before.errors.get(code, 0) + 1
    assert after.stages["Wild.fail"].errors == before.stages["Wild.fail"].errors + 1


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (("Wilt.echo", 1), UnknownMethodError),
        (("Wild.ecko", 1), UnknownMethodError),
        (("Wild.echo",), ArgumentError),
        (("Wild.echo", 1, 2), ArgumentError),
        (("Wild.echo", {1, 2}), UnsupportedTypeError),
        (("Wild.echo", np.array([object()])), UnsupportedTypeError),
        (("Wild.echo", list(range(5000))), TooLargeError),
        (("x" * 1000, 1), TooLargeError),
    ],
)
def test_call_that_cannot_work_is_told_as_one(client: Client, call: tuple[Any, ...], error: type[PyrpcError]) -> None:
    with pytest.raises(error) as caught:
        client.call(*call)
    assert caught.value.help or caught.value.expected


def test_tracebacks_stay_on_the_node_when_it_says_so() -> None:
    with Server(Wild, port=0, tracebacks=False) as server, Client(server.endpoint) as client:
        future = client.submit("Wild.fail", "plain")
        with pytest.raises(StageFailedError) as caught:
            future.result(10)
    assert caught.value.remote_traceback is None
    assert "tracebacks=True" in str(caught.value.help)


def test_frame_over_the_limit_of_the_node_is_refused_before_it_is_sent() -> None:
    with Server(Wild, port=0, max_frame_bytes=20_000_000) as server, Client(server.endpoint) as client:
        assert client.call("Wild.echo", np.zeros(17_000_000, np.uint8)).size == 17_000_000
        with pytest.raises(TooLargeError) as caught:
            client.call("Wild.echo", np.zeros(20_000_001, np.uint8))
        assert "20000000" in str(caught.value.expected)
        assert caught.value.endpoint == server.endpoint
        assert client.call("Wild.echo", 1) == 1


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x7f\xff\xff\xff",
        b"\xff\xff\xff\xff",
        b"\0\0\0\0",
        b"\0\0\0\x04junk",
        b"\0\0\0\x05\x80\x01\0\x01\0",
        bytes(range(255, 155, -1)),
    ],
)
def test_bytes_that_are_no_frame_cost_only_their_connection(server: Server, data: bytes) -> None:
    host, port = server.endpoint.split(":")
    with socket.create_connection((host, int(port)), 10) as sock:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        sock.settimeout(10)
        try:
            while sock.recv(65536):
                pass
        except ConnectionResetError:
            pass


def test_fault_of_the_node_itself_is_an_internal_error(server: Server, client: Client, caplog: Any) -> None:
    def broken(*args: object) -> None:
        raise LookupError("a bug")

    stage = server._dispatcher._registry.lookup("Wild.echo")
    check, signature = stage.signature.check_result, stage.signature
    try:
        object.__setattr__(stage, "signature", type("Broken", (), {"bind": broken, "check_result": check})())
        with pytest.raises(InternalError) as caught:
            client.call("Wild.echo", 1)
    finally:
        object.__setattr__(stage, "signature", signature)
    assert "LookupError" in str(caught.value.got)
    assert "a bug" in caplog.text


def test_error_of_the_protocol_names_the_node(server: Server) -> None:
    """A port that speaks something else."""
    other = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        sock, _ = other.accept()
        with sock:
            sock.recv(65536)
            sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    thread = threading.Thread(target=answer)
    thread.start()
    with other, Client(f"127.0.0.1:{other.getsockname()[1]}") as client:
        with pytest.raises(ProtocolError, match="not a Thrift frame") as caught:
            client.call("Wild.echo", 1)
        assert "looks like HTTP" in str(caught.value.got)
        assert caught.value.endpoint == client.endpoints[0]
        thread.join(10)
