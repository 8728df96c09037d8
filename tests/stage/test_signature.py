"""Calls against signatures, on the node and at the caller."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, Optional, Union

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyrpc.errors import ArgumentError, BadResultError, ConfigError, ContractError
from pyrpc.stage.declare import stage
from pyrpc.stage.signature import Signature, check_call, check_result, contract_of, describe, empty_result
from pyrpc.wire.messages import ParamInfo, ParamKind, Ref, StageInfo, TensorSpec

if TYPE_CHECKING:
    from nowhere import Unknown


def images(rows: int = 3, dtype: Any = "uint8") -> np.ndarray[Any, Any]:
    return np.zeros((rows, 28, 28), dtype)


@stage(takes={"images": "uint8[n,28,28]", "mask": "bool[n]"}, gives="float32[n,64]")
def extract(images: Any, scale: float = 1.0, *, mask: Any = None) -> Any:
    """Features of images."""


def signature_of(function: Any, name: str = "") -> Signature:
    return Signature(function, name or function.__name__)


# ---- counts and names


@st.composite
def functions(draw: st.DrawFn) -> Any:
    """A function with any mix of parameters; called, it does nothing."""
    names = iter("abcdefgh")
    positional = draw(st.integers(0, 3))
    normal = draw(st.integers(0, 3))
    first_default = draw(st.integers(0, positional + normal))
    parts = [next(names) + ("=0" if i >= first_default else "") for i in range(positional + normal)]
    if positional:
        parts.insert(positional, "/")
    named = [next(names) + draw(st.sampled_from(["", "=0"])) for _ in range(draw(st.integers(0, 2)))]
    star = draw(st.sampled_from(["", "*args"])) or ("*" if named else "")
    parts += [*([star] if star else []), *named, *draw(st.sampled_from([[], ["**kw"]]))]
    space: dict[str, Any] = {}
    exec(f"def f({', '.join(parts)}): pass", space)
    return space["f"]


@given(functions(), st.integers(0, 8), st.sets(st.sampled_from([*"abcdefghz", "kw", "args"]), max_size=6))
def test_bind_agrees_with_python(function: Any, count: int, names: set[str]) -> None:
    args, kwargs = (0,) * count, dict.fromkeys(names, 0)
    signature = signature_of(function)
    try:
        function(*args, **kwargs)
    except TypeError:
        for bind in (signature.bind, functools.partial(check_call, signature.info)):
            with pytest.raises(ArgumentError) as caught:
                bind(args, kwargs)
            assert caught.value.got, "says what is wrong"
            assert caught.value.help
    else:
        assert signature.bind(args, kwargs) == check_call(signature.info, args, kwargs) == {}


@given(functions(), st.integers(0, 8), st.sets(st.sampled_from("abcdefghz"), max_size=6))
def test_bind_agrees_with_inspect(function: Any, count: int, names: set[str]) -> None:
    signature = inspect.signature(function)
    positional_only = {p.name for p in signature.parameters.values() if p.kind is p.POSITIONAL_ONLY}
    # Older releases of inspect refuse a positional-only name that **kw takes; Python itself does not.
    names = names - positional_only
    try:
        signature.bind(*(0,) * count, **dict.fromkeys(names, 0))
        fits = True
    except TypeError:
        fits = False
    try:
        signature_of(function).bind((0,) * count, dict.fromkeys(names, 0))
        assert fits
    except ArgumentError:
        assert not fits


def add(a: Any, b: Any, *, scale: Any = 1) -> Any:
    return a + b


@pytest.mark.parametrize(
    ("function", "args", "kwargs", "got", "help"),
    [
        (add, (1,), {}, "missing b", "give b too"),
        (add, (), {}, "missing a, missing b", "give a, b too"),
        (add, (1, 2, 3), {}, "3 positional, at most 2", "the parameters are a, b, scale"),
        (add, (1, 2), {"c": 1}, "unexpected c", "the parameters are a, b, scale"),
        (add, (1, 2), {"scal": 1}, "unexpected scal", "did you mean 'scale'?"),
        (add, (1, 2), {"b": 1}, "b twice", "the parameters are"),
        (add, (1,), {"c": 1}, "missing b, unexpected c", "give b too"),
        (add, (1, 2), {f"p{i}": 1 for i in range(9)}, "unexpected p4, and 4 more", "the parameters are"),
        (lambda: 0, (1,), {}, "1 positional, at most 0", "it takes no arguments"),
        (lambda a, /: 0, (), {"a": 1}, "missing a, a by name, which goes by position only", "give a too"),
        (lambda *, key: 0, (), {}, "missing key", "give key too"),
    ],
)
def test_wrong_arguments_are_named(function: Any, args: Any, kwargs: Any, got: str, help: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        signature_of(function, "S.add").bind(args, kwargs)
    assert caught.value.message == "S.add was called with the wrong arguments"
    assert str(caught.value.expected).startswith("S.add(")
    assert got in str(caught.value.got)
    assert help in str(caught.value.help)


def test_expected_shows_the_defaults_that_the_node_knows() -> None:
    with pytest.raises(ArgumentError) as caught:
        signature_of(extract, "Vision.extract").bind((), {})
    assert caught.value.expected == (
        "Vision.extract(images: uint8[n,28,28], scale: float = 1.0, *, mask: bool[n] = None) -> float32[n,64]"
    )


# ---- type hints


def hinted(hint: Any, default: Any = inspect.Parameter.empty) -> Signature:
    def f(x: Any) -> None: ...

    f.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter("x", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=hint, default=default)]
    )
    return signature_of(f, "S.f")


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        (int, 3),
        (int, True),
        (int, np.int16(3)),
        (int, np.array(3)),
        (float, 3),
        (float, 3.0),
        (float, np.float32(3)),
        (float, np.array(3.0)),
        (str, "x"),
        (bytes, b"x"),
        (bytes, memoryview(b"x")),
        (bool, False),
        (bool, np.bool_(True)),
        (list, [1]),
        (list, (1,)),
        (list[int], ["not looked into"]),
        (dict[str, int], {}),
        (Optional[int], None),  # noqa: UP045
        (Union[int, str], "x"),  # noqa: UP007
        (int | None, None),
        ("int | None", None),
        ("int", 3),
        (int, Ref("held-by-the-node")),
        # Not plain: documentation.
        (np.ndarray, "x"),
        ("np.ndarray", "x"),
        ("Unknown", "x"),
        (tuple, "x"),
        (Any, "x"),
        (None, "x"),
        (int | np.ndarray, "x"),
        ("a syntax error", "x"),
    ],
)
def test_value_fits_hint(hint: Any, value: Any) -> None:
    hinted(hint).bind((value,), {})
    hinted(hint).bind((), {"x": value})


@pytest.mark.parametrize(
    ("hint", "value", "expected", "got"),
    [
        (int, "3", "x: int", "str '3'"),
        (int, 3.0, "x: int", "float 3.0"),
        (int, np.array(3.0), "x: int", "ndarray array(3.)"),
        (int, np.array([3]), "x: int", "ndarray array([3])"),
        (float, "3", "x: float", "str '3'"),
        (float, 3j, "x: float", "complex 3j"),
        (str, b"x", "x: str", "bytes b'x'"),
        (bytes, "x", "x: bytes", "str 'x'"),
        (bool, 1, "x: bool", "int 1"),
        (list, "x", "x: list", "str 'x'"),
        (dict, [], "x: dict", "list []"),
        (int, None, "x: int", "NoneType None"),
        ("int | None", "x", "x: int | None", "str 'x'"),
        (list[int], 3, "x: list[int]", "int 3"),
        (str | int, 3.0, "x: str | int", "float 3.0"),
        (int, "y" * 1000, "x: int", "str '" + "y" * 40 + "'"),
    ],
)
def test_value_that_does_not_fit_its_hint_is_named(hint: Any, value: Any, expected: str, got: str) -> None:
    for args, kwargs in (((value,), {}), ((), {"x": value})):
        with pytest.raises(ArgumentError) as caught:
            hinted(hint).bind(args, kwargs)
        assert caught.value.message == "S.f: x has the wrong type"
        assert (caught.value.expected, caught.value.got) == (expected, got)


def test_none_fits_where_it_is_the_default() -> None:
    hinted(int, None).bind((None,), {})


def test_one_hint_without_a_value_leaves_the_others_checked() -> None:
    def f(a: Unknown, b: int) -> Unknown: ...

    signature = signature_of(f)
    signature.bind((object(), 1), {})
    with pytest.raises(ArgumentError, match="b has the wrong type"):
        signature.bind((object(), "1"), {})
    assert describe(signature.info) == "f(a: Unknown, b: int) -> Unknown"


def test_hints_of_star_parameters_hold_for_each_value() -> None:
    def f(first: str, *rest: int, **named: float) -> None: ...

    signature = signature_of(f)
    signature.bind(("x", 1, 2), {"y": 1.5})
    with pytest.raises(ArgumentError, match=r"rest\[1\] has the wrong type"):
        signature.bind(("x", 1, "2"), {})
    with pytest.raises(ArgumentError, match="y has the wrong type"):
        signature.bind(("x",), {"y": "1"})


# ---- arrays


@pytest.mark.parametrize(
    "bind", [signature_of(extract).bind, functools.partial(check_call, signature_of(extract).info)]
)
def test_arrays_are_checked_by_position_and_by_name(bind: Any) -> None:
    mask = np.zeros(3, bool)
    assert bind((images(),), {}) == {"n": 3}
    assert bind((), {"images": images(), "scale": 2, "mask": mask}) == {"n": 3}
    assert bind((images(),), {"mask": None}) == {"n": 3}
    with pytest.raises(ContractError, match=r"mask has the wrong shape; expected bool\[n=4\]; got bool\[3\]"):
        bind((images(4),), {"mask": mask})
    with pytest.raises(ContractError, match=r"images has the wrong dtype; expected uint8\[n,28,28\]; got float64"):
        bind((), {"images": images(3, "float64")})
    with pytest.raises(ContractError, match="images is not a NumPy array"):
        bind((None,), {})
    with pytest.raises(ArgumentError, match="missing images"):
        bind((), {"mask": mask})


def test_arrays_of_star_parameters_are_each_checked() -> None:
    @stage(takes=[None, "float32[n]"])
    def f(first: Any, *rest: Any) -> None: ...

    signature = signature_of(f)
    assert signature.bind((0, np.zeros(3, "f4"), np.zeros(3, "f4")), {}) == {"n": 3}
    with pytest.raises(ContractError, match=r"rest\[1\] has the wrong shape"):
        signature.bind((0, np.zeros(3, "f4"), np.zeros(4, "f4")), {})


def test_none_for_an_array_fits_only_where_the_node_has_it_as_default_or_hint() -> None:
    @stage(takes=["float32[n]", "float32[n]"])
    def f(x: Optional[np.ndarray[Any, Any]], y: Any = 0) -> None: ...  # noqa: UP045

    signature = signature_of(f)
    signature.bind((None,), {})
    with pytest.raises(ContractError, match="y is not a NumPy array"):
        signature.bind((None, None), {})


def test_positional_only_name_in_kwargs_is_not_the_array() -> None:
    @stage(takes={"x": "float32[n]"})
    def f(x: Any = None, /, **kw: Any) -> None: ...

    signature_of(f).bind((), {"x": "a name for kw"})


def test_result_is_checked_against_what_inputs_bound() -> None:
    signature = signature_of(extract, "Vision.extract")
    for check in (signature.check_result, functools.partial(check_result, signature.info)):
        check(np.zeros((3, 64), "f4"), signature.bind((images(),), {}))
        with pytest.raises(BadResultError) as caught:
            check(np.zeros((2, 64), "f4"), signature.bind((images(),), {}))
        assert caught.value.summary() == (
            "Vision.extract: the result has the wrong shape; expected float32[n=3,64]; got float32[2,64]"
        )
        with pytest.raises(
            BadResultError, match=r"the result is not a NumPy array; expected float32\[n=3,64\]; got None"
        ):
            check(None, signature.bind((images(),), {}))


def test_declared_tuple_must_come_back_whole() -> None:
    @stage(gives=("float32[n]", "int64[n]"))
    def f() -> Any: ...

    signature = signature_of(f)
    parts = (np.zeros(3, "f4"), np.zeros(3, "i8"))
    signature.check_result(parts, {})
    signature.check_result(list(parts), {})
    for value, got in ((parts[:1], "1 values"), (parts[0], "float32[3]"), (None, "None")):
        with pytest.raises(BadResultError) as caught:
            signature.check_result(value, {})
        assert caught.value.expected == "a tuple (float32[n], int64[n])"
        assert caught.value.got == got
    with pytest.raises(BadResultError, match="result 1 has the wrong shape"):
        signature.check_result((parts[0], np.zeros(4, "i8")), {})


def test_undeclared_result_may_be_anything() -> None:
    signature_of(add).check_result(object(), {})


# ---- empty results


@pytest.mark.parametrize(
    ("gives", "bindings", "dtype", "shape"),
    [
        ("float32[n,64]", {"n": 0}, "float32", (0, 64)),
        ("float32[n,64]", {}, "float32", (0, 64)),
        ("int64[n]", {"n": 0}, "int64", (0,)),
        ("float64[n,d]", {"n": 0, "d": 7}, "float64", (0, 7)),
        ("float64[n,n]", {}, "float64", (0, 0)),
        ("datetime64[us][n]", {}, "M8[us]", (0,)),
        ("datetime64[generic][n]", {}, "M8", (0,)),
        ("str[n]", {}, "U1", (0,)),
        ("bytes[n]", {}, "S1", (0,)),
        ("string[n]", {}, np.dtypes.StringDType(), (0,)),
    ],
)
def test_empty_result_is_what_the_contract_tells(gives: str, bindings: Any, dtype: Any, shape: Any) -> None:
    info = signature_of(stage(gives=gives)(lambda: 0), "f").info
    result = empty_result(info, bindings)
    assert isinstance(result, np.ndarray)
    assert (result.dtype, result.shape) == (np.dtype(dtype), shape)
    check_result(info, result, dict(bindings))


@pytest.mark.parametrize(
    "gives",
    [
        "float32",
        "float32[...]",
        "float32[n,_]",
        "float32[n,d]",
        "float32[10]",
        "float32[]",
        "float32[_,3]",
        "float32|float64[n]",
        "float[n]",
        "any[n]",
        "datetime64[n]",
        "float32[rows]",
    ],
)
def test_open_contract_gives_no_empty_result(gives: str) -> None:
    info = signature_of(stage(gives=gives)(lambda: 0), "f").info
    assert empty_result(info, {"n": 0, "rows": 5}) is None


def test_empty_result_of_a_tuple_is_a_tuple() -> None:
    info = signature_of(stage(gives=["float32[n]", "int8[n,2]"])(lambda: 0), "f").info
    result = empty_result(info)
    assert isinstance(result, tuple)
    assert [part.shape for part in result] == [(0,), (0, 2)]
    assert empty_result(signature_of(stage(gives=["float32[n]", "any[n]"])(lambda: 0), "f").info) is None
    assert empty_result(signature_of(add).info) is None


def test_bfloat16_has_an_empty_result_where_it_is_known() -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    result = empty_result(StageInfo("f", gives=(TensorSpec(("bfloat16",), ("n",)),)))
    assert isinstance(result, np.ndarray)
    assert result.dtype == ml_dtypes.bfloat16


# ---- what callers are told


def _plain(a, b=2, /, c=3, *args, d, e=5, **kw):  # type: ignore[no-untyped-def]
    pass


def _named(a: int, *, key: str = "x") -> list[int]: ...


def _only(a: int, /) -> None: ...


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (_plain, "f(a, b=..., /, c=..., *args, d, e=..., **kw)"),
        (_named, "f(a: int, *, key: str = ...) -> list[int]"),
        (_only, "f(a: int, /) -> None"),
        (extract, "f(images: uint8[n,28,28], scale: float = ..., *, mask: bool[n] = ...) -> float32[n,64]"),
        (stage(gives=["any[n]"])(lambda: 0), "f() -> (any[n],)"),
        (stage(gives=["any[n]", "bool[]"])(lambda: 0), "f() -> (any[n], bool[])"),
        (stage(takes=[None, "int[n]"])(lambda x, *xs: 0), "f(x, *xs: int[n])"),
    ],
)
def test_describe_reads_like_python(function: Any, text: str) -> None:
    assert describe(Signature(function, "f").info) == text


def test_info_tells_the_contract() -> None:
    info = Signature(stage(takes="uint8[n]", idempotent=True, splittable=False)(lambda x, y=1: 0), "S.f").info
    assert info.name == "S.f"
    assert info.params == (
        ParamInfo("x", tensor=TensorSpec(("uint8",), ("n",))),
        ParamInfo("y", has_default=True),
    )
    assert (info.idempotent, info.splittable, info.gives, info.gives_tuple) == (True, False, None, False)
    assert [int(p.kind) for p in Signature(_plain, "f").info.params] == [1, 1, 2, 3, 4, 4, 5]


def test_doc_is_cleaned_and_cut() -> None:
    def f() -> None:
        """First line.

        Second.
        """

    assert signature_of(f).info.doc == "First line.\n\nSecond."
    f.__doc__ = "x" * 10_000
    assert len(signature_of(f).info.doc) == 4096
    assert signature_of(functools.partial(add, 1), "p").info.doc == ""


def test_builtin_that_tells_no_signature_takes_anything() -> None:
    function = type("C", (), {"__call__": lambda self: 0, "__signature__": "none", "__name__": "c"})()
    signature = signature_of(function, "c")
    assert signature.bind((1, 2), {"x": 3}) == {}
    assert describe(signature.info) == "c(*args, **kwargs)"


def test_default_whose_repr_raises_or_is_long_is_left_out() -> None:
    class Bad:
        def __repr__(self) -> str:
            raise RuntimeError

    signature = signature_of(lambda a=Bad(), b="x" * 99, c="y": 0, "f")  # noqa: B008
    assert signature.text == "f(a=..., b=..., c='y')"


def test_takes_that_does_not_fit_the_bound_method_is_refused() -> None:
    class S:
        @staticmethod
        @stage(takes={"this": "int8"})
        def f(this: Any) -> None: ...

        @stage(takes=["int8", "int8"])
        def g(this, x: Any) -> None: ...  # noqa: N805

    Signature(S.f, "S.f")
    with pytest.raises(ConfigError, match="more entries"):
        Signature(S().g, "S.g")


def test_contract_is_compiled_once_for_an_info() -> None:
    info = StageInfo("f")
    assert contract_of(info) is contract_of(info)
    for i in range(2000):
        contract_of(StageInfo(f"f{i}"))
    assert contract_of(info).info is info


@pytest.mark.parametrize(
    "info",
    [
        StageInfo("f", params=(ParamInfo("x", tensor=TensorSpec(("float8",), ("n", "...", "-1", ""))),)),
        StageInfo("f", params=(ParamInfo("x", ParamKind.VAR_NAMED), ParamInfo("x", ParamKind.VAR_POSITIONAL))),
        StageInfo("f", params=(ParamInfo("x", has_default=True), ParamInfo("x"))),
        StageInfo("f", gives=()),
        StageInfo("f", gives=(TensorSpec(("", "["), ("[", "]")),), gives_tuple=True),
    ],
)
def test_info_from_a_strange_node_raises_only_typed_errors(info: StageInfo) -> None:
    describe(info)
    empty_result(info)
    for args, kwargs in (((), {}), ((images(),), {}), ((), {"x": images()})):
        try:
            check_result(info, images(), check_call(info, args, kwargs))
        except (ArgumentError, ContractError, BadResultError):
            pass
