"""Each method's messages, ours and stock Thrift's: the same structs, the same bytes."""

from __future__ import annotations

import dataclasses
import sys

import numpy as np
import pytest

from pyrpc import errors
from pyrpc.errors import ProtocolError, TooLargeError, UnknownMethodError
from pyrpc.testing.samples import assert_same
from pyrpc.wire import limits, messages
from pyrpc.wire.codec import METHODS, RemoteProtocolError, check_frame, codec_of
from pyrpc.wire.gen import Node, ttypes
from pyrpc.wire.messages import (
    CallOptions,
    LoadReport,
    NodeInfo,
    NodeState,
    NodeStats,
    ParamInfo,
    ParamKind,
    Percentiles,
    Ref,
    StageInfo,
    StageStats,
    TensorSpec,
)
from pyrpc.wire.source import BytesSource

REPLY, EXCEPTION, ONEWAY = 2, 3, 4
BOOL, I32, I64, STRING, STRUCT, LIST = 2, 8, 10, 11, 12, 15

INFO = NodeInfo("id", "0.1.0", 1, NodeState.DRAINING, 2**30 - 1, 123, 8)
STAGES = (
    StageInfo("f"),
    StageInfo(
        "Class.method",
        "What it does.\n\né",
        (
            ParamInfo(
                "x", ParamKind.POSITIONAL_ONLY, False, None, TensorSpec(("float32", "float64"), ("n", "28", "_"))
            ),
            ParamInfo("rest", ParamKind.VAR_NAMED, True, "dict[str, int]", TensorSpec()),
        ),
        (TensorSpec((), ("...", "3")), TensorSpec(("uint8",), ())),
        True,
        False,
        True,
        "tuple[np.ndarray, ...]",
    ),
)
STATS = NodeStats(
    INFO,
    1.5,
    2,
    3,
    2**40,
    LoadReport(1, 2, 3, 4, 8, 0.5),
    {"f": StageStats(1, 2, 3, 4, 5, ms_per_row=0.25, run=Percentiles(1, 2, 3), queue=Percentiles()), "é": StageStats()},
    {"MALFORMED": 3},
)
RESULTS = {"ping": INFO, "stages": STAGES, "stats": STATS, "put": Ref("abc"), "release": None, "drain": INFO}
OPTIONS = CallOptions(1, 2, 3, 4, "secret", True, {"traceparent": "00-1"})
ARGUMENTS = {
    "call": {"method": "X.y", "positional": [1, [None]], "named": {"k": 2.5}, "options": OPTIONS},
    "run": {"stage": "X.y", "inputs": [], "named": {}, "rows": -7, "options": CallOptions()},
    "ping": {},
    "stages": {},
    "stats": {},
    "put": {"value": {"a": [1, b"2"]}, "options": CallOptions(remaining_ms=5)},
    "release": {"ref": Ref("abc"), "options": CallOptions(token="t")},
    "drain": {"options": CallOptions(token="t"), "grace_ms": 2500},
}


def frame(parts: list) -> bytes:
    raw = b"".join(parts)
    return len(raw).to_bytes(4, "big") + raw


def read_reply(wire, raw: bytes, name: str = "call", seqid: int = 7, place=None) -> object:
    source = BytesSource(raw)
    source.next_frame(limits.HARD_FRAME_BYTES)
    return wire.codec.decode_reply(source, name, seqid, "node:1", place)


# -- round trips


def test_every_method_of_the_service_is_known() -> None:
    assert set(METHODS) == {name for name in vars(Node.Iface) if not name.startswith("_")} == set(ARGUMENTS)


@pytest.mark.parametrize("name", ARGUMENTS)
def test_arguments_arrive_as_they_were(wire, name: str) -> None:
    source = BytesSource(frame(wire.codec.encode_request(name, 2**31 - 1, ARGUMENTS[name])))
    source.next_frame(10**6)
    assert codec_of(source) is wire.codec
    reader = wire.codec.reader(source)
    assert reader.message() == (name, 1, 2**31 - 1)
    assert wire.codec.decode_arguments(reader, name) == ARGUMENTS[name]


@pytest.mark.parametrize("name", RESULTS)
def test_result_arrives_as_it_was(wire, name: str) -> None:
    assert read_reply(wire, frame(wire.codec.encode_result(name, 7, RESULTS[name])), name) == RESULTS[name]


def test_value_arrives_with_the_load_of_its_node(wire) -> None:
    reply = read_reply(wire, wire.reply_frame([1, "a"]))
    assert reply.value == [1, "a"]
    assert reply.load == LoadReport(1, 2, 3, 4)


