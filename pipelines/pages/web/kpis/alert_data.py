"""KPI alerts as the last run found them, with what people decided on them since."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pandas as pd

from ....charts.alerts import plot_alert_days, plot_alerts
from ....charts.svg import Chart
from ....state.database import read_state
from ....state.records import read_records
from ....store.incidents import read_alert_state
from ....words.columns import column_label, format_cell
from ....words.incidents import alert_sentence, find_advice
from ....words.words import format_instant, format_kpi
from ..frame.frame_rows import list_rows
from ..frame.listing import ListSpec
from ..frame.snapshot import Snapshot
from ..frame.view import View

#: What people decided, which may be later than the results.
_DECIDED = ("acknowledged_by", "acknowledged_at", "note", "silenced_until")
_DATES = ("started_at", "changed_at", "detected_at", "last_at", "silenced_until")
#: What an alert's page shows of it.
_FACTS = ("before", "after", "changed_at", "detected_at", "last_at", "impact", "n", "z")
LIST_COLUMNS = ("alert_id", "kpi", "series", "direction", "changed_at", "last_at", "before", "after", "state")


def list_spec() -> ListSpec:
    """Return the list of all alerts, the latest first."""
    return ListSpec(
        "{kpi_alerts}", LIST_COLUMNS, ("state", "kpi", "direction", "kind"), ("kpi", "series"), "-last_at", "alert_id"
    )


def alert_path(alert_id: str) -> str:
    """Return the address of an alert.

    >>> alert_path("csat-20260301-1a2b")
    '/alerts/csat-20260301-1a2b'
    """
    return f"/alerts/{quote(alert_id, safe='')}"


def read_current(view: View, condition: str = "true", values: tuple[Any, ...] = ()) -> pd.DataFrame:
    """Return alerts of the results under a condition, with what was decided since the run."""
    rows = view.snapshot.query(f"SELECT * FROM {{kpi_alerts}} WHERE {condition}", list(values))
    return _typed(add_decisions(view, rows))


def add_decisions(view: View, rows: pd.DataFrame) -> pd.DataFrame:
    """Put what was decided on alerts since the run into rows of the run."""
    ledger = read_alert_state(view.desk.place).ledger
    if ledger is None or rows.empty:
        return rows
    known = ledger.drop_duplicates("alert_id").set_index("alert_id")
    there = rows["alert_id"].isin(known.index)
    decided: dict[str, Any] = {}
    for column in _DECIDED:
        later = rows["alert_id"].map(known[column])
        decided[column] = later.where(there, rows[column])
    muted = there & (rows["alert_id"].map(known["state"]) == "silenced")
    return rows.assign(**decided, state=rows["state"].mask(muted, "silenced"))


def _typed(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with the types that sentences expect: dates without a zone, texts that are never missing."""
    texts = (
        "members",
        "other_kpis",
        "drivers",
        "causes",
        "ongoing_kpis",
        "explained",
        "acknowledged_by",
        "note",
        "news",
    )
    dates: dict[str, Any] = {c: pd.to_datetime(rows[c]) for c in (*_DATES, "acknowledged_at") if c in rows}
    return rows.assign(**dates, **{c: rows[c].fillna("").astype("str") for c in texts if c in rows})


def open_alerts(view: View) -> pd.DataFrame:
    """Return the alerts that are reported: what goes on, and what is news; those that nobody has seen first."""
    rows = read_current(view, "state IN ('new', 'continuing') OR coalesce(news, '') <> ''")
    seen = (rows["acknowledged_by"] != "") | rows["silenced_until"].notna()
    order = rows.assign(_seen=seen, _new=rows["news"] != "opened").sort_values(["_seen", "_new"], kind="stable")
    return order.drop(columns=["_seen", "_new"]).reset_index(drop=True)


def describe_alert(view: View, row: Any) -> dict[str, Any]:
    """Return what a card and a page say of an alert; ``row`` is one of ``itertuples``."""
    stage = view.snapshot.stage("watch")
    at = None if stage is None else pd.to_datetime(str(stage.params.get("as_of", "")), errors="coerce")
    end = None if at is None or pd.isna(at) else pd.Timestamp(at)
    year, zone = view.year, view.desk.timezone
    news = format_cell("kpi_alerts", "news", row.news) if row.news else ""
    return {
        "path": alert_path(row.alert_id),
        "title": alert_title(row),
        "sentence": alert_sentence(row, end, *_frequency(view), find_advice(read_advice(view), row.alert_id)),
        "state": row.state,
        "news": news if news.lower() != row.state else "",
        "acknowledged": row.acknowledged_by,
        "muted": None if pd.isna(row.silenced_until) else row.silenced_until,
        "facts": [
            (
                column_label("kpi_alerts", c),
                format_cell("kpi_alerts", c, getattr(row, c), kpi=row.kpi, timezone=zone, year=year) + _unit(row, c),
            )
            for c in _FACTS
            if not pd.isna(getattr(row, c))
        ],
    }


