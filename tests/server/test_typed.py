"""Typed calls, by bytes written here: what the lock, drain and hints that no IDL can say make of them."""

from __future__ import annotations

import socket
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pyrpc import Client, Server
from pyrpc.idl.changes import changes
from pyrpc.idl.code import code_service
from pyrpc.idl.lock import Lock, lock_path, lock_text
from pyrpc.wire.binary import CALL, I64, ONEWAY, REPLY, STRING, BinaryReader, BinaryWriter
from pyrpc.wire.messages import NodeState
from pyrpc.wire.plans import RPC_ERROR_PLAN
from pyrpc.wire.source import BytesSource


class Typed:
    """A connection that sends typed calls with whole numbers as arguments."""

    def __init__(self, server: Server) -> None:
        host, _, port = server.endpoint.rpartition(":")
        self._sock = socket.create_connection((host, int(port)), 20)

    def send(self, name: str, numbers: dict[int, int], kind: int = CALL) -> None:
        w = BinaryWriter()
        w.message(name, kind, 7)
        for fid, number in numbers.items():
            w.field(I64, fid)
            w.i64(number)
        w.stop()
        message = b"".join(w.parts)
        self._sock.sendall(len(message).to_bytes(4, "big") + message)

    def answer(self) -> tuple[str, Any]:
        """The name in the reply; and its result, its RpcError, or the text of Thrift's own exception."""
        size = self._read(4)
        source = BytesSource(size + self._read(int.from_bytes(size, "big")))
        source.next_frame(10**9)
        r = BinaryReader(source)
        name, kind, seqid = r.message()
        assert seqid == 7
        wire_type, fid = r.field()
        if kind != REPLY:
            assert (wire_type, fid) == (STRING, 1)
            return name, r.string()
        if fid == 1:
            return name, RPC_ERROR_PLAN.read(r)
        return name, r.i64() if wire_type == I64 else None

    def call(self, name: str, **numbers: int) -> Any:
        """The result of a call whose arguments are f1=..., f2=... by their numbers."""
        self.send(name, {int(fid[1:]): number for fid, number in numbers.items()})
        got, answer = self.answer()
        assert got == name.rpartition(":")[2]
        return answer

    def _read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            piece = self._sock.recv(size - len(data))
            assert piece, "the node closed the connection"
            data += piece
        return data

    def __enter__(self) -> Typed:
        return self

    def __exit__(self, *error: object) -> None:
        self._sock.close()


class Sums:
    def subtract(self, a: int, b: int = 2) -> int:
        return a - b

    def strange(self, x: int) -> int:
        raise SystemExit(x)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(Sums, port=0) as server:
        yield server


def test_numbers_are_those_of_the_parameters(server: Server) -> None:
    with Typed(server) as typed:
        assert typed.call("Sums:subtract", f1=10, f2=3) == 7
        assert typed.call("subtract", f2=3, f1=10) == 7
        assert typed.call("subtract", f1=10) == 8


def test_field_that_nobody_knows_is_skipped(server: Server) -> None:
    with Typed(server) as typed:
        assert typed.call("subtract", f1=10, f9=1) == 8


def test_stage_that_ends_its_process_costs_one_error(server: Server) -> None:
    with Typed(server) as typed:
        error = typed.call("Sums:strange", f1=3)
        assert (error.code, error.remote_type) == (9, "SystemExit")
        assert typed.call("subtract", f1=10) == 8


def test_oneway_message_is_run_and_not_answered() -> None:
    seen: list[int] = []

    class Notes:
        def note(self, x: int) -> None:
            seen.append(x)

    with Server(Notes, port=0) as server, Typed(server) as typed:
        typed.send("Notes:note", {1: 5}, ONEWAY)
        assert typed.call("note", f1=6) is None
    assert seen == [5, 6]


def test_draining_node_refuses_typed_calls(server: Server) -> None:
    with Typed(server) as typed:
        assert typed.call("subtract", f1=10) == 8
        server._dispatcher.state = NodeState.DRAINING
        assert typed.call("subtract", f1=10).code == 12


def test_bytes_behind_the_arguments_are_refused(server: Server) -> None:
    with Typed(server) as typed:
        w = BinaryWriter()
        w.message("subtract", CALL, 7)
        message = b"".join(w.parts) + b"\0\0"
        typed._sock.sendall(len(message).to_bytes(4, "big") + message)
        assert typed.answer()[1].code == 6
        assert typed.call("subtract", f1=10) == 8


def test_hint_that_no_idl_can_say_keeps_nothing_from_being_hosted(caplog: pytest.LogCaptureFixture) -> None:
    class Strange:
        def add(self, a: complex) -> int:
            return 1

    with Server(Strange, port=0) as server:
        with Typed(server) as typed:
            answer = typed.call("Strange:add")
            assert "parameter 'a' of Strange.add" in answer
            assert "cannot be called typed" in answer
            assert typed.call("Strange:add") == answer
        with Client(server.endpoint) as client:
            assert client.call("Strange.add", 1) == 1
    assert caplog.text.count("Strange cannot be called typed") == 1


SOURCE = "class Sums:\n    def subtract(self, {}) -> int:\n        return a - b\n"


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], types.ModuleType]:
    """A module in a file, with other parameters each time."""
    name = "sums_with_a_lock"
    path = tmp_path / f"{name}.py"

    def write(parameters: str) -> types.ModuleType:
        made = types.ModuleType(name)
        made.__file__ = str(path)
        monkeypatch.setitem(sys.modules, name, made)
        exec(SOURCE.format(parameters), made.__dict__)
        return made

    return write


def test_node_numbers_by_the_lock_beside_the_source(module: Callable[[str], types.ModuleType]) -> None:
    first = module("a: int, b: int").Sums
    document = code_service(first).document(Lock())
    changed = module("b: int, a: int")
    lock_path(changed.__file__ or "").write_text(lock_text(Lock().updated(document)))
    with Server(changed.Sums, port=0) as server, Typed(server) as typed:
        assert typed.call("Sums:subtract", f1=10, f2=3) == 7
    assert not changes(Lock().updated(document), code_service(changed.Sums).document())


def test_lock_that_cannot_be_read_is_told_to_who_calls(module: Callable[[str], types.ModuleType]) -> None:
    made = module("a: int, b: int")
    lock_path(made.__file__ or "").write_text("{")
    with Server(made.Sums, port=0) as server, Typed(server) as typed:
        assert "the lock of the IDL cannot be read" in typed.call("Sums:subtract", f1=10, f2=3)
