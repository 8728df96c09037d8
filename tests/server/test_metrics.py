"""What Prometheus reads from a node."""

from __future__ import annotations

import json
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from pyrpc import Client, Server
from pyrpc.errors import ConfigError, ProtocolError, PyrpcError
from pyrpc.server.counters import Counters, StageCounts
from pyrpc.server.histogram import BOUNDS_US, bucket_of, empty_buckets, quantile_us
from pyrpc.server.sample import Sample, WorkerTotals
from pyrpc.wire.messages import Percentiles

pytest.importorskip("prometheus_client")

Values = dict[tuple[str, ...], float]
CANARY = "canary-7c1d"


class Lab:
    def __init__(self) -> None:
        self.entered = threading.Event()
        self.go = threading.Event()

    def echo(self, x: Any = None) -> Any:
        return x

    def fail(self, x: Any = None) -> Any:
        raise ValueError(x)

    def hold(self) -> None:
        self.entered.set()
        assert self.go.wait(30)


@pytest.fixture
def lab() -> Lab:
    return Lab()


@pytest.fixture
def server(lab: Lab) -> Iterator[Server]:
    with Server(lab, port=0, threads=1, metrics_port=0) as server:
        yield server


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client(server.endpoint) as client:
        yield client


def text_of(url: str | None) -> str:
    assert url is not None
    with urllib.request.urlopen(url, timeout=10) as response:
        return str(response.read().decode())


def scrape(url: str | None) -> Values:
    """Value by name and label values, as a Prometheus parser reads them; labels in the order of their names."""
    from prometheus_client.parser import text_string_to_metric_families

    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text_of(url))
        for sample in family.samples
    }


def test_calls_are_counted_by_stage_and_outcome(server: Server, client: Client) -> None:
    for _ in range(3):
        client.call("Lab.echo", np.arange(4))
    with pytest.raises(PyrpcError):
        client.call("Lab.fail")
    values = scrape(server.metrics_url)
    assert values["pyrpc_calls_total", "ok", "Lab.echo"] == 3
    assert values["pyrpc_calls_total", "failed", "Lab.fail"] == 1
    assert values["pyrpc_errors_total", "STAGE_FAILED", "Lab.fail"] == 1


def test_each_call_is_in_the_histograms_once(server: Server, client: Client) -> None:
    for _ in range(5):
        client.call("Lab.echo", 1)
    values = scrape(server.metrics_url)
    for name in ("run", "queue"):
        metric = f"pyrpc_call_{name}_seconds"
        assert values[f"{metric}_count", "Lab.echo"] == 5
        assert values[f"{metric}_bucket", "+Inf", "Lab.echo"] == 5
        buckets = [value for key, value in values.items() if key[0] == f"{metric}_bucket"]
        assert buckets == sorted(buckets)


def test_waiting_is_told_apart_from_running(server: Server, client: Client, lab: Lab) -> None:
    holding = client.submit("Lab.hold")
    assert lab.entered.wait(30)
    waiting = client.submit("Lab.echo", 1)
    until_waiting(server)
    values = scrape(server.metrics_url)
    pid = next(key[1] for key in values if key[0] == "pyrpc_calls_queued")
    assert values["pyrpc_calls_in_flight", pid] == 1
    assert values["pyrpc_calls_queued", pid] == 1
    assert values["pyrpc_connections", pid] >= 2
    lab.go.set()
    holding.result(30)
    waiting.result(30)
    values = scrape(server.metrics_url)
    assert values["pyrpc_call_queue_seconds_sum", "Lab.echo"] > 0
    assert values["pyrpc_call_queue_seconds_bucket", "1e-05", "Lab.echo"] == 0


def until_waiting(server: Server) -> None:
    for _ in range(3000):
        if server._admission.queued:
            return
        threading.Event().wait(0.005)
    raise AssertionError("no call waits")


