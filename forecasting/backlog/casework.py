"""Cases that wait and cases that will come, slot by slot, each with the slot in which its promise falls due."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ...features.arrays import Floats, Ints
from ...features.calendars.business_calendar import BusinessCalendar, to_index
from ...features.errors import InputError, did_you_mean
from ..arguments import check_number, check_numbers
from ..scenarios.inflow import inflow_paths
from ..volume.intervals import interval_columns


@dataclass(frozen=True)
class DeferredWork:
    """Work by slot: n slots, C classes of cases, P sample paths of what comes.

    Attributes
    ----------
    ds
        Start of each slot on the calendar's own clock.
    starts, ends
        The same as instants in UTC; a slot ends where the next begins.
    open_s
        Seconds of each slot in which the desk is open, shape (n,).
    classes
        Names of the classes.
    handle_s
        Mean handle time of each class in seconds, shape (C,).
    inflow
        Cases that come, shape (P, C, n).
    due
        For the cases that come in a slot the last slot by whose end they must be done, shape (C, n); n is beyond the
        last slot.
    old
        The cases that wait at the start, merged: ``due`` (slot; -1: broken before the start; n: later or never),
        ``kind`` (position of the class), ``cases``, ``born_s`` (seconds from birth to the first slot).
    """

    ds: pd.DatetimeIndex
    starts: pd.DatetimeIndex
    ends: pd.DatetimeIndex
    open_s: Floats
    classes: tuple[str, ...]
    handle_s: Floats
    inflow: Floats
    due: Ints
    old: pd.DataFrame


def build_deferred_work(
    arrivals: pd.DataFrame,
    calendar: BusinessCalendar,
    *,
    sla_s: float | Mapping[str, float],
    handle_s: float | Mapping[str, float],
    backlog: pd.DataFrame | None = None,
    sla_calendar: BusinessCalendar | None = None,
) -> DeferredWork:
    """Put forecast, backlog and promises on one grid of slots.

    Parameters
    ----------
    arrivals
        ``ds`` (start of the slot, on the calendar's clock or with a zone), ``y`` or ``deskcast`` (cases that come in
        it, from 0); optional: ``unique_id`` (class of cases), ``path`` (number of a sample path), or bounds such as
        ``deskcast-lo-80`` from which 200 paths are drawn (see :func:`inflow_paths`). All classes have the same slots.
    calendar
        When people work.
    sla_s
        Seconds within which a case is to be done, for all or by class.
    handle_s
        Mean handle time in seconds, for all or by class.
    backlog
        The cases that wait at the first slot: ``due_at`` (instant with a zone; missing: no promise); optional
        ``created_at``, ``unique_id`` (where there are several classes) and ``cases`` (how many such; 1).
    sla_calendar
        The clock of the promise; by default that of the people. ``BusinessCalendar.always()`` counts nights too.

    Returns
    -------
    CaseWork
        A case that comes counts from the start of its slot, and work is in time if it is done by the end of the last
        slot that ends before it is due: both err on the safe side.

    Raises
    ------
    InputError
        Names the argument or column and the first bad row.

    Examples
    --------
    >>> office = BusinessCalendar.from_hours("UTC", {"mon-fri": ["09:00-17:00"]})
    >>> day = pd.DataFrame({"ds": pd.date_range("2024-03-01T15:00", periods=3, freq="h"), "y": 6.0})
    >>> build_deferred_work(day, office, sla_s=7200, handle_s=600).due.tolist()
    [[1, 3, 3]]
    """
    frame = _checked(arrivals)
    classes = tuple(sorted(frame["unique_id"].unique()))
    paths = np.sort(frame["path"].unique())
    ds = pd.DatetimeIndex(frame["ds"].drop_duplicates().sort_values())
    full = frame.sort_values(["path", "unique_id", "ds"])
    if len(full) != len(paths) * len(classes) * len(ds) or full.duplicated(["path", "unique_id", "ds"]).any():
        raise InputError(
            "classes and paths must have the same time steps",
            where="argument 'arrivals'",
            column="ds",
            code="value.length",
        )
    inflow = full["y"].to_numpy(float).reshape(len(paths), len(classes), len(ds))
    starts, ends, local = _instants(ds, calendar)
    promise = [_by_class("sla_s", sla_s, c) for c in classes]
    clock = calendar if sla_calendar is None else sla_calendar
    due = np.stack([_due_slots(clock, starts, ends, s, c) for s, c in zip(promise, classes, strict=True)])
    open_s = calendar.seconds_between(starts, ends)
    handle = np.array([_by_class("handle_s", handle_s, c) for c in classes])
    old = _read_backlog(backlog, classes, starts[0], ends)
    return DeferredWork(local, starts, ends, open_s, classes, handle, inflow, due, old)


def planned_inflow(work: DeferredWork, confidence: float | None) -> Floats:
    """Return the cases to plan for, shape (C, n): the mean, or the path of which the total so far is not exceeded.

    With a confidence, the work of all classes that has come up to each slot is its quantile over the paths, and a
    slot's work is that of its mean, scaled. So errors that cancel between slots and classes cost nothing, where a
    quantile for each slot or class would add them up.

    Examples
    --------
    >>> office = BusinessCalendar.always()
    >>> ds = pd.date_range("2024-03-01", periods=2, freq="h")
    >>> paths = pd.concat([pd.DataFrame({"ds": ds, "path": i, "y": y}) for i, y in enumerate(([4, 0], [0, 4], [2, 2]))])
    >>> planned_inflow(build_deferred_work(paths, office, sla_s=3600, handle_s=60), confidence=1.0).tolist()
    [[4.0, 0.0]]
    """
    if confidence is None:
        return np.asarray(work.inflow.mean(axis=0))
    share = check_number("confidence", confidence, above=0, most=1)
    mean = np.asarray(work.inflow.mean(axis=0))
    hours = np.einsum("c,pcn->pn", work.handle_s, work.inflow)
    total = np.maximum.accumulate(np.quantile(np.cumsum(hours, axis=1), share, axis=0))
    usual = work.handle_s @ mean
    planned = np.diff(total, prepend=0.0)
    return np.asarray(mean * np.divide(planned, usual, out=np.zeros_like(usual), where=usual > 0))


def _checked(arrivals: pd.DataFrame) -> pd.DataFrame:
    where = "argument 'arrivals'"
    value = next((c for c in ("y", "deskcast") if c in arrivals.columns), None)
    if "ds" not in arrivals.columns or value is None:
        raise InputError(
            "missing column",
            where=where,
            wanted="ds and y (or deskcast)",
            got=list(arrivals.columns),
            code="column.missing",
        )
    if arrivals.empty:
        raise InputError("missing rows", where=where, code="queue.empty")
    if "path" not in arrivals.columns and value == "deskcast" and interval_columns(arrivals):
        arrivals, value = inflow_paths(arrivals), "y"
    frame = pd.DataFrame({"ds": arrivals["ds"].to_numpy() if _naive(arrivals["ds"]) else arrivals["ds"]})
    if not pd.api.types.is_datetime64_any_dtype(frame["ds"]) or frame["ds"].isna().any():
        raise InputError(
            "not valid times", where=where, column="ds", wanted="the start of each slot", code="time.unreadable"
        )
    frame["unique_id"] = arrivals["unique_id"].astype("str").to_numpy() if "unique_id" in arrivals.columns else "all"
    frame["path"] = arrivals["path"].to_numpy() if "path" in arrivals.columns else 0
    frame["y"] = check_numbers("arrivals", arrivals[value], least=0)
    return frame


def _naive(ds: pd.Series[Any]) -> bool:
    return getattr(ds.dtype, "tz", None) is None


def _instants(ds: pd.DatetimeIndex, calendar: BusinessCalendar) -> tuple[pd.DatetimeIndex, pd.DatetimeIndex, Any]:
    """Return starts, ends and the local clock; an hour that the clock skips has no seconds, one it repeats has both."""
    zone = calendar.timezone
    if ds.tz is None:
        local = ds
        starts = ds.tz_localize(zone, ambiguous=np.ones(len(ds), bool), nonexistent="shift_forward").tz_convert("UTC")
    else:
        starts, local = ds.tz_convert("UTC"), ds.tz_convert(zone).tz_localize(None)
    starts = pd.DatetimeIndex(starts).as_unit("us")
    steps = np.diff(starts.asi8)
    last = int(np.median(steps)) if len(steps) else 3_600_000_000
    ends = to_index(np.append(starts.asi8[1:], starts.asi8[-1] + last))
    return starts, ends, local.as_unit("us")


def _by_class(name: str, given: float | Mapping[str, float], kind: str) -> float:
    if not isinstance(given, Mapping):
        return check_number(name, given, above=0)
    if kind not in given:
        hint = did_you_mean(kind, [str(k) for k in given])
        raise InputError(
            "a class of cases has no value", where=f"argument '{name}'", got=kind, hint=hint, code="value.missing"
        )
    return check_number(f"{name}[{kind!r}]", given[kind], above=0)


def _due_slots(
    clock: BusinessCalendar, starts: pd.DatetimeIndex, ends: pd.DatetimeIndex, sla_s: float, kind: str
) -> Ints:
    due = clock.add(starts, sla_s)
    slot = last_slot(ends, due)
    short = np.flatnonzero((slot < np.arange(len(slot))) & (ends.asi8 > starts.asi8))
    if len(short):
        raise InputError(
            f"the SLA target of {kind!r} is shorter than a slot",
            where="argument 'sla_s'",
            row=int(short[0]) + 1,
            got=sla_s,
            hint="use shorter slots",
            code="plan.impossible",
        )
    return np.maximum(slot, np.arange(len(slot)))


def last_slot(ends: pd.DatetimeIndex, due: pd.DatetimeIndex) -> Ints:
    """Return the last slot that is over when a case is due; the number of slots where that is beyond the last one."""
    at = due.as_unit("us").asi8
    slot = np.searchsorted(ends.asi8, at, side="right") - 1
    return np.where(np.asarray(due.isna()) | (at > ends.asi8[-1]), len(ends), slot).astype(np.int64)


def _read_backlog(
    backlog: pd.DataFrame | None, classes: tuple[str, ...], start: pd.Timestamp, ends: pd.DatetimeIndex
) -> pd.DataFrame:
    columns = ["due", "kind", "cases", "born_s"]
    if backlog is None or backlog.empty:
        return pd.DataFrame({"due": np.zeros(0, np.int64), "kind": np.zeros(0, np.int64), "cases": 0.0, "born_s": 0.0})
    where = "argument 'backlog'"
    if "due_at" not in backlog.columns:
        near = did_you_mean("due_at", [str(c) for c in backlog.columns])
        raise InputError("missing column", where=where, column="due_at", hint=near, code="column.missing")
    due_at = _with_zone(backlog["due_at"], "due_at")
    born = _with_zone(backlog["created_at"], "created_at") if "created_at" in backlog.columns else None
    age = (start - born).total_seconds().to_numpy() if born is not None else np.zeros(len(backlog))
    if "unique_id" in backlog.columns and len(classes) > 1:
        names = backlog["unique_id"].astype("str").to_numpy()
        kind = np.array([classes.index(name) if name in classes else -1 for name in names], dtype=np.int64)
        if (kind < 0).any():
            row = int(np.flatnonzero(kind < 0)[0])
            raise InputError(
                "unknown class", where=where, column="unique_id", row=row + 1, got=names[row], code="queue.empty"
            )
    elif len(classes) > 1:
        raise InputError(
            "missing column",
            where=where,
            column="unique_id",
            hint="there are several classes",
            code="column.missing",
        )
    else:
        kind = np.zeros(len(backlog), dtype=np.int64)
    cases = check_numbers("backlog['cases']", backlog["cases"], least=0) if "cases" in backlog.columns else 1.0
    slot = last_slot(ends, due_at)
    soon = np.asarray(due_at > start) & (slot < 0)  # due within the first slot: that slot is what is left
    frame = pd.DataFrame(
        {"due": np.where(soon, 0, slot), "kind": kind, "cases": cases, "born_s": np.maximum(np.nan_to_num(age), 0)}
    )
    born_s = frame["born_s"] * frame["cases"]
    merged = frame.assign(born_s=born_s).groupby(["due", "kind"], as_index=False)[["cases", "born_s"]].sum()
    merged["born_s"] = merged["born_s"] / merged["cases"].where(merged["cases"] > 0, 1.0)
    return merged[columns]


def _with_zone(times: pd.Series[Any], column: str) -> pd.DatetimeIndex:
    try:
        index = pd.DatetimeIndex(times.array)
    except (ValueError, TypeError) as error:
        raise InputError(
            "not valid instants",
            where="argument 'backlog'",
            column=column,
            got=times.iloc[0],
            code="time.unreadable",
        ) from error
    if index.tz is None and not index.isna().all():
        raise InputError(
            "the times have no zone", where="argument 'backlog'", column=column, got=str(index[0]), code="time.zone"
        )
    return index.tz_localize("UTC") if index.tz is None else index.tz_convert("UTC")
