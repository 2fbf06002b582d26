"""Linear algebra in one thread: the matrices here are small, and threads would only wait for one another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any


@contextmanager
def use_one_blas_thread() -> Iterator[None]:
    """Keep linear algebra to one thread: workers would fight, and sums in another order differ.

    >>> with use_one_blas_thread():
    ...     pass
    """
    with _find_libraries().limit(limits=1, user_api="blas"):
        yield


@cache
def _find_libraries() -> Any:
    """Return what the process has loaded; to look takes longer than a small forecast."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
