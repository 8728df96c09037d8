"""Numbers that are on the wire, written out by hand: a change of any of them breaks every client that exists."""

from __future__ import annotations

import pytest

from pyrpc.wire.gen import Node, constants, ttypes

ENUMS = {
    "DType": {
        "BOOL": 1,
        "INT8": 2,
        "INT16": 3,
        "INT32": 4,
        "INT64": 5,
        "UINT8": 6,
        "UINT16": 7,
        "UINT32": 8,
        "UINT64": 9,
        "FLOAT16": 10,
        "BFLOAT16": 11,
        "FLOAT32": 12,
        "FLOAT64": 13,
        "COMPLEX64": 14,
        "COMPLEX128": 15,
        "DATETIME64": 16,
        "TIMEDELTA64": 17,
        "BYTES": 18,
        "UNICODE": 19,
        "STRING": 20,
    },
    "ErrorCode": {
        "UNKNOWN_METHOD": 1,
        "BAD_ARGUMENT": 2,
        "CONTRACT_VIOLATED": 3,
        "UNSUPPORTED_TYPE": 4,
        "TOO_LARGE": 5,
        "MALFORMED": 6,
        "UNAUTHENTICATED": 7,
        "PERMISSION_DENIED": 8,
        "STAGE_FAILED": 9,
        "BAD_RESULT": 10,
        "OVERLOADED": 11,
        "DRAINING": 12,
        "EXPIRED": 13,
        "CANCELLED": 14,
        "UNKNOWN_REF": 15,
        "INTERNAL": 16,
        "WORKER_LOST": 17,
        "BAD_CHECKSUM": 18,
    },
    "ParamKind": {
        "POSITIONAL_ONLY": 1,
        "POSITIONAL_OR_NAMED": 2,
        "VAR_POSITIONAL": 3,
        "NAMED_ONLY": 4,
        "VAR_NAMED": 5,
    },
    "NodeState": {"SERVING": 1, "DRAINING": 2, "NOT_SERVING": 3},
}

# Thrift's names of wire types, so that the tables below read like the IDL.
BOOL, DOUBLE, I32, I64, STRING, STRUCT, MAP, LIST = 2, 4, 8, 10, 11, 12, 13, 15

STRUCTS = {
    "Tensor": {
        1: ("dtype", I32),
        2: ("shape", LIST),
        3: ("data", STRING),
        4: ("itemsize", I32),
        5: ("unit", STRING),
        6: ("crc32c", I64),
    },
    "Ref": {1: ("id", STRING)},
    "Value": {
        1: ("null_value", BOOL),
        2: ("bool_value", BOOL),
        3: ("int_value", I64),
        4: ("double_value", DOUBLE),
        5: ("string_value", STRING),
        6: ("binary_value", STRING),
        7: ("tensor_value", STRUCT),
        8: ("list_value", LIST),
        9: ("map_value", MAP),
        10: ("ref_value", STRUCT),
    },
    "CallOptions": {
        1: ("request_id", I64),
        2: ("remaining_ms", I64),
        3: ("max_frame_bytes", I64),
        4: ("attempt", I32),
        5: ("token", STRING),
        6: ("want_crc32c", BOOL),
        7: ("context", MAP),
    },
    "RpcError": {
        1: ("code", I32),
        2: ("message", STRING),
        3: ("help", STRING),
        4: ("retry_after_ms", I64),
        5: ("remote_traceback", STRING),
        6: ("remote_type", STRING),
        7: ("expected", STRING),
        8: ("got", STRING),
    },
    "LoadReport": {
        1: ("queued", I32),
        2: ("in_flight", I32),
        3: ("queued_us", I64),
        4: ("service_us", I64),
        5: ("slots", I32),
        6: ("ms_per_row", DOUBLE),
    },
    "CallReply": {1: ("value", STRUCT), 2: ("load", STRUCT)},
    "TensorSpec": {1: ("dtypes", LIST), 2: ("dims", LIST)},
    "ParamInfo": {
        1: ("name", STRING),
        2: ("kind", I32),
        3: ("has_default", BOOL),
        4: ("annotation", STRING),
        5: ("tensor", STRUCT),
    },
    "StageInfo": {
        1: ("name", STRING),
        2: ("doc", STRING),
        3: ("params", LIST),
        4: ("gives", LIST),
        5: ("gives_tuple", BOOL),
        6: ("idempotent", BOOL),
        7: ("splittable", BOOL),
        8: ("returns", STRING),
    },
    "NodeInfo": {
        1: ("node_id", STRING),
        2: ("version", STRING),
        3: ("protocol_version", I32),
        4: ("state", I32),
        5: ("max_frame_bytes", I64),
        6: ("pid", I64),
        7: ("threads", I32),
    },
    "BatchStats": {
        1: ("batches", I64),
        2: ("calls", I64),
        3: ("rows", I64),
        4: ("full", I64),
        5: ("delay", I64),
        6: ("nobody_else", I64),
        7: ("drain", I64),
        8: ("incompatible", I64),
        9: ("ran_singly", I64),
    },
    "StageStats": {
        1: ("calls", I64),
        2: ("errors", I64),
        3: ("rows", I64),
        4: ("total_us", I64),
        5: ("max_us", I64),
        6: ("batches", STRUCT),
        7: ("ms_per_row", DOUBLE),
        8: ("run", STRUCT),
        9: ("queue", STRUCT),
    },
    "Percentiles": {1: ("p50_us", I64), 2: ("p95_us", I64), 3: ("p99_us", I64)},
    "NodeStats": {
        1: ("node", STRUCT),
        2: ("uptime_s", DOUBLE),
        3: ("connections", I64),
        4: ("bytes_received", I64),
        5: ("bytes_sent", I64),
        6: ("load", STRUCT),
        7: ("stages", MAP),
        8: ("errors", MAP),
    },
}

