"""Whether a table begins in the middle of a period: that period is cut, as the one at the end of the log is."""

from __future__ import annotations

from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd

from ..calendars.periods import floor_to_period, parse_period_frequency
from ..case_log.cache import compute_once, find_first_of_log
from ..case_log.fetch import fetch
from ..case_log.log import CaseLog
from ..case_log.log_end import TABLE_TIMES
from .catalogue import find_kpi

#: The part before the first row lacks something if so many arrivals are usual in it, and this share of its period.
MIN_MISSING_ARRIVALS, MIN_MISSING_SHARE = 10.0, 0.05
#: So many of the weeks that follow tell what is usual.
WEEKS_COMPARED = 8
_ARRIVALS = ("cases", "contacts", "volumes")
#: Tables of every log, which do not tell when a KPI of another table begins.
_OF_CASES = ("cases", "events", "sla_policies")


@dataclass(frozen=True)
class CutPeriod:
    """A period of which the log holds a part.

    Attributes
    ----------
    ds, following
        Start of the period and of the next one, on the desk's clock.
    begins, ends
        From when and until when the log holds it, on the desk's clock.
    count
        What arrived in that part.
    """

    ds: pd.Timestamp
    following: pd.Timestamp
    begins: pd.Timestamp
    ends: pd.Timestamp
    count: float


def find_cut_start(log: CaseLog, freq: str, kpi: str = "") -> CutPeriod | None:
    """Return the first period of a log, or of the table of a KPI, where it is cut; ``None`` where it is whole.

    Nobody says when an export begins; it is seen from the same hours of the same weekdays in the weeks that follow. If
    many arrive in them, the empty stretch before the first row was not empty.

    Parameters
    ----------
    log
        Any log.
    freq
        See :func:`~deskcast.features.calendars.periods.parse_period_frequency`.
    kpi
        A KPI of the catalogue; the table that it counts decides, by default that of the arrivals.

    Examples
    --------
    >>> at = pd.date_range("2024-03-07 00:30", "2024-03-31 23:30", freq="h", tz="UTC")
    >>> log = CaseLog.from_frames(cases=pd.DataFrame({"case_id": range(len(at)), "created_at": at}))
    >>> found = find_cut_start(log, "W")
    >>> str(found.ds.date()), found.count, find_cut_start(log, "D")
    ('2024-03-04', 96.0, None)
    """
    name = parse_period_frequency(freq).name
    table = _table_of(log, kpi) if kpi else _arrivals(log)
    if table is None:
        return None
    found: CutPeriod | None = compute_once(log, f"cut start {table} {name}", lambda: _look(log, table, name))
    return found


def _table_of(log: CaseLog, kpi: str) -> str | None:
    """Return the table whose rows a KPI counts: its own before that of the cases."""
    entry = find_kpi(kpi)
    needs = [name for need in (entry.needs if entry else ()) for name in need.split("|")]
    needs.sort(key=lambda name: name in _OF_CASES)
    return next((name for name in needs if name in TABLE_TIMES and log.has(name, TABLE_TIMES[name])), None)


def find_open_start(log: CaseLog, freq: str) -> pd.Timestamp | None:
    """Return the start of the period that is not over at the end of the log; ``None`` where it ends with a period."""
    until = local_reading(log, log.until)
    start = floor_to_period(until, parse_period_frequency(freq).name)
    return None if start == until else start


def find_cut_end(log: CaseLog, freq: str) -> CutPeriod | None:
    """Return the last period of a log where it is not over, with what has arrived in it so far."""
    table = _arrivals(log)
    if table is None:
        return None
    source = _rows(log, table)
    until = local_reading(log, log.until)
    start = find_open_start(log, freq)
    if start is None:
        return None
    rows, at, _ = source
    first = find_first_of_log(log, rows, at)
    begin = start if first is None else max(start, local_reading(log, first))
    count = float(_counts(log, source, [(start, until + pd.Timedelta(1, "us"))])[0])
    return CutPeriod(start, _following(start, freq), begin, until, count) if count else None


def _look(log: CaseLog, table: str, freq: str) -> CutPeriod | None:
    source = _rows(log, table)
    rows, at, _ = source
    first = find_first_of_log(log, rows, at)
    if first is None:
        return None
    begins = local_reading(log, first)
    start = floor_to_period(begins, freq)
    following = _following(start, freq)
    if begins == start:
        return None
    until = log.until.tz_convert(log.timezone).tz_localize(None)
    weeks = [pd.Timedelta(days=7 * (1 + (begins - start).days // 7 + k)) for k in range(WEEKS_COMPARED)]
    spans = [(start + w, begins + w) for w in weeks if start + w < until]
    counts = _counts(log, source, [(start, following), *spans])
    whole = [c for c, (_, end) in zip(counts[1:], spans, strict=True) if end <= until]
    usual = float(np.median(whole)) if whole else float(max(counts[1:], default=0.0))
    held = float(counts[0])
    if usual < MIN_MISSING_ARRIVALS or usual < MIN_MISSING_SHARE * (usual + held):
        return None
    return CutPeriod(start, following, begins, following, held)


def _arrivals(log: CaseLog) -> str | None:
    """Return the table that tells when the log begins."""
    return next((name for name in _ARRIVALS if log.has(name, TABLE_TIMES[name])), None)


def _rows(log: CaseLog, table: str) -> tuple[ibis.Table, str, str | None]:
    """Return the rows of a table, their instant, and what each counts."""
    return log.table(table), TABLE_TIMES[table], "y" if table == "volumes" else None


def local_reading(log: CaseLog, at: pd.Timestamp) -> pd.Timestamp:
    """Return an instant on the desk's clock."""
    stamp = pd.Timestamp(at)
    stamp = stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp
    return stamp.tz_convert(log.timezone).tz_localize(None)


def _following(start: pd.Timestamp, freq: str) -> pd.Timestamp:
    how = parse_period_frequency(freq)
    return pd.Timestamp(start + pd.tseries.frequencies.to_offset(how.pandas_name))


def _counts(
    log: CaseLog, source: tuple[ibis.Table, str, str | None], spans: list[tuple[pd.Timestamp, pd.Timestamp]]
) -> list[float]:
    """Count what arrived in stretches of local time, in one query."""
    rows, at, amount = source

    def instant(local: pd.Timestamp) -> ibis.Value:
        placed = local.tz_localize(log.timezone, ambiguous=True, nonexistent="shift_forward")
        return ibis.literal(placed.tz_convert("UTC"))

    # whole numbers where rows are counted: PostgreSQL takes 1.0 for a decimal
    each, none = (rows[amount].fill_null(0.0), 0.0) if amount else (ibis.literal(1), 0)
    sums = {
        f"_{i}": ((rows[at] >= instant(start)) & (rows[at] < instant(end))).ifelse(each, none).sum()
        for i, (start, end) in enumerate(spans)
    }
    found = fetch(rows.agg(**sums)).iloc[0]
    return [float(found[name] or 0.0) for name in sums]
