"""``setup`` runs before the first call, ``close`` after the last, once each."""

from __future__ import annotations

import logging
import signal
import socket
import types
from collections.abc import Callable
from typing import Any

import pytest

import pyrpc
from pyrpc import Client, Server
from pyrpc.errors import ConfigError
from pyrpc.stage.registry import Registry


class Model:
    def __init__(self, name: str = "model", events: list[str] | None = None) -> None:
        self.name = name
        self.events = [] if events is None else events
        self.fails_in: str | None = None

    def setup(self) -> None:
        self._note("setup")

    def close(self) -> None:
        self._note("close")

    def _note(self, what: str) -> None:
        self.events.append(f"{what} {self.name}")
        if what == self.fails_in:
            raise OSError("no device")

    def predict(self, x: int) -> int:
        self.events.append("predict")
        return 2 * x


def names(service: object) -> list[str]:
    return [info.name for info in Registry(service).infos()]


def test_hooks_are_no_stages() -> None:
    assert names(Model()) == ["Model.predict"]


def test_setup_runs_before_the_node_listens_and_close_after_the_last_call() -> None:
    model = Model()
    port = free_port()

    def setup() -> None:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))
        model.events.append("setup")

    model.setup = setup  # type: ignore[method-assign]
    with Server(model, port=port) as server, Client(server.endpoint) as client:
        assert client.call("Model.predict", 2) == 4
        assert model.events == ["setup", "predict"]
    assert model.events == ["setup", "predict", "close model"]
    server.stop()
    assert model.events.count("close model") == 1


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def test_services_are_closed_in_the_opposite_order() -> None:
    events: list[str] = []
    with Server({"A": Model("a", events), "B": Model("b", events)}, port=0):
        pass
    assert events == ["setup a", "setup b", "close b", "close a"]


def test_instance_that_is_hosted_twice_is_set_up_once() -> None:
    model = Model()
    with Server({"A": model, "B": model}, port=0):
        pass
    assert model.events == ["setup model", "close model"]


def test_server_that_never_starts_runs_no_hooks() -> None:
    model = Model()
    Server(model, port=0).stop()
    assert model.events == []


def test_port_that_is_taken_is_told_before_anything_is_set_up() -> None:
    model = Model()
    with socket.create_server(("127.0.0.1", 0)) as other:
        server = Server(model, port=other.getsockname()[1])
        with pytest.raises(ConfigError, match="another program has that port"):
            server.start()
    assert model.events == []
    # As soon as it is free all goes well.
    server.start().stop()
    assert model.events == ["setup model", "close model"]


def test_callers_are_refused_until_all_is_set_up() -> None:
    refused: list[bool] = []

    class Slow:
        def setup(self) -> None:
            host, _, port = server.endpoint.rpartition(":")
            try:
                socket.create_connection((host, int(port)), 5).close()
            except ConnectionRefusedError:
                refused.append(True)

        def get(self) -> int:
            return 7

    server = Server(Slow, port=0)
    with server, Client(server.endpoint) as client:
        assert client.call("Slow.get") == 7
    assert refused == [True]


def test_port_is_free_again_when_setup_fails() -> None:
    model = Model()
    model.fails_in = "setup"
    server = Server(model, port=0)
    endpoint = server.bind()
    with pytest.raises(ConfigError, match="setup of"):
        server.start()
    socket.create_server(("127.0.0.1", int(endpoint.rpartition(":")[2]))).close()


def test_prepare_sets_up_once() -> None:
    model = Model()
    server = Server(model, port=0)
    server.prepare()
    server.prepare()
    server.start().stop()
    assert model.events == ["setup model", "close model"]


def test_error_in_setup_stops_the_start_and_closes_what_was_set_up() -> None:
    events: list[str] = []
    first, second = Model("a", events), Model("b", events)
    second.fails_in = "setup"
    server = Server({"A": first, "B": second}, port=0)
    with pytest.raises(ConfigError, match=r"setup of B failed: OSError: no device \(test_hooks.py:\d+\)") as caught:
        server.start()
    assert "in _note" in str(caught.value.remote_traceback)
    assert events == ["setup a", "setup b", "close a"]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(server.endpoint.rpartition(":")[2]) or 1))


def test_port_that_is_taken_meanwhile_closes_what_was_set_up() -> None:
    model = Model()
    server = Server(model, port=0)
    port = int(server.bind().rpartition(":")[2])
    # Until one of them listens the kernel lets both have it.
    with socket.create_server(("127.0.0.1", port)), pytest.raises(ConfigError, match="cannot listen"):
        server.start()
    assert model.events == ["setup model", "close model"]


def test_error_in_close_is_logged_and_closes_the_others(caplog: pytest.LogCaptureFixture) -> None:
    events: list[str] = []
    first, second = Model("a", events), Model("b", events)
    second.fails_in = "close"
    with caplog.at_level(logging.ERROR, "pyrpc.node"), Server({"A": first, "B": second}, port=0):
        pass
    assert events[-2:] == ["close b", "close a"]
    assert "close of B failed" in caplog.text
    assert "no device" in caplog.text


def test_sys_exit_in_setup_is_told() -> None:
    class Exits:
        def setup(self) -> None:
            raise SystemExit(4)

        def f(self) -> None: ...

    with pytest.raises(ConfigError, match=r"setup of Exits failed: it calls sys.exit\(4\)"):
        Server(Exits, port=0).start()


def test_declared_stage_of_that_name_is_a_stage_and_no_hook() -> None:
    class Door:
        opened = 0

        @pyrpc.stage
        def close(self) -> str:
            return "closed"

        def setup(self, what: str) -> str:
            return what

    door = Door()
    assert names(door) == ["Door.close", "Door.setup"]
    with Server(door, port=0) as server, Client(server.endpoint) as client:
        assert client.call("Door.close") == "closed"
        assert client.call("Door.setup", "x") == "x"


def test_hooks_of_a_module_are_its_own_functions() -> None:
    module = types.ModuleType("flowers")
    exec("events = []\ndef setup(): events.append('setup')\ndef f(): return len(events)", module.__dict__)
    module.close = Model().close  # type: ignore[attr-defined]
    assert names(module) == ["flowers.f"]
    with Server(module, port=0) as server, Client(server.endpoint) as client:
        assert client.call("flowers.f") == 1


def test_function_that_is_passed_itself_is_a_stage() -> None:
    def setup() -> int:
        return 1

    assert names(setup) == ["setup"]


def test_async_hook_is_refused() -> None:
    class Waits:
        async def setup(self) -> None: ...

        def f(self) -> None: ...

    with pytest.raises(ConfigError, match="is async") as caught:
        Server(Waits, port=0)
    assert "setup" in caught.value.message


def test_hooks_alone_are_nothing_to_host() -> None:
    class Empty:
        def setup(self) -> None: ...

    with pytest.raises(ConfigError, match="nothing to host"):
        Server(Empty, port=0)


def test_worker_says_that_it_is_ready_only_when_a_signal_would_close_it(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Model()
    server = Server(model, port=0)
    handlers: list[Any] = []

    def adopt(control: object, adopt: object, on_end: Callable[[], None], *more: object, **named: object) -> None:
        # What tells the front. From here on it may send SIGTERM.
        handlers.append(signal.getsignal(signal.SIGTERM))
        on_end()

    monkeypatch.setattr("pyrpc.server.server.adopt_connections", adopt)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    ours, theirs = socket.socketpair()
    try:
        with ours, theirs:
            server.serve_adopted(ours)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert handlers[0] is not before[signal.SIGTERM]
    assert callable(handlers[0])
    assert model.events == ["setup model", "close model"]
