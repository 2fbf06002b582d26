"""The ledger of incidents: what is new, what goes on, what is over, and what people said about it, from run to run.

All functions are pure: they take the ledger of the last run and return the next. Nothing is ever taken out of it; an
alert that is no longer found (a holiday was named, a unit mended) is cancelled. An id never changes its subject: the
KPI, series and direction under which it was first reported.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ...features.errors import InputError, did_you_mean
from ...features.renamed import new_columns, renamed_arguments
from .grouping import detection_strength, group_detections

LEDGER_COLUMNS = (
    *("alert_id", "kpi", "series", "members", "other_kpis", "kind", "direction", "started_at", "changed_at"),
    *("detected_at", "last_at", "before", "after", "n", "z", "impact", "impact_unit", "drivers", "causes"),
    *("state", "news", "ongoing_kpis", "explained", "acknowledged_by", "acknowledged_at", "note", "silenced_until"),
    *("reported_at", "updated_at"),
)
_TIMESTAMP_COLUMNS = (
    *("started_at", "changed_at", "detected_at", "last_at", "acknowledged_at", "silenced_until"),
    *("reported_at", "updated_at"),
)
#: States of an alert; a cancelled one is no longer found. Being acknowledged is a mark beside the state.
ALERT_STATES = (*("new", "continuing", "become usual", "back to normal", "explained", "silenced", "cancelled"),)
_GOES_ON, _ENDED = ("new", "continuing"), ("become usual", "back to normal")
_CARRIED_COLUMNS = ("alert_id", "reported_at", "acknowledged_by", "acknowledged_at", "note", "silenced_until")
#: KPI, series and direction: what an alert is about.
Subject = tuple[str, str, str]
_SUBJECT_COLUMNS = (*("series", "started_at", "changed_at", "detected_at", "before", "after", "n", "z", "impact"),)
_STATE_ORDER = ("continuing", "become usual", "back to normal")  # of several members the first counts
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
    shifts: pd.DataFrame,
    known: Iterable[KnownSpan] = (),
    groups: pd.Series | None = None,
    subjects: Mapping[int, Subject] | None = None,
) -> pd.DataFrame:
    """Turn what was found into alerts: one row a group of related segments, with the strongest member's own figures.

    Parameters
    ----------
    shifts
        What :func:`detect_shifts` returns.
    known
        What is known to have happened; it explains instead of alarming.
    groups
        Number of the incident by row of ``shifts``; by default that of :func:`group_detections`. Rows of several KPIs
        may share a number.
    subjects
        KPI, series and direction by number, where a group was reported before: it stays the member that is shown.
        Without it :func:`update_alerts` keeps name and figures that were reported where another member is stronger now.

    Returns
    -------
    DataFrame
        The columns of ``LEDGER_COLUMNS``. Name, dates and figures are those of one member: the subject, or the
        strongest. ``alert_id`` is made of what never changes of it once it is there (KPI, series, direction, start and
        day of detection). ``started_at`` is its likeliest start by all that is known, as ``changed_at``. ``members``
        lists the series, joined by "; ", ``other_kpis`` what other KPIs did, and ``ongoing_kpis`` which of them go on
        when the shown one does not, or have stayed where they are while it is back to normal. ``state`` is
        ``continuing`` while any member goes on, then ``become usual`` if any has, else ``back to normal``; or
        ``explained``. ``impact`` is in cases or hours (``impact_unit``).

    Examples
    --------
    >>> from deskcast.models import detect_shifts
    >>> days = pd.date_range("2024-01-01", periods=120)
    >>> value = [40.0 + (i * 7919 % 13) for i in range(120)]
    >>> value[100] = 150.0
    >>> found = build_alerts(detect_shifts(pd.DataFrame({"kpi": "cases_opened", "ds": days, "value": value})))
    >>> found[["alert_id", "state"]].values.tolist(), round(found["impact"].iloc[0])
    ([['cases_opened-20240410-19b0', 'back to normal']], 104)
    """
    shifts = new_columns(shifts, "detections").copy()
    shifts.attrs = {}  # pandas copies them at every step
    numbers = group_detections(shifts) if groups is None else groups
    if "state" not in shifts:  # detections of an earlier version
        shifts["state"] = np.where(shifts["resolved"], "back to normal", "continuing")
    told = subjects or {}
    spans = tuple(known)
    rows = [_merged(part, spans, told.get(int(str(n)))) for n, part in shifts.groupby(numbers, sort=True)]
    out = typed_ledger(pd.DataFrame(rows, columns=list(LEDGER_COLUMNS)))
    return out.sort_values(["detected_at", "alert_id"], ascending=[False, True], ignore_index=True)


def find_lead(part: pd.DataFrame, subject: Subject | None = None) -> pd.Series:
    """Return the row of a group that is shown: the subject under which it was reported, or the strongest.

    >>> day = pd.Timestamp("2024-03-01")
    >>> rows = pd.DataFrame({"kpi": "csat", "series": ["all", "channel web"], "direction": "down", "z": [-4.0, -6.0]})
    >>> rows = rows.assign(started_at=day, detected_at=day)
    >>> find_lead(rows)["series"], find_lead(rows, ("csat", "all", "down"))["series"]
    ('channel web', 'all')
    """
    if subject is not None:
        kpi, series, direction = subject
        own = part[(part["kpi"] == kpi) & (part["series"] == series) & (part["direction"] == direction)]
        part = own if len(own) else part
    if len(part) == 1:
        return part.iloc[0]
    rows = part.assign(_size=-detection_strength(part))
    return rows.sort_values(["_size", *_SORT_COLUMNS], kind="stable").iloc[0].drop("_size")


def alert_ids(shifts: pd.DataFrame, groups: pd.Series, subjects: Mapping[int, Subject] | None = None) -> pd.Series:
    """Return the id of the alert by row of ``shifts``, as :func:`build_alerts` gives it.

    Parameters
    ----------
    shifts, groups, subjects
        As in :func:`build_alerts`.
    """
    told = subjects or {}
    names = {n: _identity(find_lead(part, told.get(int(str(n))))) for n, part in shifts.groupby(groups, sort=True)}
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
        The columns of ``LEDGER_COLUMNS``, the newest first. ``state`` is one of ``ALERT_STATES``; an alert is ``new``
        in the run that reports it first, and no more when the same data are looked at again. ``news`` says what this
        run has to tell: ``opened``, ``updated``, ``resolved`` (back to normal), ``usual`` (it has become usual),
        ``cancelled`` (no longer found) or nothing. An alert whose members grew keeps its id. Acknowledgements,
        silences and causes that were found stay; silenced alerts have no news.

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
    old = typed_ledger(pd.DataFrame(columns=list(LEDGER_COLUMNS)) if previous is None else previous.copy())
    known: dict[str, Any] = {str(row.alert_id): row for row in old.itertuples(index=False)}
    rows: list[dict[str, Any]] = []
    continued = continued_ids(old, current)
    row: Any
    for row in current.itertuples(index=False):
        before = known.get(continued.get(str(row.alert_id), ""))
        entry = row._asdict()
        if before is None:
            entry |= {"reported_at": today, "updated_at": today}
            entry["news"] = "" if row.state == "explained" else "opened"
            entry["state"] = "new" if row.state == "continuing" else row.state
        else:
            entry |= {c: getattr(before, c) for c in _CARRIED_COLUMNS}
            if row.series != before.series:  # another member is the strongest by now; the id keeps its subject
                entry |= {c: getattr(before, c) for c in _SUBJECT_COLUMNS}
            entry["drivers"] = entry["drivers"] or before.drivers
            entry["causes"] = join_causes(before.causes, row.causes)
            entry |= _news(before, row, today)
        if pd.notna(entry["silenced_until"]) and today < entry["silenced_until"]:
            entry |= {"news": "", "state": "silenced" if entry["state"] in _GOES_ON else entry["state"]}
        rows.append(entry)
    for name, row in known.items():
        if name not in continued.values():
            entry = row._asdict()
            gone = row.state not in (*_ENDED, "cancelled")
            entry["news"] = "cancelled" if row.state in _GOES_ON else ""
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
        If the KPI alert is unknown.
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
        If the KPI alert is unknown.
    """
    place = _place(ledger, alert_id)
    out = ledger.copy()
    out.loc[place, "silenced_until"] = pd.Timestamp(until)
    out.loc[place, "news"] = ""
    return out


