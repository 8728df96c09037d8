"""Stock Apache Thrift over TSSLSocket, and stock clients with tokens, against our node."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from thrift.protocol.TBinaryProtocol import TBinaryProtocolAccelerated
from thrift.Thrift import TApplicationException
from thrift.transport.TSocket import TSocket
from thrift.transport.TSSLSocket import TSSLSocket
from thrift.transport.TTransport import TFramedTransport, TTransportException

from pyrpc import Server, Tls
from pyrpc.wire.gen import Node, ttypes


def double(x: np.ndarray) -> np.ndarray:
    return 2 * x


@pytest.fixture
def node(authority: Any, tmp_path: Path) -> Iterator[Server]:
    tokens = tmp_path / "tokens"
    tokens.write_text("alice s3cret\nbob other nothing\n")
    tokens.chmod(0o600)
    made = authority.issue("127.0.0.1")
    with Server(double, port=0, tls=Tls(ca=authority.file, cert=made.cert, key=made.key), tokens=tokens) as server:
        yield server


class Stock:
    """A stock client and its socket."""

    def __init__(self, socket: Any) -> None:
        self.transport = TFramedTransport(socket)
        self.client = Node.Client(TBinaryProtocolAccelerated(self.transport))
        self.transport.open()

    def double(self, value: int, token: str | None) -> int:
        arguments = [ttypes.Value(int_value=value)]
        reply = self.client.call("double", arguments, {}, ttypes.CallOptions(token=token))
        return int(reply.value.int_value)

    def __enter__(self) -> Stock:
        return self

    def __exit__(self, *_: object) -> None:
        self.transport.close()


def secured(server: Server, authority: Any, **options: Any) -> TSSLSocket:
    host, _, port = server.endpoint.rpartition(":")
    shown = authority.issue("somebody")
    options = {"certfile": str(shown.cert), "keyfile": str(shown.key), **options}
    return TSSLSocket(host, int(port), ca_certs=str(authority.file), cert_reqs=ssl.CERT_REQUIRED, **options)


def test_stock_client_calls_over_tls_with_a_token(node: Server, authority: Any) -> None:
    with Stock(secured(node, authority)) as stock:
        assert stock.client.ping().protocol_version == 1
        assert [stock.double(number, "s3cret") for number in range(50)] == [2 * number for number in range(50)]
        asked = ttypes.CallOptions(token="s3cret")
        assert [stage.name for stage in stock.client.stages(asked)] == ["double"]
        assert stock.client.stats(asked).stages["double"].calls == 50
        data = np.arange(1_000_000.0)
        tensor = ttypes.Tensor(ttypes.DType.FLOAT64, [data.size], data.tobytes())
        reply = stock.client.run("double", [ttypes.Value(tensor_value=tensor)], {}, data.size, asked)
        assert np.array_equal(np.frombuffer(reply.value.tensor_value.data), 2 * data)


@pytest.mark.parametrize(
    ("token", "code"), [(None, "UNAUTHENTICATED"), ("wr0ng", "UNAUTHENTICATED"), ("other", "PERMISSION_DENIED")]
)
def test_stock_client_gets_the_declared_error_without_the_right(
    node: Server, authority: Any, token: str | None, code: str
) -> None:
    with Stock(secured(node, authority)) as stock:
        for _ in range(2):
            with pytest.raises(ttypes.RpcError) as caught:
                stock.double(1, token)
            assert ttypes.ErrorCode._VALUES_TO_NAMES[caught.value.code] == code
        if token != "other":
            with pytest.raises(ttypes.RpcError):
                stock.client.stages(ttypes.CallOptions(token=token))
            with pytest.raises(ttypes.RpcError):
                stock.client.stats(None)
        assert stock.double(1, "s3cret") == 2


def test_stock_client_without_tls_is_told_so(node: Server) -> None:
    host, _, port = node.endpoint.rpartition(":")
    for ask in (lambda stock: stock.client.ping(), lambda stock: stock.double(1, "s3cret")):
        with Stock(TSocket(host, int(port))) as stock:
            with pytest.raises(TApplicationException, match="this node speaks TLS") as caught:
                ask(stock)
            assert caught.value.type == 10


def test_stock_client_with_tls_gets_an_error_from_a_plain_node(authority: Any) -> None:
    with Server(double, port=0) as plain, pytest.raises(TTransportException):
        Stock(secured(plain, authority))


def test_stock_client_without_a_certificate_is_refused(node: Server, authority: Any) -> None:
    # Told at the handshake by TLS 1.2, with the first answer by 1.3.
    with (
        pytest.raises((TTransportException, OSError)),
        Stock(secured(node, authority, certfile=None, keyfile=None)) as stock,
    ):
        stock.client.ping()


def test_calls_as_written_before_tokens_are_answered_where_none_are_asked_for() -> None:
    # The arguments of ping, stages and stats were empty structs.
    with Server(double, port=0) as server:
        host, _, port = server.endpoint.rpartition(":")
        with Stock(TSocket(host, int(port))) as stock:
            for name in ("stages", "stats"):
                protocol = stock.client._oprot
                protocol.writeMessageBegin(name, 1, 0)
                protocol.writeStructBegin("args")
                protocol.writeFieldStop()
                protocol.writeMessageEnd()
                stock.transport.flush()
                assert getattr(stock.client, f"recv_{name}")()