def read_advice(view: View, alert_id: str | None = None) -> pd.DataFrame | None:
    """Return what to try about the alerts of the run, or one; nothing where an earlier version left none."""
    rows = view.snapshot.frame("advice") if view.snapshot.has("advice") else None
    return rows if rows is None or alert_id is None else rows[rows["alert_id"] == alert_id].sort_values("place")


def _unit(row: Any, column: str) -> str:
    """Return what the impact is counted in."""
    return f" {row.impact_unit}" if column == "impact" and isinstance(row.impact_unit, str) else ""


def alert_title(row: Any) -> str:
    """Return the title of an alert.

    >>> from types import SimpleNamespace
    >>> alert_title(SimpleNamespace(kpi="csat", direction="down", series="region North"))
    'CSAT down, region North'
    """
    return f"{format_kpi(row.kpi)} {row.direction}" + ("" if row.series == "all" else f", {row.series}")


def _frequency(view: View) -> tuple[str, str]:
    """Return the length of a period of the history and what it counts, as the stage of the forecast knows them."""
    stage, steps = view.snapshot.stage("forecast"), _history_step(view.snapshot)
    return steps, "case" if stage is None else str(stage.params.get("noun", "case"))


def _history_step(results: Snapshot) -> str:
    def find() -> str:
        if not results.has("history"):
            return ""
        days = results.value(
            "SELECT min(epoch(b) - epoch(a)) FROM (SELECT ds AS b, lag(ds) OVER (ORDER BY ds) AS a "
            "FROM (SELECT DISTINCT ds FROM {history}))"
        )
        known = ((3600, "h"), (86400, "D"), (7 * 86400, "W"), (28 * 86400, "MS"))
        return next((name for length, name in reversed(known) if days is not None and days >= length), "")

    found: str = results.remember("history step", find)
    return found


def draw_alert(results: Snapshot, row: Any, *, both: bool = True) -> list[Chart]:
    """Return the pictures of an alert with the range that was expected; none where the run kept no range of it."""
    if not results.has("expected_ranges"):
        return []
    drawn: list[Chart] = results.remember(("alert pictures", row.alert_id, both), lambda: _draw(results, row, both))
    return drawn


def _draw(results: Snapshot, row: Any, both: bool) -> list[Chart]:
    days = results.query("SELECT * FROM {expected_ranges} WHERE alert_id = ?", [row.alert_id])
    if days.empty:
        return []
    days = days.assign(ds=pd.to_datetime(days["ds"]))
    alerts = pd.DataFrame([row._asdict()])
    tables = {"expected_ranges": days, "kpi_alerts": alerts, "goals": results.frame("goals")}
    if results.has("history"):
        tables["history"] = results.query("SELECT * FROM {history} WHERE kpi = ?", [row.kpi])
    drawn = [*plot_alerts(tables), *(plot_alert_days(tables) if both else [])]
    return list({chart.title: chart for chart in drawn}.values())


def read_entries(view: View, alert_id: str) -> list[tuple[str, str]]:
    """Return what people wrote on an alert, with when and by whom, the newest first."""
    with read_state(view.desk.place) as state:
        notes = read_records(state, "notes", subject=alert_id)
        said = read_records(state, "feedback", subject=alert_id)
        audit = read_records(state, "audit", subject=alert_id)
    entries: list[tuple[pd.Timestamp, str]] = [(row.at, f"Note: {row.text} ({row.by})") for row in list_rows(notes)]
    for row in list_rows(said):
        entries.append((row.at, f"{row.verdict.capitalize()}{f': {row.note}' if row.note else ''} ({row.by})"))
    words = {"acknowledge": "Acknowledged", "silence": "Muted"}
    entries += [(row.at, f"{words[row.action]} ({row.by})") for row in list_rows(audit) if row.action in words]
    when = sorted(entries, key=lambda entry: entry[0], reverse=True)
    return [(format_instant(at.tz_convert(view.desk.timezone), view.year), text) for at, text in when]
