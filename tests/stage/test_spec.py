"""Specs: text to TensorSpec and back."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pyrpc.errors import ConfigError
from pyrpc.stage.spec import DTYPE_CLASSES, DTYPE_NAMES, as_spec, dtype_name, format_spec, parse_spec
from pyrpc.wire.messages import TensorSpec

UNITS = ("Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as", "25s", "generic")
dtypes = st.sampled_from(
    [*DTYPE_NAMES, *DTYPE_CLASSES, *(f"{base}64[{unit}]" for base in ("datetime", "timedelta") for unit in UNITS)]
)
names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True) | st.sampled_from(UNITS[:-2])
dim = names | st.integers(0, 2**40).map(str)
dims = st.builds(lambda lead, rest: tuple(lead + rest), st.sampled_from([[], ["..."]]), st.lists(dim, max_size=6))
specs = st.builds(TensorSpec, st.lists(dtypes, max_size=4, unique=True).map(tuple), st.none() | dims)


@given(specs)
@example(TensorSpec(("datetime64",), ("D",)))
@example(TensorSpec(("datetime64",), ("generic",)))
@example(TensorSpec(("datetime64[D]",), ("D",)))
@example(TensorSpec(("float32", "timedelta64"), ("m",)))
@example(TensorSpec((), ()))
def test_formatted_spec_parses_to_the_same_spec(spec: TensorSpec) -> None:
    assert parse_spec(format_spec(spec)) == spec


@given(st.text(alphabet="float32datetime64[]|,._ n8DsAny\t\x00é", max_size=40) | st.text(max_size=20))
def test_any_text_is_a_spec_or_a_config_error_that_quotes_it(text: str) -> None:
    try:
        spec = parse_spec(text)
    except ConfigError:
        with pytest.raises(ConfigError, match=re.escape(repr(text)[:77])) as caught:
            parse_spec(text)
        assert "float32[n,28,28]" in str(caught.value.help)
    else:
        assert parse_spec(format_spec(spec)) == spec


@pytest.mark.parametrize(
    ("text", "dtypes", "dims"),
    [
        ("float32[n,28,28]", ("float32",), ("n", "28", "28")),
        ("float32|float64[n,_]", ("float32", "float64"), ("n", "_")),
        (" float32 | float64 [ n , 28 ] ", ("float32", "float64"), ("n", "28")),
        ("any[...,3]", (), ("...", "3")),
        ("any", (), None),
        ("uint8", ("uint8",), None),
        ("float64[]", ("float64",), ()),
        ("int[n,]", ("int",), ("n",)),
        ("datetime64", ("datetime64",), None),
        ("datetime64[ns]", ("datetime64[ns]",), None),
        ("datetime64[ns][n]", ("datetime64[ns]",), ("n",)),
        ("datetime64[n]", ("datetime64",), ("n",)),
        ("datetime64[n,28]", ("datetime64",), ("n", "28")),
        ("datetime64[25s][7]", ("datetime64[25s]",), ("7",)),
        ("datetime64[25]", ("datetime64",), ("25",)),
        ("datetime64[1s]", ("datetime64[s]",), None),
        ("datetime64[D,]", ("datetime64",), ("D",)),
        ("timedelta64[ms]|float64[m]", ("timedelta64[ms]", "float64"), ("m",)),
        ("float64|timedelta64[m]", ("float64", "timedelta64[m]"), None),
    ],
)
def test_spec_reads_as(text: str, dtypes: tuple[str, ...], dims: tuple[str, ...] | None) -> None:
    assert parse_spec(text) == TensorSpec(dtypes, dims)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "a dtype is missing"),
        ("[n]", "a dtype is missing"),
        ("float32|", "a dtype is missing"),
        ("flaot32[n]", "did you mean 'float32'?"),
        ("Float32", "did you mean 'float32'?"),
        ("object[n]", "'object' is no dtype that travels"),
        ("float32|float32", "'float32' is given twice"),
        ("float32|any", "'any' stands beside other dtypes"),
        ("float32[n", "the bracket is not closed"),
        ("float32 n", "'n' follows the dtype"),
        ("float32]n", "']n' follows the dtype"),
        ("float32[n][m]", "'[m]' follows the dims"),
        ("float32[n,,3]", "dim 1 is empty"),
        ("float32[,]", "dim 0 is empty"),
        ("float32[n,...]", "only the first may be it"),
        ("float32[-1]", "the dim '-1' is neither"),
        ("float32[n*2]", "the dim 'n*2' is neither"),
        ("float32[028]", "the dim '028' is neither"),
        ("float32[ns][n]", "'[n]' follows the dims"),
        ("datetime64[9999999999s]", "out of range"),
        ("int8[" + ",".join("n" * 33) + "]", "it has 33 dims, and at most 32 travel"),
    ],
)
def test_bad_spec_says_what_is_wrong(text: str, what: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_spec(text)
    assert what in caught.value.message
    assert "for example" in str(caught.value.help)


@pytest.mark.parametrize(
    ("x", "text"),
    [
        ("float32[n]", "float32[n]"),
        (TensorSpec(("any",), ("n",)), "any[n]"),
        (np.float32, "float32"),
        (np.dtype(">i2"), "int16"),
        (np.dtype("M8[us]"), "datetime64[us]"),
        (np.dtype("U7"), "str"),
        (np.dtypes.StringDType(), "string"),
    ],
)
def test_as_spec_takes_text_spec_and_dtype(x: object, text: str) -> None:
    assert format_spec(as_spec(x)) == text


@pytest.mark.parametrize("x", [None, 3, float, ["float32"], np.dtype(object), TensorSpec(("f4",)), np.zeros(1)])
def test_as_spec_refuses_what_says_no_spec(x: object) -> None:
    with pytest.raises(ConfigError):
        as_spec(x)


@pytest.mark.parametrize("name", [name for name in DTYPE_NAMES if name not in ("bfloat16", "bytes", "str", "string")])
def test_dtype_names_are_numpys(name: str) -> None:
    dtype = np.dtype(name)
    assert dtype_name(dtype).partition("[")[0] == dtype_name(dtype.newbyteorder()).partition("[")[0] == name
