"""Breach risk on a real desk, out of time: cases that training never saw, every morning at 08:00.

The audit log of a ServiceNow desk (see the README of the shared data), whose promise is the flag ``made_sla`` as it
stands when an incident closes. Training takes the incidents opened before 16 April 2016; the test are daily snapshots
of later ones until the file ends, with the outcomes that the whole file knows. Models and all baselines in three ways:

``then``
    Trained on what was known on 16 April, and never touched again.
``followed``
    The same, brought up to date every morning with what was known by that morning (the speed of the desk, the delay of
    closing, the base rate), which uses outcomes of other incidents of the test once they are known, as a desk would.
``whole``
    The same incidents, with all their snapshots and outcomes until the file ends: no case is in both sets, but training
    sees the days of the test.

Slices: cases that are open and not past the deadline which the closed cases imply (the export has none); those and the
resolved ones that wait to be closed; all. Then the same at creation, and the outcome columns shuffled.

Run: ``python benchmarks/breach_servicenow.py [FOLDER]`` with the folder that holds ``servicenow_incidents``.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from deskcast.features.case_log.log import CaseLog
from deskcast.features.labels.breach import breach_labels, find_case_ends
from deskcast.features.snapshots.snapshots import daily, snapshots
from deskcast.features.sources.load import load_source
from deskcast.features.sources.spec import SourceSpec
from deskcast.models.evaluation.scores import bootstrap_table, reliability_tables
from deskcast.models.risk.breach import BreachRisk, has_breached

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data"
FILE = "servicenow_incidents/incident_event_log_opened_before_2016-05.csv.gz"
CUT = pd.Timestamp("2016-04-16T00:00Z")
FIRST = "2016-02-29"
OUTCOMES = ("closed_code", "resolved_by", "closed_at", "resolved_at")
#: Measured elsewhere on this file and split: AUC, average precision, Brier score, calibration error.
REFERENCE = {
    "logistic": (0.755, 0.883, 0.175, 0.036),
    "gradient boosting": (0.789, 0.905, 0.175, 0.082),
    "hazard": (0.802, 0.906, 0.162, 0.043),
    "mean of classifier and hazard": (0.812, 0.915, 0.158, 0.032),
}


def load(folder: Path, file: str = FILE) -> CaseLog:
    """Return the log with one promise that the exporting system keeps."""
    loaded = load_source(SourceSpec("cases", file, kind="servicenow"), folder)
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
    labels, ends = breach_labels(log), find_case_ends(log, "made_sla")
    frame = snapshots(log, daily(FIRST, log.until), "made_sla")
    cases = log.frame("cases").merge(labels, on="case_id").set_index("case_id")
    print(f"{len(frame):,} snapshots in {time.perf_counter() - begun:.1f} s")
    test = tested(frame, labels, cases, log.until)
    print(f"test: {len(test):,} snapshots of {test['case_id'].nunique():,} cases opened from {CUT:%d %B %Y} on")
    young = test["age_s"] < test["case_id"].map(implied_deadlines(cases, CUT))
    works = test["is_resolved"] == 0
    slices = {"open, not past the implied deadline": young & works, "the same and waiting to be closed": young,
              "all": young | True}  # fmt: skip
    said = {
        way: probabilities(way, frame, labels, ends, cases, test, log.until) for way in ("then", "followed", "whole")
    }
    for title, rows in slices.items():
        print(f"\n=== {title}")
        for way, predicted in said.items():
            y, case = test.loc[rows, "broken"].to_numpy(dtype=float), test.loc[rows, "case_id"]
            mine = {name: p[rows.to_numpy()] for name, p in predicted.items()}
            print(f"\n--- {way}\n{bootstrap_table(y, mine, case).round(3).to_string(index=False)}")
            if way == "followed":
                print(reliability_tables(y, {"mean": mine["mean"]}).round(3).to_string(index=False))
        weekly = test.loc[rows].set_index("at")["broken"].resample("W").agg(["mean", "size"])
        weekly = weekly[weekly["size"] > 0].head(8)
        print("base rate by week:", {f"{d:%d %b}": (round(float(m), 2), int(n)) for d, m, n in weekly.itertuples()})
    print("\nreference (open and not past the deadline):")
    for name, figures in REFERENCE.items():
        print(f"{name:>30}  AUC {figures[0]:.3f}  AP {figures[1]:.3f}  Brier {figures[2]:.3f}  ECE {figures[3]:.3f}")
    at_creation(log, labels, cases)
    shuffled(folder, frame, labels)


def tested(frame: pd.DataFrame, labels: pd.DataFrame, cases: pd.DataFrame, until: pd.Timestamp) -> pd.DataFrame:
    """Return the snapshots of later cases whose promise is running and whose outcome the file knows."""
    rows = frame[(frame["case_id"].map(cases["created_at"]) >= CUT) & ~has_breached(frame)]
    known = labels.set_index("case_id")
    label, known_at = rows["case_id"].map(known["label"]), rows["case_id"].map(known["known_at"])
    kept = label.notna() & (known_at <= until) & (rows["at"] < known_at)
    return rows[kept].assign(broken=label[kept].astype(float)).reset_index(drop=True)


def probabilities(
    way: str,
    frame: pd.DataFrame,
    labels: pd.DataFrame,
    ends: pd.DataFrame,
    cases: pd.DataFrame,
    test: pd.DataFrame,
    until: pd.Timestamp,
) -> dict[str, np.ndarray]:
    """Return what each candidate says of the test."""
    old = (frame["case_id"].map(cases["created_at"]) < CUT).to_numpy()
    as_of = until if way == "whole" else CUT
    rows = frame[old & (frame["at"] < as_of).to_numpy()]
    begun = time.perf_counter()
    risk = BreachRisk().fit(rows, labels, as_of=as_of, ends=ends)
    print(f"\n{way}: trained on {len(rows):,} snapshots in {time.perf_counter() - begun:.1f} s. {risk.decision_}")
    if way != "followed":
        return {name: model.probability(test) for name, model in risk.candidates_.items()}
    predicted = {name: np.empty(len(test)) for name in risk.candidates_}
    days = test["at"].unique()
    for day in days:
        lately = frame[(frame["at"] <= day) & (frame["at"] > day - pd.Timedelta(days=57))]
        now, mine = risk.follow(lately, labels, day, ends=ends), (test["at"] == day).to_numpy()
        for name, model in now.candidates_.items():
            predicted[name][mine] = model.probability(test[mine])
    return predicted


def at_creation(log: CaseLog, labels: pd.DataFrame, cases: pd.DataFrame) -> None:
    """Print the scores of each case just after it was created."""
    rows = snapshots(log, "creation", "made_sla")
    created = rows["case_id"].map(cases["created_at"])
    test = tested(rows, labels, cases, log.until)
    for way, as_of in (("then", CUT), ("whole", log.until)):
        risk = BreachRisk().fit(rows[created < CUT], labels, as_of=as_of)
        predicted = {name: model.probability(test) for name, model in risk.candidates_.items()}
        print(f"\n=== at creation, trained '{way}'. {risk.decision_}")
        print(bootstrap_table(test["broken"], predicted, test["case_id"]).round(3).to_string(index=False))


def shuffled(folder: Path, frame: pd.DataFrame, labels: pd.DataFrame) -> None:
    """Say whether anything changes where the columns that tell the outcome are shuffled, and where they are gone."""
    raw = pd.read_csv(folder / FILE, dtype=str)
    rng = np.random.default_rng(0)
    for how in ("shuffled", "gone"):
        for name in OUTCOMES:
            raw[name] = rng.permutation(raw[name].to_numpy()) if how == "shuffled" else "?"
        with tempfile.TemporaryDirectory() as place:
            raw.to_csv(Path(place) / "log.csv", index=False)
            log = load(Path(place), "log.csv")
            again = snapshots(log, daily("2016-04-10", "2016-04-20"), "made_sla")
            same = breach_labels(log).equals(labels)
        mine = frame[frame["at"].isin(again["at"].unique())].reset_index(drop=True)
        print(f"outcome columns {how}: snapshots the same {mine.equals(again)}, labels the same {same}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
