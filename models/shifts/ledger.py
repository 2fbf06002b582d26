"""The ledger of incidents: what is new, what goes on, what is over, and what people said about it, from run to run.

All functions are pure: they take the ledger of the last run and return the next. Nothing is ever taken out of it; an
incident that is no longer found (a holiday was named, a unit mended) is withdrawn.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ...features.errors import InputError, did_you_mean
from ...features.renamed import new_columns, renamed_arguments
from .grouping import group_detections

LEDGER_COLUMNS = (
    *("alert_id", "kpi", "series", "members", "other_kpis", "kind", "direction", "started_at", "changed_at"),
    *("detected_at", "last_at", "before", "after", "n", "z", "impact", "impact_unit", "drivers", "causes"),
    *("state", "news", "explained", "acknowledged_by", "acknowledged_at", "note", "silenced_until"),
    *("reported_at", "updated_at"),
)
_TIMESTAMP_COLUMNS = (
    *("started_at", "changed_at", "detected_at", "last_at", "acknowledged_at", "silenced_until"),
    *("reported_at", "updated_at"),
)
_CARRIED_COLUMNS = ("alert_id", "reported_at", "acknowledged_by", "acknowledged_at", "note", "silenced_until")
#: What comes in: where it moved with other KPIs, it led to them.
VOLUME_KPIS = ("cases_opened", "contacts_offered")
_SORT_COLUMNS = ["detected_at", "started_at", "kpi", "series"]
_NUMBER_COLUMNS = ("before", "after", "n", "z", "impact")
_TRACKED_COLUMNS = ("kind", "last_at", "after", "members", "other_kpis", "state", "explained")
_NEWS_COLUMNS = ("kind", "members", "other_kpis", "state")  # a change of these is news; a new day of the same is not
_NEWS_GROWTH_FACTOR = 1.5  # so is a change that has grown by this factor


@dataclass(frozen=True)
class KnownSpan:
    """Something known that explains incidents: a holiday, a release, a campaign.

    Attributes
    ----------
    name
        What it is called.
    first, last
        First and last day.
    kpis, series
        What it touches; everything by default.
    lasts
        Days after it for which its effects may last: what goes on for longer has another cause.
    """

    name: str
    first: pd.Timestamp
    last: pd.Timestamp
    kpis: tuple[str, ...] = ()
    series: tuple[str, ...] = ()
    effect_days: float = math.inf

    def explains(self, row: Any) -> bool:
        """Tell whether an incident began in the span or on the day after."""
        day = pd.Timedelta(days=1)
        inside = pd.Timestamp(self.first) <= row.started_at < pd.Timestamp(self.last) + 2 * day
        if math.isfinite(self.effect_days):
            inside = inside and row.last_at < pd.Timestamp(self.last) + (1 + self.effect_days) * day
        return inside and (not self.kpis or row.kpi in self.kpis) and (not self.series or row.series in self.series)


def build_alerts(
    shifts: pd.DataFrame, known: Iterable[KnownSpan] = (), groups: pd.Series | None = None
) -> pd.DataFrame:
    """Turn what was found into incidents: one row a group of related segments, the strongest member first.

    Parameters
    ----------
    shifts
        What :func:`detect_shifts` returns.
    known
        What is known to have happened; it explains instead of alarming.
    groups
        Number of the incident by row of ``shifts``; by default that of :func:`group_detections`. Rows of several KPIs
        may share a number; what came in stands for all, else the KPI that moved most.

    Returns
    -------
    DataFrame
        The columns of ``LEDGER_COLUMNS``. ``alert_id`` is made of what never changes once an incident is open (KPI,
        series, direction, start and day of detection of the member that was seen first). ``members`` lists the series,
        joined by "; ", ``other_kpis`` what other KPIs did. ``state`` is ``open``, ``resolved`` or ``explained``.
        ``impact`` is in cases or hours (``impact_unit``).

    Examples
    --------
    >>> from deskcast.models import detect_shifts
    >>> days = pd.date_range("2024-01-01", periods=120)
    >>> value = [40.0 + (i * 7919 % 13) for i in range(120)]
    >>> value[100] = 150.0
    >>> found = build_alerts(detect_shifts(pd.DataFrame({"kpi": "cases_opened", "ds": days, "value": value})))
    >>> found[["alert_id", "state"]].values.tolist(), round(found["impact"].iloc[0])
    ([['cases_opened-20240410-19b0', 'resolved']], 104)
    """
    shifts = new_columns(shifts, "detections").copy()
    shifts.attrs = {}  # pandas copies them at every step
    numbers = group_detections(shifts) if groups is None else groups
    rows = [_merged(part, tuple(known)) for _, part in shifts.groupby(numbers, sort=True)]
    out = typed_ledger(pd.DataFrame(rows, columns=list(LEDGER_COLUMNS)))
    return out.sort_values(["detected_at", "alert_id"], ascending=[False, True], ignore_index=True)


def alert_ids(shifts: pd.DataFrame, groups: pd.Series) -> pd.Series:
    """Return the id of the incident by row of ``shifts``, as :func:`build_alerts` gives it.

    Parameters
    ----------
    shifts, groups
        As in :func:`build_alerts`.
    """
    ordered = shifts.assign(_group=groups).sort_values(_SORT_COLUMNS, kind="stable").drop_duplicates("_group")
    names = {row["_group"]: _identity(row) for _, row in ordered.iterrows()}
    return groups.map(names).astype("str")


def update_alerts(previous: pd.DataFrame | None, current: pd.DataFrame, now: Any) -> pd.DataFrame:
    """Write the next state of the ledger.

    Parameters
    ----------
    previous
        Ledger of the last run; ``None`` before the first.
    current
        What :func:`build_alerts` returns today.
    now
        Instant of this run, on the same clock as the incidents.

    Returns
    -------
    DataFrame
        The columns of ``LEDGER_COLUMNS``, the newest first. ``news`` says what this run has to tell: ``opened``,
        ``updated``, ``resolved``, ``cancelled`` (no longer found) or nothing. An incident whose members grew or whose
        first is seen anew keeps its id. Acknowledgements and silences stay; silenced incidents have no news.

    Examples
    --------
    >>> from deskcast.models import detect_shifts
    >>> days = pd.date_range("2024-01-01", periods=120)
    >>> value = [40.0 + (i * 7919 % 13) for i in range(120)]
    >>> value[100] = 150.0
    >>> history = pd.DataFrame({"kpi": "cases_opened", "ds": days, "value": value})
    >>> early = update_alerts(None, build_alerts(detect_shifts(history[:101])), "2024-04-11")
    >>> late = update_alerts(early, build_alerts(detect_shifts(history)), "2024-04-30")
    >>> early["news"].tolist(), late["news"].tolist(), bool((early["alert_id"] == late["alert_id"]).all())
    (['opened'], ['resolved'], True)
    """
    today = pd.Timestamp(now)
    old = (
        typed_ledger(previous.copy())
        if previous is not None
        else typed_ledger(pd.DataFrame(columns=list(LEDGER_COLUMNS)))
    )
    known: dict[str, Any] = {str(row.alert_id): row for row in old.itertuples(index=False)}
    rows: list[dict[str, Any]] = []
    met: set[str] = set()
    row: Any
    for row in current.itertuples(index=False):
        before = _find_previous(row, old, met)
        entry = row._asdict()
        if before is None:
            entry |= {"reported_at": today, "updated_at": today}
            entry["news"] = {"open": "opened", "resolved": "opened"}.get(row.state, "")
        else:
            met.add(before.alert_id)
            entry |= {c: getattr(before, c) for c in _CARRIED_COLUMNS}
            entry |= {c: entry[c] or getattr(before, c) for c in ("drivers", "causes")}
            entry |= _news(before, row, today)
        entry["news"] = "" if pd.notna(entry["silenced_until"]) and today < entry["silenced_until"] else entry["news"]
        rows.append(entry)
    for name, row in known.items():
        if name not in met:
            entry = row._asdict()
            gone = row.state in ("open", "explained")
            again = row.news == "cancelled" and row.updated_at == today
            entry["news"] = "cancelled" if row.state == "open" or again else ""
            entry |= {"state": "cancelled", "updated_at": today} if gone else {}
            rows.append(entry)
    out = typed_ledger(pd.DataFrame(rows, columns=list(LEDGER_COLUMNS)))
    return out.sort_values(["detected_at", "alert_id"], ascending=[False, True], ignore_index=True)


@renamed_arguments
def acknowledge_alert(ledger: pd.DataFrame, alert_id: str, by: str, at: Any, note: str = "") -> pd.DataFrame:
    """Note that somebody has seen an incident; it is no news any more until something about it changes.

    Raises
    ------
    InputError
        If there is no such incident.
    """
    place = _place(ledger, alert_id)
    out = ledger.copy()
    out.loc[place, "acknowledged_by"] = by
    out.loc[place, "acknowledged_at"] = pd.Timestamp(at)
    out.loc[place, "note"] = note
    out.loc[place, "news"] = ""
    return out


@renamed_arguments
def mute_alert(ledger: pd.DataFrame, alert_id: str, until: Any) -> pd.DataFrame:
    """Keep an incident from making news until an instant.

    Raises
    ------
    InputError
        If there is no such incident.
    """
    place = _place(ledger, alert_id)
    out = ledger.copy()
    out.loc[place, "silenced_until"] = pd.Timestamp(until)
    out.loc[place, "news"] = ""
    return out


def _place(ledger: pd.DataFrame, alert_id: str) -> Any:
    found = ledger.index[ledger["alert_id"] == alert_id]
    if not len(found):
        ids = [str(i) for i in ledger["alert_id"]]
        hint = did_you_mean(alert_id, ids) if ids else "there are no incidents yet"
        raise InputError("there is no such incident", where="argument 'alert_id'", got=alert_id, hint=hint)
    return found[0]


def _merged(part: pd.DataFrame, known: tuple[KnownSpan, ...]) -> dict[str, Any]:
    """Return the row of one group: the figures of its widest member (the total, or the one with most cases)."""
    first = part.sort_values(_SORT_COLUMNS, kind="stable").iloc[0]
    by_size = part.assign(_first=~part["kpi"].isin(VOLUME_KPIS), _size=-part["z"].abs())
    led = by_size.sort_values(["_first", "_size", "kpi", "series"], kind="stable").iloc[0]
    own = part[(part["kpi"] == led["kpi"]) & (part["direction"] == led["direction"])]
    others = part.drop(own.index).sort_values(["kpi", "direction", "series"])
    also = [f"{row.kpi} {row.direction} ({row.series})" for row in others.itertuples()]
    widest = own.assign(whole=own["series"] == "all").sort_values(["whole", "n", "series"], kind="stable").iloc[-1]
    names = list(dict.fromkeys([str(widest["series"]), *own.sort_values("series")["series"].astype(str)]))
    entry = {c: widest[c] for c in part.columns if c in LEDGER_COLUMNS}
    rows = list(own.itertuples())
    reasons = [span.name for span in known for row in rows if span.explains(row)]
    state = "explained" if reasons else "resolved" if part["resolved"].all() else "open"
    entry |= {
        "alert_id": _identity(first),
        "members": "; ".join(names),
        "other_kpis": "; ".join(dict.fromkeys(also)),
        "started_at": own["started_at"].min(),
        "changed_at": widest.get("changed_at", widest["started_at"]),
        "detected_at": first["detected_at"],
        "last_at": part["last_at"].max(),
        "z": max(own["z"].tolist(), key=abs),
        "kind": "level_shift" if (own["kind"] == "level_shift").any() else "spike",
        "impact_unit": _unit(str(led["kpi"])),
        "state": state,
        "news": "",
        "causes": "",
        "explained": "; ".join(dict.fromkeys(reasons)),
    }
    return entry


def _unit(kpi: str) -> str:
    from ...features.kpis.catalogue import find_kpi_unit

    return {"s": "hours", "count": "cases", "share": "cases"}.get(find_kpi_unit(kpi) or "", "cases")


def _identity(row: pd.Series) -> str:
    said = "|".join(str(row[c]) for c in ("kpi", "series", "direction", "started_at", "detected_at"))
    return f"{row['kpi']}-{row['detected_at']:%Y%m%d}-{hashlib.sha256(said.encode()).hexdigest()[:4]}"


def _find_previous(row: Any, old: pd.DataFrame, met: set[str]) -> Any:
    """Return the entry of the last run that an incident continues: by its id, or by a member and its days."""
    same = old[(old["alert_id"] == row.alert_id) & ~old["alert_id"].isin(met)]
    if same.empty:
        near = (old["kpi"] == row.kpi) & (old["direction"] == row.direction) & ~old["alert_id"].isin(met)
        near &= (old["started_at"] <= row.last_at) & (old["last_at"] >= row.started_at)
        members = set(row.members.split("; "))
        shared = [bool(members & set(m.split("; "))) for m in old["members"].astype(str)]
        same = old[near & np.array(shared, dtype=bool)]
    return next(same.itertuples(index=False)) if len(same) else None


def _news(before: Any, row: Any, today: pd.Timestamp) -> dict[str, Any]:
    changed = [c for c in _TRACKED_COLUMNS if str(getattr(before, c)) != str(getattr(row, c))]
    if not changed:
        again = before.news if before.updated_at == today else ""  # the same data again tell the same
        return {"news": again, "updated_at": before.updated_at}
    grown = abs(row.after - row.before) >= _NEWS_GROWTH_FACTOR * abs(before.after - before.before)
    told = grown or any(str(getattr(before, c)) != str(getattr(row, c)) for c in _NEWS_COLUMNS)
    word = "updated" if told else ""
    if row.state == "resolved":
        word = "resolved" if before.state != "resolved" else ""
    return {"news": "" if row.state == "explained" else word, "updated_at": today}


def typed_ledger(frame: pd.DataFrame) -> pd.DataFrame:
    """Give a ledger that comes from a file all its columns and their types; old names are renamed.

    >>> ledger = typed_ledger(pd.DataFrame({"alert_id": ["a"], "impact": [None]}))
    >>> ledger[["alert_id", "impact", "note"]].values.tolist()
    [['a', nan, '']]
    """
    out = new_columns(frame, "kpi_alerts").reindex(columns=list(LEDGER_COLUMNS))
    for column in LEDGER_COLUMNS:
        if column in _TIMESTAMP_COLUMNS:
            out[column] = pd.to_datetime(out[column]).astype("datetime64[us]")
        elif column in _NUMBER_COLUMNS:
            out[column] = out[column].astype("float64")
        else:
            out[column] = out[column].astype("object").fillna("").astype("str")
    return out


def detection_key(row: Any) -> str:
    """Return what never changes of an alarm once it is there.

    >>> day = pd.Timestamp("2024-03-01")
    >>> row = pd.Series({"kpi": "csat", "series": "all", "direction": "up", "started_at": day, "detected_at": day})
    >>> detection_key(row)
    'csat|all|up|2024-03-01 00:00|2024-03-01 00:00'
    """
    return f"{row.kpi}|{row.series}|{row.direction}|{row.started_at:%Y-%m-%d %H:%M}|{row.detected_at:%Y-%m-%d %H:%M}"
