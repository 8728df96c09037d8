"""thrift/SPEC.md says what the code does: its examples, tables and numbers are read and compared."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path

import numpy as np
import pytest

from pyrpc import errors
from pyrpc.client import security
from pyrpc.errors import FailureClass, UnknownMethodError
from pyrpc.plan.partition import CHUNKS_PER_NODE, LEAVES, MAX_CHUNK_BYTES, leaf_grid
from pyrpc.plan.prng import SplitMix64
from pyrpc.server import store
from pyrpc.server.typed.hosting import hosted_services
from pyrpc.stage.hosting import MAX_NAME_BYTES
from pyrpc.testing.samples import assert_same
from pyrpc.transport.patience import Patience
from pyrpc.wire import checksum, limits, status
from pyrpc.wire.binary import BinaryReader, BinaryWriter
from pyrpc.wire.codec import BINARY, COMPACT, METHODS
from pyrpc.wire.compact import CompactReader, CompactWriter
from pyrpc.wire.gen import ttypes
from pyrpc.wire.messages import CallOptions, LoadReport
from pyrpc.wire.source import BytesSource
from pyrpc.wire.status import ErrorCode
from pyrpc.wire.tensor import DType
from pyrpc.wire.value import BINARY_VALUES, COMPACT_VALUES, read_value

PATIENCE = Patience()
SPEC = (Path(__file__).resolve().parents[2] / "thrift/SPEC.md").read_text()
FLAT = " ".join(SPEC.split())
ARRAY = np.array([[1, 2, 3]], "<f4")


def example(name: str, kind: str = "hex") -> bytes:
    """The bytes of a block of hex, comments left out."""
    block = re.search(rf"^```{kind} {name}\n(.*?)^```$", SPEC, re.MULTILINE | re.DOTALL)
    return bytes.fromhex("".join(line.partition("#")[0] for line in block[1].splitlines()))


def table(heading: str, first: str) -> list[dict[str, str]]:
    """The rows of the table under a heading whose first column has that name."""
    section = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", SPEC, re.MULTILINE | re.DOTALL)[1]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"]
    start = next(index for index, row in enumerate(rows) if row[0] == first)
    width = len(rows[start])
    body = itertools.takewhile(lambda row: len(row) == width and row[0] not in FIRST_COLUMNS, rows[start + 2 :])
    return [dict(zip(rows[start], row, strict=True)) for row in body]


FIRST_COLUMNS = {"what", "code", "number", "limit", "seed", "rows", "member", "field", "what arrives at the node"}


# -- bytes


def test_frame_of_every_example_is_as_long_as_it_says() -> None:
    names = re.findall(r"^```hex (.*)$", SPEC, re.MULTILINE)
    assert set(names) == {"call", "reply", "call compact", "error", "exception", "typed call", "typed reply"}
    for name in names:
        raw = example(name)
        assert int.from_bytes(raw[:4], "big") == len(raw) - 4, name


@pytest.mark.parametrize(("name", "codec"), [("call", BINARY), ("call compact", COMPACT)])
def test_call_is_that_of_the_spec(name: str, codec) -> None:
    options = CallOptions(1, 5000, limits.HARD_FRAME_BYTES)
    assert b"".join(codec.encode_call("Math.add", [1, ARRAY], {"scale": 0.5}, options, 7)) == example(name)[4:]
    source = BytesSource(example(name))
    source.next_frame(1000)
    reader = codec.reader(source)
    assert reader.message() == ("call", 1, 7)
    args = codec.decode_arguments(reader, "call")
    assert (args["method"], args["named"], args["options"]) == ("Math.add", {"scale": 0.5}, options)
    assert_same([1, ARRAY], args["positional"])


def test_reply_is_that_of_the_spec() -> None:
    assert b"".join(BINARY.encode_value("call", 7, ARRAY, LoadReport(0, 1, 0, 250))) == example("reply")[4:]
    reply = read("reply", "call", 7)
    assert_same(ARRAY, reply.value)
    assert reply.load == LoadReport(0, 1, 0, 250)


def read(name: str, method: str, seqid: int):
    source = BytesSource(example(name))
    source.next_frame(1000)
    return BINARY.decode_reply(source, method, seqid)


def test_errors_are_those_of_the_spec() -> None:
    error = UnknownMethodError("no method f", help="did you mean g?")
    assert b"".join(BINARY.encode_error("call", 7, error)) == example("error")[4:]
    with pytest.raises(UnknownMethodError, match="no method f\nhelp: did you mean g") as caught:
        read("error", "call", 7)
    assert caught.value.help == "did you mean g?"
    assert b"".join(BINARY.encode_exception("stop", 9, "no method", 1)) == example("exception")[4:]
    with pytest.raises(UnknownMethodError, match="no method"):
        read("exception", "stop", 9)


def test_typed_call_and_its_reply_are_those_of_the_spec() -> None:
    class Math:
        def add(self, a: int, b: int) -> int:
            return a + b

    _, calls = hosted_services([Math])
    source = BytesSource(example("typed call"))
    source.next_frame(1000)
    reader = BINARY.reader(source)
    name, kind, seqid = reader.message()
    assert (name, kind, seqid) == ("Math:add", 1, 7)
    codec, name = calls.answering(BINARY, name)
    args = codec.decode_arguments(reader, name)
    assert args == {"method": "Math.add", "positional": [1, 2], "named": {}}
    assert b"".join(codec.encode_value(name, seqid, 3, LoadReport())) == example("typed reply")[4:]


# -- Tensor

DTYPES = table("Tensor", "number")


def test_every_dtype_is_in_the_table() -> None:
    assert {row["name"]: int(row["number"]) for row in DTYPES} == {dtype.name: dtype.value for dtype in DType}


def example_array(name: str, text: str) -> tuple[np.ndarray, dict[str, object]]:
    """The example of a dtype as an array, and the fields beside its data."""
    label, value, literal = re.fullmatch(r"(?:(unit|itemsize) `?(\w+)`?: )?`(.*)`", text).groups()
    elements, fields = json.loads(literal), {}
    if label:
        fields = {label: int(value) if label == "itemsize" else value}
    if name in ("DATETIME64", "TIMEDELTA64"):
        counts = [-(2**63) if count is None else count for count in elements]
        return np.array(counts, "<i8").view(f"{name.lower()}[{value}]"), fields
    if name in ("BYTES", "UNICODE"):
        size = int(value)
        code = f"S{size}" if name == "BYTES" else f"<U{size // 4}"
        return np.array([text.encode() if name == "BYTES" else text for text in elements], code), fields
    if name == "STRING":
        return np.array(elements, np.dtypes.StringDType()), fields
    if name.startswith("COMPLEX"):
        return np.array([complex(*pair) for pair in elements], name.lower()), fields
    if name == "BFLOAT16":
        return np.array(elements, pytest.importorskip("ml_dtypes").bfloat16), fields
    return np.array(elements, name.lower()), fields


@pytest.mark.parametrize("row", DTYPES, ids=lambda row: row["name"])
def test_example_of_a_dtype_is_read_and_written_as_the_spec_says(wire, row: dict[str, str]) -> None:
    array, fields = example_array(row["name"], row["example"])
    raw = bytes.fromhex(row["its data"].strip("`"))
    stock = ttypes.Tensor(int(row["number"]), list(array.shape), raw, **fields)

    def body(p) -> None:
        wire.struct(p, (1, 11, "m"), (2, 15, lambda p: one(p)))

    def one(p) -> None:
        p.writeListBegin(12, 1)
        ttypes.Value(tensor_value=stock).write(p)
        p.writeListEnd()

    assert_same(array, wire.read_call(BytesSource(wire.message(body)))["positional"][0])
    # What we write, stock Thrift reads as the same.
    assert raw in wire.call_frame(array)
    back = wire.round_trip(array)
    assert_same(array, back)


def bytes_of(text: str) -> bytes:
    """Of a cell of the table of checksums."""
    if text == "(empty)":
        return b""
    if (many := re.fullmatch(r"(\d+) bytes of `(\w\w)`", text)) is not None:
        return bytes.fromhex(many[2]) * int(many[1])
    return bytes(range(32)) if "..." in text else bytes.fromhex(text.strip("`"))


@pytest.mark.parametrize("row", table("Tensor", "data"), ids=lambda row: row["data"])
def test_checksums_are_those_of_the_spec(row: dict[str, str]) -> None:
    assert checksum.crc32c(bytes_of(row["data"])) == checksum.by_numpy(bytes_of(row["data"])) == int(row["crc32c"], 16)


@pytest.mark.parametrize(
    ("name", "values", "writer", "reader"),
    [
        ("checksum", BINARY_VALUES, BinaryWriter, BinaryReader),
        ("checksum compact", COMPACT_VALUES, CompactWriter, CompactReader),
    ],
)
def test_tensor_with_a_checksum_is_that_of_the_spec(name: str, values, writer, reader) -> None:
    raw = example(name, "bytes")
    w = writer(adds_crc32c=True)
    values.write(w, ARRAY)
    assert b"".join(w.parts) == raw
    source = BytesSource(len(raw).to_bytes(4, "big") + raw)
    source.next_frame(1000)
    assert_same(ARRAY, read_value(reader(source)))


def test_units_are_those_that_numpy_knows() -> None:
    units = re.search(r"one of `([^`]+)`, with a number", FLAT)[1].split()
    for unit in units:
        assert np.datetime_data(np.dtype(f"M8[{unit}]")) == (unit, 1)
    assert len(units) == 13


def test_members_of_value_are_those_of_the_idl() -> None:
    members = [row["member"].strip("`") for row in table("Value", "member")]
    assert members == [entry[2] for entry in ttypes.Value.thrift_spec if entry]


def test_options_are_those_of_the_idl() -> None:
    fields = [row["field"].strip("`") for row in table("CallOptions", "field")]
    assert fields == [entry[2] for entry in ttypes.CallOptions.thrift_spec if entry]


# -- errors

AGAIN = {FailureClass.NOT_EXECUTED: "yes", FailureClass.UNKNOWN: "if idempotent", FailureClass.FINAL: "no"}


def facts(cls: type[errors.PyrpcError]) -> tuple[str, str, str]:
    return cls.fault.value, "yes" if cls.may_have_run else "no", AGAIN[cls.failure_class]


def test_table_of_errors_is_that_of_the_classes() -> None:
    rows = table("Errors", "code")
    assert {row["name"]: int(row["code"]) for row in rows} == {code.name: code.value for code in ErrorCode}
    for row in rows:
        cls = type(status.from_wire(status.RpcError(int(row["code"]), "m")))
        assert (row["fault"], row["ran"], row["again"]) == facts(cls), row["name"]


def test_codes_are_those_of_the_idl() -> None:
    assert {code.name: code.value for code in ErrorCode} == ttypes.ErrorCode._NAMES_TO_VALUES


def test_table_of_what_a_client_finds_out_is_that_of_the_classes() -> None:
    classes = [
        errors.UnreachableError,
        errors.ConnectionLostError,
        errors.DeadlineExceeded,
        errors.ProtocolError,
        errors.ReplyChecksumError,
        errors.UnknownMethodError,
        errors.ProtocolError,
    ]
    rows = table("Errors", "what")
    assert [(row["fault"], row["ran"], row["again"]) for row in rows] == [facts(cls) for cls in classes]


def test_every_error_that_has_a_code_keeps_its_class() -> None:
    for code in ErrorCode:
        error = status.from_wire(status.RpcError(code, "m"), "n:1")
        assert error.endpoint == "n:1"
        same_class = status.code_of(error)
        assert type(status.from_wire(status.RpcError(same_class, "m"))) is type(error)


def test_unknown_code_is_treated_as_internal() -> None:
    assert type(status.from_wire(status.RpcError(1000, "m"))) is errors.InternalError


# -- numbers


def test_limits_are_those_of_the_code() -> None:
    values = {row["limit"]: int(row["value"].split()[0].replace(",", "")) for row in table("Limits", "limit")}
    assert values == {
        "frame, unless more is announced": limits.STOCK_FRAME_BYTES,
        "frame, ever": limits.HARD_FRAME_BYTES,
        "chunk, by default": limits.CHUNK_BYTES,
        "dims of a Tensor": limits.NDIM,
        "items of a list or map": limits.CONTAINER_ITEMS,
        "items in all containers of a message": limits.MESSAGE_ITEMS,
        "objects of a message beside its bytes": limits.OBJECT_BYTES,
        "nesting of lists and maps": limits.NESTING,
        "name of a method": limits.METHOD_NAME_BYTES,
        "idle connection": PATIENCE.idle_s,
        "length of a frame, from its first byte to the fourth": PATIENCE.header_s,
        "stalled frame": PATIENCE.stalled_s,
        "TLS handshake": PATIENCE.handshake_s,
        "token": security._MAX_TOKEN_BYTES,
        "frame, before a token where one is asked for": limits.STRANGER_FRAME_BYTES,
    }
    assert MAX_NAME_BYTES == limits.METHOD_NAME_BYTES
    assert MAX_CHUNK_BYTES == limits.CHUNK_BYTES
    assert f"1 s more for each {PATIENCE.min_bytes_per_s:,} bytes" in FLAT
    assert store._DEFAULT_BYTES == 2**30


def test_what_objects_count_is_that_of_the_code() -> None:
    numbers = [re.findall(r"\d+", row["counts, in bytes"]) for row in table("Limits", "what")]
    assert [[int(number) for number in row] for row in numbers] == [
        [limits.NUMBER_BYTES],
        [limits.TEXT_BYTES],
        [limits.BINARY_BYTES + limits.ENTRY_BYTES],
        [limits.BINARY_BYTES],
        [limits.LIST_BYTES, limits.ITEM_BYTES],
        [limits.MAP_BYTES, limits.ENTRY_BYTES],
        [limits.TENSOR_BYTES],
        [limits.STRUCT_BYTES],
    ]
    assert f"bytes and {limits.OBJECT_FACTOR} times the frame" in FLAT


@pytest.mark.parametrize("row", table("Splitting a job", "rows"), ids=lambda row: "-".join(row.values()))
def test_leaves_are_those_of_the_spec(row: dict[str, str]) -> None:
    named = {name: int(row[name]) for name in ("chunk_rows", "chunk_bytes") if row[name]}
    leaves = leaf_grid(int(row["rows"]), int(row["row_bytes"]), **named)
    expected = [
        int(size)
        for part in row["rows of the leaves of a reduction"].split(", ")
        for count, size in [part.split(" x ")]
        for _ in range(int(count))
    ]
    assert [leaf.rows for leaf in leaves] == expected


def test_aims_are_those_of_the_code() -> None:
    assert f"`aim` is {CHUNKS_PER_NODE} times the number of nodes" in FLAT
    assert f"`aim` is {LEAVES}, whatever" in FLAT


def rule_of_the_spec(rows: int, row_bytes: int, chunk_rows: int | None, chunk_bytes: int | None, aim: int) -> list[int]:
    """The section "Splitting a job", word by word."""
    if rows == 0:
        return []
    largest = max(1, 8388608 // row_bytes) if row_bytes else max(1, rows)
    if chunk_rows is not None and chunk_rows <= largest:
        return [min(chunk_rows, rows - start) for start in range(0, rows, chunk_rows)]
    if chunk_rows is not None:
        count = -(-rows // chunk_rows)
    elif chunk_bytes is not None:
        count = -(-rows // (max(1, chunk_bytes // row_bytes) if row_bytes else max(1, rows)))
    else:
        count = min(rows, aim)
    count = max(count, -(-rows // largest))
    return [rows // count + (index < rows % count) for index in range(count)]


def test_rule_of_the_spec_is_that_of_the_code() -> None:
    for rows, row_bytes, chunk_rows, chunk_bytes in itertools.product(
        (0, 1, 2, 63, 64, 65, 1000), (0, 1, 8, 100_000, 10**8), (None, 1, 7, 500), (None, 1, 100, 10**7)
    ):
        leaves = leaf_grid(rows, row_bytes, chunk_rows=chunk_rows, chunk_bytes=chunk_bytes)
        assert [leaf.rows for leaf in leaves] == rule_of_the_spec(rows, row_bytes, chunk_rows, chunk_bytes, LEAVES)


def test_random_numbers_are_those_of_the_spec() -> None:
    for row in table("The random numbers", "seed"):
        prng = SplitMix64(int(row["seed"]))
        numbers = row["the first four of next_u64, hex"].split()
        assert [f"{prng.next_u64():016x}" for _ in numbers] == numbers
    ten = re.search(r"Ten times below\(10\) from seed 42: ([\d ]+)\.", FLAT)[1].split()
    prng = SplitMix64(42)
    assert [prng.below(10) for _ in ten] == [int(number) for number in ten]
    large = int(re.search(r"from seed 7: (\d+)\.", FLAT)[1])
    assert SplitMix64(7).below(9223372036854775809) == large
    three = re.search(r"uniform\(\) from seed 42: ([\d. ]+)\.", FLAT)[1].split()
    prng = SplitMix64(42)
    assert [repr(prng.uniform()) for _ in three] == three


def test_every_method_of_the_service_is_explained() -> None:
    for method in METHODS:
        assert f"**{method}**" in SPEC
