"""What a node that asks for tokens takes from who has shown none: little, and nothing from the room of the others."""

from __future__ import annotations

import contextlib
import logging
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyrpc import Client, Server
from pyrpc.deadline import Deadline
from pyrpc.errors import AuthError, PyrpcError
from pyrpc.server.guarded import GuardedDispatcher
from pyrpc.server.request_bytes import RequestBytes
from pyrpc.transport.connection import Connection
from pyrpc.transport.endpoint import Endpoint
from pyrpc.wire import limits
from pyrpc.wire.codec import BINARY
from pyrpc.wire.messages import CallOptions, Ref

TOKEN = "alice-s3cret"
LARGE = np.zeros(3 * 2**20, np.uint8)


def size(x: Any) -> int:
    return len(x)


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    path = tmp_path / "tokens.txt"
    path.touch(0o600)
    path.write_text(f"alice {TOKEN}\n")
    return path


@pytest.fixture
def server(tokens: Path) -> Iterator[Server]:
    with Server(size, port=0, tokens=tokens) as server:
        # These tests look, not the clock.
        server._tokens.close()
        yield server


@pytest.fixture
def connection(server: Server) -> Iterator[Connection]:
    with contextlib.closing(Connection(Endpoint.parse(server.endpoint))) as connection:
        yield connection


def call(connection: Connection, value: object, token: str | None = TOKEN) -> object:
    """As a client in another language may do it: no word before the call."""
    options = CallOptions(token=token)
    return connection.exchange("call", 7, BINARY.encode_call("size", [value], {}, options, 7), Deadline(20)).value


def show(connection: Connection, token: str = TOKEN) -> None:
    """What SPEC.md tells those clients to do."""
    args = {"ref": Ref(""), "options": CallOptions(token=token)}
    connection.exchange("release", 8, BINARY.encode_request("release", 8, args), Deadline(20))


@pytest.mark.parametrize("token", [None, "guessed", TOKEN], ids=["none", "wrong", "right, but at the end"])
def test_large_message_of_a_stranger_is_refused_by_its_length(
    server: Server, connection: Connection, token: str | None
) -> None:
    # Not so large that on a busy machine the node is done with listening before all is sent.
    with pytest.raises(AuthError, match=r"has not shown a token yet.*at most 1048576 bytes.*got 1200\d{3} bytes"):
        call(connection, LARGE[:1_200_000], token)
    # The answer comes first.
    assert connection.wait(20)
    assert not connection.is_alive()
    with Client(server.endpoint, token=TOKEN) as client:
        assert client.call("size", LARGE) == len(LARGE)


def test_refusal_comes_before_the_message(server: Server) -> None:
    host, _, port = server.endpoint.rpartition(":")
    message = b"".join(BINARY.encode_call("size", [LARGE], {}, CallOptions(), 7))
    with socket.create_connection((host, int(port)), 20) as sock:
        sock.sendall(len(message).to_bytes(4, "big") + message[:2000])
        answer = sock.recv(65536)
    assert b"has not shown a token yet" in answer


def test_connection_that_has_shown_its_token_may_send_large_messages(connection: Connection) -> None:
    show(connection)
    assert call(connection, LARGE) == len(LARGE)
    with pytest.raises(AuthError, match="does not know the token"):
        call(connection, LARGE, "guessed")
    assert call(connection, LARGE) == len(LARGE)


def test_wrong_token_shows_nothing(connection: Connection) -> None:
    with pytest.raises(AuthError):
        show(connection, "guessed")
    with pytest.raises(AuthError, match="has not shown"):
        call(connection, LARGE)


def test_small_first_message_needs_no_word_before(connection: Connection) -> None:
    assert call(connection, LARGE[: 2**20 - 1000]) == 2**20 - 1000
    assert call(connection, LARGE) == len(LARGE)


def test_client_shows_its_token_once_for_a_connection(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[object] = []
    show_token = Connection._show_token
    monkeypatch.setattr(Connection, "_show_token", lambda *args: (shown.append(args), show_token(*args)))
    with Client(server.endpoint, token=TOKEN) as client:
        for _ in range(3):
            assert client.call("size", LARGE) == len(LARGE)
        assert len(shown) == 1
    with Client(server.endpoint, token="guessed") as client, pytest.raises(AuthError, match="does not know the token"):
        client.call("size", LARGE)


def test_token_that_stands_in_the_new_file_too_lets_large_messages_through(
    server: Server, tokens: Path, connection: Connection
) -> None:
    show(connection)
    tokens.write_text(f"alice {TOKEN}\nbob bob-s3cret\n")
    server._tokens.look()
    server._tokens.look()
    assert call(connection, LARGE) == len(LARGE)
    tokens.write_text("bob bob-s3cret\n")
    server._tokens.look()
    server._tokens.look()
    with pytest.raises(AuthError, match="has not shown"):
        call(connection, LARGE)


def test_rights_of_a_token_are_those_of_the_new_file(server: Server, tokens: Path, connection: Connection) -> None:
    assert call(connection, b"123") == 3
    tokens.write_text(f"alice {TOKEN} other.*\n")
    server._tokens.look()
    server._tokens.look()
    for _ in range(2):
        with pytest.raises(AuthError, match="no right to size") as caught:
            call(connection, b"123")
        assert caught.value.is_denied


def test_strangers_fill_no_room_but_their_own(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    dispatcher = server._dispatcher
    assert isinstance(dispatcher, GuardedDispatcher)
    assert dispatcher._stranger_bytes.most <= 64 * 2**20
    dispatcher._stranger_bytes = RequestBytes(2**20, wait_s=0.0)
    host, _, port = server.endpoint.rpartition(":")
    message = b"".join(BINARY.encode_call("size", [LARGE[:900_000]], {}, CallOptions(token=TOKEN), 7))
    frame = len(message).to_bytes(4, "big") + message
    with socket.create_connection((host, int(port)), 20) as stalled:
        stalled.sendall(frame[:200_000])
        with contextlib.closing(Connection(Endpoint.parse(server.endpoint))) as other:
            while dispatcher._stranger_bytes.held == 0:
                other.exchange("ping", 1, BINARY.encode_request("ping", 1, {}), Deadline(20))
            with pytest.raises(PyrpcError, match="as many bytes of requests as it may"):
                call(other, LARGE[:900_000])
        with Client(server.endpoint, token=TOKEN) as client:
            assert client.call("size", LARGE) == len(LARGE)
        stalled.sendall(frame[200_000:])
        assert int.from_bytes(stalled.recv(4), "big") > 0
    assert limits.STRANGER_FRAME_BYTES > limits.READ_AHEAD_BYTES
