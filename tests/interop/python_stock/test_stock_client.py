"""An unmodified client of generated code against our node, in both protocols."""

from __future__ import annotations

import numpy as np
import pytest
from thrift.Thrift import TApplicationException, TMessageType
from thrift.transport.TTransport import HARD_MAX_FRAME_SIZE, TTransportException

from pyrpc.testing.samples import layouts, sample_contents
from pyrpc.wire.gen import ttypes
from pyrpc.wire.gen.ttypes import CallOptions, ErrorCode, Ref, RpcError, Value

MIB = 2**20
CONTENTS = sample_contents()
NOTHING = CallOptions()


def number(value: int) -> Value:
    return Value(int_value=value)


# -- payloads


@pytest.mark.parametrize("size", [0, 1, 1000, 16383, 16384, 16385, 65535, 65536, 65537, MIB, 16_383_000])
def test_bytes_of_any_size_come_back(node, stock_client, protocol: str, by_hand, size: int) -> None:
    value = by_hand(np.arange(size, dtype=np.uint8))
    raw = Value(binary_value=value.tensor_value.data)
    with stock_client(node, protocol) as client:
        assert client.call("Tools.echo", [value], {}, NOTHING).value == value
        if size <= MIB:
            assert client.call("Tools.echo", [raw], {}, NOTHING).value == raw


@pytest.mark.parametrize("only", ["binary accelerated", "compact accelerated"])
def test_64_mib_come_back_to_a_client_that_takes_them(node, stock_client, by_hand, only: str) -> None:
    pytest.importorskip("thrift.protocol.fastbinary")
    value = by_hand(np.arange(16 * MIB, dtype=np.float32))
    options = CallOptions(max_frame_bytes=HARD_MAX_FRAME_SIZE)
    with stock_client(node, only, HARD_MAX_FRAME_SIZE) as client:
        got = client.call("Tools.echo", [value], {}, options).value.tensor_value
    assert got.data == value.tensor_value.data
    assert got.shape == [16 * MIB]


@pytest.mark.parametrize("name", CONTENTS)
def test_every_dtype_comes_back_bit_for_bit(node, stock_client, protocol: str, by_hand, name: str) -> None:
    with stock_client(node, protocol) as client:
        for layout, array in layouts(CONTENTS[name]).items():
            if array.dtype.byteorder != ">":
                value = by_hand(array)
                assert client.call("Tools.echo", [value], {}, NOTHING).value == value, layout


VALUES = [
    Value(null_value=True),
    Value(bool_value=True),
    Value(bool_value=False),
    number(-(2**63)),
    Value(double_value=-0.0),
    Value(string_value="é\U0001f600\0"),
    Value(string_value=""),
    Value(binary_value=b"\0\xff"),
    Value(list_value=[]),
    Value(list_value=[number(1), Value(list_value=[Value(null_value=True)])]),
    Value(map_value={"": number(1), "k": Value(map_value={"b": Value(bool_value=False)})}),
    Value(list_value=[number(index) for index in range(4096)]),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: str(value)[:40])
def test_every_kind_of_value_comes_back(node, stock_client, protocol: str, value: Value) -> None:
    with stock_client(node, protocol) as client:
        assert client.call("Tools.echo", [value], {}, NOTHING).value == value


# -- methods


def test_call_takes_named_arguments(node, stock_client, protocol: str) -> None:
    with stock_client(node, protocol) as client:
        assert client.call("Tools.add", [number(1)], {"b": number(2)}, NOTHING).value == number(3)
        assert client.call("Tools.add", [number(1)], {}, NOTHING).value == number(11)
        assert client.call("Tools.add", [], {"a": number(1), "b": number(2)}, None).value == number(3)


def test_reply_tells_the_load(node, stock_client, protocol: str) -> None:
    with stock_client(node, protocol) as client:
        load = client.call("Tools.add", [number(1)], {}, NOTHING).load
    assert load.in_flight >= 1
    assert load.queued == 0
    assert load.service_us >= 0


def test_every_option_is_taken(node, stock_client, protocol: str) -> None:
    options = CallOptions(2**62, 60_000, HARD_MAX_FRAME_SIZE, 1, "token", True, {"traceparent": "00-1"})
    with stock_client(node, protocol) as client:
        assert client.call("Tools.add", [number(1)], {}, options).value == number(11)


