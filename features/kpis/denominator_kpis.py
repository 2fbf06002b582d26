"""How cases are put beside customers and units sold."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from ..arrays import Floats
from .aggregate import aggregate_count, compute_ratio
from .cells import SegmentedRows
from .overlap import sum_overlap
from .queries import SumQuery
from .view import LogView

Denominator = Literal["customers", "units"]


def cases_per(desk: LogView, what: Denominator) -> pd.DataFrame:
    """Put cases beside customers or units; a period that is not covered whole has no value."""
    source = desk.denominators
    beside = _measure(source, what)
    opened = cases_beside_denominators(desk).frame()["value"].to_numpy()
    there = beside > 0
    table = compute_ratio(source, np.where(there, opened, 0.0), np.where(there, beside, 0.0))
    return table


def cases_beside_denominators(desk: LogView) -> SumQuery:
    """Count cases in the segments and periods of the denominators."""
    source = desk.denominators
    return aggregate_count(SegmentedRows(desk.opened.rows, source.by, source.first, source.clock), "created_at")


def _measure(source: SegmentedRows, what: Denominator) -> Floats:
    """Return units in each cell, or the mean number of customers; 0 where part of the period is not known."""
    rows = source.rows.filter(source.rows[what].notnull())
    seconds = (rows.end.epoch_seconds() - rows.start.epoch_seconds()).cast("float64")
    rows = rows.mutate(_amount=rows[what] * (seconds if what == "customers" else 1.0), _span=seconds)
    total = sum_overlap(source, rows, None, amount="_amount")
    covered = sum_overlap(source, rows.group_by(*source.by, "start", "end").agg(_n=rows.count()), None)
    length = np.tile(_seconds_of(source), len(source.segments))
    whole = covered >= length - 1.0
    return np.where(whole, total / length if what == "customers" else total, 0.0)


def _seconds_of(source: SegmentedRows) -> Floats:
    periods = source.periods
    return np.asarray((periods["ends_at"] - periods["starts_at"]).dt.total_seconds(), dtype=float)
