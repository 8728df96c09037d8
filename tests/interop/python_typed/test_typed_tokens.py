"""Typed calls at a node that asks for tokens: the connection shows one first."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.idl import samples
from thrift.protocol.TMultiplexedProtocol import TMultiplexedProtocol
from thrift.Thrift import TApplicationException

from pyrpc import Server

from .conftest import PROTOCOLS, Bindings, opened
from .everyone import Handler


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    path = tmp_path / "tokens.txt"
    path.write_text("alice one\nbob two Vision.add Everyone.forget\ncarol three Other.*\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def server(tokens: Path) -> Iterator[Server]:
    with Server(samples.Vision, port=0, tokens=tokens) as server:
        yield server


def show(made: Any, bindings: Bindings, token: str) -> None:
    """Send a token on a connection."""
    import pyrpc_idl.Node as Node

    Node.Client(TMultiplexedProtocol(made, "Node")).stages(bindings.shared.CallOptions(token=token))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_typed_call_is_refused_until_its_connection_has_shown_a_token(
    server: Server, bindings: Bindings, protocol: str
) -> None:
    with opened(server.endpoint, protocol) as made:
        client = bindings.Vision.Client(made)
        with pytest.raises(bindings.shared.RpcError) as caught:
            client.add(1, 2)
        assert caught.value.code == bindings.shared.ErrorCode.UNAUTHENTICATED
        assert "first send one on the same connection" in caught.value.help
        show(made, bindings, "one")
        assert client.add(1, 2) == 3
        assert client.add(3, 4) == 7
    with opened(server.endpoint, protocol) as made, pytest.raises(bindings.shared.RpcError):
        bindings.Vision.Client(made).add(1, 2)


def test_wrong_token_shows_nothing(server: Server, bindings: Bindings) -> None:
    with opened(server.endpoint) as made:
        with pytest.raises(bindings.shared.RpcError):
            show(made, bindings, "wrong")
        with pytest.raises(bindings.shared.RpcError) as caught:
            bindings.Vision.Client(made).add(1, 2)
        assert caught.value.code == bindings.shared.ErrorCode.UNAUTHENTICATED


def test_typed_call_has_the_rights_of_the_token(server: Server, bindings: Bindings) -> None:
    denied = bindings.shared.ErrorCode.PERMISSION_DENIED
    with opened(server.endpoint) as made:
        client = bindings.Vision.Client(made)
        show(made, bindings, "two")
        assert client.add(1, 2) == 3
        with pytest.raises(bindings.shared.RpcError) as caught:
            client.is_empty([])
        assert caught.value.code == denied
        # The one that was shown last counts.
        show(made, bindings, "one")
        assert client.is_empty([]) is True
        show(made, bindings, "three")
        with pytest.raises(bindings.shared.RpcError):
            client.add(1, 2)


def test_token_that_is_taken_away_gives_no_right_any_more(server: Server, bindings: Bindings, tokens: Path) -> None:
    with opened(server.endpoint) as made:
        client = bindings.Vision.Client(made)
        show(made, bindings, "one")
        assert client.add(1, 2) == 3
        tokens.write_text("bob two\n")
        assert server._tokens is not None
        for _ in range(3):
            server._tokens.look()
        with pytest.raises(bindings.shared.RpcError) as caught:
            client.add(1, 2)
        assert caught.value.code == bindings.shared.ErrorCode.UNAUTHENTICATED


def test_names_tell_nothing_to_who_has_no_token(server: Server, bindings: Bindings) -> None:
    with opened(server.endpoint, service="Nothing") as made:
        with pytest.raises(TApplicationException) as caught:
            bindings.Vision.Client(made).add(1, 2)
        assert "Vision" not in str(caught.value)


@pytest.mark.parametrize("kind", ["from_idl", "processor"])
def test_oneway_calls_and_processors_need_a_token_too(everything: Any, bindings: Any, tokens: Path, kind: str) -> None:
    import pyrpc.idl

    from .conftest import TOP

    if kind == "processor":
        handler = Handler(everything.types, everything.shared)
        server = Server(everything.Everyone.Processor(handler), port=0, tokens=tokens)
    else:
        idl = pyrpc.idl.load(TOP / "tests/idl/everything.thrift")
        handler = Handler(idl, idl.shared)
        server = Server.from_idl(idl, "Everyone", handler, port=0, tokens=tokens)
    with server, opened(server.endpoint) as made:
        client = everything.Everyone.Client(made)
        client.forget(1)
        show(made, bindings, "two")
        client.forget(2)
        with pytest.raises(TApplicationException, match=r"gives no right to Everyone\.negate"):
            client.negate(True)
        assert handler.noted == [2]
