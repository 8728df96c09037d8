"""What a node counts, as Prometheus reads it.

Nothing is kept for Prometheus: a collector turns the counters that the node has anyway into samples when it is asked.
So calls pay for no metric but the one bucket of a histogram. Label values are few: stages are those that the node
hosts (never what a caller sent as a name), codes those of the IDL.

With several workers the front answers: it asks each worker for its counters over their unix socket, adds them up
(``WorkerTotals``), and tells what is so just now for each process by its pid.
"""

from __future__ import annotations

import math
import platform
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from pyrpc import __version__
from pyrpc.errors import ConfigError
from pyrpc.server.counters import BatchCounts
from pyrpc.server.histogram import BOUNDS_US, ROW_BOUNDS
from pyrpc.server.sample import Sample
from pyrpc.transport.endpoint import Endpoint
from pyrpc.transport.scrape import ScrapePort

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

Samples = Callable[[], tuple[Sample, list[Sample]]]
"""Gives the sum of what was counted, and a sample of each process."""

_OUTCOMES = ("ok", "failed")
_DEATHS = "Worker processes that ended by themselves and were replaced."


def metrics_port(endpoint: Endpoint, samples: Samples, deaths: Callable[[], int] | None = None) -> ScrapePort:
    """A port, not yet open, that answers GET with the samples in Prometheus' text format.

    Parameters
    ----------
    deaths : callable, optional
        How many workers have died, where there are several.

    Raises
    ------
    ConfigError
        prometheus_client is not installed.
    """
    try:
        from prometheus_client import CollectorRegistry, make_wsgi_app
    except ImportError as error:
        raise ConfigError(
            "metrics need the package prometheus_client", help="pip install 'pyrpc-thrift[metrics]'"
        ) from error
    registry = CollectorRegistry(auto_describe=False)
    registry.register(NodeCollector(samples, deaths))
    return ScrapePort(endpoint, make_wsgi_app(registry))


class NodeCollector:
    """A collector of prometheus_client; may be registered in a registry of one's own."""

    def __init__(self, samples: Samples, deaths: Callable[[], int] | None = None) -> None:
        self._samples = samples
        self._deaths = deaths

    def describe(self) -> list[Metric]:
        """None: to find out would be a scrape of its own."""
        return []

    def collect(self) -> Iterable[Metric]:
        """Called on each scrape."""
        total, processes = self._samples()
        yield from _of_calls(total)
        yield from _of_batches(total)
        yield from _of_traffic(total)
        yield from _of_processes(processes)
        if self._deaths is not None:
            yield _counter("pyrpc_worker_deaths", _DEATHS, [], [([], self._deaths())])


def _of_calls(total: Sample) -> Iterable[Metric]:
    stages = sorted(total.stages.items())
    calls = [
        ([name, outcome], count)
        for name, stage in stages
        for outcome, count in zip(_OUTCOMES, (stage.calls - stage.errors, stage.errors), strict=True)
    ]
    yield _counter("pyrpc_calls", "Calls that ran, by how the stage ended.", ["stage", "outcome"], calls)
    yield _counter(
        "pyrpc_rows", "Rows of chunks that ran (map and reduce).", ["stage"], [([n], s.rows) for n, s in stages]
    )
    errors = [([code, stage], count) for (code, stage), count in sorted(total.errors.items())]
    yield _counter("pyrpc_errors", "Errors that were answered, by their code.", ["code", "stage"], errors)
    run_s = _histogram("pyrpc_call_run_seconds", "How long a stage ran.", ["stage"])
    queue_s = _histogram("pyrpc_call_queue_seconds", "How long a call waited before its stage ran.", ["stage"])
    for name, stage in stages:
        run_s.add_metric([name], _time_buckets(stage.run_buckets), stage.total_us / 1e6)
        queue_s.add_metric([name], _time_buckets(stage.all_queue_buckets), stage.queued_us / 1e6)
    yield run_s
    yield queue_s


def _of_batches(total: Sample) -> Iterable[Metric]:
    batches = sorted(total.batches.items())
    reasons = [([name, why], count) for name, each in batches for why, count in sorted(each.reasons.items())]
    yield _counter("pyrpc_batches", "Batches that were sent, and why just then.", ["stage", "reason"], reasons)
    yield _counter(
        "pyrpc_batched_calls", "Calls that ran in a batch.", ["stage"], [([name], each.calls) for name, each in batches]
    )
    rows = _histogram("pyrpc_batch_rows", "Rows of a batch.", ["stage"])
    for name, each in batches:
        rows.add_metric([name], _row_buckets(each), each.rows)
    yield rows


def _of_traffic(total: Sample) -> Iterable[Metric]:
    for direction, count in (("received", total.bytes_received), ("sent", total.bytes_sent)):
        yield _counter(f"pyrpc_{direction}_bytes", f"Bytes {direction} over connections.", [], [([], count)])
    refused = [([code], count) for code, count in sorted(total.frames_refused.items())]
    yield _counter("pyrpc_frames_refused", "Frames that were unreadable or too large.", ["code"], refused)


def _of_processes(processes: Sequence[Sample]) -> Iterable[Metric]:
    gauges: list[tuple[str, str, Callable[[Sample], float]]] = [
        ("pyrpc_calls_in_flight", "Calls that run now.", lambda p: p.in_flight),
        ("pyrpc_calls_queued", "Calls that wait for a turn now.", lambda p: p.queued),
        ("pyrpc_threads", "Calls that may run at the same time.", lambda p: p.threads),
        ("pyrpc_connections", "Connections that are open now.", lambda p: p.connections),
        ("pyrpc_uptime_seconds", "Time since the process began to serve.", lambda p: p.uptime_s),
        ("pyrpc_serving", "1: takes calls; 0: drains.", lambda p: float(p.is_serving)),
    ]
    for name, text, value in gauges:
        yield _gauge(name, text, ["pid"], [([str(each.pid)], value(each)) for each in processes])
    build = [__version__, platform.python_version()]
    yield _gauge("pyrpc_build_info", "Always 1; its labels tell what runs.", ["version", "python"], [(build, 1.0)])


def _counter(name: str, text: str, labels: list[str], rows: Iterable[tuple[list[str], float]]) -> Metric:
    from prometheus_client.metrics_core import CounterMetricFamily

    family = CounterMetricFamily(name, text, labels=labels)
    for values, value in rows:
        family.add_metric(values, value)
    return family


def _gauge(name: str, text: str, labels: list[str], rows: Iterable[tuple[list[str], float]]) -> Metric:
    from prometheus_client.metrics_core import GaugeMetricFamily

    family = GaugeMetricFamily(name, text, labels=labels)
    for values, value in rows:
        family.add_metric(values, value)
    return family


def _histogram(name: str, text: str, labels: list[str]) -> Any:
    from prometheus_client.metrics_core import HistogramMetricFamily

    return HistogramMetricFamily(name, text, labels=labels)


def _time_buckets(buckets: Sequence[int]) -> list[tuple[str, float]]:
    return _cumulative([bound / 1e6 for bound in BOUNDS_US], buckets)


def _row_buckets(batches: BatchCounts) -> list[tuple[str, float]]:
    return _cumulative(ROW_BOUNDS, batches.row_buckets)


def _cumulative(bounds: Sequence[float], buckets: Sequence[int]) -> list[tuple[str, float]]:
    from prometheus_client.utils import floatToGoString

    rows: list[tuple[str, float]] = []
    total = 0
    for bound, count in zip([*bounds, math.inf], buckets, strict=True):
        total += count
        rows.append((str(floatToGoString(bound)), total))  # type: ignore[no-untyped-call]
    return rows
