"""KPIs that users bring: a function of the log gives rows with a value each, and they are counted as all others are."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

import ibis
import numpy as np
import pandas as pd

from ..case_log.cache import compute_once
from ..case_log.log import CaseLog
from ..errors import InputError, did_you_mean
from ..frames import is_no_number
from ..plugins import Plugin, as_decorator, register
from .aggregate import aggregate_count, aggregate_duration, aggregate_mean, aggregate_share
from .availability import KPI_CATALOGUE
from .catalogue import Better, Kpi, Unit, add_kpi_entry, find_kpi, remove_kpi_entry
from .formulas import KPI_FORMULAS
from .queries import HistoryOrQuery
from .view import LogView

UNITS: tuple[Unit, ...] = ("count", "share", "s", "points", "score", "ratio", "money")
#: Tells two KPIs that bore the same name one after the other apart.
_SERIAL = count()
#: A function of a log that gives one row for each value.
KpiFunction = Callable[[CaseLog], pd.DataFrame]


def register_kpi(
    name: str,
    function: KpiFunction | None = None,
    *,
    unit: Unit,
    definition: str,
    better: Better = "",
    needs: tuple[str, ...] = ("cases",),
    per_case: bool = True,
    horizon_s: float | None = None,
) -> Any:
    """Add a KPI of yours to the catalogue: to the list of KPIs, to histories, and so to watch and report.

    Parameters
    ----------
    name
        What it is called, such as ``weekend_share``.
    function
        From a log to a frame, one row a value: ``at``, the instant by whose period it counts; ``case_id``, whose
        segments it has; ``value``: 0 or 1 of a ``share``, seconds of a
        duration (``s``), an amount of anything else (of a ``count`` 1 by default). A missing value is one that is not
        known, and counts nowhere. Of durations ``ended`` may say which are over; the others are censored. Without a
        function a decorator is returned.
    unit
        ``count`` (summed), ``share`` (Wilson's interval), ``s`` (Kaplan-Meier), or ``points``, ``score``, ``ratio``,
        ``money`` (the mean).
    definition
        What is counted, of what, and in which period.
    better
        ``higher``, ``lower``, or empty.
    needs
        Tables that a log must have.
    per_case
        Whether the rows have a ``case_id``; without one the KPI has a total only.
    horizon_s
        The mean of durations counts each up to here.

    Returns
    -------
    The function.

    Raises
    ------
    InputError
        If a KPI is called so, or unit or direction is unknown.

    Examples
    --------
    >>> from deskcast.extend import unregister
    >>> from deskcast.features import kpi_history
    >>> @register_kpi("weekend_share", unit="share", definition="cases created on a weekend / cases created")
    ... def weekend_share(log):
    ...     cases = log.frame("cases")
    ...     local = cases["created_at"].dt.tz_convert(log.timezone)
    ...     late = local.dt.day_of_week > 4
    ...     return pd.DataFrame({"case_id": cases["case_id"], "at": cases["created_at"], "value": late})
    >>> cases = pd.DataFrame({"case_id": ["1", "2"], "created_at": ["2024-03-01T09:00Z", "2024-03-02T10:00Z"]})
    >>> log = CaseLog.from_frames(cases=cases, until="2024-03-03T00:00Z")
    >>> kpi_history(log, "weekend_share")["value"].tolist()
    [0.0, 1.0]
    >>> unregister("kpi", "weekend_share")
    """
    for what, value, known in (("unit", unit, UNITS), ("better", better, ("higher", "lower", ""))):
        if value not in known:
            hint = did_you_mean(str(value), [k for k in known if k])
            raise InputError(
                f"unknown {what}", where=f"kpi '{name}'", column=what, got=value, hint=hint, code="value.unknown"
            )
    entry = Kpi(name, unit, better, tuple(needs), definition, horizon_s=horizon_s)

    def add(given: KpiFunction) -> None:
        taken = [name] if find_kpi(str(name)) else []
        facts = {"forget": partial(_forget, name), "serial": next(_SERIAL), "per_case": per_case}
        plugin = register(Plugin("kpi", name, given, facts), taken)
        add_kpi_entry(entry)
        KPI_CATALOGUE[name] = entry
        KPI_FORMULAS[name] = (partial(count_own_kpi, plugin=plugin, entry=entry), "cases" if per_case else "")

    return as_decorator(add, function)


def _forget(name: str) -> None:
    remove_kpi_entry(name)
    del KPI_CATALOGUE[name], KPI_FORMULAS[name]


def count_own_kpi(desk: LogView, plugin: Plugin, entry: Kpi) -> HistoryOrQuery:
    """Count the rows of a user's KPI by period and segment.

    Raises
    ------
    PluginError
        If the function fails, or its rows are not what they must be.
    """
    frame = compute_once(
        desk.log, f"kpi {plugin.name} {plugin.facts['serial']}", lambda: _read_rows(plugin, entry, desk.log)
    )
    source = desk.bind(ibis.memtable(frame), "at")
    rows = source.rows
    if entry.unit == "count":
        return aggregate_count(source, "at", "value")
    if entry.unit == "share":
        return aggregate_share(source, "at", (rows.value > 0).fill_null(False), rows.value.notnull())
    if entry.unit == "s":
        return aggregate_duration(
            source, "at", rows.value, rows.ended, of=rows.value.notnull(), horizon=entry.horizon_s
        )
    return aggregate_mean(source, "at", rows.value)


def _read_rows(plugin: Plugin, entry: Kpi, log: CaseLog) -> pd.DataFrame:
    """Return the rows of a user's KPI as the engine takes them, or say what is wrong with them."""
    found = plugin.call(log)
    if not isinstance(found, pd.DataFrame):
        raise plugin.error("it must return a frame", got=type(found).__name__, wanted="columns at, value and case_id")
    needed = ("at", *(["value"] * (entry.unit != "count")), *(["case_id"] * plugin.facts["per_case"]))
    for column in needed:
        if column not in found:
            raise plugin.error("missing column", column=column, got=[str(c) for c in found])
    if not found.columns.is_unique:
        raise plugin.error("two columns have one name", got=[str(c) for c in found])
    at = found["at"]
    if at.dtype == object and at.dropna().map(lambda t: getattr(t, "tzinfo", None) is not None).all():
        at = pd.to_datetime(at, utc=True)
    if not isinstance(at.dtype, pd.DatetimeTZDtype):
        wanted = "instants with a zone (datetime64[us, UTC])"
        raise plugin.error("its times are not instants", column="at", got=str(at.dtype), wanted=wanted)
    if (at > log.until).any():
        got = str(at.max())
        raise plugin.error("a row is later than the end of the log", column="at", got=got, wanted=f"to {log.until}")
    raw: Any = found.get("value", pd.Series(1.0, index=found.index))
    if entry.unit == "s" and raw.dtype.kind == "m":
        raw = raw.dt.total_seconds()
    value = pd.Series(np.nan, index=raw.index) if is_no_number(raw) else pd.to_numeric(raw, errors="coerce")
    value = value.astype("Float64").astype("float64")
    bad = raw.notna() & ~value.abs().lt(float("inf"))
    bad |= (entry.unit == "s") & (value < 0)
    bad |= (entry.unit == "share") & value.notna() & ~value.isin([0, 1])
    if bad.any():
        row = int(bad.to_numpy().argmax())
        wanted = {"share": "0 or 1", "s": "seconds of 0 or more"}.get(entry.unit, "numbers")
        raise plugin.error("a value cannot be used", column="value", row=row + 1, got=raw.tolist()[row], wanted=wanted)
    ended = found["ended"] if "ended" in found else pd.Series(True, index=found.index)
    unclear = ~ended.isin([True, False])
    if unclear.any():
        row = int(unclear.to_numpy().argmax())
        facts = {"column": "ended", "row": row + 1, "got": ended.tolist()[row], "wanted": "true or false"}
        raise plugin.error("it is not clear what has ended", **facts)
    columns = {"at": at.dt.tz_convert("UTC").dt.as_unit("us"), "value": value, "ended": ended.astype("bool")}
    if plugin.facts["per_case"]:
        columns["case_id"] = found["case_id"].astype("str")
    return pd.DataFrame(columns)[found["at"].notna()].reset_index(drop=True)
