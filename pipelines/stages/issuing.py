"""What a run issues: its forecasts, plans, risks, goals and alerts, as the state keeps them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from sqlalchemy import Connection

from ..project.project import Project
from ..project.specs import StaffingSpec
from ..stage import Stage
from ..state.issue import Issue, drop_expired, issue_rows
from ..state.issued import OUTCOME_SCOPES
from ..words.instants import Instants
from .adjusted import adjusted_rows
from .forecast_target import find_volume_kpi

#: Where open cases with a probability stand; those of the last two are past or without need of work.
RISK_TABLES = ("risk", "past_saving", "awaiting_closure")
#: Risk of another outcome -> its table.
OUTCOME_TABLES = {outcome: outcome for outcome in OUTCOME_SCOPES}
#: Ending of the scope of forecasts of sums of segments.
TOTALS = "totals"


@dataclass(frozen=True)
class Issuing:
    """A project with the instants of its run: what every issue says of itself."""

    project: Project
    instants: Instants

    def issue(self, kind: str, scope: str, model: str, **settings: Any) -> Issue:
        """Return an act of issuing."""
        now = self.instants
        return Issue(kind, scope, now.as_of, now.data_until, now.made_at, model, settings)


def issue_stages(
    connection: Connection, project: Project, stages: Sequence[Stage], instants: Instants
) -> dict[str, int]:
    """Write down what the stages of a run tell, each thing once.

    Stages that failed or were skipped issue nothing, and so does a look back.

    Parameters
    ----------
    connection
        From :func:`~deskcast.pipelines.state.database.change_state`.
    project, stages, instants
        The run.

    Returns
    -------
    dict
        Rows that were written, by kind; a kind that was issued at this instant before is not in it.
    """
    if project.is_look_back:
        return {}
    whole = Issuing(project, instants)
    written: dict[str, int] = {}
    for stage in stages:
        if stage.skipped or stage.tables_made_at is not None:
            continue
        for issue, rows in _ISSUED.get(stage.name, _nothing)(whole, stage):
            if len(rows) and issue_rows(connection, issue, rows):
                written[issue.kind] = written.get(issue.kind, 0) + len(rows)
    drop_expired(connection, project.config.state_place.keep_days)
    return written


Issues = Iterator[tuple[Issue, pd.DataFrame]]


def _nothing(_: Issuing, __: Stage) -> Issues:
    yield from ()


def _forecasts(run: Issuing, stage: Stage) -> Issues:
    spec, table = run.project.config.forecast, stage.tables["forecast"]
    kpi = spec.kpi or find_volume_kpi(run.project)
    model = str(table.attrs.get("model") or "deskcast")
    settings: dict[str, Any] = {"kpi": kpi, "freq": spec.freq, "by": list(spec.by)}
    if "forecast_version" in stage.params:
        settings["version"] = str(stage.params["forecast_version"])
    adjusted = adjusted_rows(table, ["unique_id", "ds"], "deskcast")
    own = settings | ({"adjusted": adjusted} if adjusted else {})
    yield run.issue("forecast", f"{kpi} {spec.freq}", model, **own), table
    if "totals" in stage.tables:
        totals = stage.tables["totals"].rename(columns={"node": "unique_id"})
        yield run.issue("forecast", f"{kpi} {spec.freq} {TOTALS}", model, **settings), totals


def _staffing(run: Issuing, stage: Stage) -> Issues:
    for kind in ("staffing", "casework"):
        table = stage.tables.get(kind, pd.DataFrame(columns=["queue"]))
        for name, rows in table.groupby("queue", sort=False):
            spec = run.project.config.staffing.get(str(name), StaffingSpec())
            settings: dict[str, Any] = {"interval_s": spec.interval_s, "service_level": spec.service_level}
            settings |= {"within_s": spec.within_s}
            adjusted = adjusted_rows(rows, ["ds"], "calls" if kind == "staffing" else "adjusted")
            settings |= {"adjusted": adjusted} if adjusted else {}
            yield run.issue(kind, str(name), spec.kind, **settings), rows
    schedules = stage.tables.get("schedule", pd.DataFrame(columns=["queue"]))
    for name, rows in schedules.groupby("queue", sort=False):
        yield run.issue("plan", str(name), "shifts"), rows


def _risks(run: Issuing, stage: Stage) -> Issues:
    model = str(stage.params.get("used", "unknown"))
    parts = [
        stage.tables[name].assign(work_first=stage.tables[name].get("work_first", False))
        for name in RISK_TABLES
        if name in stage.tables
    ]
    if parts and "metric" in stage.params:
        columns = ["case_id", "probability", "work_first", "action", "expected_benefit", "left_s"]
        rows = pd.concat([p[[c for c in columns if c in p]] for p in parts if len(p)] or parts, ignore_index=True)
        yield run.issue("risk", str(stage.params["metric"]), model), rows.drop_duplicates("case_id")
    for outcome, name in OUTCOME_TABLES.items():
        if name in stage.tables:
            table = stage.tables[name].rename(columns={f"{outcome}_risk": "probability"})
            yield (
                run.issue("risk", outcome, outcome),
                table.assign(work_first=False)[["case_id", "probability", "work_first"]],
            )


def _alerts(run: Issuing, stage: Stage) -> Issues:
    """Yield what is told of goals, and of alerts that are news or go on."""
    if "goals" in stage.tables:
        yield run.issue("goal", "", "weeks drawn anew"), stage.tables["goals"]
    alerts = stage.tables["kpi_alerts"]
    news = alerts["news"].fillna("") if "news" in alerts else pd.Series("", index=alerts.index)
    alerts = alerts.assign(news=news)
    told = alerts["state"].isin(("new", "continuing")) | (news != "")
    yield run.issue("alert", "", "level shifts and spikes"), alerts[told]


_ISSUED = {"forecast": _forecasts, "staff": _staffing, "risk": _risks, "watch": _alerts}
