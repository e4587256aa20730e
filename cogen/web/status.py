"""What a server looks like from outside: a status page and Prometheus metrics.

With ``status = 127.0.0.1:9100`` in ``[server:main]`` the server answers a second address, which
must be a loopback one: ``/`` is a page for people, ``/metrics`` is for Prometheus. Nothing is
counted twice and nothing is added to the path of a request: both are read off the server's own
counters and connections at the moment somebody asks.
"""

from __future__ import annotations

import html
import ipaddress
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .server import WSGIServer

__all__ = ["StatusApplication", "Snapshot", "loopback_address"]


def loopback_address(text: str) -> tuple[str, int]:
    """Return the host and port that ``status = host:port`` means.

    :raises ValueError: if it is none, or not a loopback address: the page tells too much.
    """
    host, _, port = text.rpartition(":")
    try:
        address = ipaddress.ip_address(host.strip("[]"))
        number = int(port)
        if not 0 <= number <= 65535:
            raise ValueError
    except ValueError:
        raise ValueError(f"server option status = {text}: such as 127.0.0.1:9100") from None
    if not address.is_loopback:
        raise ValueError(f"server option status = {text}: only a loopback address is allowed")
    return str(address), number


class Snapshot:
    """The figures of one moment.

    :ivar parked: number of requests that wait, by the name of their operation.
    :ivar waiting: number of coroutines, by name and by the name of their operation.
    """

    def __init__(self, server: WSGIServer) -> None:
        exchanges = [c.exchange for c in server.connections if c.exchange is not None]
        self.uptime = time.monotonic() - server.started
        self.connections = len(server.connections)
        self.answering = len(exchanges)
        self.running = server.workers.busy
        self.greenlets = len(server.workers)
        self.parked = Counter(
            type(exchange.operation).__name__
            for exchange in exchanges
            if exchange.operation is not None
        )
        self.waiting = Counter(
            (line.name, type(line.operation).__name__) for line in server.scheduler.snapshot()
        )
        self.requests = server.requests
        self.received = server.received
        self.sent = server.sent
        self.errors = server.errors
        self.refused = dict(server.refused)
        self.lag = server.lag
        self.most_lag = server.most_lag


class StatusApplication:
    """A WSGI application that tells how `server` is."""

    def __init__(self, server: WSGIServer) -> None:
        self._server = server

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/metrics":
            try:
                kind, body = _prometheus(self._server)
            except ImportError:
                start_response("501 Not Implemented", [("Content-Type", "text/plain")])
                return [b"Metrics need prometheus-client: pip install 'ChatApp[metrics]'\n"]
        elif path == "/":
            kind, body = "text/html; charset=utf-8", _page(Snapshot(self._server))
        else:
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"Here are / and /metrics.\n"]
        start_response("200 OK", [("Content-Type", kind), ("Cache-Control", "no-store")])
        return [body]


def _prometheus(server: WSGIServer) -> tuple[str, bytes]:
    # prometheus-client is an extra: only who asks for metrics needs it.
    from prometheus_client import CollectorRegistry
    from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

    registry = CollectorRegistry()
    registry.register(_Collector(Snapshot(server)))
    return CONTENT_TYPE_LATEST, generate_latest(registry)


class _Collector:
    """The figures of a snapshot as Prometheus' metric families."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        now = self._snapshot
        for name, value, text in (
            ("connections", now.connections, "Open connections"),
            ("requests_running", now.running, "Requests whose application is running"),
            ("worker_greenlets", now.greenlets, "Greenlets of the pool, idle ones included"),
            ("scheduler_lag_seconds", now.lag, "How late the last timer was"),
            ("scheduler_lag_max_seconds", now.most_lag, "How late a timer has ever been"),
        ):
            yield GaugeMetricFamily(f"cogen_{name}", text, value=value)
        parked = GaugeMetricFamily(
            "cogen_requests_parked", "Requests that wait for an operation", labels=["operation"]
        )
        for operation, number in now.parked.items():
            parked.add_metric([operation], number)
        yield parked
        coroutines = GaugeMetricFamily(
            "cogen_coroutines", "Coroutines that have not ended", labels=["name", "operation"]
        )
        for labels, number in now.waiting.items():
            coroutines.add_metric(labels, number)
        yield coroutines
        for name, value, text in (
            ("requests", now.requests, "Requests begun"),
            ("received_bytes", now.received, "Octets received"),
            ("sent_bytes", now.sent, "Octets sent"),
            ("application_errors", now.errors, "Requests that failed in the application"),
        ):
            yield CounterMetricFamily(f"cogen_{name}", text, value=value)
        refused = CounterMetricFamily(
            "cogen_requests_refused", "Requests refused by the server", labels=["status"]
        )
        for status, number in now.refused.items():
            refused.add_metric([status[:3]], number)
        yield refused


def _page(now: Snapshot) -> bytes:
    rows = [
        ("up", f"{now.uptime:,.0f} s"),
        ("connections", f"{now.connections:,}"),
        ("requests begun", f"{now.requests:,}"),
        ("running", f"{now.running:,} of {now.greenlets:,} greenlets"),
        ("parked", f"{sum(now.parked.values()):,}"),
        ("received", f"{now.received:,} bytes"),
        ("sent", f"{now.sent:,} bytes"),
        ("application errors", f"{now.errors:,}"),
        ("scheduler lag", f"{now.lag * 1000:.1f} ms, at most {now.most_lag * 1000:.1f} ms"),
    ]
    parked = [(name, f"{number:,}") for name, number in now.parked.most_common()]
    waiting = [
        (f"{name}, {operation}", f"{number:,}")
        for (name, operation), number in now.waiting.most_common(50)
    ]
    refused = [(status, f"{number:,}") for status, number in now.refused.items()]
    tables = "".join(
        (
            _table("Server", rows),
            _table("Parked requests, by operation", parked),
            _table("Coroutines, by what they wait for", waiting),
            _table("Refused requests, by answer", refused),
        )
    )
    return _PAGE.replace("{tables}", tables).encode()


def _table(title: str, rows: list[tuple[str, str]]) -> str:
    if not rows:
        return ""
    lines = "".join(
        f"<tr><th scope=row>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>"
        for name, value in rows
    )
    return f"<h2>{html.escape(title)}</h2><table>{lines}</table>"


_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>cogen status</title>
<meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="5">
<style>
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif }
body { max-width: 42rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.4rem } h2 { font-size: 1rem; margin: 1.6rem 0 .3rem }
table { width: 100%; border-collapse: collapse }
th, td { text-align: left; font-weight: normal; padding: .3rem 0; border-top: 1px solid #8884 }
td { text-align: right; font-variant-numeric: tabular-nums }
</style></head><body><h1>cogen status</h1>{tables}</body></html>
"""