def join_causes(found: str, more: str) -> str:
    """Add causes to those that were found before: a cause once found stays, in its newest words.

    >>> before = "Ana has not worked since 1 Mar (5% after); form v2 is new"
    >>> join_causes(before, "Ana has not worked since 1 Mar (none)")
    'Ana has not worked since 1 Mar (none); form v2 is new'
    """
    causes = {words.split(" (")[0]: words for words in (*found.split("; "), *more.split("; ")) if words}
    return "; ".join(causes.values())


def _place(ledger: pd.DataFrame, alert_id: str) -> Any:
    found = ledger.index[ledger["alert_id"] == alert_id]
    if not len(found):
        hint = did_you_mean(alert_id, list(map(str, ledger["alert_id"]))) if len(ledger) else "there are no alerts yet"
        raise InputError(
            "unknown KPI alert", where="argument 'alert_id'", got=alert_id, hint=hint, code="state.invalid"
        )
    return found[0]


def _merged(part: pd.DataFrame, known: tuple[KnownSpan, ...], subject: Subject | None) -> dict[str, Any]:
    """Return the row of one group, with name, dates and figures of one member."""
    led = find_lead(part, subject)
    own = part[(part["kpi"] == led["kpi"]) & (part["direction"] == led["direction"])]
    others = part[~part.index.isin(own.index)]
    names = list(dict.fromkeys([str(led["series"]), *own.sort_values("series")["series"].astype(str)]))
    rows = list(own.itertuples())
    reasons = [span.name for span in known for row in rows if span.explains(row)]
    states = set(part["state"])
    over = led["state"] != "continuing"
    lasting = ("continuing", *(("become usual",) if led["state"].startswith("back to ") else ()))
    dated = led.get("changed_at", led["started_at"]) if led["kind"] == "level_shift" else led["started_at"]
    entry = {c: led[c] for c in part.columns if c in LEDGER_COLUMNS}
    return entry | {
        "alert_id": _identity(led),
        "members": "; ".join(names),
        "other_kpis": _moves(others) if len(others) else "",
        "started_at": dated,
        "changed_at": dated,
        "impact": round(float(led["impact"])) if np.isfinite(led["impact"]) else np.nan,
        "impact_unit": _unit(str(led["kpi"])),
        "state": "explained" if reasons else next((s for s in _STATE_ORDER if s in states), "back to normal"),
        "news": "",
        "ongoing_kpis": _moves(part[part["state"].isin(lasting)]) if over else "",
        "causes": "",
        "explained": "; ".join(dict.fromkeys(reasons)),
    }


