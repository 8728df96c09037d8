"""A handler for an IDL: what does not fit is told when the server is made."""

from __future__ import annotations

import types
from pathlib import Path
from typing import Any

import pytest

import pyrpc.idl
from pyrpc import Client, Server
from pyrpc.errors import ConfigError, StageFailedError
from pyrpc.server import IdlService

IDL = """
struct Pair { 1: i32 left = 3, 2: i32 right }
exception Bad { 1: string why }
service Sums {
  i32 add(1: i32 a, 2: i32 b = 5)
  Pair swap(1: Pair pair) throws (1: Bad bad)
}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "sums.thrift"
    path.write_text(IDL)
    return path


class Sums:
    def __init__(self) -> None:
        self.events: list[str] = []

    def setup(self) -> None:
        self.events.append("setup")

    def close(self) -> None:
        self.events.append("close")

    def add(self, a: int, b: int) -> int:
        return a + b

    def swap(self, pair: Any) -> dict[str, int]:
        return {"left": pair["right"], "right": pair["left"]}

    def not_in_the_idl(self) -> int:
        return 1


def test_functions_of_the_idl_are_stages_and_no_others(path: Path) -> None:
    with Server.from_idl(path, "Sums", Sums, port=0) as server, Client(server.endpoint) as client:
        assert [stage.name for stage in client.stages()] == ["Sums.add", "Sums.swap"]
        assert client.call("Sums.add", 1, 2) == 3
        assert client.call("Sums.swap", {"left": 1, "right": 2}) == {"left": 2, "right": 1}


def test_loaded_idl_and_more_services_are_taken(path: Path) -> None:
    def double(x: int) -> int:
        return 2 * x

    server = Server.from_idl(pyrpc.idl.load(path), "Sums", Sums(), double, port=0)
    with server.start(), Client(server.endpoint) as client:
        assert client.call("double", 4) == 8


def test_module_may_be_the_handler(path: Path) -> None:
    module = types.ModuleType("handlers")
    exec("def add(a, b):\n    return a + b\ndef swap(pair):\n    return pair", module.__dict__)
    with Server.from_idl(path, "Sums", module, port=0) as server, Client(server.endpoint) as client:
        assert client.call("Sums.add", 1, 2) == 3


def test_setup_and_close_of_the_handler_run_once(path: Path) -> None:
    handler = Sums()
    with Server.from_idl(path, "Sums", handler, port=0):
        assert handler.events == ["setup"]
    assert handler.events == ["setup", "close"]


def test_dict_gives_it_another_name(path: Path) -> None:
    with Server({"Other": IdlService(path, "Sums", Sums)}, port=0) as server:
        assert [stage.name for stage in server.stages] == ["Other.add", "Other.swap"]


def test_service_that_is_not_in_the_idl_is_told(path: Path) -> None:
    with pytest.raises(ConfigError, match="has no service 'Sum'") as caught:
        Server.from_idl(path, "Sum", Sums)
    assert "Sums" in (caught.value.help or "")


def test_handler_that_lacks_a_function_is_told(path: Path) -> None:
    class Half:
        def add(self, a: int, b: int) -> int: ...

    with pytest.raises(ConfigError, match="Half lacks 'swap'") as caught:
        Server.from_idl(path, "Sums", Half)
    assert caught.value.expected == "swap(pair)"


def test_handler_that_takes_other_arguments_is_told(path: Path) -> None:
    class Wrong(Sums):
        def add(self, a: int) -> int:  # type: ignore[override]
            return a

    with pytest.raises(ConfigError, match=r"Wrong\.add does not fit the IDL") as caught:
        Server.from_idl(path, "Sums", Wrong)
    assert caught.value.expected == "add(a, b)"


def test_idl_with_an_error_shows_the_line(tmp_path: Path) -> None:
    path = tmp_path / "wrong.thrift"
    path.write_text("service S {\n  i32 f(1: i32 x)\n  i64 g(1 i32 x)\n}")
    with pytest.raises(ConfigError, match=r"wrong\.thrift, line 3") as caught:
        Server.from_idl(path, "S", Sums)
    assert caught.value.got == "i64 g(1 i32 x)"


def test_exception_of_the_idl_is_a_failure_of_the_stage_in_the_generic_api(path: Path) -> None:
    idl = pyrpc.idl.load(path)

    class Raises(Sums):
        def swap(self, pair: Any) -> Any:
            raise idl.Bad(why="no")

    raises = pytest.raises(StageFailedError, match="why='no'")
    with Server.from_idl(idl, "Sums", Raises, port=0) as server, Client(server.endpoint) as client, raises as caught:
        client.call("Sums.swap", None)
    assert caught.value.remote_type == "Bad"
