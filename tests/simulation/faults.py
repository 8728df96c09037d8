"""What may go wrong between two events. Each fault is drawn with its own end, and none outlasts ``heal``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulation.world import Node, Running, World

DRAINS_S = 0.3
# Each more makes the last hedge four times as late.
MOST_HUNG = 2


def inject(world: World) -> None:
    """One fault of those that this job has."""
    fault = world.chance.choice(world.job.faults)
    FAULTS[fault](world)


def heal(world: World) -> None:
    """The faults end: most nodes work from now on, the others are dead or hung for good."""
    world.is_healed = True
    has_worker = world.chance.happens(0.9)
    worker = world.chance.choice(world.nodes) if has_worker else None
    hung = 0
    for node in world.nodes:
        node.refuses, node.factor = 0.0, 1.0
        node.state_number += 1
        is_down_for_good = node is not worker and (not has_worker or world.chance.happens(0.3))
        if is_down_for_good and world.job.faults:
            hung += 1
            set_state(world, node, "hung" if hung <= MOST_HUNG and world.chance.happens(0.4) else "dead")
        else:
            set_state(world, node, "works")
    world.say("faults end", {node.name: node.state for node in world.nodes})
    world.is_to_end()


def latest_end_s(world: World) -> float:
    """When a job must have ended, the faults being over.

    What was begun at a slow node's speed, then the work on the slowest node alone, with a give-up, a probe, a refusal
    and round robin's patience at their longest. With hedges also a chain of them in which each is sent to a hung node.
    """
    job = world.job
    works = [node for node in world.nodes if node.state == "works"]
    alone_s = job.rows * max(node.row_s for node in works or world.nodes)
    begun_s = max(world.healed_at, *(node.free_at for node in world.nodes))
    end_s = begun_s + world.feed_s + 60.0 + job.give_up_s + 3.0 * alone_s + 6.0 * world.longest_s
    if not works or not (job.hedge and job.idempotent):
        return end_s
    hung = sum(node.state == "hung" for node in world.nodes)
    return end_s + max(1.0, 3.0 * world.longest_s) * 4.0 ** (hung + 1)


def set_state(world: World, node: Node, state: str) -> None:
    """The node dies, hangs or works again."""
    if node.state == state:
        return
    node.state = state
    world.say("*** ", node.name, state)
    if state == "dead":
        world.break_connections(node)
    elif state == "works":
        node.free_at = max(world.now, min(node.free_at, world.now + 1.0))
        for running in node.held:
            world.delay_reply(running, world.chance.uniform() * 0.1)
        node.held.clear()


def _for_a_while(world: World, node: Node, state: str) -> None:
    node.state_number += 1
    set_state(world, node, state)
    if world.chance.happens(0.8):
        world.at(world.now + _while_s(world), _returns, world, node, node.state_number)


def _returns(world: World, node: Node, number: int) -> None:
    if node.state_number == number:
        node.refuses = 0.0
        set_state(world, node, "works")


def _while_s(world: World) -> float:
    return world.chance.choice((0.01, 0.1, 1.0, 6.0)) * world.chance.between(0.5, 2.0)


def _some_node(world: World) -> Node:
    return world.chance.choice(world.nodes)


def _some_attempt(world: World) -> Running | None:
    running = [running for node in world.nodes for running in node.running.values() if running.fate == "reply"]
    return world.chance.choice(running) if running else None


def _dies(world: World) -> None:
    _for_a_while(world, _some_node(world), "dead")


def _hangs(world: World) -> None:
    node = _some_node(world)
    if node.state == "works":
        _for_a_while(world, node, "hung")


def _loses_reply(world: World) -> None:
    running = _some_attempt(world)
    if running is not None:
        world.say("*** loses the reply of", running.send.attempt_id)
        running.fate = "lost"


def _raises(world: World) -> None:
    running = _some_attempt(world)
    if running is not None:
        world.say("*** raises in", running.send.attempt_id)
        running.fate = "raises"


def _delays_reply(world: World) -> None:
    running = _some_attempt(world)
    if running is not None and running.node.state == "works":
        delay_s = world.chance.choice((0.01, 0.2, 3.0))
        world.say("*** delays the reply of", running.send.attempt_id, delay_s)
        world.delay_reply(running, delay_s)


def _slow(world: World) -> None:
    node = _some_node(world)
    node.factor = world.chance.choice((2.0, 10.0, 100.0))
    world.say("*** ", node.name, "slow", node.factor)


def _slow_for_a_while(world: World) -> None:
    node = _some_node(world)
    _slow(world)
    world.at(world.now + _while_s(world), _is_fast, node)


def _is_fast(node: Node) -> None:
    node.factor = 1.0


def _overloaded(world: World) -> None:
    node = _some_node(world)
    node.refuses = world.chance.choice((0.2, 0.5, 0.99))
    node.asked_ms = world.chance.choice((None, 0, 1, 50, 700))
    world.say("*** ", node.name, "refuses", node.refuses, node.asked_ms)
    world.at(world.now + _while_s(world), _accepts, node)


def _accepts(node: Node) -> None:
    node.refuses = 0.0


def _drains(world: World) -> None:
    """It finishes what runs and refuses the rest, goes away, and comes back."""
    node = _some_node(world)
    if node.state == "works":
        world.say("*** ", node.name, "drains")
        node.refuses, node.asked_ms = 1.0, None
        node.state_number += 1
        world.at(world.now + DRAINS_S * world.chance.uniform(), _is_drained, world, node, node.state_number)


def _is_drained(world: World, node: Node, number: int) -> None:
    if node.state_number == number:
        _for_a_while(world, node, "dead")


def _probe_lost(world: World) -> None:
    """Lost where they are answered; see World."""


def _duplicates_reply(world: World) -> None:
    """Duplicated where they are sent; see World."""


def _wrong_news(world: World) -> None:
    world.report_node(_some_node(world).name, is_up=world.chance.happens(0.5))


def _idle_timer(world: World) -> None:
    if not world.rules.is_over:
        world.call_timer()


def _clock_jumps(world: World) -> None:
    world.now += world.chance.choice((0.05, 1.0, 10.0, 100.0))
    world.say("*** the clock jumps")


FAULTS: dict[str, Callable[[World], None]] = {
    "dies": _dies,
    "hangs": _hangs,
    "loses_reply": _loses_reply,
    "delays_reply": _delays_reply,
    "duplicates_reply": _duplicates_reply,
    "slow": _slow,
    "slow_for_a_while": _slow_for_a_while,
    "overloaded": _overloaded,
    "drains": _drains,
    "raises": _raises,
    "probe_lost": _probe_lost,
    "wrong_news": _wrong_news,
    "idle_timer": _idle_timer,
    "clock_jumps": _clock_jumps,
}