@pytest.mark.parametrize("rows", [None, 0, 5, -5])
def test_quick_way_writes_what_the_general_way_writes(wire, rows: int | None) -> None:
    positional, named = [np.arange(3.0), "a"], {"k": [1]}
    for options in (CallOptions(), CallOptions(1, 2, 3), CallOptions(1, 2, 3, attempt=1), OPTIONS):
        quick = b"".join(wire.codec.encode_call("X.y", positional, named, options, 7, rows))
        if rows is None:
            args = {"method": "X.y", "positional": positional, "named": named, "options": options}
        else:
            args = {"stage": "X.y", "inputs": positional, "named": named, "rows": rows, "options": options}
        assert quick == b"".join(wire.codec.encode_request("call" if rows is None else "run", 7, args))


# -- against stock Thrift, struct by struct


def as_stock(message: object) -> object:
    """One of our messages as the generated class of the same name."""
    if isinstance(message, tuple | list):
        return [as_stock(item) for item in message]
    if isinstance(message, dict):
        return {key: as_stock(item) for key, item in message.items()}
    if dataclasses.is_dataclass(message):
        cls = getattr(ttypes, type(message).__name__)
        return cls(**{f.name: as_stock(getattr(message, f.name)) for f in dataclasses.fields(message)})
    return message


@pytest.mark.parametrize("name", ["ping", "stages", "stats", "put"])
def test_our_result_is_byte_for_byte_that_of_stock_thrift(wire, name: str) -> None:
    stock = getattr(Node, f"{name}_result")(success=as_stock(RESULTS[name]))
    assert wire.message(stock.write, name, REPLY) == frame(wire.codec.encode_result(name, 7, RESULTS[name]))


def test_our_error_is_byte_for_byte_that_of_stock_thrift(wire) -> None:
    error = errors.StageFailedError(
        "m", expected="e", got="g", help="h", remote_traceback="t", remote_type="r", retry_after_ms=5
    )
    stock = ttypes.RpcError(9, "m", "h", 5, "t", "r", "e", "g")
    ours = frame(wire.codec.encode_error("call", 7, error))
    assert ours == wire.message(Node.call_result(error=stock).write, "call", REPLY)


def test_our_call_is_byte_for_byte_that_of_stock_thrift(wire) -> None:
    values = [
        ttypes.Value(null_value=True),
        ttypes.Value(bool_value=False),
        ttypes.Value(int_value=-(2**63)),
        ttypes.Value(double_value=-0.0),
        ttypes.Value(string_value="é"),
        ttypes.Value(binary_value=b"\0\xff"),
        ttypes.Value(tensor_value=ttypes.Tensor(12, [2, 1], np.array([1, 2], "<f4").tobytes())),
        ttypes.Value(list_value=[ttypes.Value(int_value=1)]),
        ttypes.Value(map_value={"k": ttypes.Value(list_value=[])}),
        ttypes.Value(ref_value=ttypes.Ref("id")),
    ]
    python = [
        None,
        False,
        -(2**63),
        -0.0,
        "é",
        b"\0\xff",
        np.array([[1], [2]], "f4"),
        [1],
        {"k": []},
        Ref("id"),
    ]
    named = {"n": ttypes.Value(bool_value=True)}
    options = ttypes.CallOptions(1, 2, 3, 4, "secret", True, {"traceparent": "00-1"})
    stock = wire.message(Node.call_args("X.y", values, named, options).write)
    ours = frame(wire.codec.encode_call("X.y", python, {"n": True}, OPTIONS, 7))
    assert ours == stock
    args = wire.read_call(BytesSource(stock))
    assert_same(python[:-1], args["positional"][:-1])
    assert args["positional"][-1] == Ref("id")
    assert (args["named"], args["options"]) == ({"n": True}, OPTIONS)


@pytest.mark.parametrize("name", [cls.__name__ for cls in vars(messages).values() if dataclasses.is_dataclass(cls)])
def test_twin_has_the_fields_of_the_idl(name: str) -> None:
    spec = [entry[2] for entry in getattr(ttypes, name).thrift_spec if entry]
    assert [field.name for field in dataclasses.fields(getattr(messages, name))] == spec


@pytest.mark.parametrize(("twin", "name"), [(ParamKind, "ParamKind"), (NodeState, "NodeState")])
def test_twin_has_the_numbers_of_the_idl(twin, name: str) -> None:
    assert {item.name: item.value for item in twin} == getattr(ttypes, name)._NAMES_TO_VALUES


# -- what newer and older peers send


