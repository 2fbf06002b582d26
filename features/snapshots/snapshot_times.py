"""The instants at which cases are looked at: fixed ones, once a day, at creation, at every update."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from ..calendars.business_calendar import to_index, to_micros
from ..calendars.open_intervals import parse_zone
from ..case_log.fetch import fetch
from ..case_log.log import CaseLog
from ..errors import InputError
from .case_steps import CaseSteps

#: Words for the instants that the log itself gives.
SNAPSHOT_KEYWORDS = ("creation", "updates")


def daily(start: Any, end: Any, at: str = "08:00", timezone: str = "UTC") -> pd.DatetimeIndex:
    """Return one instant a day, at a fixed time on the wall clock of a zone.

    Parameters
    ----------
    start, end
        First and last instant that may be returned; without a zone on the clock of ``timezone``. A bare date
        stands for its whole day.
    at
        Local time such as ``08:00``. On a day whose clock skips it, the first instant after the gap is taken; on a day
        that has it twice, the first.
    timezone
        IANA zone.

    Raises
    ------
    InputError
        If a time, a date or the zone cannot be read.

    Examples
    --------
    >>> daily("2024-03-30", "2024-04-01", "08:00", "Europe/Lisbon").strftime("%d %H:%M").tolist()
    ['30 08:00', '31 07:00', '01 07:00']
    """
    zone = parse_zone(timezone)
    try:
        clock = pd.Timedelta(hours=datetime.time.fromisoformat(at).hour, minutes=datetime.time.fromisoformat(at).minute)
    except ValueError as error:
        raise InputError(
            "not a valid time", column="at", got=at, wanted="a time such as '08:00'", code="time.unreadable"
        ) from error
    low, high = _parse_local_instant(start, timezone, "start"), _parse_local_instant(end, timezone, "end")
    if _is_date(end):
        high = high + pd.Timedelta(days=1, microseconds=-1)
    days = pd.date_range(low.tz_localize(None).normalize(), high.tz_localize(None).normalize(), freq="D", unit="us")
    local = (days + clock).tz_localize(zone, ambiguous=np.ones(len(days), dtype=bool), nonexistent="shift_forward")
    return to_index(to_micros(local[(local >= low) & (local <= high)], "at"))


def find_snapshot_times(log: CaseLog, at: Any, steps: CaseSteps | None) -> pd.DataFrame:
    """Return the instants asked for in a column ``at``, with ``case_id`` where each is about one case.

    Parameters
    ----------
    log
        Whose end bounds the instants and whose clock reads those without a zone.
    at
        Instants; ``creation`` or ``updates``; or a frame with ``case_id`` and ``at``.
    steps
        From :func:`~deskcast.features.snapshots.case_steps.case_steps`; asked for by the words alone.

    Raises
    ------
    InputError
        If an instant cannot be read or is later than the log, or a case is not there or was not born by then.
    """
    if isinstance(at, str) and at in SNAPSHOT_KEYWORDS:
        assert steps is not None
        kind = steps.rows["kind"]
        wanted = kind.eq("start") if at == "creation" else ~kind.isin(("start", "created"))
        pairs = steps.rows.loc[wanted, ["case", "at"]].drop_duplicates().sort_values(["at", "case"])
        return pd.DataFrame(
            {"case_id": steps.cases["case_id"].array.take(pairs["case"]), "at": to_index(pairs["at"].to_numpy())}
        )
    if isinstance(at, pd.DataFrame):
        return _pairs(log, at)
    listed = [at] if isinstance(at, (str, datetime.datetime)) else list(at)
    return pd.DataFrame({"at": _instants(listed, log).unique().sort_values()})


def _pairs(log: CaseLog, asked: pd.DataFrame) -> pd.DataFrame:
    for name in ("case_id", "at"):
        if name not in asked.columns:
            raise InputError(
                "missing column",
                where="at",
                column=name,
                hint="pairs of case_id and at are wanted",
                code="column.missing",
            )
    cases = fetch(log.table("cases").select("case_id", "created_at")).set_index("case_id")["created_at"]
    pairs = pd.DataFrame({"case_id": asked["case_id"].astype("str").array, "at": _instants(asked["at"], log)})
    born = pairs["case_id"].map(cases)
    for bad, why in ((born.isna(), "the log has no such case"), (born > pairs["at"], "the case did not exist yet")):
        if bad.any():
            row = int(bad.to_numpy().argmax())
            got = f"{pairs['case_id'].iloc[row]} at {pairs['at'].iloc[row].isoformat()}"
            raise InputError(why, where="at", column="case_id", row=row + 1, got=got, code="time.unreadable")
    return pairs.drop_duplicates().sort_values(["at", "case_id"], ignore_index=True)


def _instants(values: Iterable[Any], log: CaseLog) -> pd.DatetimeIndex:
    """Return instants in UTC, none of them later than the log."""
    if isinstance(values, pd.Series) and isinstance(values.dtype, pd.DatetimeTZDtype) and values.notna().all():
        stamps = pd.DatetimeIndex(values.array).tz_convert("UTC")
    else:
        stamps = pd.DatetimeIndex(
            [_parse_local_instant(t, log.timezone, "at").tz_convert("UTC") for t in values], tz="UTC"
        )
    stamps = stamps.as_unit("us")
    if len(stamps) and stamps.max() > log.until:
        hint = f"the log ends at {log.until.isoformat()}"
        got = stamps.max().isoformat()
        raise InputError("instant is later than the log", column="at", got=got, hint=hint, code="time.order")
    return stamps


def _parse_local_instant(value: Any, timezone: str, name: str) -> pd.Timestamp:
    try:
        stamp = pd.Timestamp(value)
    except (ValueError, TypeError) as error:
        raise InputError(
            "not a valid instant", column=name, got=value, wanted="a date and time", code="time.unreadable"
        ) from error
    if pd.isna(stamp):
        raise InputError(
            "not a valid instant", column=name, got=value, wanted="a date and time", code="time.unreadable"
        )
    return stamp.tz_localize(timezone) if stamp.tzinfo is None else stamp.tz_convert(timezone)


def _is_date(value: Any) -> bool:
    if isinstance(value, str):
        return len(value.strip()) <= 10
    return isinstance(value, datetime.date) and not isinstance(value, datetime.datetime)
