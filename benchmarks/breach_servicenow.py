"""Breach risk on a real desk, out of time: cases that training never saw, every morning at 08:00.

The audit log of a ServiceNow desk (see the README of the shared data), whose promise is the flag ``made_sla`` as it
stands when an incident closes. Training takes the incidents opened before 16 April 2016, the test snapshots of later
ones: once of all open cases, and once of those that are younger than the deadline which the closed cases imply (the
export has none). Two ways of training are shown:

``then``
    Only what was known on 16 April: what a desk that starts on that day would get.
``whole``
    The same incidents, with all their snapshots and outcomes until the file ends: no case is in both sets, but training
    sees the days of the test.

Run: ``python benchmarks/breach_servicenow.py [FOLDER]`` with the folder that holds ``servicenow_incidents``.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from deskcast.features.engine import CaseLog
from deskcast.features.labels import breach_labels
from deskcast.features.snapshots import daily, snapshots
from deskcast.features.sources import SourceSpec, load_source
from deskcast.models.breach import BreachRisk
from deskcast.models.outcomes import known_outcomes
from deskcast.models.scores import reliability_tables, score_table

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data"
FILE = "servicenow_incidents/incident_event_log_opened_before_2016-05.csv.gz"
CUT = pd.Timestamp("2016-04-16T00:00Z")
FIRST, LAST = "2016-02-29", "2016-06-30"
#: Measured elsewhere on this file and split: AUC, average precision, Brier score, calibration error.
REFERENCE = {"logistic": (0.755, 0.883, 0.175, 0.036), "mean of classifier and hazard": (0.812, 0.915, 0.158, 0.032)}


def load(folder: Path) -> CaseLog:
    """Return the log with one promise that the exporting system keeps."""
    loaded = load_source(SourceSpec("cases", FILE, kind="servicenow"), folder)
    policy = pd.DataFrame({"policy": ["made_sla"], "metric": ["made_sla"], "clock": ["source"]})
    return CaseLog.from_frames(**loaded.tables, sla_policies=policy, attributes=loaded.attributes)


def implied_deadlines(cases: pd.DataFrame, as_of: pd.Timestamp) -> pd.Series:
    """Return for each priority the time to close (s) that best tells kept from broken among cases closed by then.

    The export has no target. Rare priorities get the deadline of all.
    """
    closed = cases[cases["known_at"] <= as_of]
    common = closed.groupby("priority").filter(lambda rows: len(rows) >= 200)
    found = {priority: _threshold(rows) for priority, rows in common.groupby("priority")}
    return cases["priority"].map(found).fillna(_threshold(closed))


def _threshold(rows: pd.DataFrame) -> float:
    rows = rows.assign(took=(rows["known_at"] - rows["created_at"]).dt.total_seconds()).sort_values("took")
    broken = rows["label"].to_numpy(dtype=float)
    wrong = np.concatenate([[(1 - broken).sum()], (1 - broken).sum() + np.cumsum(2 * broken - 1)])
    return float(rows["took"].iloc[max(int(wrong.argmin()) - 1, 0)])


def main(folder: Path) -> None:
    """Print the tables of the benchmark."""
    begun = time.perf_counter()
    log = load(folder)
    labels = breach_labels(log)
    frame = snapshots(log, daily(FIRST, min(pd.Timestamp(LAST, tz="UTC"), log.until)), "made_sla")
    cases = log.frame("cases").merge(labels, on="case_id").set_index("case_id")
    deadline = frame["case_id"].map(implied_deadlines(cases, CUT))
    created = frame["case_id"].map(cases["created_at"])
    print(f"{len(frame):,} snapshots in {time.perf_counter() - begun:.1f} s")
    compare(
        "open and younger than the deadline that is implied by the closed cases",
        frame[frame["age_s"] < deadline],
        labels,
        created,
        log.until,
    )
    compare("all open cases", frame, labels, created, log.until)
    print("\nreference (open and not past the deadline):")
    for name, figures in REFERENCE.items():
        print(f"{name:>30}  AUC {figures[0]:.3f}  AP {figures[1]:.3f}  Brier {figures[2]:.3f}  ECE {figures[3]:.3f}")


def compare(title: str, frame: pd.DataFrame, labels: pd.DataFrame, created: pd.Series, until: pd.Timestamp) -> None:
    """Train in both ways on these snapshots and print the scores on cases that training never saw."""
    old = (created.reindex(frame.index) < CUT).to_numpy()
    found = known_outcomes(frame[~old], labels, until)
    test = found.lesson(found.decided)
    print(f"\n=== {title}\ntest: {len(test.snapshots):,} snapshots of {test.snapshots['case_id'].nunique():,} cases")
    for name, as_of, rows in (("then", CUT, old & (frame["at"] < CUT).to_numpy()), ("whole", until, old)):
        begun = time.perf_counter()
        risk = BreachRisk().fit(frame[rows], labels, as_of=as_of)
        taught = risk.outcomes_.lesson()
        cases, seconds = taught.snapshots["case_id"].nunique(), time.perf_counter() - begun
        print(
            f"\n--- trained '{name}' on {len(taught.snapshots):,} of {len(risk.outcomes_.snapshots):,} snapshots, "
            f"{cases:,} cases, in {seconds:.1f} s; base rate {taught.breached.mean():.3f}, weighted "
            f"{np.average(taught.breached, weights=taught.weight):.3f}; coverage of the newest {risk.coverage_:.2f}"
        )
        print(risk.decision_)
        predicted = {kind: model.probability(test.snapshots) for kind, model in risk.candidates_.items()}
        print(score_table(test.breached, predicted, risk.used_).round(3).to_string(index=False))
        print(reliability_tables(test.breached, {risk.used_: predicted[risk.used_]}).round(3).to_string(index=False))
    weekly = pd.Series(test.breached, index=test.snapshots["at"].to_numpy()).resample("W").mean().round(2)
    print("base rate of the test by week:", {f"{day:%d %b}": float(rate) for day, rate in weekly.items()})


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
