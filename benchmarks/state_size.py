"""A year of nights of a desk of 40,000 cases: size of the state, seconds to issue a night and to judge all of them.

Run as ``python benchmarks/state_size.py [--cases N] [--nights N] [FOLDER]``. The desk is simulated; each night issues
as many rows as the demo's (4 channels and their sum over 28 days, two queues by half hours over 7 days and one of case
work, about 150 open cases, goals and alerts), and the log of the same desk tells what came of them.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from deskcast.features.labels.breach import breach_labels
from deskcast.pipelines.project.project import Project, open_project
from deskcast.pipelines.simulated_desk.desk import simulate_desk, write_desk
from deskcast.pipelines.stages.accuracy import accuracy_stage
from deskcast.pipelines.stages.forecast_target import find_forecast_target
from deskcast.pipelines.state.database import change_state
from deskcast.pipelines.state.flags import write_flagged
from deskcast.pipelines.state.issue import Issue, issue_rows

HORIZON_DAYS, PLAN_SLOTS, PICKED = 28, 7 * 48, 20


def night_tables(project: Project, at: pd.Timestamp, labels: pd.DataFrame, actuals: pd.DataFrame, dice) -> list:
    """Return what a night issues: noise around what came, as many rows as the stages write."""
    day = at.tz_convert(project.log.timezone).tz_localize(None).normalize()
    days, slots = pd.date_range(day, periods=HORIZON_DAYS), pd.date_range(day, periods=PLAN_SLOTS, freq="30min")
    found = []
    for scope, names in (("", sorted(actuals["unique_id"].unique())), (" totals", ["total"])):
        table = pd.DataFrame([(name, d) for name in names for d in days], columns=["unique_id", "ds"])
        table["deskcast"] = dice.uniform(10, 40, len(table))
        for level in (80, 95):
            table[f"deskcast-lo-{level}"], table[f"deskcast-hi-{level}"] = table["deskcast"] - 9, table["deskcast"] + 9
        known = {"kpi": "cases_opened", "freq": "D", "by": ["channel"]}
        found.append(("forecast", f"cases_opened D{scope}", known, table.assign(seasonal_naive=20.0)))
    for queue in ("phone", "chat"):
        plan = pd.DataFrame({"ds": slots, "calls": dice.uniform(0, 6, PLAN_SLOTS), "aht_s": 330.0})
        plan = plan.assign(agents=dice.integers(0, 4, PLAN_SLOTS), agents_to_schedule=3, agents_hi=4, service_level=0.9)
        found.append(("staffing", queue, {}, plan))
    found.append(
        ("casework", "email", {}, pd.DataFrame({"ds": slots[::2], "arrived": 1.0, "agents": 1, "backlog": 60.0}))
    )
    open_cases = labels[(labels["created_at"] <= at) & (labels["until"] > at)].tail(150)
    risks = pd.DataFrame({"case_id": open_cases["case_id"], "probability": dice.uniform(0, 1, len(open_cases))})
    risks = risks.assign(work_first=np.arange(len(risks)) < PICKED, action="work on it next", expected_benefit=0.5)
    found.append(("risk", "resolution", {}, risks))
    month = day.to_period("M")
    goals = {"name": ["on time", "satisfied"], "kpi": ["sla_attainment", "csat"], "better": "higher", "target": 0.8}
    goals |= {"start": str(month.start_time), "end": str(month.end_time.normalize()), "probability": 0.5}
    found.append(("goal", "", {}, pd.DataFrame(goals)))
    alerts = pd.DataFrame(
        {"alert_id": [f"a{i + at.day_of_year // 3}" for i in range(15)], "kpi": "csat", "series": "all"}
    )
    found.append(("alert", "", {}, alerts.assign(state="continuing", news="opened", direction="up")))
    return found


def main() -> None:
    """Simulate, issue, judge and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=40_000)
    parser.add_argument("--nights", type=int, default=365)
    parser.add_argument("folder", nargs="?", type=Path)
    asked = parser.parse_args()
    folder = asked.folder or Path(tempfile.mkdtemp())
    if not (folder / "deskcast.toml").exists():
        write_desk(simulate_desk(asked.cases, 1), folder)
    project = open_project(folder / "deskcast.toml")
    labels, dice = breach_labels(project.log), np.random.default_rng(1)
    created = project.log.frame(project.log.table("cases").select("case_id", "created_at"))
    rows = labels[labels["metric"] == "resolution"].merge(created, on="case_id").sort_values("created_at")
    rows["until"] = rows["known_at"].fillna(project.log.until)
    actuals = find_forecast_target(project, project.config.forecast).actuals
    place, spent = project.config.state_place, []
    for night in range(asked.nights, 0, -1):
        at = project.log.until - pd.Timedelta(days=night)
        tables = night_tables(project, at, rows, actuals, dice)
        begun = time.perf_counter()
        with change_state(place) as state:
            for kind, scope, known, table in tables:
                issue_rows(state, Issue(kind, scope, at, at, at, "model", known), table)
            risks = next(t for kind, _, _, t in tables if kind == "risk")
            write_flagged(state, risks[risks["work_first"]][["case_id"]].assign(metric="resolution", at=at))
        spent.append(time.perf_counter() - begun)
    begun, cpu = time.perf_counter(), time.process_time()
    stage = accuracy_stage(project, labels)
    judged, cpu = time.perf_counter() - begun, time.process_time() - cpu
    size, risks = place.file.stat().st_size / 1e6, stage.tables["accuracy_risk"]["n"].iloc[0]
    print(f"{asked.nights} nights: {size:.0f} MB, {np.median(spent):.3f} s to issue one, {judged:.1f} s to judge all")
    print(f"({cpu:.1f} s of CPU, {len(stage.tables)} tables, {risks:,} issued risks with an outcome)")


if __name__ == "__main__":
    main()
