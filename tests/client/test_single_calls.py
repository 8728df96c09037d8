"""Single calls on several real nodes: policies, hedges, ejection, and what is refused before anything is sent."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import pytest

import pyrpc
from pyrpc import Client, Server
from pyrpc.deadline import Deadline
from pyrpc.errors import ConfigError, DeadlineExceeded, OverloadedError, StageFailedError
from pyrpc.plan.balance import BALANCERS, NodeView
from pyrpc.plan.call_hedge import CallBudget
from pyrpc.plan.prng import SplitMix64


class Node:
    """Tells who it is; can be told to hang."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.calls = 0
        self.go_on = threading.Event()
        self.go_on.set()

    def _answer(self) -> str:
        self.calls += 1
        self.go_on.wait(20)
        return self._name

    @pyrpc.stage(idempotent=True)
    def read(self) -> str:
        return self._answer()

    def write(self) -> str:
        return self._answer()

    @pyrpc.stage(idempotent=True)
    def fails(self) -> str:
        raise KeyError("no such thing")


@pytest.fixture
def nodes() -> Iterator[list[Node]]:
    made = [Node(name) for name in "abc"]
    yield made
    for node in made:
        node.go_on.set()


@pytest.fixture
def servers(nodes: list[Node]) -> Iterator[list[Server]]:
    running = [Server({"Node": node}, port=0).start() for node in nodes]
    yield running
    for node in nodes:
        node.go_on.set()
    for server in running:
        server.stop(grace_s=1.0)


@pytest.fixture
def endpoints(servers: list[Server]) -> list[str]:
    return [server.endpoint for server in servers]


def until(holds: Callable[[], bool]) -> None:
    """Wait for another thread."""
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.002)


def learn(client: Client, method: str) -> None:
    """Call so often that the client knows how long the method takes, and whether it may be hedged."""
    for _ in range(40):
        client.call(method)
    if method != "Node.write":
        until(lambda: client._caller._methods[method].hedge_after_s < 10)


def grant(client: Client, calls: int) -> None:
    """Forget hedges that a busy machine caused: the budget of so many calls, none of it used."""
    budget = client._caller._budget
    budget._tell(0.0)
    budget._plan = CallBudget()
    budget._plan.on_calls(calls, time.monotonic())


@pytest.mark.parametrize("name", sorted(BALANCERS))
def test_each_policy_works_on_real_nodes(name: str, endpoints: list[str]):
    with Client(endpoints, policy=name, seed=1) as client:
        assert {client.call("Node.write") for _ in range(60)} <= set("abc")


@pytest.mark.parametrize("name", [None, "round_robin", "random", "weighted", "least_loaded"])
def test_nodes_that_are_alike_share_the_calls(name: str | None, endpoints: list[str]):
    with Client(endpoints, policy=name, seed=1) as client:
        assert {client.call("Node.write") for _ in range(60)} == set("abc")