def test_unknown_field_anywhere_is_skipped(wire) -> None:
    more = (55, STRUCT, lambda p: wire.struct(p, (1, LIST, [1, 2]), (2, STRING, "x" * 20_000), (3, BOOL, True)))
    # 6 is the pid: a field that is known, but of another type, is skipped too.
    fields = (more, (3, I32, 4), (1, STRING, "id"), (6, STRING, "pid"), (200, BOOL, False))
    result = (0, STRUCT, lambda p: wire.struct(p, *fields))
    info = read_reply(wire, wire.message(lambda p: wire.struct(p, more, result, more), "ping", REPLY), "ping")
    assert (info.node_id, info.protocol_version, info.pid) == ("id", 4, 0)


def test_number_of_an_enum_that_is_newer_stays_a_number(wire) -> None:
    reply = wire.message(Node.ping_result(ttypes.NodeInfo(node_id="a", state=99)).write, "ping", REPLY)
    assert read_reply(wire, reply, "ping").state == 99


def test_error_code_that_is_newer_is_an_error_all_the_same(wire) -> None:
    reply = wire.message(Node.call_result(error=ttypes.RpcError(code=99, message="m")).write, "call", REPLY)
    with pytest.raises(errors.InternalError, match="error code 99, unknown to this client"):
        read_reply(wire, reply)


def test_struct_that_lacks_what_it_needs_is_refused(wire) -> None:
    reply = wire.message(Node.stages_result([ttypes.StageInfo(doc="no name")]).write, "stages", REPLY)
    with pytest.raises(ProtocolError, match="StageInfo lacks"):
        read_reply(wire, reply, "stages")


def test_reply_with_neither_result_nor_error_is_refused(wire) -> None:
    with pytest.raises(ProtocolError, match="neither a result nor an error"):
        read_reply(wire, wire.message(Node.call_result().write, "call", REPLY))
    assert read_reply(wire, wire.message(Node.release_result().write, "release", REPLY), "release") is None


def test_method_that_the_node_does_not_have_is_skipped_whole(wire) -> None:
    raw = wire.message(lambda p: wire.struct(p, (1, STRING, "x" * 70_000), (2, LIST, [1] * 4000)), "cancel")
    assert wire.read_call(BytesSource(raw)) is None


# -- errors


@pytest.mark.parametrize("name", ["call", "run", "put", "release"])
def test_declared_error_arrives_with_all_its_fields(wire, name: str) -> None:
    sent = errors.OverloadedError("busy", expected="less", got="more", help="wait", retry_after_ms=250)
    with pytest.raises(errors.OverloadedError) as caught:
        read_reply(wire, frame(wire.codec.encode_error(name, 7, sent)), name)
    got = caught.value
    assert (got.message, got.expected, got.got, got.help) == ("busy", "less", "more", "wait")
    assert (got.retry_after_ms, got.endpoint) == (250, "node:1")


@pytest.mark.parametrize("name", ["ping", "stages", "stats", "nonsense"])
def test_method_that_declares_no_error_answers_with_thrifts_own(wire, name: str) -> None:
    raw = frame(wire.codec.encode_error(name, 7, UnknownMethodError("no such thing")))
    with pytest.raises(UnknownMethodError, match="no such thing") as caught:
        read_reply(wire, raw, name)
    assert caught.value.endpoint == "node:1"


def test_other_exception_of_thrift_means_that_the_node_could_not_read_the_call(wire) -> None:
    raw = frame(wire.codec.encode_exception("call", 7, "what?", 7))
    with pytest.raises(RemoteProtocolError, match="could not read the call; got what"):
        read_reply(wire, raw)
    # With fields that nobody knows, and without any.
    raw = wire.message(lambda p: wire.struct(p, (9, I64, 1), (1, STRING, "w"), (2, I32, 5)), "call", EXCEPTION)
    with pytest.raises(RemoteProtocolError, match="got w"):
        read_reply(wire, raw)
    with pytest.raises(RemoteProtocolError, match="TApplicationException 0"):
        read_reply(wire, wire.message(lambda p: wire.struct(p), "call", EXCEPTION))


