"""What the adapters share: the span that is asked for, and events in order with all their columns."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ..case_log.conform import PANDAS_DTYPES
from ..case_log.schema import TABLES
from ..errors import InputError
from .columns import ImportReport, Mask, read_column, split_duration
from .spec import SourceSpec


def parse_source_span(spec: SourceSpec) -> tuple[pd.Timestamp | None, pd.Timestamp | None]:
    """Return ``since`` and ``until`` as instants of the source's own clock."""
    ends: list[pd.Timestamp | None] = []
    for key, text in (("since", spec.since), ("until", spec.until)):
        try:
            stamp = None if text is None else pd.Timestamp(text)
        except ValueError as error:
            raise InputError(
                "not a valid date", column=key, got=text, wanted="such as 2024-03-01", code="time.unreadable"
            ) from error
        if stamp is not None:
            stamp = stamp.tz_localize(spec.timezone) if stamp.tzinfo is None else stamp
            stamp = stamp.tz_convert("UTC")
        ends.append(stamp)
    return ends[0], ends[1]


def is_in_span(spec: SourceSpec, instants: pd.Series[Any], ledger: ImportReport, what: str = "rows") -> Mask:
    """Return which instants lie in the span that the source asks for, and note how many do not."""
    since, until = parse_source_span(spec)
    inside = pd.Series(True, index=instants.index)
    if since is not None:
        inside &= instants.isna() | (instants >= since)
    if until is not None:
        inside &= instants.isna() | (instants < until)
        ledger.until = until if _ends_there(instants, until) else ledger.until
    mask: Mask = inside.to_numpy(dtype=bool)
    out = int((~mask & instants.notna().to_numpy()).sum())
    if out:
        span = " and ".join(f"{k} {v}" for k, v in (("since", spec.since), ("until", spec.until)) if v)
        ledger.add_note(f"{out:,} {what} lie outside the span that was asked for ({span}) and are left out")
    return mask


def _ends_there(instants: pd.Series[Any], until: pd.Timestamp) -> bool:
    """Return whether ``until`` cuts rows off or completes the last day; a day far ahead says nothing of the log."""
    last = instants.max()
    return not pd.isna(last) and bool(until <= last + pd.Timedelta(days=1))


def cut_events(spec: SourceSpec, events: pd.DataFrame, ledger: ImportReport) -> pd.DataFrame:
    """Leave out what happened at or after ``until``: the log as it stood then."""
    _, until = parse_source_span(spec)
    if until is None:
        return events
    late = (events["at"] >= until).to_numpy(dtype=bool)
    if _ends_there(events["at"], until):
        ledger.until = until
    if late.any():
        ledger.add_note(
            f"{int(late.sum()):,} events at or after {spec.until} are left out: the log is read as it stood then"
        )
    return events[~late].reset_index(drop=True)


def number_events(events: pd.DataFrame) -> pd.DataFrame:
    """Order events by case and time, ties as they came, and fill the columns of the table.

    A column of roles that the source does not have stays away: where nobody's role is told, no reply of an agent is
    recorded, and no first response can be late.
    """
    out = events.sort_values(["case_id", "at"], kind="stable", ignore_index=True)
    out["seq"] = out.groupby("case_id", sort=False).cumcount().astype("Int64")
    for column in TABLES["events"].columns:
        if column.name not in out.columns and column.name not in ("recorded_at", "actor_role"):
            out[column.name] = pd.Series(pd.NA, index=out.index, dtype=PANDAS_DTYPES[column.kind])
        elif column.name in out.columns and str(out[column.name].dtype) != PANDAS_DTYPES[column.kind]:
            out[column.name] = out[column.name].astype(PANDAS_DTYPES[column.kind])  # type: ignore[call-overload]
    return out[[n for n in TABLES["events"].names if n in out.columns]]


def read_column_text(spec: SourceSpec, frame: pd.DataFrame, source: str) -> pd.Series[Any]:
    """Return a column of the file as text, for showing."""
    plain, took = split_duration(spec, frame, source)
    values = read_column(spec, frame, took or plain)
    return values if str(values.dtype) == "str" else values.astype("str").where(values.notna())
