"""Our client against a stock Apache Thrift server that hosts the generated service."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
import pytest
from thrift.Thrift import TApplicationException, TMessageType, TProcessor

from pyrpc import Client, errors
from pyrpc.testing.samples import assert_own_memory, assert_same, layouts, sample_contents, sample_values
from pyrpc.wire.gen import ttypes
from pyrpc.wire.limits import HARD_FRAME_BYTES
from pyrpc.wire.messages import NodeState

MIB = 2**20
CONTENTS = sample_contents()


@pytest.fixture
def client(stock_server) -> Iterator[Client]:
    with Client(stock_server.endpoint, timeout_s=30) as client:
        yield client


# -- payloads


@pytest.mark.parametrize("size", [0, 1, 1000, 16383, 16384, 16385, 65535, 65536, 65537, MIB, 16_383_000])
def test_bytes_of_any_size_come_back(client: Client, size: int) -> None:
    array = np.arange(size, dtype=np.uint8)
    got = client.call("echo", array)
    assert_same(array, got)
    assert_own_memory(got)
    assert_same(array.tobytes(), client.call("echo", array.tobytes()))


def test_64_mib_come_back_after_the_server_was_asked_what_it_takes(client: Client, stock_server) -> None:
    array = np.arange(16 * MIB, dtype=np.float32)
    got = client.call("echo", array)
    assert np.array_equal(got, array)
    assert_own_memory(got)
    assert [call[0] for call in stock_server.handler.calls] == ["ping", "call"]


def test_small_call_is_sent_without_asking(client: Client, stock_server) -> None:
    client.call("echo", np.zeros(16_383_000, np.uint8))
    assert [call[0] for call in stock_server.handler.calls] == ["call"]


def test_call_over_what_the_server_takes_is_not_sent(client: Client, stock_server) -> None:
    stock_server.handler.max_frame_bytes = 20_000_000
    with pytest.raises(errors.TooLargeError, match=r"at most 20000000 bytes; got 20000\d\d\d bytes.*\n.*map") as caught:
        client.call("echo", np.zeros(20_000_000, np.uint8))
    assert caught.value.endpoint == stock_server.endpoint
    assert [call[0] for call in stock_server.handler.calls] == ["ping"]
    # The connection is in order, and what fits is sent.
    assert client.call("echo", np.ones(19_999_000, np.uint8)).sum() == 19_999_000
    assert [call[0] for call in stock_server.handler.calls] == ["ping", "call"]


@pytest.mark.parametrize("name", CONTENTS)
def test_every_dtype_arrives_and_comes_back_bit_for_bit(client: Client, stock_server, by_hand, name: str) -> None:
    for layout, array in layouts(CONTENTS[name]).items():
        stock_server.handler.calls.clear()
        got = client.call("echo", array)
        assert_same(array, got, layout)
        little = array if array.dtype.byteorder != ">" else array.astype(array.dtype.newbyteorder("<"))
        assert stock_server.handler.calls[0][2] == [by_hand(little)], layout


def test_array_of_any_layout_owns_its_memory(client: Client) -> None:
    for content in CONTENTS.values():
        for layout, array in layouts(content).items():
            assert_own_memory(client.call("echo", array), layout)


def test_every_kind_of_value_comes_back(client: Client) -> None:
    for name, value in sample_values().items():
        # The stock decoder counts structs too, so 64 is too deep for it.
        if not name.startswith("64"):
            assert_same(value, client.call("echo", value), name)


# -- methods


def test_call_carries_arguments_and_options(client: Client, stock_server) -> None:
    assert client.call("any.method", a=1, b="x") == {"a": 1, "b": "x"}
    _, method, positional, named, options = stock_server.handler.calls[0]
    assert (method, positional) == ("any.method", [])
    assert named == {"a": ttypes.Value(int_value=1), "b": ttypes.Value(string_value="x")}
    assert 29_000 < options.remaining_ms <= 30_000
    assert options.max_frame_bytes == HARD_FRAME_BYTES
    assert options.request_id is not None


def test_token_is_sent(stock_server) -> None:
    with Client(stock_server.endpoint, token="secret") as client:
        client.call("echo", 1)
    assert stock_server.handler.calls[0][4].token == "secret"


def test_map_runs_on_chunks_and_gathers_in_order(client: Client, stock_server) -> None:
    rows = np.arange(700.0).reshape(100, 7)
    assert_same(rows, client.map("echo", rows, chunk_rows=9))
    runs = [call for call in stock_server.handler.calls if call[0] == "run"]
    assert len(runs) == 12
    assert sum(run[4] for run in runs) == 100


def test_reduce_runs_with_negative_rows(client: Client, stock_server) -> None:
    assert client.reduce("echo", np.ones((8, 3)), chunk_rows=4).shape == (4, 3)
    assert [run[4] for run in stock_server.handler.calls if run[0] == "run"] == [-4, -4]


def test_ping_stages_and_stats_are_read(client: Client, stock_server) -> None:
    info = client.ping()[stock_server.endpoint]
    assert (info.node_id, info.state) == ("stock", NodeState.SERVING)
    assert [stage.name for stage in client.stages()] == ["echo", "fail", "crash"]
    assert client.stages()[0].idempotent is None
    stats = client.stats()[stock_server.endpoint]
    assert (stats.stages["echo"].max_us, stats.errors) == (5, {"INTERNAL": 1})


# -- errors


def test_error_of_the_server_is_raised_with_its_fields(client: Client, stock_server) -> None:
    with pytest.raises(errors.StageFailedError) as caught:
        client.call("fail")
    error = caught.value
    assert (error.message, error.help, error.expected, error.got) == ("m", "h", "e", "g")
    assert (error.remote_traceback, error.remote_type) == ("the traceback", "ZeroDivisionError")
    assert error.endpoint == stock_server.endpoint
    assert client.call("echo", 1) == 1


def test_exception_that_the_server_did_not_declare_is_an_error_and_the_connection_goes_on(
    client: Client, stock_server
) -> None:
    with pytest.raises(errors.ProtocolError, match="Internal error"):
        client.call("crash")
    assert client.call("echo", 1) == 1
    assert stock_server.connections == 1


def test_reply_without_a_value_is_none(client: Client) -> None:
    assert client.call("nothing") is None


class Other(TProcessor):
    """A service that has none of our methods."""

    def process(self, iprot, oprot) -> None:
        name, _, seqid = iprot.readMessageBegin()
        iprot.skip(12)
        iprot.readMessageEnd()
        oprot.writeMessageBegin(name, TMessageType.EXCEPTION, seqid)
        TApplicationException(TApplicationException.UNKNOWN_METHOD, f"Unknown function {name}").write(oprot)
        oprot.writeMessageEnd()
        oprot.trans.flush()


def test_server_of_another_service_is_told_apart(stock_server) -> None:
    stock_server.serve_instead(Other())
    with Client(stock_server.endpoint) as client:
        with pytest.raises(errors.UnknownMethodError, match=r"does not have the method call.*Unknown function call"):
            client.call("echo", 1)
        with pytest.raises(errors.UnknownMethodError, match="pyrpc node"):
            client.stages()


def test_nan_keeps_its_bits_as_a_plain_number(client: Client) -> None:
    value = struct.unpack("<d", (0x7FF8DEADBEEF0001).to_bytes(8, "little"))[0]
    assert struct.pack("<d", client.call("echo", value)) == struct.pack("<d", value)
