"""What was once derived from a log is kept as long as the log lives: a log is a value and never changes."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable, Mapping
from functools import partial
from threading import Lock, RLock
from typing import Any, TypeVar

from .log import CaseLog
from .log_end import find_first_instant

T = TypeVar("T")
_CACHE: dict[int, tuple[weakref.ref[CaseLog], dict[Hashable, Any], Any]] = {}
_FINDING = Lock()


def compute_once(log: CaseLog, name: Hashable, make: Callable[[], T]) -> T:
    """Return what ``make`` gives, and make it only once for each log.

    Parameters
    ----------
    log
        The log that it is derived from, and that alone.
    name
        What it is called; an Ibis operation may be part of it, which is equal to another one that asks the same.
    make
        Derives it.

    Threads that ask at once get the same value; who asks second waits for the first.

    Examples
    --------
    >>> import pandas as pd
    >>> log = CaseLog.from_frames(cases=pd.DataFrame({"case_id": ["1"], "created_at": ["2024-03-01T09:00Z"]}))
    >>> compute_once(log, "answer", lambda: 42), compute_once(log, "answer", lambda: 43)
    (42, 42)
    """
    key = id(log)
    with _FINDING:
        entry = _CACHE.get(key)
        if entry is None or entry[0]() is not log:
            entry = (weakref.ref(log, lambda gone: _forget(key, gone)), {}, RLock())
            _CACHE[key] = entry
    _, store, making = entry
    with making:  # what one thread makes, the others wait for
        if name not in store:
            store[name] = make()
    result: T = store[name]
    return result


def remember(log: CaseLog, values: Mapping[Hashable, Any]) -> None:
    """Let a log know what another one told: a part of a log takes from the whole what no part can tell.

    >>> import pandas as pd
    >>> log = CaseLog.from_frames(cases=pd.DataFrame({"case_id": ["1"], "created_at": ["2024-03-01T09:00Z"]}))
    >>> remember(log, {"answer": 42})
    >>> compute_once(log, "answer", lambda: 43)
    42
    """
    for name, value in values.items():
        compute_once(log, name, partial(_give, value))


def _give(value: T) -> T:
    return value


def find_first_of_log(log: CaseLog, rows: Any, column: str) -> Any:
    """Return the first instant of rows of a log that is no stray, and ask the engine for it once."""
    return compute_once(log, ("first instant", rows.op(), column), lambda: find_first_instant(rows, column))


def _forget(key: int, gone: weakref.ref[CaseLog]) -> None:
    """Drop what belonged to a log that is gone, unless another log has its place by now."""
    if key in _CACHE and _CACHE[key][0] is gone:
        del _CACHE[key]
