"""Due times as systems write them: a day means its end, and some instants mean that there is none."""

from __future__ import annotations

from typing import Any

import pandas as pd

#: How the systems write that there is no time: the first instant that a computer counts, and a day that never was.
_NO_TIME = r"^\s*(?:1970-01-01|0000-00-00|0001-01-01|0?1/0?1/1970|0?1\.0?1\.1970|00/00/0000|-+|–|—|0)(?:[\sT].*)?$"
_EPOCH_DAY = (pd.Timestamp("1969-12-31", tz="UTC"), pd.Timestamp("1970-01-02 12:00", tz="UTC"))
#: Text that has a time of day.
_CLOCK = r"\d:\d\d|T\d|\d{9,}|\d\s?[AaPp]\.?[Mm]"


def drop_empty_marks(values: pd.Series[Any]) -> pd.Series[Any]:
    """Return texts of times with those missing that systems write for no time.

    >>> drop_empty_marks(pd.Series(["1970-01-01 00:00:00", "0000-00-00", "2024-03-01", "-"])).isna().tolist()
    [True, True, False, True]
    """
    if str(values.dtype) not in ("str", "object", "string"):
        return values
    return values.mask(values.astype("str").str.match(_NO_TIME) & values.notna())


def drop_empty_instants(instants: pd.Series[Any]) -> pd.Series[Any]:
    """Return instants without those of the first day of 1970, in whatever zone it was written.

    >>> drop_empty_instants(pd.Series(pd.to_datetime(["1970-01-01T01:00Z", "2024-03-01T09:00Z"]))).isna().tolist()
    [True, False]
    """
    return instants.mask((instants >= _EPOCH_DAY[0]) & (instants < _EPOCH_DAY[1]))


def end_days(instants: pd.Series[Any], texts: pd.Series[Any], timezone: str) -> tuple[pd.Series[Any], int]:
    """Let due times that are days be the last microsecond of that day, on the desk's clock.

    Parameters
    ----------
    instants
        As they were read.
    texts
        As they were written: one without a time of day is a day. So are all where each lies at midnight.
    timezone
        Zone of the desk's clock.

    Returns
    -------
    tuple
        The instants, and how many were days.

    Examples
    --------
    >>> at = pd.Series(pd.to_datetime(["2024-03-01T00:00Z", "2024-03-01T09:00Z"]))
    >>> ends, days = end_days(at, pd.Series(["2024-03-01", "2024-03-01 09:00"]), "UTC")
    >>> str(ends[0]), days
    ('2024-03-01 23:59:59.999999+00:00', 1)
    """
    local = instants.dt.tz_convert(timezone)
    midnight = instants.notna() & (local == local.dt.normalize())
    all_days = bool(midnight[instants.notna()].all()) and bool(midnight.any())
    written = texts.astype("str").str.contains(_CLOCK) if len(texts) else pd.Series(dtype=bool)
    days = midnight if all_days else midnight & ~written.to_numpy(dtype=bool)
    days = days & instants.notna()
    if not days.any():
        return instants, 0
    following = (local.dt.tz_localize(None).dt.normalize() + pd.Timedelta(days=1)).where(days)
    ends = following.dt.tz_localize(timezone, ambiguous=True, nonexistent="shift_forward").dt.tz_convert("UTC")
    ends = (ends - pd.Timedelta("1us")).dt.as_unit("us")
    return instants.dt.as_unit("us").where(~days, ends), int(days.sum())
