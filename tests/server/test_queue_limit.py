"""How many calls may wait, by what waiting costs them."""

from __future__ import annotations

from pyrpc.server.queue_limit import UNSAID_S, QueueLimit
from pyrpc.testing import FakeClock


def test_all_may_wait_at_first() -> None:
    assert QueueLimit(100).value == 100


def test_waits_that_take_most_of_the_time_cut_the_queue_in_proportion() -> None:
    limit, clock = QueueLimit(1000), FakeClock()
    limit.on_waited(clock.monotonic(), ahead=99, waited_s=0.5, given_s=1.0)
    assert limit.value == 80


def test_one_odd_wait_halves_the_queue_at_most() -> None:
    limit, clock = QueueLimit(1000), FakeClock()
    limit.on_waited(clock.monotonic(), ahead=99, waited_s=100.0, given_s=1.0)
    assert limit.value == 50


def test_second_cut_waits_for_the_calls_that_waited_already() -> None:
    limit, clock = QueueLimit(1000), FakeClock()
    limit.on_waited(clock.monotonic(), 99, 0.8, 1.0)
    clock.advance(0.7)
    limit.on_waited(clock.monotonic(), 99, 0.8, 1.0)
    assert limit.value == 50
    clock.advance(0.2)
    limit.on_waited(clock.monotonic(), 49, 0.8, 1.0)
    assert limit.value == 25


def test_it_is_never_cut_below_its_least() -> None:
    limit, clock = QueueLimit(1000, least=8), FakeClock()
    for _ in range(20):
        limit.on_waited(clock.monotonic(), 10, 5.0, 1.0)
        clock.advance(10)
    assert limit.value == 8


def test_next_in_line_tells_nothing_of_the_queue() -> None:
    limit, clock = QueueLimit(1000), FakeClock()
    limit.on_waited(clock.monotonic(), 0, 5.0, 1.0)
    assert limit.value == 1000


def test_caller_in_a_hurry_among_patient_ones_cuts_nothing() -> None:
    limit, clock = QueueLimit(1000), FakeClock()
    for _ in range(100):
        limit.on_waited(clock.monotonic(), 50, 1.0, 60.0)
    limit.on_waited(clock.monotonic(), 50, 0.1, 0.1)
    assert limit.value == 1000


def test_callers_that_are_all_in_a_hurry_do() -> None:
    limit, clock = QueueLimit(1000), FakeClock()
    for _ in range(100):
        limit.on_waited(clock.monotonic(), 50, 1.0, 60.0)
    for _ in range(100):
        clock.advance(0.2)
        limit.on_waited(clock.monotonic(), 50, 0.1, 0.1)
    assert limit.value < 50


def test_callers_that_wait_for_ever_leave_others_their_say() -> None:
    limit, clock = QueueLimit(1000), FakeClock()
    limit.on_waited(clock.monotonic(), 50, 1.0, 1e8)
    for _ in range(100):
        clock.advance(1.0)
        limit.on_waited(clock.monotonic(), 50, 0.9, 1.0)
    assert limit.value < 50


def test_nobody_waits_where_nobody_may() -> None:
    limit, clock = QueueLimit(0), FakeClock()
    limit.on_waited(clock.monotonic(), 0, 5.0, 1.0)
    limit.on_waited(clock.monotonic(), 0, 0.0, 1.0)
    limit.on_first(clock.monotonic())
    assert limit.value == 0


def test_short_waits_let_it_grow_again_one_a_call() -> None:
    limit, clock = QueueLimit(1000), FakeClock()
    limit.on_waited(clock.monotonic(), 99, 0.8, 1.0)
    for _ in range(10):
        limit.on_waited(clock.monotonic(), 10, 0.1, 1.0)
    assert limit.value == 60


def test_waits_between_leave_it_alone() -> None:
    limit, clock = QueueLimit(1000), FakeClock()
    limit.on_waited(clock.monotonic(), 99, 0.8, 1.0)
    limit.on_waited(clock.monotonic(), 10, 0.3, 1.0)
    assert limit.value == 50


def test_it_never_grows_past_its_most() -> None:
    limit, clock = QueueLimit(5), FakeClock()
    limit.on_waited(clock.monotonic(), 0, 0.0, 1.0)
    assert limit.value == 5


def test_long_waits_of_callers_with_more_time_are_no_overload() -> None:
    limit, clock = QueueLimit(1000), FakeClock()
    limit.on_waited(clock.monotonic(), 99, 20.0, 60.0)
    assert limit.value == 1000


def test_callers_that_set_no_limit_count_as_patient() -> None:
    limit, clock = QueueLimit(1000), FakeClock()
    limit.on_waited(clock.monotonic(), 99, 0.3 * UNSAID_S, None)
    assert limit.value == 1000
    limit.on_waited(clock.monotonic(), 99, 0.5 * UNSAID_S, None)
    assert limit.value == 80


def test_overload_that_is_over_is_forgotten() -> None:
    limit, clock = QueueLimit(1000), FakeClock()
    limit.on_waited(clock.monotonic(), 99, 0.8, 1.0)
    clock.advance(0.5)
    limit.on_first(clock.monotonic())
    assert limit.value == 50
    clock.advance(1.1)
    limit.on_first(clock.monotonic())
    assert limit.value == 1000


def overloaded(limit: QueueLimit, clock: FakeClock, per_s: float, given_s: float, seconds: float) -> list[float]:
    """A queue that always refills to its limit; the waits of the calls that got their turn."""
    waits = []
    queue = [(clock.monotonic(), place) for place in range(limit.value)]
    until = clock.monotonic() + seconds
    while clock.monotonic() < until:
        clock.advance(1 / per_s)
        came_at, ahead = queue.pop(0)
        waits.append(clock.monotonic() - came_at)
        limit.on_waited(clock.monotonic(), ahead, waits[-1], given_s)
        while len(queue) < limit.value:
            queue.append((clock.monotonic(), len(queue)))
    return waits


def test_under_steady_overload_waits_settle_at_a_share_of_the_time() -> None:
    limit, clock = QueueLimit(1024), FakeClock()
    waits = overloaded(limit, clock, per_s=500, given_s=1.0, seconds=20)
    settled = waits[len(waits) // 2 :]
    assert min(settled) >= 0.15
    assert max(settled) <= 0.6
    assert limit.value < 300