def overload(node: Node, retry_after_ms: int) -> None:
    """From now on it turns calls away."""

    def answer() -> str:
        node.calls += 1
        raise OverloadedError("too much to do", retry_after_ms=retry_after_ms)

    node._answer = answer  # type: ignore[method-assign]


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long calls would have waited."""
    taken: list[float] = []
    monkeypatch.setattr("pyrpc.client.caller.time", FakeSleep(taken))
    return taken


class FakeSleep:
    """The module time, without its sleep; with ``now`` it stands still."""

    def __init__(self, taken: list[float], now: float | None = None) -> None:
        self.sleep = taken.append
        self.monotonic = time.monotonic if now is None else lambda: now


def test_call_that_an_overloaded_node_turns_away_goes_to_another_one_at_once(
    endpoints: list[str], nodes: list[Node], naps: list[float]
) -> None:
    overload(nodes[0], 30_000)
    with Client(endpoints, policy="round_robin", timeout_s=60) as client:
        assert {client.call("Node.write") for _ in range(6)} <= {"b", "c"}
    assert nodes[0].calls >= 2
    assert naps == []


def test_node_that_is_known_to_be_overloaded_gets_no_second_attempts(
    endpoints: list[str], nodes: list[Node], naps: list[float]
) -> None:
    for node in nodes[:2]:
        overload(node, 30_000)
    with Client(endpoints, policy=First(), timeout_s=60) as client:
        # The first call finds out about both; those after it go from the first node to the last.
        assert [client.call("Node.write") for _ in range(3)] == ["c"] * 3
    assert [node.calls for node in nodes] == [3, 1, 3]
    assert naps == []


class First:
    """Always the first of those that may be picked."""

    def pick(self, nodes: Sequence[NodeView], prng: SplitMix64, now: float) -> int:
        return 0


def test_call_waits_as_it_is_told_where_every_node_is_overloaded(
    endpoints: list[str], nodes: list[Node], naps: list[float]
) -> None:
    for node in nodes:
        overload(node, 700)
    with Client(endpoints, policy="round_robin", timeout_s=60) as client:
        with pytest.raises(OverloadedError):
            client.call("Node.write")
        assert sum(node.calls for node in nodes) == 3
        naps.clear()
        # All have said so a moment ago.
        with pytest.raises(OverloadedError):
            client.call("Node.write")
    assert naps
    assert min(naps) >= 0.7


def test_retries_of_overloaded_calls_stay_within_the_budget(
    endpoints: list[str], nodes: list[Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    """200 calls want 400 retries, and may have 20 % and 100."""
    monkeypatch.setattr("pyrpc.client.caller.time", FakeSleep([], now=time.monotonic()))
    for node in nodes[:2]:
        overload(node, 0)
    with Client(endpoints, policy=First(), timeout_s=60) as client:
        grant(client, 0)
        failed = 0
        for _ in range(200):
            try:
                client.call("Node.write")
            except OverloadedError:
                failed += 1
    assert 100 < failed < 200


def test_a_late_call_of_an_idempotent_method_is_hedged(endpoints: list[str], nodes: list[Node]):
    with Client(endpoints, policy="round_robin") as client:
        learn(client, "Node.read")
        grant(client, 200)
        nodes[1].go_on.clear()
        answers = [client.call("Node.read", timeout_s=10.0) for _ in range(4)]
    assert set(answers) <= {"a", "c"}


def test_a_method_not_declared_idempotent_is_sent_once(endpoints: list[str], nodes: list[Node]):
    with Client(endpoints, policy="round_robin") as client:
        learn(client, "Node.write")
        before = sum(node.calls for node in nodes)
        for node in nodes:
            node.go_on.clear()
        future = client.submit("Node.write", timeout_s=10.0)
        until(lambda: sum(node.calls for node in nodes) > before)
        assert not future.done()
        time.sleep(0.05)
        assert sum(node.calls for node in nodes) == before + 1
        for node in nodes:
            node.go_on.set()
        future.result(10)


def test_hedges_stay_within_five_percent(endpoints: list[str], nodes: list[Node]):
    with Client(endpoints, policy="round_robin") as client:
        learn(client, "Node.read")
        grant(client, 40)
        for node in nodes:
            node.go_on.clear()
        # 40 calls allow for two hedges; five calls that hang want five.
        before = sum(node.calls for node in nodes)
        threads = [threading.Thread(target=client.call, args=("Node.read",)) for _ in range(5)]
        for thread in threads:
            thread.start()
        until(lambda: sum(node.calls for node in nodes) >= before + 7)
        time.sleep(0.05)
        assert sum(node.calls for node in nodes) == before + 7
        for node in nodes:
            node.go_on.set()
        for thread in threads:
            thread.join()


def test_after_a_hedge_nothing_counts_as_in_flight(endpoints: list[str], nodes: list[Node]):
    with Client(endpoints, policy="round_robin") as client:
        learn(client, "Node.read")
        grant(client, 200)
        nodes[0].go_on.clear()
        for _ in range(3):
            client.call("Node.read")
        assert [node.in_flight for node in client._nodes] == [0, 0, 0]


def test_an_error_of_the_stage_is_the_answer_of_a_hedged_method_too(endpoints: list[str]):
    with Client(endpoints) as client:
        learn(client, "Node.read")
        client._caller._methods["Node.fails"] = client._caller._methods["Node.read"]
        with pytest.raises(StageFailedError, match="no such thing"):
            client.call("Node.fails")
        assert [node.in_flight for node in client._nodes] == [0, 0, 0]


def test_a_hedged_method_survives_the_loss_of_a_node(endpoints: list[str], servers: list[Server]):
    with Client(endpoints, policy="round_robin") as client:
        learn(client, "Node.read")
        servers[1].stop(grace_s=0.0)
        assert {client.call("Node.read") for _ in range(12)} == {"a", "c"}


def test_a_node_that_hangs_is_ejected_after_five_calls(endpoints: list[str], nodes: list[Node]):
    with Client(endpoints, policy="round_robin") as client:
        client.call("Node.write")
        nodes[1].go_on.clear()
        late: Counter[str | None] = Counter()
        for _ in range(30):
            try:
                client.call("Node.write", timeout_s=0.2)
            except DeadlineExceeded as error:
                late[error.endpoint] += 1
        # Others may be late on a busy machine.
        assert late[endpoints[1]] == 5
        assert client._caller._outliers.is_ejected(1)


class Wrong:
    """A policy that picks a node that there is not."""

    def pick(self, nodes: Sequence[NodeView], prng: SplitMix64) -> int:
        return len(nodes)


def test_a_policy_that_picks_no_node_is_refused_before_anything_is_sent(endpoints: list[str], nodes: list[Node]):
    with Client(endpoints, policy=Wrong()) as client:
        with pytest.raises(ConfigError, match="Wrong picked a node that there is not"):
            client.call("Node.write")
        with pytest.raises(ConfigError):
            client.submit("Node.write").result(10)
    assert sum(node.calls for node in nodes) == 0


@pytest.mark.parametrize("timeout_s", [0, -1, -0.5, float("nan"), "5", True])
def test_a_deadline_in_the_past_or_without_sense_is_refused(timeout_s: object):
    with Client("127.0.0.1:1") as client:
        for call in (client.call, client.submit, client.map):
            with pytest.raises(ConfigError):
                call("Node.write", [1.0], timeout_s=timeout_s)  # type: ignore[operator]
        with pytest.raises(ConfigError):
            client.options(timeout_s=timeout_s)  # type: ignore[arg-type]


@pytest.mark.parametrize("policy", ["fastest", "", 5, Wrong])
def test_an_unknown_policy_is_refused_with_the_list(policy: object):
    with Client("127.0.0.1:1") as client:
        for make in (lambda: Client("127.0.0.1:1", policy=policy), lambda: client.options(policy=policy)):  # type: ignore[arg-type]
            with pytest.raises(ConfigError, match="min_max"):
                make()


def test_options_choose_another_policy_on_the_same_connections(endpoints: list[str]):
    class Last:
        def pick(self, nodes: Sequence[NodeView], prng: SplitMix64) -> int:
            return len(nodes) - 1

    with Client(endpoints) as client:
        last = client.options(policy=Last())
        assert {last.call("Node.write") for _ in range(5)} == {"c"}
        assert last.submit("Node.write").result(10) == "c"
        assert {client.call("Node.write") for _ in range(60)} == set("abc")
        assert last._nodes is client._nodes


def test_options_choose_another_timeout(endpoints: list[str], nodes: list[Node]):
    with Client(endpoints) as client:
        hasty = client.options(timeout_s=0.05)
        for node in nodes:
            node.go_on.clear()
        with pytest.raises(TimeoutError):
            hasty.call("Node.write")


def test_a_view_lives_as_long_as_its_client(endpoints: list[str]):
    client = Client(endpoints)
    with client.options(policy="random") as view:
        view.call("Node.write")
    client.call("Node.write")
    client.close()
    with pytest.raises(ConfigError, match="closed"):
        view.call("Node.write")


def test_what_is_no_call_does_not_hide_that_calls_hang(endpoints: list[str], nodes: list[Node]):
    with Client(endpoints, policy="round_robin") as client:
        nodes[1].go_on.clear()
        late: Counter[str | None] = Counter()
        for _ in range(30):
            client._ask_stages(Deadline(5.0))
            try:
                client.call("Node.write", timeout_s=0.2)
            except DeadlineExceeded as error:
                late[error.endpoint] += 1
        assert late[endpoints[1]] == 5


def test_what_is_no_call_changes_no_choice_of_a_call(endpoints: list[str]):
    def chosen(between: Callable[[Client], object]) -> list[str]:
        with Client(endpoints, seed=7, policy="random", ping_s=None) as client:
            return [(between(client), client.call("Node.write"))[1] for _ in range(12)]

    assert chosen(Client.stats) == chosen(lambda client: client.stages()) == chosen(lambda client: None)
