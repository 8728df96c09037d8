"""OpenTelemetry, where the program uses it: spans, and W3C trace context on the wire.

Spans are made if a tracer provider is configured when a ``Client`` or ``Server`` is made; ``tracing`` is asked then,
once. Where nobody has imported OpenTelemetry there can be none, so it is not imported to find out. Without spans not
one step of a call differs.

Attributes follow OpenTelemetry's conventions for RPC; no argument, no result and no text of an error goes into a span.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pyrpc.errors import CancelledError, PyrpcError

Kind = Literal["client", "server", "internal"]

_API = "opentelemetry.trace"
# Names a provider that OpenTelemetry loads by itself when it is first asked.
_PROVIDER_VARIABLE = "OTEL_PYTHON_TRACER_PROVIDER"


def tracing() -> Tracing | None:
    """Makes spans by the provider that is configured now; None: there is none, or no OpenTelemetry."""
    if _API not in sys.modules and _PROVIDER_VARIABLE not in os.environ:
        return None
    try:
        from opentelemetry import trace
    except ImportError:
        return None
    provider = trace.get_tracer_provider()
    # What the API answers for "none": a stand-in for one that may come later, and one that does nothing.
    if isinstance(provider, trace.ProxyTracerProvider | trace.NoOpTracerProvider):
        return None
    return Tracing(provider)


class Tracing:
    """Makes spans, and carries their context. Thread-safe.

    Parameters
    ----------
    provider : opentelemetry.trace.TracerProvider
    """

    def __init__(self, provider: Any) -> None:
        from opentelemetry import trace
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        from pyrpc import __version__

        self._tracer = provider.get_tracer("pyrpc", __version__)
        self._propagator = TraceContextTextMapPropagator()
        self._kinds = {
            "client": trace.SpanKind.CLIENT,
            "server": trace.SpanKind.SERVER,
            "internal": trace.SpanKind.INTERNAL,
        }
        self._failed = trace.Status(trace.StatusCode.ERROR)

    @contextlib.contextmanager
    def span(
        self, name: str, kind: Kind, attributes: Mapping[str, Any], carrier: Mapping[str, str] | None = None
    ) -> Iterator[Any]:
        """A span around a block, current in this thread; an error that leaves the block marks it.

        Parameters
        ----------
        attributes : mapping
            Those that are None are left out.
        carrier : mapping, optional
            W3C trace context of the parent; by default what is current in this thread.
        """
        known = {key: value for key, value in attributes.items() if value is not None}
        context = None if carrier is None else self._propagator.extract(dict(carrier))
        with self._tracer.start_as_current_span(
            name,
            context=context,
            kind=self._kinds[kind],
            attributes=known,
            # By itself it would write down the text of the error.
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield span
            except BaseException as error:
                self.mark(span, error)
                raise

    def mark(self, span: Any, error: BaseException) -> None:
        """Write down that a span ended with an error. A cancelled call is none: nobody wanted its result."""
        span.set_attribute("error.type", type(error).__qualname__)
        if isinstance(error, PyrpcError) and error.endpoint is not None:
            span.set_attribute("pyrpc.node", error.endpoint)
        if not isinstance(error, CancelledError):
            span.set_status(self._failed)

    def carrier(self) -> dict[str, str] | None:
        """W3C trace context of the current span, for the wire; None: there is no span."""
        carrier: dict[str, str] = {}
        self._propagator.inject(carrier)
        return carrier or None


def span_name(method: str) -> str:
    """``service/method``, as the conventions for RPC have it."""
    service, _, name = method.rpartition(".")
    return f"{service}/{name}" if service else name


def rpc_attributes(method: str, **more: Any) -> dict[str, Any]:
    """The attributes of a call, and some more; an underscore pair stands for a dot (server__port)."""
    service, _, name = method.rpartition(".")
    known = {"rpc.system": "pyrpc", "rpc.service": service or None, "rpc.method": name}
    return known | {key.replace("__", "."): value for key, value in more.items()}
