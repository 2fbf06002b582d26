"""How often somebody may ask: a bucket for each, filled at a steady pace."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

#: Buckets that are remembered; the oldest go first.
MAX_BUCKETS = 10_000


class RateLimit:
    """Allow ``burst`` requests at once and ``per_s`` more each second, for each who asks.

    Examples
    --------
    >>> clock = iter([0.0, 0.0, 0.0, 1.0])
    >>> limit = RateLimit(burst=2, per_s=1, now=lambda: next(clock))
    >>> [limit.allows("ann") for _ in range(4)]
    [True, True, False, True]
    """

    def __init__(self, burst: float, per_s: float, now: Callable[[], float] = time.monotonic) -> None:
        self._burst, self._per_s, self._now = burst, per_s, now
        self._left: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def allows(self, who: str) -> bool:
        """Count a request, and return whether it may be answered."""
        with self._lock:
            now = self._now()
            left, since = self._left.pop(who, (self._burst, now))
            left = min(self._burst, left + (now - since) * self._per_s)
            self._left[who] = (max(left - 1, 0.0) if left >= 1 else left, now)
            while len(self._left) > MAX_BUCKETS:
                del self._left[next(iter(self._left))]
            return left >= 1
