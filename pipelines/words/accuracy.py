"""The track record in words: what was issued against what came, the manager's figures first."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from .facts import Audience, Cell, Fact, Finding
from .figures import figure
from .forecast import format_naive
from .words import format_kpi, format_queue

Tables = Mapping[str, pd.DataFrame]
#: Risks of other outcomes than an SLA target, in words.
_OUTCOMES = {"dissatisfaction": "dissatisfied customers", "escalation": "escalations"}
_STEPS = {"h": "hour", "D": "day", "W": "week", "MS": "month", "QS": "quarter", "6MS": "half-year"}
#: KPIs that are a volume; of another one the forecast is off by a part of its value.
_VOLUMES = ("cases_opened", "contacts_offered")
_FORECAST, _BY_LEAD, _RISK = "accuracy_forecast", "accuracy_forecast_by_lead", "accuracy_risk"
_STAFFING, _SCHEDULE, _CASEWORK = "accuracy_staffing", "accuracy_schedule", "accuracy_casework"
#: Tables of what has matured.
_JUDGED = (_FORECAST, _RISK, _STAFFING, _SCHEDULE, _CASEWORK, "accuracy_goals", "accuracy_alerts")


def accuracy_findings(tables: Tables, figures: str, nights: int) -> list[Finding]:
    """Return the sentences on all that has matured.

    Parameters
    ----------
    tables
        Tables of :func:`~deskcast.pipelines.stages.accuracy.accuracy_stage`.
    figures
        Name of the table of what no other table holds.
    nights
        Nights on which something was issued.

    Examples
    --------
    >>> accuracy_findings({}, "accuracy_figures", 0)
    ['No track record yet: it begins with the first run.']
    """
    count = figure(figures, "nights", "all", nights)
    if not any(name in tables for name in _JUDGED):
        if not nights:  # the first screen of a first run has better things to say
            return [Finding("No track record yet: it begins with the first run.", audience="planner")]
        text = f"No track record yet: no outcome is known of what was issued in {count:night}."
        return [Finding(text, count, audience="planner")]
    found = [*_forecast(tables), *_risks(tables), *_selected(tables), *_staffing(tables)]
    found += [
        *_schedules(tables),
        *_casework(tables),
        *_goals(tables, figures),
        *_alerts(tables),
        *_advice(tables),
        *_actions(tables),
    ]
    return [*found, Finding(f"The track record rests on {count:night}.", count), *_analyst(tables)]


def _at(tables: Tables, kind: str, subject: str, cell: Cell, unit: str = "count", to: Audience = "everyone") -> Fact:
    return Fact.at(cell, tables, kind, subject, unit, audience=to)


def _forecast(tables: Tables) -> list[Finding]:
    """State the forecast error of the first time step, beside that of last week (or year) repeated."""
    found = []
    table = tables.get(_BY_LEAD, pd.DataFrame(columns=["scope", "lead", "model"]))
    for scope in table.loc[(table["lead"] == 1) & (table["model"] == "deskcast"), "scope"]:
        if str(scope).endswith(" totals"):
            continue  # the sums of segments have a table of their own
        keys = {"scope": scope, "lead": 1}
        error = _at(tables, "forecast error", scope, Cell(_BY_LEAD, "wape", {**keys, "model": "deskcast"}), "share")
        bias = _at(tables, "bias", scope, Cell(_BY_LEAD, "bias", {**keys, "model": "deskcast"}, "size"), "share")
        steps = _at(tables, "forecasts", scope, Cell(_BY_LEAD, "n", {**keys, "model": "deskcast"}))
        ours = table[(table["scope"] == scope) & (table["lead"] == 1) & (table["model"] == "deskcast")].iloc[0]
        side = "too high" if ours["bias"] > 0 else "too low"
        kpi, freq = str(scope).rsplit(" ", 1)
        head, whole = ("Volume", "the volume") if kpi in _VOLUMES else (format_kpi(kpi), "its value")
        step = _STEPS.get(freq, "time step")
        text = f"{head}: issued forecasts for the next {step} were off by {error:%} of {whole} "
        text += f"({steps:forecast}); on average {bias} {side}."
        facts = [error, steps, bias]
        if ((table["scope"] == scope) & (table["lead"] == 1) & (table["model"] == "seasonal_naive")).any():
            naive = _at(
                tables, "naive error", scope, Cell(_BY_LEAD, "wape", {**keys, "model": "seasonal_naive"}), "share"
            )
            text += f" {format_naive(freq).capitalize()} was off by {naive:%}."
            facts.append(naive)
        found.append(Finding(text, *facts))
        if "coverage_80" in table and pd.notna(ours["coverage_80"]):
            inside = _at(
                tables,
                "inside",
                scope,
                Cell(_BY_LEAD, "coverage_80", {**keys, "model": "deskcast"}),
                "share",
                "planner",
            )
            found.append(Finding(f"{head}: {inside:%} of the actual values were inside the likely range.", inside))
    return found


def _risks(tables: Tables) -> list[Finding]:
    found = []
    table = tables.get(_RISK, pd.DataFrame(columns=["metric", "model"]))
    for metric in table.loc[table["model"] == "issued", "metric"]:
        keys = {"metric": metric, "model": "issued"}
        cases, expected, observed = (
            _at(tables, f"{name} of issued risks", metric, Cell(_RISK, name, keys))
            for name in ("cases", "expected_count", "observed_count")
        )
        what = _OUTCOMES.get(str(metric), "breaches")
        head = _head(metric)
        text = f"{head}: {cases:listed case} with a known outcome; {what} expected {expected:~}, observed {observed}."
        found.append(Finding(text, cases, expected, observed, names=[head]))
    return found


def _selected(tables: Tables) -> list[Finding]:
    found = []
    table = tables.get(_RISK, pd.DataFrame(columns=["metric", "model", "selected"]))
    for metric in table.loc[(table["model"] == "issued") & (table["selected"] > 0), "metric"]:
        keys = {"metric": metric, "model": "issued"}
        count, share = (
            _at(tables, f"{name} of the work list", metric, Cell(_RISK, name, keys), unit)
            for name, unit in (("selected", "count"), ("precision", "share"))
        )
        text = f"Work on first: {share:%} of {count:selected case} breached"
        lead = table.loc[(table["metric"] == metric) & (table["model"] == "issued"), "lead_h"].iloc[0]
        if pd.isna(lead):
            found.append(Finding(f"{text}.", share, count))
            continue
        hours = _at(tables, "warning time", metric, Cell(_RISK, "lead_h", keys))
        found.append(Finding(f"{text}, half of them more than {hours:hour} after the selection.", share, count, hours))
    return found


def _staffing(tables: Tables) -> list[Finding]:
    """State the service level of each queue, and how the plan compares with what was required."""
    found = []
    table = tables.get("accuracy_staffing", pd.DataFrame(columns=["queue", "lead"]))
    for queue, rows in table.groupby("queue", sort=True):
        lead = rows["lead"].min()
        keys = {"queue": queue, "lead": lead}

        def held(kind: str, column: str, unit: str, keys: Mapping[str, object] = keys, queue: object = queue) -> Fact:
            return _at(tables, kind, str(queue), Cell("accuracy_staffing", column, keys), unit)

        planned, required = (
            held("agent hours", "agent_hours", "count"),
            held("required", "agent_hours_required", "count"),
        )
        head = format_queue(str(queue))
        text = f"{head}: the plan for the first day had {planned:~agent hour}; the contacts required {required:~}."
        facts, first = [planned, required], rows[rows["lead"] == lead].iloc[0]
        if pd.notna(first["service_level_actual"]) and pd.notna(first["service_level"]):
            promised, real = (
                held("service level expected", "service_level", "share"),
                held("service level observed", "service_level_actual", "share"),
            )
            text += f" Service level {real:%} observed, {promised:%} expected."
            facts += [real, promised]
        found.append(Finding(text, *facts, names=[head]))
    return found


def _first_day(tables: Tables, table: str) -> list[tuple[str, Mapping[str, object], pd.Series]]:
    """Return the queues of a table with the keys and the row of their first day ahead."""
    rows = tables.get(table, pd.DataFrame(columns=["queue", "lead"])).sort_values(["queue", "lead"], kind="stable")
    first = rows.drop_duplicates("queue")
    return [(str(row["queue"]), {"queue": row["queue"], "lead": row["lead"]}, row) for _, row in first.iterrows()]


def _schedules(tables: Tables) -> list[Finding]:
    """State the agent hours in the shifts of each queue beside those required, and its service level."""
    found = []
    for queue, keys, row in _first_day(tables, _SCHEDULE):
        there, required = (
            _at(tables, kind, queue, Cell(_SCHEDULE, column, keys), to="planner")
            for kind, column in (("hours in shifts", "agent_hours"), ("hours required", "agent_hours_required"))
        )
        head = f"{format_queue(queue)} shifts"
        text = f"{head}: {there:~agent hour} on contacts on the first day; the contacts required {required:~}."
        facts = [there, required]
        if pd.notna(row["service_level_actual"]) and pd.notna(row["service_level"]):
            real, promised = (
                _at(tables, f"{column} of shifts", queue, Cell(_SCHEDULE, column, keys), "share", "planner")
                for column in ("service_level_actual", "service_level")
            )
            text += f" Service level {real:%} observed, {promised:%} expected."
            facts += [real, promised]
        found.append(Finding(text, *facts, audience="planner", names=[head]))
    return found


def _casework(tables: Tables) -> list[Finding]:
    """State new cases, breaches and agent hours of deferred work as planned and as they came."""
    found = []
    for queue, keys, row in _first_day(tables, _CASEWORK):
        came, ahead, there, required = (
            _at(tables, f"{column} of deferred work", queue, Cell(_CASEWORK, column, keys), to="planner")
            for column in ("arrived", "arrived_forecast", "agent_hours", "agent_hours_required")
        )
        head = format_queue(queue)
        text = f"{head}: {came:new case} on the first day, {ahead:~} forecast. "
        text += f"The plan had {there:~agent hour}; these cases required {required:~}."
        facts = [came, ahead, there, required]
        if pd.notna(row["breaches_actual"]):
            late, planned = (
                _at(tables, f"{column} of deferred work", queue, Cell(_CASEWORK, column, keys), to="planner")
                for column in ("breaches_actual", "breaches")
            )
            text += f" Breaches: {late} observed, {planned:~} planned."
            facts += [late, planned]
        found.append(Finding(text, *facts, audience="planner", names=[head]))
    return found


def _goals(tables: Tables, figures: str) -> list[Finding]:
    if "accuracy_goals" not in tables:
        return []
    table = tables["accuracy_goals"]
    every = _at(tables, "goals decided", "all", Cell("accuracy_goals", "name", take="count"))
    met = _at(tables, "goals met", "all", Cell("accuracy_goals", "name", {"met": True}, "count"))
    chance = figure(figures, "goals expected to be met", "all", float(table["first_probability"].sum()))
    text = f"Goals whose period is over: {met} of {every} met; "
    return [Finding(f"{text}{chance} expected at the start.", met, every, chance)]


def _alerts(tables: Tables) -> list[Finding]:
    if "accuracy_alerts" not in tables:
        return []
    count, seen, gone = (
        _at(tables, kind, "all", Cell("accuracy_alerts", "alert_id", keys, "count"))
        for kind, keys in (
            ("alerts reported", None),
            ("alerts acknowledged", {"outcome": "acknowledged"}),
            ("alerts cancelled", {"outcome": "cancelled"}),
        )
    )
    text = f"KPI alerts: {count:new alert} reported, {seen} acknowledged, {gone} cancelled later."
    found = [Finding(text, count, seen, gone)]
    if tables["accuracy_alerts"]["outcome"].isin(("was real", "was noise")).any():
        real, noise = (
            _at(tables, f"alerts that {said}", "all", Cell("accuracy_alerts", "alert_id", {"outcome": said}, "count"))
            for said in ("was real", "was noise")
        )
        found.append(Finding(f"Of the KPI alerts, people called {real} real and {noise} noise.", real, noise))
    return found


def _advice(tables: Tables) -> list[Finding]:
    """State whether KPIs came back where advice was followed, beside those where nobody said anything."""
    table = tables.get("accuracy_advice", pd.DataFrame(columns=["advice", "verdict", "alerts", "undecided"]))
    taken = table[table["verdict"].isin(("done", "helped", "no help")) & (table["alerts"] > table["undecided"])]
    found = []
    for row in taken.itertuples():
        parts, facts = [], []
        rest = table[(table["advice"] == row.advice) & (table["verdict"] == "no answer")]
        for verdict in (row.verdict, *rest["verdict"]):
            keys = {"advice": row.advice, "verdict": verdict}
            back, whole, open_ = (
                _at(tables, f"{name} by advice", f"{row.advice}, {verdict}", Cell("accuracy_advice", name, keys))
                for name in ("came_back", "alerts", "undecided")
            )
            facts += [back, whole, open_]
            parts.append(f"{back} of {whole:KPI alert} ({open_} not over yet)")
        beside = f"; without an answer {parts[1]}" if len(parts) > 1 else ""
        text = f"Advice '{row.advice}' ({row.verdict}): back to normal in {parts[0]}{beside}."
        found.append(Finding(text, *facts, names=[str(row.advice)]))
    return found


def _actions(tables: Tables) -> list[Finding]:
    """State what followed on actions that somebody took."""
    table = tables.get("accuracy_actions", pd.DataFrame(columns=["verdict", "cases", "undecided"]))
    taken = table[table["verdict"].isin(("done", "helped", "no help")) & (table["cases"] > table["undecided"])]
    found = []
    for row in taken.itertuples():
        keys = {"metric": row.metric, "action": row.action, "verdict": row.verdict}
        expected, observed = (
            _at(
                tables, f"{name} after the action", f"{row.action}, {row.verdict}", Cell("accuracy_actions", name, keys)
            )
            for name in ("expected_count", "observed_count")
        )
        text = f"Action '{row.action}' ({row.verdict}): breaches expected without it {expected:~}, observed {observed}."
        found.append(Finding(text, expected, observed, names=[str(row.action)]))
    return found


def _analyst(tables: Tables) -> list[Finding]:
    found = []
    table = tables.get(_RISK, pd.DataFrame(columns=["metric", "model"]))
    for metric in table.loc[table["model"] == "issued", "metric"]:
        keys = {"metric": metric, "model": "issued"}
        error, base = (
            _at(
                tables,
                "Brier score",
                f"{metric}, {name}",
                Cell(_RISK, "brier", {**keys, "model": name}),
                "model_score",
                "analyst",
            )
            for name in ("issued", "base rate")
        )
        off = _at(tables, "calibration error", metric, Cell(_RISK, "ece", keys), "share", "analyst")
        head = _head(metric)
        text = f"{head}: Brier score {error} as issued, {base} for the base rate; calibration error {off}."
        found.append(Finding(text, error, base, off, names=[head]))
    return found


def _head(metric: object) -> str:
    return str(metric).replace("_", " ").capitalize().replace(" sla", " SLA")