def test_name_that_a_caller_made_up_is_no_label(server: Server, client: Client) -> None:
    with pytest.raises(PyrpcError):
        client.call(CANARY, CANARY)
    text = text_of(server.metrics_url)
    assert CANARY not in text
    assert 'pyrpc_errors_total{code="UNKNOWN_METHOD",stage=""} 1.0' in text


def test_frames_that_are_refused_are_counted(server: Server) -> None:
    import socket

    host, port = server.endpoint.rsplit(":", 1)
    with socket.create_connection((host, int(port)), 10) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
        while sock.recv(4096):
            pass
    values = scrape(server.metrics_url)
    assert sum(value for key, value in values.items() if key[0] == "pyrpc_frames_refused_total") == 1


def test_bytes_and_build_are_told(server: Server, client: Client) -> None:
    for _ in range(2):  # An answer may arrive before it is counted, but not after the next call is read.
        client.call("Lab.echo", np.zeros(1000))
    values = scrape(server.metrics_url)
    assert values["pyrpc_received_bytes_total",] >= 8000
    assert values["pyrpc_sent_bytes_total",] >= 8000
    assert any(key[0] == "pyrpc_build_info" for key in values)


def test_metrics_are_told_while_the_node_drains_and_not_after(lab: Lab) -> None:
    server = Server(lab, port=0, metrics_port=0).start()
    url = server.metrics_url
    with Client(server.endpoint) as client:
        holding = client.submit("Lab.hold")
        assert lab.entered.wait(30)
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        for _ in range(3000):
            values = scrape(url)
            if next(value for key, value in values.items() if key[0] == "pyrpc_serving") == 0:
                break
            threading.Event().wait(0.005)
        else:
            raise AssertionError("never told that it drains")
        lab.go.set()
        holding.result(30)
        stopping.join(30)
    with pytest.raises(urllib.error.URLError):
        text_of(url)


def test_without_a_metrics_port_there_is_none(lab: Lab) -> None:
    with Server(lab, port=0) as server:
        assert server.metrics_url is None


def test_metrics_for_other_machines_must_be_said(lab: Lab) -> None:
    with pytest.raises(ConfigError, match="no TLS and no token"):
        Server(lab, port=0, metrics_port=0, metrics_host="0.0.0.0")


@pytest.mark.parametrize("port", [-1, 65536, "9100", True])
def test_metrics_port_that_makes_no_sense_is_refused(lab: Lab, port: Any) -> None:
    with pytest.raises(ConfigError, match="metrics_port"):
        Server(lab, port=0, metrics_port=port)


def test_metrics_port_that_is_taken_is_told_and_leaves_nothing_open(server: Server, lab: Lab) -> None:
    assert server.metrics_url is not None
    taken = int(server.metrics_url.split(":")[2].split("/")[0])
    other = Server(lab, port=0, metrics_port=taken)
    with pytest.raises(ConfigError, match="metrics"):
        other.start()