def test_stage_may_learn_that_a_client_closed_its_socket(node, stock_client, protocol, watched, own_time) -> None:
    with stock_client(node, protocol) as client:
        client.send_call("Tools.watch", [], {}, NOTHING)
        assert watched.get(timeout=10) == "started"
        began = own_time()
    assert watched.get(timeout=10) == "stopped"
    assert own_time() - began < 0.5


def test_run_checks_the_rows_where_they_are_told(node, stock_client, protocol: str, by_hand) -> None:
    rows = by_hand(np.arange(6.0).reshape(3, 2))
    with stock_client(node, protocol) as client:
        assert client.run("Tools.echo", [rows], {}, 3, NOTHING).value == rows
        with pytest.raises(RpcError) as caught:
            client.run("Tools.echo", [rows], {}, 4, NOTHING)
        assert caught.value.code == ErrorCode.BAD_RESULT
        assert "4 rows" in caught.value.expected
        # Below 0: a reduction, which gives what it likes.
        assert client.run("Tools.total", [rows], {}, -3, NOTHING).value == Value(double_value=15.0)
        with pytest.raises(RpcError) as caught:
            client.run("Tools.total", [rows], {}, 3, NOTHING)
        assert caught.value.code == ErrorCode.BAD_RESULT


def test_ping_stages_and_stats_tell_of_the_node(node, stock_client, protocol: str) -> None:
    with stock_client(node, protocol) as client:
        info = client.ping()
        assert (info.protocol_version, info.state, info.max_frame_bytes) == (1, ttypes.NodeState.SERVING, 2**30 - 1)
        stages = {stage.name: stage for stage in client.stages(None)}
        assert {"Tools.echo", "Tools.add"} <= set(stages)
        assert [param.name for param in stages["Tools.add"].params] == ["a", "b"]
        client.call("Tools.add", [number(1)], {}, NOTHING)
        stats = client.stats(None)
        assert stats.node.node_id == info.node_id
        assert stats.stages["Tools.add"].calls >= 1
        assert stats.connections >= 1
        assert stats.bytes_received > 0


def test_what_was_put_is_used_by_reference_until_it_is_released(node, stock_client, protocol: str, by_hand) -> None:
    value = by_hand(np.arange(5.0))
    with stock_client(node, protocol) as client:
        ref = client.put(value, NOTHING)
        assert client.put(value, NOTHING) == ref
        assert client.call("Tools.total", [Value(ref_value=ref)], {}, NOTHING).value == Value(double_value=10.0)
        assert client.release(ref, NOTHING) is None
        with pytest.raises(RpcError) as caught:
            client.call("Tools.total", [Value(ref_value=ref)], {}, NOTHING)
        assert caught.value.code == ErrorCode.UNKNOWN_REF
        assert client.release(Ref("no such"), NOTHING) is None


# -- errors


def error_of(client, method: str, *positional: Value, **named: Value) -> RpcError:
    with pytest.raises(RpcError) as caught:
        client.call(method, list(positional), named, NOTHING)
    # Whatever it was, the connection goes on.
    assert client.ping().protocol_version == 1
    return caught.value


def test_error_of_a_stage_arrives_with_its_fields(node, stock_client, protocol: str) -> None:
    with stock_client(node, protocol) as client:
        error = error_of(client, "Tools.fail")
        assert (error.code, error.remote_type) == (ErrorCode.STAGE_FAILED, "ZeroDivisionError")
        assert "on purpose" in error.message
        assert "raise ZeroDivisionError" in error.remote_traceback


def test_error_of_the_caller_arrives_with_its_fields(node, stock_client, protocol: str) -> None:
    with stock_client(node, protocol) as client:
        error = error_of(client, "Tools.ech")
        assert error.code == ErrorCode.UNKNOWN_METHOD
        assert "Tools.echo" in error.help
        error = error_of(client, "Tools.add")
        assert error.code == ErrorCode.BAD_ARGUMENT
        assert "missing a" in error.got
        assert error_of(client, "Tools.odd").code == ErrorCode.BAD_RESULT


def test_expired_call_is_not_started(node, stock_client, protocol: str) -> None:
    with stock_client(node, protocol) as client, pytest.raises(RpcError) as caught:
        client.call("Tools.add", [number(1)], {}, CallOptions(remaining_ms=0))
    assert caught.value.code == ErrorCode.EXPIRED


