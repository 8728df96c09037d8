"""``import pyrpc`` is cheap, and each name of it brings only what it needs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import pyrpc


def modules_after(statement: str) -> set[str]:
    """What is loaded in a fresh process that runs one statement."""
    script = f"{statement}\nimport sys\nprint(*sys.modules)"
    return set(
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    )


def parts_after(statement: str) -> set[str]:
    """Which parts of pyrpc are loaded in a fresh process that runs one statement."""
    return {name.split(".")[1] for name in modules_after(statement) if name.startswith("pyrpc.")}


def test_import_of_the_package_alone_loads_neither_numpy_nor_thrift() -> None:
    loaded = modules_after("import pyrpc")
    assert not {"numpy", "thrift"} & loaded
    assert {name for name in loaded if name.startswith("pyrpc")} == {"pyrpc"}


def test_client_never_loads_the_server() -> None:
    loaded = parts_after("from pyrpc import Client, broadcast, errors, stage")
    assert "client" in loaded
    assert not loaded & {"server", "cli", "testing"}


def test_server_never_loads_the_client() -> None:
    loaded = parts_after("from pyrpc import Server, stage")
    assert "server" in loaded
    assert not loaded & {"client", "plan", "cli", "testing"}


@pytest.mark.parametrize("name", pyrpc.__all__)
def test_each_exported_name_is_there(name: str) -> None:
    assert getattr(pyrpc, name) is getattr(pyrpc, name)
    assert name in dir(pyrpc)


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        pyrpc.no_such_name  # noqa: B018


@pytest.mark.parametrize("first", ["pass", "import pyrpc.stage.registry", "from pyrpc.server import Server"])
def test_stage_is_the_decorator_whatever_was_imported_before(first: str) -> None:
    statements = f"import pyrpc\n{first}\n@pyrpc.stage\ndef double(x): return 2 * x\nassert double(4) == 8"
    modules_after(statements)


def test_command_and_module_are_the_same_program() -> None:
    done = subprocess.run([sys.executable, "-m", "pyrpc", "--version"], capture_output=True, text=True)
    assert (done.returncode, pyrpc.__version__ in done.stdout) == (0, True)
