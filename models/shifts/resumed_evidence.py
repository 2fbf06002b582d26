"""The evidence of a panel whose past an earlier run has gone through already: only what is new is judged.

The pass over a panel is causal: what stands in row ``t`` depends on rows up to ``t``. So an earlier run leaves its
inputs, what it made of them, and its state at some rows (checkpoints). The next run holds its own inputs against
those, row by row, and goes on from the last checkpoint before the first row that differs. A value of the past that has
changed, because its cases were still open or an event came late, is judged anew with all that follows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...features.arrays import Bools, Floats
from ...features.reuse import Arrays, are_same, find_store, name_slot
from ..series.tail_probability import KpiKind
from .cusum import Evidence, EvidencePass, run_cusum
from .expected_level import Pace

#: Checkpoints of the newest so many seasons stand one season apart, older ones four.
DENSE_SEASONS, SPARSE_SEASONS = 12, 4


def resume_cusum(
    name: tuple[object, ...],
    kind: KpiKind,
    value: Floats,
    n: Floats,
    pace: Pace,
    quiet: Bools,
    stamps: pd.DatetimeIndex | None = None,
    freq: str = "",
) -> Evidence:
    """Return what :func:`run_cusum` returns, to the bit; where an earlier run left its evidence, go on from there.

    Parameters
    ----------
    name
        Names the panel: the KPI and its series. Where another panel had the name, all is judged.
    kind, value, n, pace, quiet, stamps, freq
        As for :func:`run_cusum`.

    Examples
    --------
    >>> days = np.random.default_rng(0).poisson(50, (120, 3)).astype(float)
    >>> none = np.zeros(days.shape, dtype=bool)
    >>> found = resume_cusum(("cases_opened", "a", "b", "c"), "count", days, days, Pace.of("D"), none)
    >>> bool((found.up == run_cusum("count", days, days, Pace.of("D"), none).up).all())
    True
    """
    store = find_store()
    if store is None or not len(value):
        return run_cusum(kind, value, n, pace, quiet, stamps, freq)
    slot = name_slot("evidence", *name, kind, pace)
    left = store.read(slot)
    pass_ = EvidencePass.of(kind, value, n, pace, quiet, stamps, freq)
    inputs = {"value": value, "n": n, "quiet": quiet, "year": pass_.year}
    begin = 0 if left is None else _restore(pass_, left, find_first_difference(left, inputs))
    keeps = _go_through(pass_, begin)
    if store.compares and begin:
        whole = EvidencePass.of(kind, value, n, pace, quiet, stamps, freq)
        keeps, left = _go_through(whole, 0), None
        if not all(are_same(getattr(whole.out, f.name), getattr(pass_.out, f.name)) for f in fields(Evidence)):
            store.report_difference(slot)
        pass_ = whole
    store.write(slot, _leave(pass_, inputs, keeps, left, begin))
    return pass_.out


def find_first_difference(left: Arrays, inputs: Mapping[str, npt.NDArray[Any]]) -> int:
    """Return the first row of a panel that is not as it was; 0 where the panels have nothing in common.

    >>> was = {name: np.arange(4.0)[:, None] for name in ("value", "n", "quiet", "year")}
    >>> find_first_difference(was, was | {"n": np.array([[0.0], [1.0], [7.0], [3.0], [4.0]])})
    2
    """
    first = len(inputs["value"])
    for name, now in inputs.items():
        then = left[name]
        if now.dtype != then.dtype or now.shape[1:] != then.shape[1:]:
            return 0
        length = min(len(now), len(then))
        a, b = now[:length], then[:length]
        same = a == b
        if now.dtype.kind == "f":  # 0 and -0 are equal, and not the same
            same = (same & (np.signbit(a) == np.signbit(b))) | (np.isnan(a) & np.isnan(b))
        differ = np.flatnonzero(~same.all(axis=1))
        first = min(first, int(differ[0]) if len(differ) else length)
    return first


def _restore(pass_: EvidencePass, left: Arrays, first: int) -> int:
    """Bring a pass to the last checkpoint that has seen no row from ``first`` on, and return the row to go on with."""
    reached = [place for place, row in enumerate(left["rows"]) if row <= first]
    if not reached:
        return 0
    row = int(left["rows"][reached[-1]])
    for name, target in pass_.traces().items():
        target[:row] = left[f"trace.{name}"][:row]
    pass_.restore({k[5:]: v[reached[-1]] for k, v in left.items() if k.startswith("keep.")}, row)
    return row


def _go_through(pass_: EvidencePass, begin: int) -> dict[int, dict[str, npt.NDArray[Any]]]:
    """Judge the rows from one on, and return the states at the checkpoints on the way."""
    keeps, length = {}, len(pass_.x)
    for row in range(begin, length):
        pass_.step(row)
        if _is_checkpoint(row + 1, length, pass_.pace):
            keeps[row + 1] = pass_.keep(row + 1)
    return keeps


def _is_checkpoint(row: int, length: int, pace: Pace) -> bool:
    season = max(pace.season, SPARSE_SEASONS)
    step = season if row > length - DENSE_SEASONS * season else SPARSE_SEASONS * season
    return row % step == 0 and row > pace.guard


def _leave(
    pass_: EvidencePass,
    inputs: Mapping[str, npt.NDArray[Any]],
    keeps: dict[int, dict[str, npt.NDArray[Any]]],
    left: Arrays | None,
    begin: int,
) -> dict[str, npt.NDArray[Any]]:
    """Return what the next run needs: inputs, evidence, and the states at the checkpoints, old and new."""
    states = dict(keeps)
    if left is not None:
        for place, row in enumerate(left["rows"]):
            if row <= begin and _is_checkpoint(int(row), len(pass_.x), pass_.pace):
                states[int(row)] = {k[5:]: v[place] for k, v in left.items() if k.startswith("keep.")}
    rows = sorted(states)
    out = dict(inputs) | {"rows": np.array(rows, dtype=np.int64)}
    out |= {f"trace.{name}": trace for name, trace in pass_.traces().items()}
    if rows:
        out |= {f"keep.{name}": np.stack([states[row][name] for row in rows]) for name in states[rows[0]]}
    return out