@pytest.mark.parametrize(
    ("name", "kind", "seqid", "message"),
    [
        ("run", REPLY, 7, r"another call; expected call #7; got run #7"),
        ("call", REPLY, 8, r"another call; expected call #7; got call #8"),
        ("call", REPLY, -7, r"got call #-7"),
        ("", REPLY, 7, "another call"),
        ("call", 1, 7, "no reply; got message type 1"),
        ("call", ONEWAY, 7, "no reply; got message type 4"),
        ("call", 6, 7, "no reply; got message type 6"),
    ],
)
def test_reply_to_another_call_is_refused(wire, name: str, kind: int, seqid: int, message: str) -> None:
    raw = wire.message(Node.call_result(ttypes.CallReply(ttypes.Value(int_value=1))).write, name, kind, seqid)
    with pytest.raises(ProtocolError, match=message) as caught:
        read_reply(wire, raw)
    assert caught.value.endpoint == "node:1"


def test_name_of_a_method_is_bounded(wire) -> None:
    with pytest.raises(ProtocolError, match="name is too long"):
        wire.read_call(BytesSource(wire.message(lambda p: wire.struct(p), "x" * 300)))


def test_first_byte_that_no_protocol_has_is_no_thrift() -> None:
    for first in (0x00, 0x7B, 0x81, 0xFF):
        source = BytesSource(b"\0\0\0\4" + bytes([first, 1, 0, 1]))
        source.next_frame(100)
        with pytest.raises(ProtocolError, match=f"not Thrift.*got 0x{first:02x}"):
            codec_of(source)


@pytest.mark.parametrize("raw", [b"\x80\x02\0\1\0\0\0\4ping\0\0\0\1\0", b"\x82\x22\1\4ping\0"])
def test_version_that_nobody_speaks_is_refused(wire, raw: bytes) -> None:
    with pytest.raises(ProtocolError, match="not a Thrift message"):
        wire.read_call(BytesSource(len(raw).to_bytes(4, "big") + raw))


def test_message_over_the_limit_of_its_receiver_is_refused_before_it_is_sent() -> None:
    check_frame(1000, 1000, "the call", "help")
    with pytest.raises(
        TooLargeError, match=r"the call is too large.*at most 1000 bytes; got 1001 bytes; node n:1\n.*do"
    ):
        check_frame(1001, 1000, "the call", "do", "n:1")


# -- arrays that arrive where they belong


def test_large_and_small_arrays_are_placed(wire) -> None:
    for size in (10, 100_000):
        array = np.arange(size, dtype="i4").reshape(2, -1)
        target = np.zeros((4, size // 2), "i4")
        asked = []

        def place(dtype, shape, target=target, asked=asked):
            asked.append((dtype, shape))
            return target[1:3]

        reply = read_reply(wire, wire.reply_frame(array), place=place)
        assert asked == [(np.dtype("i4"), array.shape)]
        assert np.shares_memory(reply.value, target)
        assert (target[1:3] == array).all()
        assert not target[0].any()
        assert not target[3].any()


def test_place_is_asked_for_each_array_in_order_and_may_decline(wire) -> None:
    target = np.zeros(3, "f8")
    asked: list = []

    def place(dtype, shape):
        asked.append((dtype.name, shape))
        return target if len(asked) == 2 else None

    sent = [np.zeros(2, "f8"), np.arange(3.0), np.ones((2, 0)), np.float32(1).reshape(())]
    reply = read_reply(wire, wire.reply_frame(sent), place=place)
    assert asked == [("float64", (2,)), ("float64", (3,)), ("float64", (2, 0)), ("float32", ())]
    assert_same(sent, reply.value)
    assert reply.value[1] is target


def test_place_is_not_asked_for_text_of_any_length(wire) -> None:
    text = np.array(["a", "bc"], np.dtypes.StringDType())

    def place(dtype, shape):
        raise AssertionError("asked")

    assert_same(text, read_reply(wire, wire.reply_frame(text), place=place).value)


def test_bool_that_is_none_is_refused_where_it_is_placed_too(wire) -> None:
    target = np.zeros(3, bool)
    good = wire.reply_frame(np.array([True, False, True]))
    bad = good.replace(b"\1\0\1", b"\1\2\1", 1)
    assert bad != good
    with pytest.raises(ProtocolError, match="other than 0 and 1"):
        read_reply(wire, bad, place=lambda dtype, shape: target)


def test_reply_of_a_dtype_without_its_package_says_what_to_install(wire, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = wire.reply_frame(np.zeros(2, pytest.importorskip("ml_dtypes").bfloat16))
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    with pytest.raises(errors.UnsupportedTypeError, match=r"pip install 'pyrpc-thrift\[bfloat16\]'"):
        read_reply(wire, raw)


def test_name_of_a_method_that_is_not_valid_unicode_is_refused(wire) -> None:
    with pytest.raises(errors.PyrpcError):
        wire.codec.encode_call("a\ud800", [], {}, CallOptions(1, 2, 3), 7)
