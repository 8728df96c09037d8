"""An IDL that uses everything the language has, served without generated code and by a generated processor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from tests.idl import samples
from thrift.Thrift import TApplicationException
from thrift.TMultiplexedProcessor import TMultiplexedProcessor

import pyrpc.idl
from pyrpc import Client, Server

from .conftest import EVERYTHING as IDL
from .conftest import PROTOCOLS, Everything, opened
from .everyone import Handler


class Doubles(Handler):
    """Of generated code, where a Tensor is its struct."""

    def doubled(self, x):
        values = 2 * np.frombuffer(x.data, np.float64)
        return type(x)(x.dtype, x.shape, values.tobytes())


@pytest.fixture(params=["without generated code", "by a processor"])
def handler(request: pytest.FixtureRequest, everything: Everything) -> Handler:
    if request.param == "by a processor":
        return Doubles(everything.types, everything.shared)
    idl = pyrpc.idl.load(IDL)
    return Handler(idl, idl.shared)


@pytest.fixture
def server(handler: Handler, everything: Everything) -> Iterator[Server]:
    if isinstance(handler, Doubles):
        made = Server(everything.Everyone.Processor(handler), samples.Vision, port=0)
    else:
        made = Server.from_idl(IDL, "Everyone", handler, samples.Vision, port=0)
    with made as server:
        yield server


@pytest.fixture(params=PROTOCOLS)
def protocol(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(params=[None, "Everyone"], ids=["plain", "multiplexed"])
def client(server: Server, everything: Everything, protocol: str, request: pytest.FixtureRequest) -> Iterator[Any]:
    with opened(server.endpoint, protocol, request.param) as made:
        yield everything.Everyone.Client(made)


def test_base_types(client: Any) -> None:
    assert client.negate(True) is False
    assert client.negate(False) is True
    assert client.add_i8(-128, 1) == -127
    assert client.add_i16(-(2**15), 1) == 1 - 2**15
    assert client.add_i32(2**31 - 2, 1) == 2**31 - 1
    assert client.add_i64(-(2**63), 1) == 1 - 2**63
    assert client.add_double(0.1, 0.2) == 0.1 + 0.2
    assert client.reversed(b"\0\xff\x01") == b"\x01\xff\0"
    assert client.ping() is None


def test_enums_and_defaults(client: Any, everything: Everything) -> None:
    assert client.next_color(everything.types.Color.BLUE) == everything.types.Color.RED
    assert client.add_i32(None, None) == 47


def test_containers(client: Any, everything: Everything) -> None:
    assert client.transposed([[1, 2], [3, 4]]) == [[1, 3], [2, 4]]
    assert client.both({1, 2}, {2, 3}) == {2}
    assert client.lengths(["a", "ü"]) == {"a": 1, "ü": 1}
    assert client.path(2) == [everything.shared.Point(0.0, 0.0), everything.shared.Point(1.0, 0.0)]


def test_struct_with_a_field_of_each_kind(client: Any, everything: Everything) -> None:
    t, point = everything.types, everything.shared.Point(1.0, 2.0)
    inner = t.Everything(number=2, data=b"", children=[], points={}, odd={}, paths={}, values=[], short_number=1)
    value = everything.pyrpc.Value
    outer = t.Everything(
        flag=False,
        number=1,
        short_number=-5,
        large=2**40,
        data=b"\0\1",
        color=t.Color.GREEN,
        children=[inner],
        points={3: point},
        shape=t.Shape(line=[point]),
        weight=everything.shared.Weight.MIDDLE,
        following=inner,
        odd={},
        paths={"p": [point]},
        values=[{"a": value(int_value=1), "b": value(string_value="x")}],
    )
    assert client.echo(outer) == outer


def test_unions(client: Any, everything: Everything) -> None:
    assert client.scaled(everything.types.Shape(radius=2.0), 1.5) == everything.types.Shape(radius=3.0)


def test_declared_exceptions(client: Any, everything: Everything) -> None:
    with pytest.raises(everything.shared.Missing) as missing:
        client.path(0)
    assert (missing.value.id, missing.value.why) == (0, "none")
    with pytest.raises(everything.types.Refused) as refused:
        client.path(-1)
    assert (refused.value.code, refused.value.why) == (7, None)
    with pytest.raises(everything.types.Refused):
        client.check(1)
    assert client.check(0) is None


def test_exception_that_is_not_declared_is_thrifts_own(client: Any) -> None:
    with pytest.raises(TApplicationException) as caught:
        client.check(2)
    assert caught.value.type == TApplicationException.INTERNAL_ERROR
    assert client.negate(True) is False


def test_oneway_functions_are_run_and_not_answered(client: Any, handler: Handler) -> None:
    client.forget(5)
    client.note("n")
    assert client.negate(True) is False
    assert handler.noted == [5, "n"]


def test_inherited_functions(client: Any) -> None:
    assert client.hello("you") == "hello you"


def test_tensors_and_values(client: Any, everything: Everything, handler: Handler) -> None:
    shared = everything.pyrpc
    x = shared.Tensor(shared.DType.FLOAT64, [2], np.arange(2.0).tobytes())
    assert np.frombuffer(client.doubled(x).data).tolist() == [0, 2]
    assert client.any(shared.Value(string_value="x")) == shared.Value(string_value="x")


def test_large_binary(client: Any) -> None:
    data = bytes(range(256)) * 4000
    assert client.reversed(data) == data[::-1]


def test_stages_beside_it_are_called_as_ever(server: Server, everything: Everything) -> None:
    with Client(server.endpoint) as generic:
        assert generic.call("Vision.add", 1, 2) == 3
        assert generic.call("Everyone.add_i64", 1, 2) == 3
        assert generic.call("Everyone.lengths", ["ab"]) == {"ab": 2}
        names = [stage.name for stage in generic.stages()]
    assert "Everyone.echo" in names
    assert not [name for name in names if ":" in name]


def test_function_that_is_not_there_is_unknown(server: Server, everything: Everything) -> None:
    with opened(server.endpoint, service="Everyone") as made:
        made.writeMessageBegin("nothing", 1, 5)
        made.writeStructBegin("nothing_args")
        made.writeFieldStop()
        made.writeStructEnd()
        made.writeMessageEnd()
        made.trans.flush()
        _, kind, seqid = made.readMessageBegin()
        error = TApplicationException()
        error.read(made)
    assert (kind, seqid, error.type) == (3, 5, TApplicationException.UNKNOWN_METHOD)
    assert "has no method 'nothing'" in str(error)


def test_calls_are_counted(server: Server, client: Any, handler: Handler) -> None:
    client.negate(True)
    with pytest.raises(TApplicationException):
        client.check(2)
    with Client(server.endpoint) as generic:
        (stats,) = generic.stats().values()
    separator = ":" if isinstance(handler, Doubles) else "."
    assert stats.stages[f"Everyone{separator}negate"].calls == 1
    assert stats.stages[f"Everyone{separator}check"].errors == 1
    assert stats.errors == {"STAGE_FAILED": 1}


def test_hidden_stages_are_for_generated_code_alone(everything: Everything) -> None:
    processor = everything.Everyone.Processor(Doubles(everything.types, everything.shared))
    refused = pytest.raises(pyrpc.errors.StageFailedError, match="only generated code")
    with Server(processor, port=0) as server, Client(server.endpoint) as generic, refused:
        generic.call("Everyone:negate", b"x")


def test_malformed_call_of_a_processor_costs_one_error(everything: Everything) -> None:
    processor = everything.Everyone.Processor(Doubles(everything.types, everything.shared))
    with Server(processor, port=0) as server, opened(server.endpoint) as made:
        made.writeMessageBegin("lengths", 1, 1)
        made.writeStructBegin("lengths_args")
        made.writeFieldBegin("words", 15, 1)
        made.writeListBegin(11, 5000)
        made.trans.flush()
        _, kind, _ = made.readMessageBegin()
        error = TApplicationException()
        error.read(made)
        assert kind == 3
        client = everything.Everyone.Client(made)
        assert client.negate(True) is False


def test_multiplexed_processor_is_hosted_with_its_names(everything: Everything) -> None:
    multiplexed = TMultiplexedProcessor()
    processor = everything.Everyone.Processor(Doubles(everything.types, everything.shared))
    multiplexed.registerProcessor("One", processor)
    multiplexed.registerProcessor("Two", everything.Everyone.Processor(Doubles(everything.types, everything.shared)))
    multiplexed.registerDefault(processor)
    with Server(multiplexed, port=0) as server:
        for service in ("One", "Two", None):
            with opened(server.endpoint, service=service) as made:
                assert everything.Everyone.Client(made).negate(True) is False


def test_processor_has_the_name_that_a_dict_gives_it(everything: Everything) -> None:
    processor = everything.Everyone.Processor(Doubles(everything.types, everything.shared))
    with Server({"Mine": processor}, port=0) as server, opened(server.endpoint, service="Mine") as made:
        assert everything.Everyone.Client(made).hello("you") == "hello you"


def test_class_of_a_processor_is_refused(everything: Everything) -> None:
    with pytest.raises(pyrpc.errors.ConfigError, match="hosted with its handler"):
        Server(everything.Everyone.Processor)
