"""Whoever is not who they should be, at either end: each time a named error, and the node serves the others on."""

from __future__ import annotations

import concurrent.futures
import contextlib
import logging
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyrpc import Client, Server, Tls, current_call
from pyrpc.deadline import Deadline
from pyrpc.errors import AuthError, ConfigError, ProtocolError, PyrpcError, TlsError
from pyrpc.transport.patience import Patience
from pyrpc.wire.codec import BINARY
from pyrpc.wire.messages import CallOptions

CANCELLED = threading.Event()
X = np.arange(12.0).reshape(6, 2)
TOKENS = "alice alice-s3cret\nbob bob-s3cret double Box\n"


def double(x: np.ndarray) -> np.ndarray:
    return 2 * x


def triple(x: np.ndarray) -> np.ndarray:
    return 3 * x


class Box:
    def get(self) -> int:
        return 7

    def wait(self) -> bool:
        """Until nobody waits for the answer."""
        call = current_call()
        while not call.cancelled:
            time.sleep(0.005)
        CANCELLED.set()
        return True


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    path = tmp_path / "tokens.txt"
    path.write_text(TOKENS)
    path.chmod(0o600)
    return path


@pytest.fixture
def start() -> Iterator[Callable[..., Server]]:
    with contextlib.ExitStack() as stack:
        yield lambda **options: stack.enter_context(Server(double, triple, Box, port=0, **options))


@pytest.fixture
def ask() -> Iterator[Callable[..., Client]]:
    with contextlib.ExitStack() as stack:

        def ask(endpoint: str, **options: Any) -> Client:
            return stack.enter_context(Client(endpoint, **{"tls": False, **options}))

        yield ask


def name_of(endpoint: str, host: str) -> str:
    return f"{host}:{endpoint.rpartition(':')[2]}"


# -- certificates


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_certificate_that_holds_lets_calls_through(
    authority: Any, start: Any, ask: Any, version: ssl.TLSVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pyrpc.transport import tls_connection

    make = tls_connection.client_context

    def limited(tls: Tls) -> ssl.SSLContext:
        context = make(tls)
        context.maximum_version = version
        return context

    monkeypatch.setattr(tls_connection, "client_context", limited)
    server = start(tls=authority.issue("127.0.0.1", "localhost"))
    for host in ("127.0.0.1", "localhost"):
        client = ask(name_of(server.endpoint, host), tls=Tls(ca=authority.file))
        assert np.array_equal(client.call("double", X), 2 * X)
        assert np.array_equal(client.map("double", X), 2 * X)
        big = np.random.default_rng(1).random(1_000_000)
        assert np.array_equal(client.call("double", big), 2 * big)
        futures = [client.submit("double", X + index) for index in range(200)]
        assert all(np.array_equal(future.result(), 2 * (X + index)) for index, future in enumerate(futures))


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        ("expired", "the node's certificate has expired"),
        ("not yet", "the node's certificate is not valid yet"),
        ("wrong CA", "not signed by a CA that is trusted here"),
        ("wrong host", "the node's certificate is for another host"),
        ("wrong address", "the node's certificate is for another host"),
        ("wrong name", "the node's certificate is for another host"),
    ],
)
def test_certificate_that_does_not_hold_is_refused(
    authority: Any, new_authority: Any, start: Any, ask: Any, fault: str, complaint: str, monkeypatch: Any
) -> None:
    host, name, trusted = "127.0.0.1", None, authority.file
    made = {"days": {"expired": -1.0}.get(fault, 1.0)}
    if fault == "not yet":
        made = {"days": 40.0, "begins": 30.0}
    if fault == "wrong CA":
        trusted = new_authority().file
    if fault == "wrong host":
        host = "localhost"
    if fault == "wrong name":
        name = "somebody.else"
    server = start(tls=authority.issue("10.9.9.9" if fault == "wrong address" else "127.0.0.1", **made))
    client = ask(name_of(server.endpoint, host), tls=Tls(ca=trusted, server_name=name))
    for attempt in (lambda: client.call("double", X), lambda: client.map("double", X), client.stats):
        with pytest.raises(TlsError, match=complaint) as caught:
            attempt()
        assert caught.value.help
        assert not caught.value.may_have_run
    assert server._dispatcher.counters.snapshot()[0] == {}