def test_missing_package_is_named_with_its_extra(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(ConfigError) as caught:
        Server(lab, port=0, metrics_port=0)
    assert "pyrpc-thrift[metrics]" in str(caught.value.help)


# -- histograms


@pytest.mark.parametrize("value", [0, 1, 10, 11, 999, 1000, 1001, 10**8, 10**8 + 1])
def test_bucket_is_the_first_whose_bound_is_not_below(value: int) -> None:
    index = bucket_of(value)
    assert index == len(BOUNDS_US) or value <= BOUNDS_US[index]
    assert index == 0 or value > BOUNDS_US[index - 1]


@pytest.mark.parametrize("share", [0.5, 0.95, 0.99])
def test_quantile_is_in_the_bucket_of_the_true_one(share: float) -> None:
    times = [int(10 * 1.01**n) for n in range(1000)]
    buckets = empty_buckets()
    for time_us in times:
        buckets[bucket_of(time_us)] += 1
    true = sorted(times)[int(share * len(times)) - 1]
    assert bucket_of(int(quantile_us(buckets, share, max(times)))) == bucket_of(true)


def test_stats_have_percentiles_of_the_time_run_and_of_the_time_waited() -> None:
    counters = Counters()
    for index in range(1000):
        counters.ran("f", 1000 if index < 900 else 40_000, 0, False, 3000 if index % 10 == 0 else 0)
    stats = counters.snapshot()[0]["f"]
    assert stats.run is not None and stats.queue is not None
    assert 500 < stats.run.p50_us <= 1000
    assert 20_000 < stats.run.p95_us <= stats.run.p99_us <= 40_000
    # Nine of ten did not wait at all.
    assert stats.queue.p50_us <= 10
    assert 2000 < stats.queue.p95_us <= stats.queue.p99_us <= 3000


def test_stage_that_never_waited_or_never_ran_has_no_times_made_up() -> None:
    counters = Counters()
    counters.ran("f", 7, 0, False)
    assert counters.snapshot()[0]["f"].queue == Percentiles(0, 0, 0)
    assert StageCounts().stats().run is None


def test_quantile_is_never_above_the_longest_and_0_without_calls() -> None:
    buckets = empty_buckets()
    assert quantile_us(buckets, 0.99, 0) == 0
    buckets[bucket_of(1200)] = 1
    assert quantile_us(buckets, 0.99, 1200) <= 1200


# -- batches


def test_batches_are_told_by_why_they_were_sent() -> None:
    from prometheus_client import CollectorRegistry, generate_latest

    from pyrpc.server.metrics import NodeCollector

    counters = Counters()
    counters.batched("Lab.echo", 3, 12, "full")
    counters.batched("Lab.echo", 1, 1, "delay")
    registry = CollectorRegistry()
    sample = Sample(batches=counters.batches())
    registry.register(NodeCollector(lambda: (sample, [sample])))
    text = generate_latest(registry).decode()
    assert 'pyrpc_batches_total{reason="full",stage="Lab.echo"} 1.0' in text
    assert 'pyrpc_batch_rows_sum{stage="Lab.echo"} 13.0' in text
    assert 'pyrpc_batch_rows_bucket{le="1.0",stage="Lab.echo"} 1.0' in text
    assert 'pyrpc_batched_calls_total{stage="Lab.echo"} 4.0' in text


# -- several workers


def sample_of(calls: int, pid: int = 1) -> Sample:
    buckets = empty_buckets()
    buckets[3] = calls
    return Sample(pid=pid, bytes_sent=calls, stages={"f": StageCounts(calls, total_us=calls, run_buckets=buckets)})


def test_sample_travels_as_json() -> None:
    counters = Counters()
    counters.ran("f", 120, 4, True, 30)
    counters.failed("INTERNAL", "f")
    counters.refused("MALFORMED")
    counters.batched("f", 2, 8, "full")
    sample = Sample(7, 1.5, False, 8, 1, 2, 3, 4, 5, counters.stages(), counters.errors())
    sample.frames_refused, sample.batches = counters.frames_refused(), counters.batches()
    assert Sample.from_json(sample.to_json()) == sample


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", json.dumps({"stages": {}, "errors": [], "more": 1}).encode()])
def test_what_is_no_sample_is_refused(text: bytes) -> None:
    with pytest.raises(ProtocolError):
        Sample.from_json(text)


def test_sum_never_goes_back_when_a_worker_dies_or_is_silent() -> None:
    totals = WorkerTotals()

    def calls(samples: list[Sample | None], pids: list[int]) -> int:
        return totals.update(samples, pids)[0].stages["f"].calls

    assert calls([sample_of(5, 1), sample_of(7, 2)], [1, 2]) == 12
    assert calls([None, sample_of(8, 2)], [1, 2]) == 13, "silent: what it told last"
    assert calls([sample_of(9, 2)], [2]) == 14, "dead: it stays in the sum"
    assert calls([sample_of(9, 2), sample_of(1, 3)], [2, 3]) == 15
    total, living = totals.update([sample_of(9, 2), sample_of(2, 3)], [2, 3])
    assert [each.pid for each in living] == [2, 3]
    assert total.stages["f"].run_buckets[3] == 16 and total.bytes_sent == 16
