"""Python without pyrpc: what `pyrpc bindings python` makes carries every array, and says what went wrong."""

from __future__ import annotations

import importlib
import shutil
import socket
import ssl
import struct
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trustme
from tests.bindings.built import bindings_of
from tests.idl import samples
from tests.interop.hostile import hostile_node, malformed, mutated
from tests.interop.python_typed.everyone import Handler
from thrift.protocol.TProtocol import TProtocolException
from thrift.Thrift import TApplicationException, TException
from thrift.transport.TTransport import TTransportException

from pyrpc import Server, Tls
from pyrpc.bindings.folder import write_folder
from pyrpc.bindings.languages.python import LANGUAGE
from pyrpc.bindings.project import make_project
from pyrpc.bindings.sources import written
from pyrpc.errors import ConfigError
from pyrpc.idl.code import code_service
from pyrpc.idl.lock import Lock
from pyrpc.testing import assert_same, sample_arrays

pytestmark = pytest.mark.skipif(shutil.which("thrift") is None, reason="the Thrift compiler is missing")
PROTOCOLS = pytest.mark.parametrize("compact", [False, True], ids=["binary", "compact"])


PIXELS = np.full((2, 2), 7, np.uint8)
# With the part of Thrift that is written in C, and as on machines without it.
needs_c_or_not = pytest.mark.parametrize("has_c_code", [True, False], ids=["C", "Python"], indirect=True)


