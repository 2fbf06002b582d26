"""Whether the log begins in the middle of a period: that period is cut, as the one at the end of the log is."""

from __future__ import annotations

from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd

from ..calendars.periods import floor_to_period, parse_period_frequency
from ..case_log.cache import compute_once
from ..case_log.fetch import fetch
from ..case_log.log import CaseLog

#: The part before the first row lacks something if so many arrivals are usual in it, and this share of its period.
MIN_MISSING_ARRIVALS, MIN_MISSING_SHARE = 10.0, 0.05
#: So many of the weeks that follow tell what is usual.
WEEKS_COMPARED = 8
_ARRIVALS = (("cases", "created_at", None), ("contacts", "queued_at", None), ("volumes", "ds", "y"))


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


def find_cut_start(log: CaseLog, freq: str) -> CutPeriod | None:
    """Return the first period of a log where it is cut, or ``None`` where it is whole or nothing tells.

    Nobody says when an export begins; it is seen from the same hours of the same weekdays in the weeks that follow. If
    many arrive in them, the empty stretch before the first row was not empty.

    Parameters
    ----------
    freq
        See :func:`~deskcast.features.calendars.periods.parse_period_frequency`.

    Examples
    --------
    >>> at = pd.date_range("2024-03-07 00:30", "2024-03-31 23:30", freq="h", tz="UTC")
    >>> log = CaseLog.from_frames(cases=pd.DataFrame({"case_id": range(len(at)), "created_at": at}))
    >>> found = find_cut_start(log, "W")
    >>> str(found.ds.date()), found.count, find_cut_start(log, "D")
    ('2024-03-04', 96.0, None)
    """
    name = parse_period_frequency(freq).name
    found: CutPeriod | None = compute_once(log, f"cut start {name}", lambda: _look(log, name))
    return found


def find_cut_end(log: CaseLog, freq: str) -> CutPeriod | None:
    """Return the last period of a log where it is not over, with what has arrived in it so far."""
    source = _arrivals(log)
    if source is None:
        return None
    until = log.until.tz_convert(log.timezone).tz_localize(None)
    start = floor_to_period(until, parse_period_frequency(freq).name)
    if start == until:
        return None
    rows, at, _ = source
    begin = max(start, _local(log, fetch(rows.agg(first=rows[at].min()))["first"].iloc[0]))
    count = float(_counts(log, source, [(start, until + pd.Timedelta(1, "us"))])[0])
    return CutPeriod(start, _following(start, freq), begin, until, count) if count else None


def _look(log: CaseLog, freq: str) -> CutPeriod | None:
    source = _arrivals(log)
    if source is None:
        return None
    rows, at, _ = source
    first = fetch(rows.agg(first=rows[at].min()))["first"].iloc[0]
    if pd.isna(first):
        return None
    begins = _local(log, first)
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


def _arrivals(log: CaseLog) -> tuple[ibis.Table, str, str | None] | None:
    """Return the rows that tell when the log begins, their instant, and what each counts."""
    found = next(((n, at, y) for n, at, y in _ARRIVALS if log.has(n, at)), None)
    return None if found is None else (log.table(found[0]), found[1], found[2])


def _local(log: CaseLog, at: pd.Timestamp) -> pd.Timestamp:
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
