"""What @stage(batch=...) takes, and which arguments have the rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pyrpc
from pyrpc import Batch
from pyrpc.errors import ConfigError
from pyrpc.stage.batch import BatchedStage
from pyrpc.stage.registry import Registry

X = np.zeros((4, 3))


def batched(**options: Any) -> Callable[[Callable[..., Any]], BatchedStage]:
    def decorate(function: Callable[..., Any]) -> BatchedStage:
        stage = Registry(pyrpc.stage(batch=Batch(), **options)(function)).lookup(function.__name__)
        assert stage.batch is not None
        return stage.batch

    return decorate


@pytest.mark.parametrize(
    "options",
    [
        *({"max_rows": value} for value in (0, -1, 1.5, True, "64", None)),
        *({"max_delay_ms": value} for value in (-1, float("nan"), float("inf"), True, "5", None, 60_001)),
    ],
)
def test_numbers_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(options))):
        Batch(**options)


def test_anything_but_a_batch_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"pyrpc\.Batch"):
        pyrpc.stage(batch=64)  # type: ignore[call-overload]


def test_undeclared_stage_is_not_batched() -> None:
    def f(x: Any) -> Any: ...

    assert Registry(f).lookup("f").batch is None


def test_without_a_contract_the_one_array_by_position_has_the_rows() -> None:
    @batched()
    def f(*args: Any, **named: Any) -> Any: ...

    assert f.slots([X], {}) == (0,)
    assert f.slots([1, X, np.array(1.0)], {"y": X}) == (1,)
    assert f.slots([X, X], {}) == ()
    assert f.slots([1], {}) == ()
    assert f.slots([], {"x": X}) == ()


def test_with_a_contract_what_has_the_first_named_dim_in_front_has_the_rows() -> None:
    @batched(takes={"x": "float64[n,d]", "w": "float64[d,k]", "y": "int64[n]", "z": "float64[n]"}, gives="float64[n,k]")
    def f(x: Any, w: Any, y: Any = None, *, z: Any = None) -> Any: ...

    assert f.rows_dim == "n"
    assert f.slots([X, X.T], {}) == (0,)
    assert f.slots([X, X.T, X[:, 0]], {"z": X[:, 0]}) == (0, 2, "z")
    assert f.slots([], {"w": X.T, "x": X, "y": None}) == ("x",)


def test_all_of_star_args_have_the_rows() -> None:
    @batched(takes={"xs": "float64[n]", "named": "float64[n]"})
    def f(first: int, *xs: Any, flag: bool = False, **named: Any) -> Any: ...

    assert f.slots([1, X[0], X[0]], {"flag": True, "a": X[0]}) == (1, 2, "a")


@pytest.mark.parametrize(
    "options",
    [
        {"takes": "float64[n,n]"},
        {"takes": {"x": "float64[n,d]", "y": "float64[d,n]"}},
        {"takes": "float64[n]", "gives": "float64[]"},
        {"takes": "float64[n]", "gives": "float64[1]"},
        {"takes": "float64[n,d]", "gives": "float64[d]"},
        {"takes": "float64[n]", "gives": "float64[n,n]"},
        {"takes": "float64[n]", "gives": ("float64[n]", "float64[]")},
        {"gives": "float64[k]"},
    ],
)
def test_contract_that_cannot_be_batched_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="cannot be batched"):

        @batched(**options)
        def f(x: Any, y: Any = None) -> Any: ...


@pytest.mark.parametrize(
    "gives", ["float64", "float64[n]", "float64[_,3]", "float64[...,3]", ("float64[n]", "int64[n,2]")]
)
def test_contract_with_a_row_for_each_row_is_fine(gives: Any) -> None:
    @batched(takes="float64[n,d]", gives=gives)
    def f(x: Any) -> Any: ...

    assert f.slots([X], {}) == (0,)
