"""What is remembered of incidents from run to run: in the state of the results, whole or not at all.

Whatever a run has to tell is told (and its results stand) before the state says so: a run that is killed in between
tells it again the next time, and nothing is lost. Ids do not depend on the run, so telling again doubles nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from ...features.errors import InputError, did_you_mean
from ...features.kpis.availability import KPI_CATALOGUE
from ...features.renamed import new_columns
from ...models.shifts.ledger import (
    LEDGER_COLUMNS,
    acknowledge_alert,
    detection_key,
    mute_alert,
    typed_ledger,
    update_alerts,
)
from ..project.state_place import StatePlace, place_of
from ..state.alerts import read_alerts, write_alerts
from ..state.database import change_state, check_state, read_state
from ..words.tables import json_records

#: Incidents that were found this many days before a first look, or earlier, are no news.
NEWS_DAYS = 14


@dataclass(frozen=True)
class Mute:
    """A KPI or a segment that makes no news until a day."""

    what: str
    until: pd.Timestamp

    def covers(self, row: Any) -> bool:
        """Tell whether an incident is about this KPI, or about nothing but this segment."""
        members = str(row.members).split("; ")
        return self.what == row.kpi or all(self.what in (m, m.split(" ", 1)[-1]) for m in members)


@dataclass(frozen=True)
class AlertState:
    """What is remembered.

    Attributes
    ----------
    ledger
        The incidents of the last run; ``None`` before the first.
    as_of
        End of the log of that run, on the desk's clock.
    silences
        KPIs and segments that make no news for a time.
    alarms
        Id of the incident of every alarm, so that what was told as one incident stays one.
    """

    ledger: pd.DataFrame | None = None
    as_of: pd.Timestamp | None = None
    mutes: tuple[Mute, ...] = ()
    alarms: Mapping[str, str] = field(default_factory=dict)

    def has_later_run(self, now: pd.Timestamp) -> bool:
        """Tell whether a run on a longer log was remembered already."""
        return self.as_of is not None and now < self.as_of


def read_alert_state(results: StatePlace | Path) -> AlertState:
    """Read what is remembered; nothing before the first run.

    Parameters
    ----------
    results
        The results folder, or where its state is.

    Raises
    ------
    InputError
        If the state cannot be read, or a file of an earlier version is damaged.
    """
    with read_state(results) as connection:
        return _alert_state(None if connection is None else read_alerts(connection))


def _alert_state(content: Mapping[str, Any] | None) -> AlertState:
    if content is None:
        return AlertState()
    ledger = typed_ledger(new_columns(pd.DataFrame(content["alerts"]), "kpi_alerts", note=False))
    mutes = tuple(Mute(one["what"], pd.Timestamp(one["until"])) for one in content["silences"])
    return AlertState(ledger, pd.Timestamp(content["as_of"]), mutes, dict(content["detections"]))


def check_alert_state(results: StatePlace | Path) -> None:
    """Say whether incidents can be remembered, before any work is done; an unwritable place is named.

    Raises
    ------
    InputError
        If the state cannot be made or written.
    """
    check_state(results)


def update_alert_ledger(state: AlertState, current: pd.DataFrame, now: pd.Timestamp) -> pd.DataFrame:
    """Return the incidents as this run tells them.

    Parameters
    ----------
    state
        What is remembered. A state of a longer log says nothing about an earlier one.
    current
        What :func:`~deskcast.models.shifts.ledger.build_alerts` returns.
    now
        End of the log, on the desk's clock.
    """
    fresh = state.ledger is None or state.has_later_run(now)
    ledger = update_alerts(None if fresh else state.ledger, current, now)
    if fresh:
        old = ledger["detected_at"] <= now.normalize() - pd.Timedelta(days=NEWS_DAYS)
        ledger["news"] = ledger["news"].mask(old, "")
    return _apply_mutes(ledger, state.mutes, now)


def save_alerts(results: StatePlace | Path, incidents: pd.DataFrame, shifts: pd.DataFrame, now: pd.Timestamp) -> bool:
    """Write down what was told, unless a run on a longer log has done so already.

    Two processes at once take turns; what people said about incidents meanwhile is kept.

    Parameters
    ----------
    results
        The results folder, or where its state is.
    incidents, shifts
        Tables of :func:`~deskcast.pipelines.stages.watch.watch_stage`.
    now
        End of the log, on the desk's clock.

    Returns
    -------
    bool
        False where a run on a longer log is remembered, which stays as it is.
    """
    with _change_state(results) as (state, save):
        if state.has_later_run(now):
            return False
        found = incidents[incidents["state"] != "cancelled"]
        ledger = reported_ledger(update_alert_ledger(state, found, now))
        alarms = {detection_key(row): str(row.alert_id) for row in shifts.itertuples()}
        save(replace(state, ledger=ledger, as_of=now, alarms=dict(sorted(alarms.items()))))
    return True


def reported_ledger(ledger: pd.DataFrame) -> pd.DataFrame:
    """Return the alerts as the next run finds them: what was new has been reported, and is new once."""
    return ledger.assign(news="", state=ledger["state"].mask(ledger["state"] == "new", "continuing"))


def save_acknowledgement(
    results: StatePlace | Path, incident: str, by: str, at: pd.Timestamp, note: str = ""
) -> pd.DataFrame:
    """Note that somebody has seen an incident; it makes no news until something about it changes.

    Raises
    ------
    InputError
        If the KPI alert is unknown, or none is remembered yet.
    """
    with _change_state(results) as (state, save):
        ledger = acknowledge_alert(_ledger(state, results), incident, by, at, note)
        save(replace(state, ledger=ledger))
    return ledger[ledger["alert_id"] == incident]


def save_mute(results: StatePlace | Path, what: str, until: pd.Timestamp, columns: Sequence[str] = ()) -> str:
    """Let an incident, a KPI or a segment make no news until a day.

    Parameters
    ----------
    results
        The results folder, or where its state is.
    what
        Id of an incident, a KPI, or a segment: one that has had an incident, or any value of ``columns``.
    until
        First day on which it makes news again.
    columns
        Columns of segments, such as ``channel``.

    Returns
    -------
    str
        Which of the three it is, in words.

    Raises
    ------
    InputError
        If the name is unknown, or the day is over already.
    """
    with _change_state(results) as (state, save):
        ledger = _ledger(state, results)
        as_of = pd.Timestamp(str(state.as_of))
        if until <= as_of:
            raise InputError(
                "this day is over already",
                where="--until",
                got=f"{until:%Y-%m-%d}",
                wanted="a later day",
                code="time.order",
            )
        if (ledger["alert_id"] == what).any():
            save(replace(state, ledger=mute_alert(ledger, what, until)))
            return "incident"
        members = sorted({m for names in ledger["members"] for m in str(names).split("; ")} - {"all"})
        short = {m.split(" ", 1)[-1] for m in members}
        known = [*ledger["alert_id"].astype(str), *sorted(set(ledger["kpi"])), *members]
        segment = any(what.startswith(f"{column} ") for column in columns)
        if what not in KPI_CATALOGUE and what not in known and what not in short and not segment:
            hint = did_you_mean(what, known) if known else "there are no incidents yet"
            wanted = "the id of an incident, a KPI or a segment such as 'channel phone'"
            raise InputError(
                "unknown name", where="--silence", got=what, wanted=wanted, hint=hint, code="state.invalid"
            )
        kept = tuple(s for s in state.mutes if s.what != what and s.until > as_of)
        silences = (*kept, Mute(what, until))
        save(replace(state, mutes=silences, ledger=_apply_mutes(ledger, silences, as_of)))
        return "KPI" if what in KPI_CATALOGUE or what in set(ledger["kpi"]) else "segment"


def _ledger(state: AlertState, results: StatePlace | Path) -> pd.DataFrame:
    if state.ledger is None:
        problem = "no incidents are remembered yet"
        raise InputError(
            problem, where=str(place_of(results).folder), hint="run 'deskcast watch' first", code="state.invalid"
        )
    return state.ledger


def _apply_mutes(ledger: pd.DataFrame, silences: tuple[Mute, ...], now: pd.Timestamp) -> pd.DataFrame:
    """Take the news from what is silenced by its KPI or segment."""
    out = ledger.copy()
    for quiet in (s for s in silences if now < s.until):
        hit = pd.Series([quiet.covers(row) for row in out.itertuples()], index=out.index, dtype="bool")
        out["silenced_until"] = out["silenced_until"].mask(hit & ~(out["silenced_until"] > quiet.until), quiet.until)
        out["news"] = out["news"].mask(hit, "")
        out["state"] = out["state"].mask(hit & out["state"].isin(("new", "continuing")), "silenced")
    return out


@contextmanager
def _change_state(results: StatePlace | Path) -> Iterator[tuple[AlertState, Any]]:
    """Hold the state while it is read and written again."""
    with change_state(results) as connection:
        yield _alert_state(read_alerts(connection)), lambda state: write_alerts(connection, _content(state))


def _content(state: AlertState) -> dict[str, Any]:
    ledger = state.ledger if state.ledger is not None else typed_ledger(pd.DataFrame(columns=list(LEDGER_COLUMNS)))
    return {
        "as_of": pd.Timestamp(str(state.as_of)).isoformat(),
        "silences": [{"what": s.what, "until": s.until.isoformat()} for s in state.mutes],
        "alerts": json_records(ledger),
        "detections": dict(state.alarms),
    }