METHODS = {
    "call": {1: ("method", STRING), 2: ("positional", LIST), 3: ("named", MAP), 4: ("options", STRUCT)},
    "run": {
        1: ("stage", STRING),
        2: ("inputs", LIST),
        3: ("named", MAP),
        4: ("rows", I64),
        5: ("options", STRUCT),
    },
    "ping": {},
    "stages": {1: ("options", STRUCT)},
    "stats": {1: ("options", STRUCT)},
    "put": {1: ("value", STRUCT), 2: ("options", STRUCT)},
    "release": {1: ("ref", STRUCT), 2: ("options", STRUCT)},
    "drain": {1: ("options", STRUCT), 2: ("grace_ms", I64)},
}


def fields(struct: type) -> dict[int, tuple[str, int]]:
    """Number -> (name, wire type), from what the compiler wrote; 0 is the result of a method."""
    return {spec[0]: (spec[2], spec[1]) for spec in struct.thrift_spec if spec is not None}


@pytest.mark.parametrize("name", ENUMS)
def test_enum_numbers_never_change(name: str) -> None:
    assert {number: text for text, number in ENUMS[name].items()} == getattr(ttypes, name)._VALUES_TO_NAMES


@pytest.mark.parametrize("name", STRUCTS)
def test_field_numbers_and_types_never_change(name: str) -> None:
    assert fields(getattr(ttypes, name)) == STRUCTS[name]


@pytest.mark.parametrize("name", METHODS)
def test_argument_numbers_and_types_never_change(name: str) -> None:
    assert fields(getattr(Node, f"{name}_args")) == METHODS[name]


@pytest.mark.parametrize("name", ["call", "run", "put", "release"])
def test_method_throws_its_error_as_field_1(name: str) -> None:
    assert fields(getattr(Node, f"{name}_result"))[1] == ("error", STRUCT)


def test_tables_name_every_enum_struct_and_method() -> None:
    public = {
        name for name, value in vars(ttypes).items() if isinstance(value, type) and value.__module__ == ttypes.__name__
    }
    assert public == ENUMS.keys() | STRUCTS.keys()
    assert {name for name in vars(Node.Iface) if not name.startswith("_")} == METHODS.keys()


def test_protocol_version_is_1() -> None:
    assert constants.PROTOCOL_VERSION == 1
