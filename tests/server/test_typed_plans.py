"""Values of every type of an IDL come out of their bytes as they went in, in both protocols."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyrpc.idl
from pyrpc.errors import ArgumentError, ProtocolError, UnsupportedTypeError
from pyrpc.idl.classes import definitions_of
from pyrpc.idl.model import Base, ListOf, MapOf, Named, SetOf, Special, Type
from pyrpc.server.typed.plans import Plans
from pyrpc.wire.binary import BinaryReader, BinaryWriter
from pyrpc.wire.compact import CompactReader, CompactWriter
from pyrpc.wire.source import BytesSource

IDL = pyrpc.idl.load(Path(__file__).parents[1] / "idl/everything.thrift")
PLANS = Plans(definitions_of(IDL).definitions, is_strict=False)
PROTOCOLS = {"binary": (BinaryReader, BinaryWriter), "compact": (CompactReader, CompactWriter)}
both_protocols = pytest.mark.parametrize("protocol", PROTOCOLS)


def written(kind: Type, value: Any, protocol: str) -> bytes:
    w = PROTOCOLS[protocol][1]()
    PLANS.plan(kind).write(w, value)
    return b"".join(w.parts)


def read(kind: Type, message: bytes, protocol: str) -> Any:
    source = BytesSource(len(message).to_bytes(4, "big") + message)
    source.next_frame(2**20)
    value = PLANS.plan(kind).read(PROTOCOLS[protocol][0](source))
    assert source.unread() == 0
    return value


POINT = IDL.shared.Point(x=1.0, y=-2.0)
SAMPLES: list[tuple[Type, Any]] = [
    (Base("bool"), True),
    (Base("bool"), False),
    *((Base(f"i{bits}"), sign * (2 ** (bits - 1) - 1)) for bits in (8, 16, 32, 64) for sign in (-1, 1)),
    (Base("double"), -0.0),
    (Base("double"), float("inf")),
    (Base("string"), "ü \0"),
    (Base("binary"), b"\0\xff"),
    (ListOf(Base("bool")), [True, False]),
    (SetOf(Base("i16")), {1, -300}),
    (MapOf(Base("string"), ListOf(Base("double"))), {"a": [0.5], "": []}),
    (SetOf(ListOf(Base("i32"))), {(1, 2), ()}),
    (MapOf(Named("shared.Point"), SetOf(SetOf(Base("i8")))), {POINT: {frozenset({1})}}),
    (MapOf(MapOf(Base("i8"), Base("i8")), Base("i8")), {((1, 2),): 3}),
    (Named("Color"), IDL.Color.GREEN),
    (Named("Color"), 99),
    (Named("Path"), [POINT, POINT]),
    (Named("Shape"), IDL.Shape(line=[POINT])),
    (Named("Shape"), IDL.Shape(empty=False)),
    (Named("Refused"), IDL.Refused(code=1)),
    (Named("Everything"), IDL.Everything(number=3, following=IDL.Everything(number=4), odd={POINT: {(1,)}})),
    (Special("Value"), {"a": [1, None, "x"]}),
]


@both_protocols
@pytest.mark.parametrize(("kind", "value"), SAMPLES, ids=str)
def test_value_comes_back(kind: Type, value: Any, protocol: str) -> None:
    got = read(kind, written(kind, value, protocol), protocol)
    assert type(got) is type(value)
    assert got == value


@both_protocols
def test_array_comes_back_in_memory_of_its_own(protocol: str) -> None:
    array = np.arange(100_000, dtype=np.float32).reshape(-1, 4)
    got = read(Special("Tensor"), written(Special("Tensor"), array, protocol), protocol)
    assert got.flags.owndata
    assert got.flags.writeable
    np.testing.assert_array_equal(got, array)


REFUSED: list[tuple[Type, Any]] = [
    (Base("bool"), 1),
    (Base("i8"), 128),
    (Base("i64"), 1.5),
    (Base("i32"), True),
    (Base("double"), "1"),
    (Base("string"), b"x"),
    (Base("string"), "\ud800"),
    (Base("binary"), "x"),
    (ListOf(Base("i32")), "12"),
    (SetOf(Base("i32")), 5),
    (MapOf(Base("i32"), Base("i32")), 5),
    (ListOf(Base("i32")), ["x"]),
    (Named("Color"), "GREEN"),
    (Named("shared.Point"), IDL.shared.Point(x=1.0)),
    (Named("shared.Point"), 5),
    (Named("Shape"), IDL.Shape()),
    (Special("Tensor"), [1, 2]),
]


@both_protocols
@pytest.mark.parametrize(("kind", "value"), REFUSED, ids=str)
def test_value_of_another_type_is_refused(kind: Type, value: Any, protocol: str) -> None:
    with pytest.raises(UnsupportedTypeError) as caught:
        written(kind, value, protocol)
    assert caught.value.message


@both_protocols
def test_dicts_do_for_structs(protocol: str) -> None:
    message = written(Named("shared.Point"), {"x": 1, "y": np.float64(-2)}, protocol)
    assert read(Named("shared.Point"), message, protocol) == POINT


@both_protocols
def test_fields_that_nobody_knows_or_of_another_type_are_skipped(protocol: str) -> None:
    message = written(Named("Everything"), IDL.Everything(number=3, small=7), protocol)
    with pytest.raises(ArgumentError, match="lacks x, y"):
        read(Named("shared.Point"), message, protocol)


def test_union_of_a_member_that_is_not_known_is_refused() -> None:
    with pytest.raises(ArgumentError, match="0 members that are known"):
        read(Named("Shape"), b"\x08\0\x63\0\0\0\1\0", "binary")


@both_protocols
def test_nesting_without_end_is_refused(protocol: str) -> None:
    it = IDL.Everything(number=0)
    for _ in range(100):
        it = IDL.Everything(number=0, following=it)
    message = written(Named("Everything"), it, protocol)
    with pytest.raises(ProtocolError, match="nested too deep"):
        read(Named("Everything"), message, protocol)


@both_protocols
def test_list_of_another_type_is_refused(protocol: str) -> None:
    with pytest.raises(ProtocolError, match="another type"):
        read(ListOf(Base("i32")), written(ListOf(Base("string")), ["abcd"], protocol), protocol)


@both_protocols
def test_structs_take_of_the_bound_on_memory(protocol: str) -> None:
    count = 4000
    message = written(ListOf(Named("Refused")), [{"code": 1}] * count, protocol)
    reader = PROTOCOLS[protocol][0]
    source = BytesSource(len(message).to_bytes(4, "big") + message)
    source.next_frame(2**20)
    r = reader(source)
    before = r.room
    PLANS.plan(ListOf(Named("Refused"))).read(r)
    assert before - r.room > count * 160