def _moves(rows: pd.DataFrame) -> str:
    """Name what KPIs did, each in the direction of its strongest row: what fell after it rose is on its way back."""
    rows = rows.sort_values(["kpi", "direction", "series"])
    strongest = rows.loc[rows["z"].abs().sort_values(kind="stable").index].groupby("kpi")["direction"].last()
    rows = rows[rows["direction"] == rows["kpi"].map(strongest)]
    return "; ".join(dict.fromkeys(f"{row.kpi} {row.direction} ({row.series})" for row in rows.itertuples()))


def _unit(kpi: str) -> str:
    from ...features.kpis.catalogue import find_kpi_unit

    return {"s": "hours", "count": "cases", "share": "cases"}.get(find_kpi_unit(kpi) or "", "cases")


def _identity(row: pd.Series) -> str:
    """Return the id: made of what is fixed when a detection opens, whatever is learnt of it later."""
    said = "|".join(str(row[c]) for c in ("kpi", "series", "direction", "started_at", "detected_at"))
    return f"{row['kpi']}-{row['detected_at']:%Y%m%d}-{hashlib.sha256(said.encode()).hexdigest()[:4]}"


def continued_ids(previous: pd.DataFrame | None, current: pd.DataFrame) -> dict[str, str]:
    """Return which entry of the last ledger each alert of today continues: by its id, or by its subject and its days.

    >>> continued_ids(None, pd.DataFrame({"alert_id": ["csat-20240301-19b0"]}))
    {}
    """
    if previous is None or previous.empty:
        return {}
    found: dict[str, str] = {}
    for row in current.itertuples(index=False):
        rest = previous[~previous["alert_id"].isin(found.values())]
        same = rest[rest["alert_id"] == row.alert_id]
        if same.empty:
            near = (rest["kpi"] == row.kpi) & (rest["direction"] == row.direction)
            near &= (rest["started_at"] <= row.last_at) & (rest["last_at"] >= row.started_at)
            near &= rest["series"].isin(set(str(row.members).split("; ")))
            same = rest[near].assign(_other=rest.loc[near, "series"] != row.series).sort_values("_other", kind="stable")
        if len(same):
            found[str(row.alert_id)] = str(same["alert_id"].iloc[0])
    return found


def _news(before: Any, row: Any, today: pd.Timestamp) -> dict[str, Any]:
    """Return news, state and time of the last change of an alert that was reported before."""
    was = "continuing" if before.state in (*_GOES_ON, "silenced") else before.state
    kept = {c: getattr(before, c) for c in _TRACKED_COLUMNS} | {"state": was}
    changed = [c for c in _TRACKED_COLUMNS if str(kept[c]) != str(getattr(row, c))]
    if not changed:
        return {"news": "", "updated_at": before.updated_at}
    grown = abs(row.after - row.before) >= _NEWS_GROWTH_FACTOR * abs(before.after - before.before)
    told = grown or any(str(kept[c]) != str(getattr(row, c)) for c in _NEWS_COLUMNS)
    word = "updated" if told else ""
    if row.state in _ENDED:
        word = {"back to normal": "resolved", "become usual": "usual"}[row.state] if was != row.state else ""
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
