"""How large the reply to a typed call may be: what a call of service Node has said on its connection."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.protocol.TCompactProtocol import TCompactProtocol
from thrift.Thrift import TApplicationException, TMessageType, TType
from thrift.transport.TSocket import TSocket
from thrift.transport.TTransport import HARD_MAX_FRAME_SIZE, TFramedTransport

import pyrpc.idl
from pyrpc import Server
from pyrpc.server.dispatch import Dispatcher
from pyrpc.wire.gen import Node
from pyrpc.wire.gen.ttypes import CallOptions, ErrorCode, Ref, RpcError, Value

STOCK_BYTES = 16_384_000
PROTOCOLS = {"binary": TBinaryProtocol, "compact": TCompactProtocol}
SOURCE = "class Sizes:\n    def zeros(self, count: int) -> bytes:\n        return bytes(count)\n"


class Sizes:
    def zeros(self, count: int) -> bytes:
        return bytes(count)

    def fail(self) -> None:
        raise ValueError("on purpose")

    def add(self, a: int, b: int) -> int:
        return a + b


class Caller:
    """One connection of stock Thrift, which takes all that Thrift has."""

    def __init__(self, endpoint: str, protocol: str = "binary") -> None:
        host, _, port = endpoint.rpartition(":")
        sock = TSocket(host, int(port))
        sock.setTimeout(30_000)
        self._transport = TFramedTransport(sock, HARD_MAX_FRAME_SIZE)
        self._transport.open()
        self._protocol = PROTOCOLS[protocol](self._transport, string_length_limit=None)
        self.node = Node.Client(self._protocol)

    def zeros(self, count: int, name: str = "Sizes:zeros") -> int:
        """How many bytes the typed call gave."""
        p = self._protocol
        p.writeMessageBegin(name, TMessageType.CALL, 1)
        p.writeStructBegin("arguments")
        p.writeFieldBegin("count", TType.I64, 1)
        p.writeI64(count)
        p.writeFieldEnd()
        p.writeFieldStop()
        p.writeStructEnd()
        p.writeMessageEnd()
        self._transport.flush()
        _, kind, _ = p.readMessageBegin()
        if kind == TMessageType.EXCEPTION:
            failure = TApplicationException()
            failure.read(p)
            p.readMessageEnd()
            raise failure
        p.readStructBegin()
        _, field_type, fid = p.readFieldBegin()
        answer = RpcError.read(p) if fid == 1 else p.readBinary()
        p.readFieldEnd()
        _, field_type, _ = p.readFieldBegin()
        assert field_type == TType.STOP
        p.readStructEnd()
        p.readMessageEnd()
        if isinstance(answer, RpcError):
            raise answer
        return len(answer)

    def show(self, max_frame_bytes: int | None, token: str | None = None) -> None:
        """As SPEC.md says it: a call that does nothing."""
        self.node.release(Ref(""), CallOptions(max_frame_bytes=max_frame_bytes, token=token))

    def reply_bytes(self, count: int) -> int:
        """How large the reply with so many zeros is, as the node counts it."""
        self.show(1)
        with pytest.raises(RpcError) as caught:
            self.zeros(count)
        return int(re.fullmatch(r"(\d+) bytes", caught.value.got)[1])  # type: ignore[index]

    def limit(self) -> int:
        """The largest reply that typed calls get now; a call that is over every limit tells."""
        with pytest.raises(RpcError) as caught:
            self.zeros(STOCK_BYTES)
        assert caught.value.code == ErrorCode.TOO_LARGE
        return int(re.fullmatch(r"at most (\d+) bytes", caught.value.expected)[1])  # type: ignore[index]

    def close(self) -> None:
        self._transport.close()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def dial(stack: ExitStack) -> Callable[..., Caller]:
    """Opens connections."""

    def dial(endpoint: str, protocol: str = "binary") -> Caller:
        caller = Caller(endpoint, protocol)
        stack.callback(caller.close)
        return caller

    return dial


@pytest.fixture
def server(stack: ExitStack) -> Server:
    return stack.enter_context(Server(Sizes, port=0))


@pytest.fixture(params=PROTOCOLS)
def protocol(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def caller(server: Server, dial: Callable[..., Caller], protocol: str) -> Caller:
    return dial(server.endpoint, protocol)


def assert_refused(caller: Caller, count: int) -> None:
    with pytest.raises(RpcError) as caught:
        caller.zeros(count)
    assert caught.value.code == ErrorCode.TOO_LARGE
    assert 'release(Ref(""), CallOptions(max_frame_bytes=...))' in caught.value.help


def test_connection_that_has_shown_nothing_keeps_the_stock_limit(caller: Caller, dial: Any, server: Server) -> None:
    # Of another connection, since it shows something.
    beside = dial(server.endpoint, "compact" if isinstance(caller._protocol, TCompactProtocol) else "binary")
    head = beside.reply_bytes(STOCK_BYTES) - STOCK_BYTES
    assert caller.zeros(STOCK_BYTES - head) == STOCK_BYTES - head
    assert_refused(caller, STOCK_BYTES - head + 1)


def test_reply_may_be_as_large_as_was_shown_and_not_a_byte_more(caller: Caller) -> None:
    for count in (1_000, 100_000, 17_000_000):
        size = caller.reply_bytes(count)
        caller.show(size - 1)
        assert_refused(caller, count)
        caller.show(size)
        assert caller.zeros(count) == count


def test_what_was_said_last_counts(caller: Caller) -> None:
    caller.show(HARD_MAX_FRAME_SIZE)
    assert caller.zeros(STOCK_BYTES) == STOCK_BYTES
    caller.show(STOCK_BYTES)
    assert_refused(caller, STOCK_BYTES)
    caller.show(2**40)
    assert caller.zeros(STOCK_BYTES) == STOCK_BYTES


def test_call_that_says_no_number_changes_nothing(caller: Caller) -> None:
    caller.show(5000)
    caller.show(None)
    caller.node.release(Ref(""), None)
    caller.node.ping()
    caller.node.stages(CallOptions(remaining_ms=1000))
    caller.node.call("Sizes.add", [Value(int_value=1), Value(int_value=2)], {}, None)
    caller.zeros(1)
    assert caller.limit() == 5000


def test_each_method_with_options_says_it(caller: Caller) -> None:
    numbers = [Value(int_value=1), Value(int_value=2)]
    node = caller.node
    says: list[Callable[[CallOptions], object]] = [
        lambda options: node.call("Sizes.add", numbers, {}, options),
        lambda options: node.run("Sizes.add", numbers, {}, -1, options),
        node.stages,
        node.stats,
        lambda options: node.put(Value(int_value=1), options),
        lambda options: node.release(Ref(""), options),
    ]
    for number, say in enumerate(says):
        say(CallOptions(max_frame_bytes=5000 + number))
        assert caller.limit() == 5000 + number


def test_small_call_says_it_on_its_quick_way(server: Server, dial: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ways: list[str] = []
    for name in ("_serve_small", "_serve_any"):
        as_ever = getattr(Dispatcher, name)
        monkeypatch.setattr(Dispatcher, name, lambda *args, name=name, run=as_ever: [ways.append(name), run(*args)][1])
    caller = dial(server.endpoint)
    numbers = [Value(int_value=1), Value(int_value=2)]
    for size in (5000, 6000):
        del ways[:]
        caller.node.call("Sizes.add", numbers, {}, CallOptions(1, 60_000, size))
        assert ways == ["_serve_small"]
        assert caller.limit() == size
    with pytest.raises(RpcError):
        caller.node.call("Sizes.fail", [], {}, CallOptions(1, 60_000, 7000))
    assert caller.limit() == 7000


def test_call_that_fails_says_it_too(caller: Caller) -> None:
    for number, method in enumerate(("Sizes.fail", "Sizes.missing")):
        with pytest.raises(RpcError):
            caller.node.call(method, [], {}, CallOptions(max_frame_bytes=5000 + number))
        assert caller.limit() == 5000 + number


def test_typed_call_that_fails_forgets_nothing(caller: Caller) -> None:
    caller.show(5000)
    with pytest.raises(TApplicationException):
        caller.zeros(1, "Sizes:missing")
    assert caller.limit() == 5000
    assert caller.limit() == 5000


def test_connections_do_not_mix(server: Server, dial: Any) -> None:
    callers = [dial(server.endpoint) for _ in range(3)]
    for number, caller in enumerate(callers[:2]):
        caller.show(5000 + number)
    assert [caller.limit() for caller in callers[:2]] == [5000, 5001]
    assert callers[2].zeros(10_000) == 10_000
    # A new one begins anew, also where it gets the number of one that is closed.
    callers[0].close()
    assert dial(server.endpoint).zeros(10_000) == 10_000


def test_other_protocol_on_the_same_connection_has_the_same_limit(server: Server, dial: Any) -> None:
    caller = dial(server.endpoint)
    caller.show(5000)
    caller._protocol = TCompactProtocol(caller._transport, string_length_limit=None)
    assert caller.limit() == 5000


def test_each_worker_keeps_it_for_its_connections(tmp_path: Path, dial: Any) -> None:
    (tmp_path / "sizes.py").write_text(SOURCE)
    command = [sys.executable, "-m", "pyrpc", "serve", "sizes:Sizes", "--port", "0", "--workers", "2"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path)
    with process:
        try:
            assert process.stdout is not None
            endpoint = process.stdout.readline().split()[-1]
            callers = [dial(endpoint) for _ in range(4)]
            for caller in callers[::2]:
                caller.show(HARD_MAX_FRAME_SIZE)
            for _ in range(2):
                for caller in callers[::2]:
                    assert caller.zeros(STOCK_BYTES) == STOCK_BYTES
                for caller in callers[1::2]:
                    with pytest.raises(RpcError):
                        caller.zeros(STOCK_BYTES)
        finally:
            process.terminate()


# -- with tokens


@pytest.fixture
def guarded(stack: ExitStack, tmp_path: Path) -> Server:
    tokens = tmp_path / "tokens.txt"
    tokens.write_text("alice one\nbob two Sizes.zeros\n")
    tokens.chmod(0o600)
    return stack.enter_context(Server(Sizes, port=0, tokens=tokens))


def test_token_and_number_are_shown_by_the_same_call(guarded: Server, dial: Any, protocol: str) -> None:
    caller = dial(guarded.endpoint, protocol)
    caller.show(HARD_MAX_FRAME_SIZE, "one")
    assert caller.zeros(STOCK_BYTES) == STOCK_BYTES
    # Each of the two stays when the other is said alone; a number without a token is nobody's.
    with pytest.raises(RpcError):
        caller.show(5000)
    assert caller.zeros(STOCK_BYTES) == STOCK_BYTES
    caller.show(None, "two")
    assert caller.zeros(STOCK_BYTES) == STOCK_BYTES
    caller.show(5000, "two")
    assert caller.limit() == 5000


def test_call_with_a_wrong_token_says_nothing(guarded: Server, dial: Any) -> None:
    caller = dial(guarded.endpoint)
    with pytest.raises(RpcError):
        caller.show(5000, "wrong")
    caller.show(None, "one")
    assert caller.zeros(10_000) == 10_000


def test_call_that_the_token_gives_no_right_to_says_it(guarded: Server, dial: Any) -> None:
    caller = dial(guarded.endpoint)
    # The token is new, so this goes the general way; then it is known, and a small call goes the quick one.
    for size in (5000, 6000):
        with pytest.raises(RpcError) as caught:
            caller.node.call("Sizes.add", [], {}, CallOptions(1, 60_000, size, token="two"))
        assert caught.value.code == ErrorCode.PERMISSION_DENIED
        assert caller.limit() == size


def test_small_call_with_a_known_token_says_it(guarded: Server, dial: Any) -> None:
    caller = dial(guarded.endpoint)
    caller.show(None, "one")
    numbers = [Value(int_value=1), Value(int_value=2)]
    for size in (5000, 6000):
        caller.node.call("Sizes.add", numbers, {}, CallOptions(1, 60_000, size, token="one"))
        assert caller.limit() == size


# -- what else is typed


def test_exception_of_an_idl_stays_within_the_limit_too(stack: ExitStack, tmp_path: Path, dial: Any) -> None:
    (tmp_path / "own.thrift").write_text(
        "exception Long { 1: string why }\nservice Own { binary zeros(1: i64 count) throws (2: Long long_) }\n"
    )
    idl: Any = pyrpc.idl.load(tmp_path / "own.thrift")

    class Handler:
        def zeros(self, count: int) -> bytes:
            raise idl.Long(why="x" * count)

    server = stack.enter_context(Server.from_idl(idl, "Own", Handler, port=0))
    caller = dial(server.endpoint)
    with pytest.raises(TApplicationException, match=f"too large.*at most {STOCK_BYTES} bytes"):
        caller.zeros(STOCK_BYTES, "Own:zeros")
    caller.node.ping()
