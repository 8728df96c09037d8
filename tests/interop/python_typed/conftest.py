"""Unmodified clients of what Apache's compiler writes for Python, from IDLs that were made or written here."""

from __future__ import annotations

import contextlib
import importlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from tests.idl import samples
from thrift.protocol.TBinaryProtocol import TBinaryProtocol, TBinaryProtocolAccelerated
from thrift.protocol.TCompactProtocol import TCompactProtocol, TCompactProtocolAccelerated
from thrift.protocol.TMultiplexedProtocol import TMultiplexedProtocol
from thrift.transport.TSocket import TSocket
from thrift.transport.TTransport import HARD_MAX_FRAME_SIZE, TFramedTransport

from pyrpc.idl.code import code_service
from pyrpc.idl.lock import Lock
from pyrpc.idl.text import text_of

TOP = Path(__file__).resolve().parents[3]
EVERYTHING = TOP / "tests/idl/everything.thrift"
PROTOCOLS = {
    "binary": TBinaryProtocol,
    "binary accelerated": TBinaryProtocolAccelerated,
    "compact": TCompactProtocol,
    "compact accelerated": TCompactProtocolAccelerated,
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if shutil.which("thrift") is None:
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(pytest.mark.skip(reason="the Thrift compiler is missing"))


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str, str], None]]:
    """Compiles an IDL for Python and makes the code importable."""
    folder = tmp_path_factory.mktemp("generated")

    def compile_(name: str, text: str) -> None:
        path = folder / f"{name}.thrift"
        path.write_text(text)
        where = ["-I", str(TOP / "thrift"), "-I", str(TOP / "tests/idl"), "-out", str(folder)]
        subprocess.run(["thrift", "-r", *where, "--gen", "py", str(path)], check=True, capture_output=True)
        importlib.invalidate_caches()

    sys.path.insert(0, str(folder))
    yield compile_
    sys.path.remove(str(folder))
    for name in [name for name, module in sys.modules.items() if str(folder) in str(getattr(module, "__file__", ""))]:
        del sys.modules[name]


class Bindings:
    """The generated modules of samples.Vision, and of pyrpc.thrift."""

    def __init__(self) -> None:
        self.Vision: ModuleType = importlib.import_module("vision_idl.Vision")
        self.types: ModuleType = importlib.import_module("vision_idl.ttypes")
        self.shared: ModuleType = importlib.import_module("pyrpc_idl.ttypes")

    def tensor(self, array: np.ndarray) -> Any:
        """An array as its struct."""
        number = getattr(self.shared.DType, array.dtype.name.upper())
        return self.shared.Tensor(number, list(array.shape), array.tobytes())


@pytest.fixture(scope="session")
def bindings(generated: Callable[[str, str], None]) -> Bindings:
    generated("vision", text_of(code_service(samples.Vision).document(Lock())))
    return Bindings()


@contextlib.contextmanager
def opened(endpoint: str, protocol: str = "binary", service: str | None = None, max_bytes: int | None = None) -> Any:
    """A protocol that talks to a node; of one service among several where that is named."""
    host, _, port = endpoint.rpartition(":")
    sock = TSocket(host, int(port))
    sock.setTimeout(30_000)
    framed = TFramedTransport(sock, max_bytes) if max_bytes else TFramedTransport(sock)
    options = {"string_length_limit": None} if max_bytes == HARD_MAX_FRAME_SIZE else {}
    made = PROTOCOLS[protocol](framed, **options)
    framed.open()
    try:
        yield made if service is None else TMultiplexedProtocol(made, service)
    finally:
        framed.close()


class Everything:
    """The generated modules of everything.thrift."""

    def __init__(self) -> None:
        self.Everyone: ModuleType = importlib.import_module("everything_idl.Everyone")
        self.types: Any = importlib.import_module("everything_idl.ttypes")
        self.shared: Any = importlib.import_module("shared_idl.ttypes")
        self.pyrpc: Any = importlib.import_module("pyrpc_idl.ttypes")


@pytest.fixture(scope="session")
def everything(generated: Callable[[str, str], None]) -> Everything:
    generated("everything", EVERYTHING.read_text())
    return Everything()
