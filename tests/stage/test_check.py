"""Arrays against specs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyrpc.errors import BadResultError, ContractError
from pyrpc.stage.check import check_arrays, format_array
from pyrpc.stage.spec import parse_spec
from pyrpc.wire.messages import Ref


def check(*pairs: tuple[str, Any], bindings: dict[str, int] | None = None, **options: Any) -> dict[str, int]:
    """Check arrays called x0, x1 ... and give the bindings."""
    bindings = {} if bindings is None else bindings
    specs = [(f"x{i}", parse_spec(text)) for i, (text, _) in enumerate(pairs)]
    check_arrays(specs, [array for _, array in pairs], bindings, where="Vision.extract", **options)
    return bindings


def zeros(*shape: int, dtype: Any = "float32") -> np.ndarray[Any, Any]:
    return np.zeros(shape, dtype)


@pytest.mark.parametrize(
    ("text", "array"),
    [
        ("float32[n,28,28]", zeros(10, 28, 28)),
        ("float32[n,28,28]", zeros(0, 28, 28)),
        ("float32", zeros(3, 4)),
        ("float32[]", zeros()),
        ("float32[]", np.float32(3)),
        ("float32[n,n]", zeros(3, 3)),
        ("float32[_,_]", zeros(3, 4)),
        ("float32[...]", zeros()),
        ("float32[...,3]", zeros(3)),
        ("float32[...,3]", zeros(5, 4, 3)),
        ("any[n]", zeros(3, dtype="S3")),
        ("float32[n]", zeros(3, dtype=">f4")),
        ("float64|float32[n]", zeros(3)),
        ("float[n]", zeros(3, dtype="float16")),
        ("int[n]", zeros(3, dtype="int8")),
        ("uint[n]", zeros(3, dtype="uint64")),
        ("number[n]", zeros(3, dtype="complex64")),
        ("datetime64[n]", zeros(3, dtype="M8[us]")),
        ("datetime64[us][n]", zeros(3, dtype="M8[us]")),
        ("datetime64[generic]", zeros(3, dtype="M8")),
        ("timedelta64[25s]", zeros(3, dtype="m8[25s]")),
        ("bytes[n]", zeros(3, dtype="S9")),
        ("str[n]", zeros(3, dtype="U2")),
        ("string[n]", zeros(3, dtype=np.dtypes.StringDType())),
        ("float32[n]", Ref("held-by-the-node")),
        ("float32[n]", SimpleNamespace(dtype=np.dtype("float32"), shape=(3,))),
    ],
)
def test_array_fits(text: str, array: Any) -> None:
    for _ in range(2):  # The second time the dtype is known.
        check((text, array))


@pytest.mark.parametrize(
    ("text", "array", "what", "got", "help"),
    [
        ("float32[n,28,28]", zeros(10, 28, 28, dtype="f8"), "wrong dtype", "float64[10,28,28]", "x.astype('float32')"),
        ("int[n]", zeros(3), "wrong dtype", "float32[3]", "x.astype('int64')"),
        ("uint|int8", zeros(3), "wrong dtype", "float32[3]", "x.astype('uint64')"),
        ("number[n]", zeros(3, dtype=bool), "wrong dtype", "bool[3]", "x.astype('float32')"),
        ("datetime64[us][n]", zeros(3, dtype="M8[s]"), "wrong dtype", "datetime64[s][3]", "'datetime64[us]'"),
        ("datetime64[n]", zeros(3, dtype="m8[s]"), "wrong dtype", "timedelta64[s][3]", "'datetime64[ns]'"),
        ("str[n]", zeros(3, dtype="S4"), "wrong dtype", "bytes[3]", "x.astype('U')"),
        ("string[n]", zeros(3, dtype="U4"), "wrong dtype", "str[3]", "np.dtypes.StringDType()"),
        ("bfloat16[n]", zeros(3), "wrong dtype", "float32[3]", "x.astype(ml_dtypes.bfloat16)"),
        ("float32[n]", zeros(3, dtype=object), "wrong dtype", "object[3]", "x.astype('float32')"),
        ("float32[n,28,28]", zeros(28, 28), "wrong shape", "float32[28,28]", "x[np.newaxis]"),
        ("float32[n,3,4,5]", zeros(60), "wrong shape", "float32[60]", "reshape"),
        ("float32[n]", zeros(3, 1), "wrong shape", "float32[3,1]", "reshape it to 1 dim"),
        ("float32[n,28]", zeros(3, 27), "wrong shape", "float32[3,27]", "make axis 1 28 long"),
        ("float32[...,3]", zeros(2, 2, 4), "wrong shape", "float32[2,2,4]", "make axis 2 3 long"),
        ("float32[...,4,3]", zeros(3), "wrong shape", "float32[3]", "newaxis"),
        ("float32[n,n]", zeros(3, 4), "wrong shape", "float32[3,4]", "n is 3 already in this call, and 4 here"),
        ("float32[]", zeros(1), "wrong shape", "float32[1]", "reshape it to 0 dims"),
        ("float32[n]", [1.0], "not a NumPy array", "list", "np.asarray(x, dtype='float32')"),
        ("any[n]", [1.0], "not a NumPy array", "list", "np.asarray(x)"),
        ("float32[n]", None, "not a NumPy array", "None", "np.asarray"),
        ("float32[n]", np.float32, "not a NumPy array", "type", "np.asarray"),
        (
            "any",
            SimpleNamespace(dtype="torch.float32", shape=(3,)),
            "not a NumPy array",
            "torch.float32[3]",
            "np.asarray",
        ),
        ("any", SimpleNamespace(dtype=[], shape=(3,)), "not a NumPy array", "[][3]", "np.asarray"),
    ],
)
def test_array_that_does_not_fit_is_named_with_both_sides(
    text: str, array: Any, what: str, got: str, help: str
) -> None:
    for _ in range(2):
        with pytest.raises(ContractError) as caught:
            check((text, array))
        error = caught.value
        assert error.message.startswith("Vision.extract: x0 ")
        assert what in error.message
        assert (error.expected, error.got) == (text, got)
        assert help in str(error.help)


def test_named_dim_is_one_size_over_all_arrays() -> None:
    assert check(("float32[n,d]", zeros(3, 4)), ("int64[n]", zeros(3, dtype="int64"))) == {"n": 3, "d": 4}
    with pytest.raises(ContractError) as caught:
        check(("float32[n,d]", zeros(3, 4)), ("float32[n,d,k]", zeros(5, 4, 2)))
    assert caught.value.message == "Vision.extract: x1 has the wrong shape"
    assert caught.value.expected == "float32[n=3,d=4,k]"
    assert caught.value.got == "float32[5,4,2]"
    assert caught.value.help == "n is 3 already in this call, and 5 here: make them agree"


def test_outputs_agree_with_what_inputs_bound() -> None:
    bindings = check(("uint8[n,28,28]", zeros(3, 28, 28, dtype="uint8")))
    check(("float32[n,64]", zeros(3, 64)), bindings=bindings, is_result=True)
    with pytest.raises(BadResultError) as caught:
        check(("float32[n,64]", zeros(2, 64)), bindings=bindings, is_result=True)
    assert caught.value.expected == "float32[n=3,64]"
    assert caught.value.got == "float32[2,64]"
    assert "n is 3 already" in str(caught.value.help)


def test_array_that_does_not_fit_binds_nothing() -> None:
    bindings = {"n": 3}
    with pytest.raises(ContractError):
        check(("float32[k,n]", zeros(7, 4)), bindings=bindings)
    assert bindings == {"n": 3}


def test_any_underscore_and_ellipsis_bind_nothing() -> None:
    assert check(("any[...,_]", zeros(3, 4)), ("any", zeros(5))) == {}


def test_more_dtypes_than_are_remembered_still_fit() -> None:
    for width in range(1, 600):
        check(("bytes[n]", zeros(1, dtype=f"S{width}")))


@given(st.lists(st.integers(0, 3), max_size=4), st.lists(st.sampled_from(["a", "b", "_", "0", "1", "2"]), max_size=4))
def test_shape_fits_exactly_when_a_substitution_of_names_gives_it(shape: list[int], dims: list[str]) -> None:
    sizes: dict[str, int] = {}
    fits = len(shape) == len(dims) and all(
        dim == "_" or (int(dim) if dim.isdigit() else sizes.setdefault(dim, size)) == size
        for dim, size in zip(dims, shape, strict=True)
    )
    text = f"float32[{','.join(dims)}]"
    if fits:
        assert check((text, zeros(*shape))) == sizes
    else:
        with pytest.raises(ContractError):
            check((text, zeros(*shape)))


def test_array_is_shown_as_specs_are_written() -> None:
    assert format_array(zeros(2, 3, dtype=">f8")) == "float64[2,3]"
    assert format_array(np.float32(1)) == "float32[]"
    assert format_array("text") == "str"
    assert format_array(None) == "None"
