"""Counts of requests, for a monitor that speaks the text form of Prometheus."""

from __future__ import annotations

import threading
from collections import Counter

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response

router = APIRouter()


class Metrics:
    """Count answers by method and class of status, and sum their seconds.

    Examples
    --------
    >>> metrics = Metrics()
    >>> metrics.count("GET", 200, 0.25)
    >>> print(metrics.text())
    # TYPE deskcast_requests_total counter
    deskcast_requests_total{method="GET",status="2xx"} 1
    # TYPE deskcast_request_seconds summary
    deskcast_request_seconds_sum 0.250
    deskcast_request_seconds_count 1
    <BLANKLINE>
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._seconds = 0.0

    def count(self, method: str, status: int, seconds: float) -> None:
        """Count an answer."""
        known = method if method in ("GET", "HEAD", "POST") else "other"
        with self._lock:
            self._counts[known, f"{status // 100}xx"] += 1
            self._seconds += seconds

    def text(self) -> str:
        """Return the counts as Prometheus reads them."""
        with self._lock:
            counts, seconds = dict(self._counts), self._seconds
        rows = [f'deskcast_requests_total{{method="{m}",status="{s}"}} {n}' for (m, s), n in sorted(counts.items())]
        lines = ["# TYPE deskcast_requests_total counter", *rows, "# TYPE deskcast_request_seconds summary"]
        lines += [
            f"deskcast_request_seconds_sum {seconds:.3f}",
            f"deskcast_request_seconds_count {sum(counts.values())}",
        ]
        return "\n".join([*lines, ""])


@router.get("/metrics")
def metrics(request: Request) -> Response:
    """Return counts of requests since the server started."""
    return PlainTextResponse(request.app.state.metrics.text())