@pytest.fixture
def has_c_code(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if not request.param:
        monkeypatch.setitem(sys.modules, "thrift.protocol.fastbinary", None)


@dataclass
class _Box:
    """Begins with an underscore; its fields have the names of what the compiler writes."""

    read: int
    write: str = ""


class Hard:
    def echo(self, value):
        return value

    def mirror(self, array: np.ndarray) -> np.ndarray:
        return array[::-1]

    def grown(self, write: int, box: _Box) -> _Box:
        return _Box(box.read + write, box.write)

    def nap(self, seconds: float) -> float:
        threading.Event().wait(seconds)
        return seconds


@contextmanager
def imported(folder: Path, idl: Path, name: str) -> Iterator[Any]:
    """The package that is made of an IDL."""
    bindings = bindings_of(LANGUAGE, idl)
    write_folder(folder / "out", bindings.files, bindings.code)
    sys.path.insert(0, str(folder / "out"))
    try:
        yield importlib.import_module(name)
    finally:
        sys.path.remove(str(folder / "out"))
        for each in [each for each in sys.modules if each.partition(".")[0] == name]:
            del sys.modules[each]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The package that is made for ``Hard``."""
    folder = tmp_path_factory.mktemp("python")
    with imported(folder, written(code_service(Hard).document(Lock()), folder), "hard_client") as package:
        yield package


@pytest.fixture(scope="module")
def node() -> Iterator[str]:
    with Server(Hard, port=0).start() as server:
        yield str(server.endpoint)


@contextmanager
def answering(*replies: bytes) -> Iterator[str]:
    """A server that answers each frame with bytes, and then hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with listener.accept()[0] as connection:
                for reply in replies:
                    (size,) = struct.unpack("!i", connection.recv(4, socket.MSG_WAITALL))
                    connection.recv(size, socket.MSG_WAITALL)
                    connection.sendall(reply)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            thread.join(30)


def framed(message: bytes) -> bytes:
    return struct.pack("!i", len(message)) + message


RELEASED = framed(b"\x80\x01\x00\x02\x00\x00\x00\x07release\x00\x00\x00\x00\x00")


def service_of(made: Any, connection: Any) -> Any:
    return connection.service("Hard", importlib.import_module("hard_client.gen.hard_idl.Hard").Client)


# -- arrays


@PROTOCOLS
def test_every_array_comes_back_as_it_was(made: Any, node: str, compact: bool) -> None:
    with made.connect(node, compact=compact) as connection:
        for name, array in sample_arrays().items():
            reply = connection.node.call("Hard.echo", [made.to_value(array)], {}, connection.options())
            found = made.from_value(reply.value)
            assert_same(np.asarray(array), found)
            assert found.size == 0 or found.dtype.kind == "T" or not found.flags.writeable, name


@PROTOCOLS
def test_every_value_comes_back_as_it_was(made: Any, node: str, compact: bool) -> None:
    values = [None, True, False, 0, -(2**63), 2**63 - 1, 0.1, "", "aé\0\U0001f600", b"", bytes(range(256)), [], {}]
    with made.connect(node, compact=compact) as connection:
        for value in [*values, values[:-2], {"a": values, "": {"b": [[[]]]}}]:
            reply = connection.node.call("Hard.echo", [made.to_value(value)], {}, connection.options())
            assert repr(made.from_value(reply.value)) == repr(value)


def test_bits_are_sent_as_the_dtype_that_is_said(made: Any) -> None:
    bits = np.array([0x3F80, 0xC000], np.uint16)
    tensor = made.to_tensor(bits, made.DType.BFLOAT16)
    assert (tensor.dtype, tensor.shape, tensor.data) == (made.DType.BFLOAT16, [2], bits.tobytes())
    with pytest.raises(TypeError, match="bits of BFLOAT16 are no int16; expected uint16"):
        made.to_tensor(bits.view(np.int16), made.DType.BFLOAT16)
    with pytest.raises(TypeError, match="bits of INT8 are no uint16; expected none"):
        made.to_tensor(bits, made.DType.INT8)


def test_bfloat16_without_ml_dtypes_is_refused_with_what_to_do(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    with pytest.raises(ImportError, match="install ml_dtypes"):
        made.to_array(made.Tensor(made.DType.BFLOAT16, [1], b"\0\0"))


@pytest.mark.parametrize(
    ("array", "said"),
    [
        ([object()], "arrays of object do not travel; expected bool, int8"),
        (np.zeros(2, "i4,f8"), "do not travel"),
        (np.zeros(2, np.longdouble), "do not travel"),
        (np.array(["a", None], np.dtypes.StringDType(na_object=None)), "element 1 is None; expected texts"),
    ],
)
def test_arrays_that_do_not_travel_are_refused(made: Any, array: Any, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        made.to_tensor(array)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"dtype": 12, "shape": [2], "data": bytes(7)}, r"\[2\] elements of float32 have 8 bytes, and there are 7"),
        ({"dtype": 12, "shape": [2, 3], "data": bytes(8)}, "have 24 bytes"),
        ({"dtype": 12, "shape": [-1, -2], "data": bytes(8)}, "negative dimension"),
        ({"dtype": 12, "shape": [2**32, 2**32], "data": b""}, "bytes, and there are 0"),
        ({"dtype": 12, "shape": [0, 2**62, 2**62], "data": b""}, "."),
        ({"dtype": 12, "shape": [1] * 100, "data": bytes(4)}, "."),
        ({"dtype": 99, "shape": [], "data": b""}, "the dtype 99 is not known here"),
        ({"dtype": 12, "shape": [2]}, "not whole"),
        ({"dtype": 16, "shape": [1], "data": bytes(8), "unit": "lightyears"}, "the unit of time 'lightyears'"),
        ({"dtype": 19, "shape": [1], "data": bytes(3), "itemsize": 3}, "a multiple of 4"),
        ({"dtype": 18, "shape": [1], "data": bytes(3), "itemsize": -3}, "elements of BYTES of -3 bytes"),
        ({"dtype": 19, "shape": [1], "data": b"\xff" * 4, "itemsize": 4}, "above 0x10FFFF"),
        ({"dtype": 20, "shape": [2], "data": bytes(16)}, "too few for the offsets of 2 texts"),
        ({"dtype": 20, "shape": [2**60], "data": bytes(16)}, "too few for the offsets"),
        ({"dtype": 20, "shape": [1], "data": struct.pack("<2q", 0, 1)}, "do not rise from 0 to the 0 bytes"),
        ({"dtype": 20, "shape": [1], "data": struct.pack("<2q", -1, 0)}, "do not rise"),
        ({"dtype": 20, "shape": [2], "data": struct.pack("<3q", 0, 2, 1) + b"ab"}, "do not rise"),
        ({"dtype": 20, "shape": [1], "data": struct.pack("<2q", 0, 1) + b"\xff"}, "invalid start byte"),
    ],
)
def test_tensors_that_do_not_fit_together_are_refused(made: Any, fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        made.to_array(made.Tensor(**fields))


@pytest.mark.parametrize(
    ("item", "kind", "said"),
    [
        (object(), TypeError, "a object is no value; expected one of None, bool"),
        ({1: 2}, TypeError, "the key 1 is a int; keys are texts"),
        ([2**63], OverflowError, "9223372036854775808 does not fit into 64 bits"),
    ],
)
def test_what_is_no_value_is_refused(made: Any, item: Any, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said):
        made.to_value(item)


def test_a_value_of_a_kind_that_is_not_known_is_refused(made: Any) -> None:
    for value in (None, made.Value()):
        with pytest.raises(ValueError, match=r"has no value|holds nothing"):
            made.from_value(value)


# -- connections


def test_names_of_the_compilers_own_work_as_fields_and_parameters(made: Any, node: str) -> None:
    box = importlib.import_module("hard_client.gen.hard_idl.ttypes")._Box
    with made.connect(node) as connection:
        grown = service_of(made, connection).grown(2, box(read_=5, write_="x"))
    assert (grown.read_, grown.write_) == (7, "x")


@PROTOCOLS
def test_a_call_that_cannot_be_written_leaves_the_connection_as_it_was(made: Any, node: str, compact: bool) -> None:
    with made.connect(node, compact=compact) as connection:
        for wrong in (2**70, "text", None):
            value = made.Value(int_value=wrong) if wrong is not None else made.Value(string_value=5)
            with pytest.raises((OverflowError, TypeError, AttributeError, struct.error, TProtocolException)):
                connection.node.call("Hard.echo", [value], {}, connection.options())
            assert service_of(made, connection).nap(0.0) == 0.0
            assert connection.node.ping().protocol_version == 1


@PROTOCOLS
def test_a_time_that_is_over_closes_the_connection(made: Any, node: str, compact: bool) -> None:
    with made.connect(node, compact=compact, timeout_s=0.05) as connection:
        with pytest.raises(TTransportException, match=f"node {node}: no reply: timed out") as caught:
            service_of(made, connection).nap(0.2)
        assert caught.value.type == TTransportException.TIMED_OUT
        with pytest.raises(TTransportException, match="the connection is closed") as caught:
            connection.node.ping()
        assert caught.value.type == TTransportException.NOT_OPEN


@PROTOCOLS
@needs_c_or_not
def test_what_the_idl_declares_is_raised(made: Any, node: str, compact: bool, has_c_code: bool) -> None:
    with made.connect(node, compact=compact) as connection:
        with pytest.raises(made.RpcError) as caught:
            service_of(made, connection).mirror(made.to_tensor(np.float32(1)))
        assert (caught.value.code, caught.value.remote_type) == (made.ErrorCode.STAGE_FAILED, "IndexError")
        with pytest.raises(TApplicationException, match="Nothing"):
            connection.service("Nothing", type(service_of(made, connection))).nap(0.0)
        assert service_of(made, connection).nap(0.0) == 0.0


def test_a_reply_above_what_the_caller_takes_is_an_error_of_the_node(made: Any, node: str) -> None:
    data = bytes(2000)
    with made.connect(node, max_frame_bytes=1000) as connection:
        with pytest.raises(made.RpcError) as caught:
            connection.node.call("Hard.echo", [made.to_value(data)], {}, connection.options())
        assert caught.value.code == made.ErrorCode.TOO_LARGE


@pytest.mark.parametrize(
    ("reply", "type", "said"),
    [
        (struct.pack("!i", 1001), TTransportException.SIZE_LIMIT, "it has 1001 bytes; expected 1 to 1000"),
        (struct.pack("!i", -1), TTransportException.SIZE_LIMIT, "it has -1 bytes"),
        (struct.pack("!i", 0), TTransportException.SIZE_LIMIT, "it has 0 bytes"),
        (struct.pack("!i", 100) + b"abc", TTransportException.END_OF_FILE, "the node closed the connection"),
        (b"", TTransportException.END_OF_FILE, "the node closed the connection"),
        (framed(RELEASED[4:-1]), TTransportException.END_OF_FILE, "the reply is longer than its frame"),
        (framed(RELEASED[4:-1] + b"\x0c\x00\x01"), TTransportException.END_OF_FILE, "longer than its frame"),
    ],
)
def test_replies_that_are_none_are_refused(made: Any, reply: bytes, type: int, said: str) -> None:
    with answering(reply) as endpoint, pytest.raises(TTransportException, match=said) as caught:
        made.connect(endpoint, max_frame_bytes=1000, timeout_s=10)
    assert caught.value.type == type


def call_twice(made: Any, endpoint: str, compact: bool) -> list[str]:
    """How two calls end: "ok", or the class of the exception."""
    ends = []
    client = importlib.import_module("hard_client.gen.hard_idl.Hard").Client
    with made.connect(endpoint, compact=compact, timeout_s=10, max_frame_bytes=2**20) as connection:
        for _ in range(2):
            try:
                assert made.to_array(connection.service("Interop", client).mirror(made.to_tensor(PIXELS))).size == 4
            except (TException, ValueError) as error:
                ends.append(type(error).__name__)
            else:
                ends.append("ok")
    return ends


@PROTOCOLS
@needs_c_or_not
def test_a_reply_that_no_library_may_take_is_refused(made: Any, compact: bool, has_c_code: bool) -> None:
    protocol = "compact" if compact else "binary"
    replies = malformed(protocol)
    with hostile_node(protocol, list(replies.values())) as (host, port):
        for what in replies:
            first, _ = call_twice(made, f"{host}:{port}", compact)
            assert first in ("TTransportException", "TProtocolException"), what


@PROTOCOLS
@needs_c_or_not
def test_bytes_that_are_no_reply_raise_what_a_caller_expects(made: Any, compact: bool, has_c_code: bool) -> None:
    protocol = "compact" if compact else "binary"
    ends: set[str] = set()
    with hostile_node(protocol, list(mutated(protocol, 1000, seed=1))) as (host, port):
        for _ in range(1000):
            ends.update(call_twice(made, f"{host}:{port}", compact)[:1])
    assert ends >= {"ok", "TTransportException", "TProtocolException"}


def test_a_node_that_is_not_there_is_named(made: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(TTransportException, match=f"node 127.0.0.1:{port}: no connection") as caught:
        made.connect(f"127.0.0.1:{port}")
    assert caught.value.type == TTransportException.NOT_OPEN


@pytest.mark.parametrize("endpoint", ["localhost", "localhost:", ":9090", "localhost:http", ""])
def test_an_endpoint_has_a_host_and_a_port(made: Any, endpoint: str) -> None:
    with pytest.raises(ValueError, match="expected host:port"):
        made.connect(endpoint)


@pytest.mark.parametrize("size", [0, -1, 2**30])
def test_a_frame_has_a_size_that_thrift_has(made: Any, size: int) -> None:
    with pytest.raises(ValueError, match="expected 1 to 1073741823"):
        made.connect("localhost:9090", max_frame_bytes=size)


def test_closing_gives_up_a_call_of_another_thread(made: Any, node: str) -> None:
    failures: list[BaseException] = []
    connection = made.connect(node, timeout_s=None)

    def call() -> None:
        try:
            service_of(made, connection).nap(1.0)
        except TTransportException as error:
            failures.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    connection.close()
    connection.close()
    thread.join(30)
    assert len(failures) == 1


def test_a_token_is_shown_once_for_typed_calls_too(made: Any, tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("alice secret\n")
    tokens.chmod(0o600)
    with Server(Hard, port=0, tokens=tokens).start() as server:
        endpoint = str(server.endpoint)
        with made.connect(endpoint, token="secret") as connection:
            assert service_of(made, connection).nap(0.0) == 0.0
        for token in (None, "wrong"):
            with pytest.raises(made.RpcError) as caught:
                made.connect(endpoint, token=token)
            assert caught.value.code == made.ErrorCode.UNAUTHENTICATED


def test_nodes_with_tls_are_reached_with_a_context(made: Any, tmp_path: Path) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    for pem in issued.cert_chain_pems:
        pem.write_to_path(tmp_path / "cert.pem", append=True)
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with Server(Hard, port=0, tls=Tls(cert=tmp_path / "cert.pem", key=tmp_path / "key.pem")).start() as server:
        endpoint = str(server.endpoint).rpartition("/")[2]
        with made.connect(endpoint, tls=context) as connection:
            assert connection.node.ping().protocol_version == 1
        with pytest.raises(TTransportException, match=r"no connection: .*certificate"):
            made.connect(endpoint, tls=ssl.create_default_context())


# -- what is made


def test_everything_that_an_idl_can_say_is_called(tmp_path: Path) -> None:
    idl = Path(samples.__file__).with_name("everything.thrift")
    with imported(tmp_path, idl, "everything_client") as package:
        service = importlib.import_module("everything_client.gen.everything_idl.Everyone")
        types = importlib.import_module("everything_client.gen.everything_idl.ttypes")
        shared = importlib.import_module("everything_client.gen.shared_idl.ttypes")
        handler = Handler(types, shared)
        running = Server.from_idl(idl, "Everyone", handler, port=0).start()
        with running as server, package.connect(server.endpoint) as connection:
            client = connection.service("Everyone", service.Client)
            client.note("not waited for")
            assert client.hello("you") == "hello you"
            assert client.both({1, 2}, {2, 3}) == {2}
            assert client.next_color(types.Color.RED) == types.Color.GREEN
            it = types.Everything(number=5, pixels=package.to_tensor(np.ones(3)), data=b"\0")
            assert client.echo(it) == it
            with pytest.raises(shared.Missing) as caught:
                client.path(0)
            assert caught.value.why == "none"


def test_bfloat16_in_a_contract_needs_ml_dtypes(tmp_path: Path) -> None:
    for dtype, needed in (("float32", False), ("bfloat16", True)):
        (tmp_path / f"{dtype}.thrift").write_text(
            f'include "pyrpc.thrift"\nservice S {{ i64 f(\n  1: pyrpc.Tensor x // {dtype}[n]\n  ) }}\n'
        )
        files = bindings_of(LANGUAGE, tmp_path / f"{dtype}.thrift").files
        project = files["pyproject.toml"].decode()
        assert ('"ml_dtypes' in project.partition("dependencies = ")[2].partition("\n")[0]) is needed
        shown = "DType.BFLOAT16)" if needed else "'float32')"
        assert shown in files["first_call.py"].decode().replace('"', "'")


@pytest.mark.parametrize("name", ["thrift", "numpy", "json", "import"])
def test_a_package_hides_no_other(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=f"a Python package cannot be called '{name}'"):
        LANGUAGE.names(make_project([], [], name))


@pytest.mark.parametrize("text", ["service S { i64 f() }", "namespace py some.lambda\nservice S { i64 f() }"])
def test_a_module_is_not_called_like_a_word_of_python(tmp_path: Path, text: str) -> None:
    (tmp_path / "await.thrift").write_text(text)
    with pytest.raises(ConfigError, match=r"await\.thrift would become the Python module .*, which cannot be imported"):
        LANGUAGE.names(make_project([tmp_path / "await.thrift"], []))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("service S { i64 f(1: i64 write) }", "parameter called 'write'"),
        ("struct P { 1: i64 read }", "field called 'read'"),
        ("struct Client { 1: i64 x }", "type called 'Client'"),
        ("service constants { i64 f() }", "service called 'constants'"),
        ("service S { i64 await() }", "method called 'await'"),
        ("enum E { await }", "member called 'await'"),
    ],
)
def test_names_that_do_not_work_are_refused(tmp_path: Path, text: str, what: str) -> None:
    (tmp_path / "names.thrift").write_text(text)
    with pytest.raises(ConfigError, match=f"line 1: Python cannot have a {what}"):
        bindings_of(LANGUAGE, tmp_path / "names.thrift")


@pytest.mark.parametrize("service", ["connection", "sys", "connect", "info", "np"])
def test_a_service_may_be_called_like_something_in_the_first_call(tmp_path: Path, service: str) -> None:
    (tmp_path / "first.thrift").write_text(f"service {service} {{ i64 add(1: i64 a, 2: i64 b) }}")
    program = bindings_of(LANGUAGE, tmp_path / "first.thrift").files["first_call.py"].decode()
    assert f"import {service} as {service}_client\n" in program
    assert f'client = connection.service("{service}", {service}_client.Client)' in program


def test_the_compilers_scripts_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "first.thrift").write_text("service S { i64 add(1: i64 a, 2: i64 b) }")
    paths = bindings_of(LANGUAGE, tmp_path / "first.thrift").files
    assert "first_client/gen/first/S.py" in paths
    assert not [path for path in paths if "remote" in path]