def test_stage_learns_over_tls_that_its_caller_gave_up(authority: Any, start: Any, ask: Any) -> None:
    server = start(tls=authority.issue("127.0.0.1"))
    client = ask(server.endpoint, tls=Tls(ca=authority.file))
    CANCELLED.clear()
    # Without a limit of time: nothing but the end of the connection tells.
    connection = client._nodes[0].pool.take(10, time.monotonic())
    connection.send_parts(BINARY.encode_call("Box.wait", (), {}, CallOptions(), 1), _deadline())
    assert not CANCELLED.wait(0.1)
    connection.close()
    assert CANCELLED.wait(10)
    assert np.array_equal(client.call("double", X), 2 * X)


def test_name_may_be_told_where_it_is_not_the_endpoint_s(authority: Any, start: Any, ask: Any) -> None:
    server = start(tls=authority.issue("node.cluster"))
    client = ask(server.endpoint, tls=Tls(ca=authority.file, server_name="node.cluster"))
    assert np.array_equal(client.call("double", X), 2 * X)


@pytest.mark.parametrize(
    ("shown", "complaint"),
    [
        ("none", "asks for a certificate|refused the TLS session"),
        ("expired", "refused the client's certificate"),
        ("wrong CA", "refused the client's certificate"),
    ],
)
@pytest.mark.parametrize("rows", [6, 600_000])
def test_node_that_asks_for_certificates_refuses_others(
    authority: Any, new_authority: Any, start: Any, ask: Any, shown: str, complaint: str, rows: int
) -> None:
    node = authority.issue("127.0.0.1")
    server = start(tls=Tls(ca=authority.file, cert=node.cert, key=node.key))
    right = authority.issue("somebody")
    told = {
        "none": right,
        "expired": authority.issue("somebody", days=-1.0),
        "wrong CA": new_authority().issue("somebody"),
    }[shown]
    files = {} if shown == "none" else {"cert": told.cert, "key": told.key}
    client = ask(server.endpoint, tls=Tls(ca=authority.file, **files))
    with pytest.raises(TlsError, match=complaint) as caught:
        client.call("double", np.zeros((rows, 2)))
    assert not caught.value.may_have_run
    assert server._dispatcher.counters.snapshot()[0] == {}
    # Whoever shows the right one is served.
    client = ask(server.endpoint, tls=Tls(ca=authority.file, cert=right.cert, key=right.key))
    assert np.array_equal(client.call("double", X), 2 * X)


def test_node_with_a_bad_certificate_is_passed_over_for_another(authority: Any, start: Any, ask: Any) -> None:
    bad, good = start(tls=authority.issue("127.0.0.1", days=-1.0)), start(tls=authority.issue("127.0.0.1"))
    client = ask(f"{bad.endpoint},{good.endpoint}", tls=Tls(ca=authority.file))
    for _ in range(20):
        assert np.array_equal(client.call("double", X), 2 * X)
    assert np.array_equal(client.map("double", X, chunk_rows=1), 2 * X)


# -- one end without TLS


def test_client_without_tls_is_told_that_the_node_speaks_it(
    authority: Any, start: Any, ask: Any, own_time: Callable[[], float]
) -> None:
    server = start(tls=authority.issue("127.0.0.1"))
    client = ask(server.endpoint)
    big = np.zeros(3_000_000)
    for attempt in (
        lambda: client.call("double", X),
        lambda: client.call("double", big),
        lambda: client.call("double", x=X),
        lambda: client.map("double", X),
        client.ping,
        client.stages,
        lambda: client.submit("double", X).result(),
    ):
        began = own_time()
        with pytest.raises(TlsError, match="this node speaks TLS") as caught:
            attempt()
        assert "tls=pyrpc.Tls" in (caught.value.help or "")
        assert own_time() - began < 5
    assert server._dispatcher.counters.snapshot()[0] == {}


