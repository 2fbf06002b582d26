"""How cases are put beside customers and units sold."""

from __future__ import annotations

from typing import Any, Literal

import ibis
import numpy as np
import pandas as pd

from ..arrays import Floats
from ..case_log.fetch import fetch
from ..case_log.log import CaseLog
from ..case_log.schema import TABLES
from ..errors import InputError, did_you_mean
from .aggregate import aggregate_count, compute_ratio
from .cells import SegmentedRows
from .overlap import sum_overlap
from .queries import SumQuery
from .view import LogView

Denominator = Literal["customers", "units"]


def cases_per(desk: LogView, what: Denominator) -> pd.DataFrame:
    """Put cases beside customers or units; a period that is not covered whole has its cases and no value."""
    source = desk.denominators
    opened = cases_beside_denominators(desk).frame()["value"].to_numpy(dtype=float)
    return compute_ratio(source, opened, _measure(source, what))


def cases_beside_denominators(desk: LogView) -> SumQuery:
    """Count cases in the segments and periods of the denominators; those of another segment have no denominator."""
    return aggregate_count(desk.denominators.over(desk.opened.rows), "created_at")


def check_denominators(log: CaseLog) -> None:
    """Refuse denominators by a segment that the cases do not have, or whose values are all others there.

    Raises
    ------
    InputError
        If so: no case would be put beside its customers.

    Examples
    --------
    >>> cases = pd.DataFrame({"case_id": ["1"], "created_at": ["2024-03-01T09:00Z"], "region": ["Ireland"]})
    >>> months = pd.DataFrame({"start": ["2024-03-01T00:00Z"], "end": ["2024-04-01T00:00Z"], "regoin": ["IE"]})
    >>> check_denominators(CaseLog.from_frames(cases=cases, denominators=months))
    Traceback (most recent call last):
    deskcast.features.errors.InputError: denominators: column 'regoin': the cases have no such column (did you mean
    'region'?)
    """
    if not (log.has("denominators") and log.has("cases")):
        return
    known = log.table("cases").columns
    for name in log.table("denominators").columns:
        if name in TABLES["denominators"].names:
            continue
        if name not in known:
            hint = did_you_mean(name, known)
            problem = "the cases have no such column"
            raise InputError(problem, where="denominators", column=name, hint=hint, code="column.unknown")
        here, there = (
            set(fetch(log.table(t).select(name).distinct())[name].dropna()) for t in ("denominators", "cases")
        )
        if here and not here & there:
            got, wanted = sorted(here)[0], f"such as {', '.join(sorted(map(str, there))[:3])}"
            problem = "no case has any of these values"
            raise InputError(problem, where="denominators", column=name, got=got, wanted=wanted, code="value.unknown")


def _measure(source: SegmentedRows, what: Denominator) -> Floats:
    """Return units in each cell, or the mean number of customers; 0 where part of the period is not known.

    A period is known where all segments that have begun by then have a figure for all of it: a total without one of
    its segments would be too small.
    """
    rows = source.rows
    seconds = (rows.end.epoch_seconds() - rows.start.epoch_seconds()).cast("float64")
    rows = rows.mutate(_amount=rows[what] * (seconds if what == "customers" else 1.0), _span=seconds)
    total = sum_overlap(source, rows, None, amount="_amount")
    covered = sum_overlap(source, rows, rows[what].notnull())
    lacking = sum_overlap(source, rows, rows[what].isnull())
    due = sum_overlap(source, _begun_segments(source), None)
    length = np.tile(_seconds_of(source), len(source.segments))
    whole = (due >= length - 1.0) & (covered >= due - 1.0) & (lacking == 0)
    return np.where(whole, total / length if what == "customers" else total, 0.0)


def _begun_segments(source: SegmentedRows) -> Any:
    """Return each segment that has rows, from its first to the last of all."""
    rows = source.rows
    names = [c for c in rows.columns if c not in TABLES["denominators"].names]
    end = fetch(rows.agg(end=rows.end.max()))["end"].iloc[0]
    first = (rows.group_by(*names) if names else rows).agg(start=rows.start.min())
    return first.mutate(end=first.start if pd.isna(end) else ibis.literal(end, first.start.type()))


def _seconds_of(source: SegmentedRows) -> Floats:
    periods = source.periods
    return np.asarray((periods["ends_at"] - periods["starts_at"]).dt.total_seconds(), dtype=float)
