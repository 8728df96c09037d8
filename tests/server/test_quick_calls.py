"""Which methods are taken for quick."""

from __future__ import annotations

from pyrpc.server.quick_calls import _LONG_US, _PROOF_CALLS, QUICK_US, QuickCalls


def after(*times_us: int) -> QuickCalls:
    calls = QuickCalls()
    for us in times_us:
        calls.took("m", us)
    return calls


def test_method_that_nobody_called_is_not_quick() -> None:
    assert not QuickCalls().is_quick("m")


def test_method_is_quick_after_a_quick_call() -> None:
    assert after(QUICK_US - 1).is_quick("m")
    assert not after(QUICK_US - 1).is_quick("other")


def test_method_is_not_quick_after_a_first_call_that_was_not() -> None:
    assert not after(QUICK_US).is_quick("m")


def test_one_call_that_was_disturbed_changes_nothing() -> None:
    assert after(5, QUICK_US * 3).is_quick("m")
    assert after(5, QUICK_US * 3, 5, QUICK_US * 3).is_quick("m")


def test_two_in_a_row_or_a_long_one_do() -> None:
    assert not after(5, QUICK_US, QUICK_US).is_quick("m")
    assert not after(5, _LONG_US).is_quick("m")


def test_method_proves_itself_by_many_quick_calls() -> None:
    calls = after(5, _LONG_US)
    assert not any(calls.took("m", 5) for _ in range(_PROOF_CALLS - 1))
    assert calls.took("m", 5)
    assert calls.is_quick("m")


def test_methods_do_not_count_for_each_other() -> None:
    calls = after(5, _LONG_US)
    assert calls.took("other", 5)
    assert calls.is_quick("other")
    assert not calls.is_quick("m")