def test_client_without_tls_is_told_by_a_foreign_node_s_alert(ask: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as foreign, concurrent.futures.ThreadPoolExecutor(1) as pool:

        def alert() -> None:
            for _ in range(3):
                sock = foreign.accept()[0]
                with sock:
                    sock.recv(9999)
                    sock.send(b"\x15\x03\x03\x00\x02\x02\x46")

        done = pool.submit(alert)
        with pytest.raises(ProtocolError, match="TLS alert"):
            ask(f"127.0.0.1:{foreign.getsockname()[1]}").call("double", X)
        for _ in range(2):
            with contextlib.suppress(OSError):
                socket.create_connection(foreign.getsockname(), 5).close()
        done.result(10)


def test_client_with_tls_is_told_that_the_node_does_not_speak_it(
    authority: Any, start: Any, ask: Any, own_time: Callable[[], float]
) -> None:
    server = start()
    client = ask(server.endpoint, tls=Tls(ca=authority.file))
    for attempt in (lambda: client.call("double", X), lambda: client.map("double", X), client.ping):
        began = own_time()
        with pytest.raises(TlsError, match="this node does not speak TLS") as caught:
            attempt()
        assert "--tls-cert" in (caught.value.help or "")
        assert own_time() - began < 5
    assert np.array_equal(ask(server.endpoint).call("double", X), 2 * X)


@pytest.mark.parametrize("length", [0x1603_0180, 0x1603_0182])
def test_frame_as_long_as_a_hello_looks_is_no_hello(start: Any, length: int) -> None:
    # Frames of 352 MiB are allowed; the bytes behind the length tell.
    server = start(max_frame_bytes=10_000_000)
    host, _, port = server.endpoint.rpartition(":")
    head = length.to_bytes(4, "big") + b"\x80\1\0\1\0\0\0\4call\0\0\0\7\x0b\0\1\0\0\0\6double"
    with socket.create_connection((host, int(port)), 10) as sock:
        sock.send(head)
        assert b"too large" in sock.recv(999)


def test_silent_client_is_cut_and_delays_nobody(authority: Any, start: Any, ask: Any, own_time: Any) -> None:
    server = start(tls=authority.issue("127.0.0.1"), patience=Patience(handshake_s=2.0))
    host, _, port = server.endpoint.rpartition(":")
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(socket.create_connection((host, int(port)), 10)) for _ in range(50)]
        client = ask(server.endpoint, tls=Tls(ca=authority.file))
        began = own_time()
        assert np.array_equal(client.call("double", X), 2 * X)
        assert own_time() - began < 1.5
        assert [sock.recv(1) for sock in silent] == [b""] * 50
        assert own_time() - began < 8


# -- tokens


def test_token_gives_its_rights_and_no_more(start: Any, ask: Any, tokens: Path) -> None:
    server = start(tokens=tokens)
    alice, bob = (ask(server.endpoint, token=f"{name}-s3cret") for name in ("alice", "bob"))
    for _ in range(3):
        assert np.array_equal(alice.call("triple", X), 3 * X)
        assert np.array_equal(bob.call("double", X), 2 * X)
        assert bob.call("Box.get") == 7
    assert np.array_equal(bob.call("double", x=X), 2 * X)
    assert np.array_equal(bob.map("double", X), 2 * X)
    assert len(bob.stages()) == 4
    for attempt in (
        lambda: bob.call("triple", X),
        lambda: bob.call("triple", X),
        lambda: bob.call("triple", x=X),
        lambda: bob.map("triple", X),
        lambda: bob.submit("triple", X).result(),
        lambda: bob.call("no_such_stage"),
    ):
        with pytest.raises(AuthError, match="of bob gives no right to") as caught:
            attempt()
        assert caught.value.is_denied
    # The connection goes on.
    assert np.array_equal(bob.call("double", X), 2 * X)
    assert server._dispatcher.counters.snapshot()[0].keys() == {"double", "triple", "Box.get"}
    assert server._dispatcher.counters.snapshot()[0]["triple"].calls == 3


