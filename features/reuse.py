"""What an earlier run has computed: whoever can prove that it still holds takes it from there.

A step of a long job that is a pure function of the past asks :func:`find_store` for what it left in an earlier run,
shows by its inputs that it still holds, and computes the rest. Without a store, and for all who call a function by
themselves, everything is computed: results never depend on it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Arrays = Mapping[str, npt.NDArray[Any]]


class ReuseStore(Protocol):
    """A place of arrays by name, that outlives a run; losing it costs time and nothing else."""

    @property
    def compares(self) -> bool:
        """Whether all is to be computed anew in this run, and held against what would have been taken."""

    def read(self, slot: str) -> Arrays | None:
        """Return what stands in a slot; ``None`` where nothing does."""

    def write(self, slot: str, arrays: Arrays) -> None:
        """Put arrays into a slot, in place of what stood there."""

    def report_difference(self, slot: str) -> None:
        """Say that what would have been taken differs from what was computed."""


_STORE: ContextVar[ReuseStore | None] = ContextVar("deskcast_reuse", default=None)


@contextmanager
def reuse_from(store: ReuseStore | None) -> Iterator[None]:
    """Let what is computed inside take from a store what an earlier run left there.

    >>> with reuse_from(None):
    ...     find_store() is None
    True
    """
    token = _STORE.set(store)
    try:
        yield
    finally:
        _STORE.reset(token)


def find_store() -> ReuseStore | None:
    """Return the store of the run that this is part of; ``None`` where there is none."""
    return _STORE.get()


def name_slot(kind: str, *parts: object) -> str:
    """Return the name of a slot: what it holds, and a digest of what it is of.

    >>> name_slot("evidence", "csat", ("phone", "chat")) == name_slot("evidence", "csat", ("phone", "chat"))
    True
    >>> name_slot("evidence", "csat", ("phone",)) == name_slot("evidence", "csat", ("chat",))
    False
    """
    return f"{kind}-{hashlib.sha256(repr(parts).encode()).hexdigest()[:24]}"


def are_same(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> bool:
    """Return whether two arrays are the same to the bit; what is missing in both is the same.

    >>> are_same(np.array([1.0, np.nan]), np.array([1.0, np.nan])), are_same(np.array([0.0]), np.array([-0.0]))
    (True, False)
    """
    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    return one.tobytes() == other.tobytes() or bool(
        one.dtype.kind == "f"
        and np.array_equal(one, other, equal_nan=True)
        and np.array_equal(np.signbit(one), np.signbit(other))
    )