def test_value_that_makes_no_sense_is_an_error_and_the_connection_goes_on(node, stock_client, protocol: str) -> None:
    with stock_client(node, protocol) as client:
        for tensor in (
            ttypes.Tensor(12, [2], b"abc"),
            ttypes.Tensor(99, [1], b"a"),
            ttypes.Tensor(1, [1], b"\2"),
            ttypes.Tensor(12, [-1], b""),
            ttypes.Tensor(16, [1], b"8" * 8),
            ttypes.Tensor(18, [1], b"a"),
        ):
            assert error_of(client, "Tools.echo", Value(tensor_value=tensor)).code == ErrorCode.MALFORMED
        assert error_of(client, "Tools.echo", Value()).code == ErrorCode.MALFORMED
        both = Value(int_value=1, string_value="a")
        assert error_of(client, "Tools.echo", both).code == ErrorCode.MALFORMED
        assert error_of(client, "Tools.echo", Value(list_value=[number(1)] * 4097)).code == ErrorCode.MALFORMED


def test_reply_over_what_the_client_takes_is_an_error_and_the_connection_goes_on(
    node, stock_client, protocol: str
) -> None:
    with stock_client(node, protocol) as client:
        error = error_of(client, "Tools.zeros", number(16_384_000))
        assert error.code == ErrorCode.TOO_LARGE
        assert "16384000" in error.expected
        assert "max_frame_bytes" in error.help
        # A little less fits, all in all.
        value = client.call("Tools.zeros", [number(16_383_800)], {}, NOTHING).value
        assert len(value.tensor_value.data) == 16_383_800


@pytest.mark.parametrize("size", [100, 10_000, 100_000])
def test_smaller_limit_of_a_client_is_kept(node, stock_client, protocol: str, size: int) -> None:
    options = CallOptions(1, 60_000, size)
    with stock_client(node, protocol) as client:
        with pytest.raises(RpcError) as caught:
            client.call("Tools.zeros", [number(size)], {}, options)
        assert caught.value.code == ErrorCode.TOO_LARGE


def test_method_that_the_service_does_not_have_is_thrifts_own_error(node, stock_client, protocol: str) -> None:
    with stock_client(node, protocol) as client:
        prot = client._oprot
        prot.writeMessageBegin("cancel", TMessageType.CALL, 5)
        ttypes.CallOptions(request_id=1, context={"a": "b"}).write(prot)
        prot.writeMessageEnd()
        prot.trans.flush()
        name, kind, seqid = prot.readMessageBegin()
        error = TApplicationException()
        error.read(prot)
        prot.readMessageEnd()
        assert (name, kind, seqid) == ("cancel", TMessageType.EXCEPTION, 5)
        assert error.type == TApplicationException.UNKNOWN_METHOD
        assert "cancel" in error.message
        assert client.ping().protocol_version == 1


def test_oneway_call_gets_no_answer(node, stock_client, protocol: str) -> None:
    with stock_client(node, protocol) as client:
        prot = client._oprot
        for name in ("ping", "cancel"):
            prot.writeMessageBegin(name, TMessageType.ONEWAY, 5)
            ttypes.Ref().write(prot)
            prot.writeMessageEnd()
            prot.trans.flush()
        # The next answer is that to the next call.
        assert client.call("Tools.add", [number(1)], {}, NOTHING).value == number(11)


def test_message_that_is_no_call_is_thrifts_own_error(node, stock_client, protocol: str) -> None:
    with stock_client(node, protocol) as client:
        prot = client._oprot
        prot.writeMessageBegin("ping", TMessageType.REPLY, 5)
        ttypes.Ref().write(prot)
        prot.writeMessageEnd()
        prot.trans.flush()
        with pytest.raises(TApplicationException, match="no call"):
            client.recv_ping()


def test_calls_back_to_back_are_answered_in_order(node, stock_client, protocol: str) -> None:
    with stock_client(node, protocol) as client:
        for index in range(50):
            client.send_call("Tools.echo", [number(index)], {}, NOTHING)
        assert [client.recv_call().value.int_value for _ in range(50)] == list(range(50))


def test_old_binary_without_version_is_told_what_to_do(node, stock_client) -> None:
    with stock_client(node) as client:
        client._oprot.strictWrite = False
        client.send_ping()
        with pytest.raises((TApplicationException, TTransportException), match="strictWrite"):
            client.recv_ping()