@pytest.mark.parametrize(("token", "complaint"), [(None, "asks for a token"), ("wr0ng", "does not know the token")])
def test_missing_or_wrong_token_is_refused(
    start: Any, ask: Any, tokens: Path, token: str | None, complaint: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server = start(tokens=tokens)
    client = ask(server.endpoint, token=token)
    for attempt in (
        lambda: client.call("double", X),
        lambda: client.call("double", x=X),
        lambda: client.call("no_such_stage"),
        lambda: client.map("double", X),
        lambda: client.submit("double", X).result(),
        client.stages,
        client.stats,
        lambda: client._nodes[0].put(X, _deadline()),
        lambda: client._nodes[0].request("release", _deadline(), {"options": CallOptions(token=token)}),
    ):
        with pytest.raises(AuthError, match=complaint) as caught:
            attempt()
        assert not caught.value.is_denied
        assert "wr0ng" not in str(caught.value) and "s3cret" not in str(caught.value)
    assert server._dispatcher.counters.snapshot()[0] == {}
    assert set(client.ping()) == {server.endpoint}
    assert "wr0ng" not in caplog.text and "s3cret" not in caplog.text


def _deadline() -> Deadline:
    return Deadline(10)


def test_revoked_token_is_refused_on_connections_that_are_open(start: Any, ask: Any, tokens: Path) -> None:
    server = start(tokens=tokens)
    client = ask(server.endpoint, token="bob-s3cret")
    for _ in range(3):
        client.call("double", X)
    tokens.write_text("alice alice-s3cret\nbob another-s3cret\n")
    server._tokens.look()
    server._tokens.look()
    for _ in range(2):
        with pytest.raises(AuthError, match="does not know the token"):
            client.call("double", X)
    assert np.array_equal(ask(server.endpoint, token="another-s3cret").call("triple", X), 3 * X)


def test_change_of_the_file_is_noticed_by_a_running_node(start: Any, ask: Any, tokens: Path) -> None:
    server = start(tokens=tokens)
    client = ask(server.endpoint, token="new-s3cret")
    with pytest.raises(AuthError):
        client.call("double", X)
    tokens.write_text(TOKENS + "carol new-s3cret\n")
    until = time.monotonic() + 30
    while True:
        try:
            assert np.array_equal(client.call("double", X), 2 * X)
            break
        except AuthError:
            assert time.monotonic() < until
            time.sleep(0.1)


def test_token_of_one_connection_is_not_that_of_another(start: Any, ask: Any, tokens: Path) -> None:
    server = start(tokens=tokens)
    alice, nobody = ask(server.endpoint, token="alice-s3cret"), ask(server.endpoint)
    for _ in range(3):
        assert np.array_equal(alice.call("double", X), 2 * X)
        with pytest.raises(AuthError):
            nobody.call("double", X)


def test_oneway_calls_need_a_token_too(start: Any, ask: Any, tokens: Path) -> None:
    server = start(tokens=tokens)
    connection = ask(server.endpoint, token="alice-s3cret")._nodes[0].pool.take(5, 0)
    for token in (None, "wr0ng", "alice-s3cret"):
        frame = bytearray(b"".join(BINARY.encode_call("double", (X,), {}, CallOptions(token=token), 1)))
        frame[3] = 4
        connection._sock.send(len(frame).to_bytes(4, "big") + frame)
    # Answered after them.
    connection.exchange("ping", 2, BINARY.encode_request("ping", 2, {}), _deadline())
    assert server._dispatcher.counters.snapshot()[0]["double"].calls == 1
    connection.close()


def test_token_comes_from_the_environment_or_a_file(
    start: Any, tokens: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = start(tokens=tokens)
    file = tmp_path / "mine"
    file.write_text("bob-s3cret\n")
    monkeypatch.setenv("PYRPC_TOKEN_FILE", str(file))
    with Client(server.endpoint) as client:
        assert np.array_equal(client.call("double", X), 2 * X)
    monkeypatch.setenv("PYRPC_TOKEN", "alice-s3cret")
    with Client(server.endpoint) as client:
        assert np.array_equal(client.call("triple", X), 3 * X)
    with Client(server.endpoint, token="bob-s3cret") as client, pytest.raises(AuthError):
        client.call("triple", X)


@pytest.mark.parametrize("token", ["", "two s3cret", "s3crét", "s3cret\n", "s3cret" * 1000, 7, b"s3cret"])
def test_what_cannot_be_a_token_is_refused_without_showing_it(token: Any) -> None:
    with pytest.raises(ConfigError, match="token") as caught:
        Client("127.0.0.1:1", token=token)
    assert "s3cr" not in str(caught.value)


def test_token_is_in_no_repr() -> None:
    assert "s3cret" not in repr(CallOptions(token="s3cret"))
    client = Client("127.0.0.1:1", token="s3cret")
    assert "s3cret" not in repr(client) + repr(client._nodes)


def test_token_without_tls_to_another_machine_is_warned_of(caplog: pytest.LogCaptureFixture, authority: Any) -> None:
    for endpoint, tls, warnings in (
        ("127.0.0.1:1", False, 0),
        ("[::1]:1,localhost:1", False, 0),
        ("10.0.0.1:1", Tls(ca=authority.file), 0),
        ("10.0.0.1:1,h2:1", False, 2),
    ):
        caplog.clear()
        Client(endpoint, token="s3cret", tls=tls).close()
        assert [record.levelno for record in caplog.records] == [logging.WARNING] * warnings
        assert "s3cret" not in caplog.text


# -- who may be let in from elsewhere


def test_other_machines_are_let_in_with_both_or_when_told_so(authority: Any, tokens: Path) -> None:
    tls = authority.issue("127.0.0.1")
    for options, complaint in (
        ({}, "no tls and no tokens"),
        ({"tls": tls}, "no tokens"),
        ({"tokens": tokens}, "no tls"),
    ):
        with pytest.raises(ConfigError, match=complaint) as caught:
            Server(double, host="0.0.0.0", port=0, **options)
        assert "insecure=True" in (caught.value.help or "")
    for options in ({"tls": tls, "tokens": tokens}, {"insecure": True}):
        Server(double, host="0.0.0.0", port=0, **options).start().stop()


@pytest.mark.parametrize("tls", [True, "node.pem", {}])
def test_tls_that_makes_no_sense_is_refused_at_both_ends(tls: Any) -> None:
    with pytest.raises(ConfigError, match="tls makes no sense"):
        Server(double, port=0, tls=tls)
    if tls is not True:
        with pytest.raises(ConfigError, match="tls makes no sense"):
            Client("127.0.0.1:1", tls=tls)


# -- the command, and worker processes


def run(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pyrpc", *arguments]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYRPC_")}
    return subprocess.run(command, env={**kept, **(env or {})}, capture_output=True, text=True, timeout=60)


@pytest.fixture(params=["alone", "workers"])
def command_node(request: Any, authority: Any, tokens: Path, tmp_path: Path) -> Iterator[str]:
    service = tmp_path / "service.py"
    service.write_text("def double(x):\n    return 2 * x\n\ndef triple(x):\n    return 3 * x\n")
    tls = authority.issue("127.0.0.1")
    command = [sys.executable, "-m", "pyrpc", "serve", f"{service}:double", f"{service}:triple", "--port", "0"]
    command += ["--host", "0.0.0.0", "--tls-cert", str(tls.cert), "--tls-key", str(tls.key), "--tokens", str(tokens)]
    command += ["--workers", "2"] if request.param == "workers" else []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline()  # type: ignore[union-attr]
            assert line.startswith("listening on "), line
            yield name_of(line.strip(), "127.0.0.1")
        finally:
            process.terminate()


def test_command_speaks_tls_and_shows_tokens(command_node: str, authority: Any, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("bob-s3cret\n")
    trust, show = ("--tls-ca", str(authority.file)), ("--token-file", str(tmp_path / "mine"))
    done = run("call", command_node, "double", "4", *trust, *show)
    assert (done.returncode, done.stdout) == (0, "8\n"), done.stderr
    env = {"PYRPC_TLS_CA": str(authority.file), "PYRPC_TOKEN": "bob-s3cret"}
    assert run("stats", command_node, env=env).returncode == 0
    assert run("ping", command_node, *trust).returncode == 0
    for arguments, code, complaint in (
        (("call", command_node, "triple", "4", *trust, *show), 2, "gives no right to triple"),
        (("call", command_node, "double", "4", *trust), 2, "asks for a token"),
        (("ls", command_node, *trust), 2, "asks for a token"),
        (("call", command_node, "double", "4", *show), 3, "this node speaks TLS"),
        (("call", command_node, "double", "4", "--tls", *show), 3, "not signed by a CA that is trusted"),
    ):
        done = run(*arguments)
        assert (done.returncode, complaint in done.stderr) == (code, True), done.stderr
        assert "help: " in done.stderr and "s3cret" not in done.stderr and "tls=" not in done.stderr


def test_connections_to_worker_processes_speak_tls(command_node: str, authority: Any) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(4):
            client = stack.enter_context(Client(command_node, tls=Tls(ca=authority.file), token="alice-s3cret"))
            assert np.array_equal(client.map("double", X), 2 * X)
            with pytest.raises(PyrpcError, match="this node speaks TLS"):
                stack.enter_context(Client(command_node, tls=False, token="alice-s3cret")).call("double", X)
