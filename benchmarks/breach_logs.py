"""Breach risk on two other desks: incidents of a bank, and the help desk of a software company.

Neither log has a promise, so one is derived from the first 70 % of the cases alone: for each priority the 78th
percentile of the time to close (``bpic2014_rabobank``), or of the time to ``Resolve ticket`` (``helpdesk_italy``).
Training sees what was known when the last 30 % begin, the test are daily snapshots of those 30 %, as trained
(``then``) and brought up to date every week with what was known by then (``followed``). Nothing was tuned on the last
30 %.

Run: ``python benchmarks/breach_logs.py [FOLDER]`` with the folder that holds the logs.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from deskcast.features.case_log.log import CaseLog
from deskcast.features.labels.breach import breach_labels, find_case_ends
from deskcast.features.snapshots.snapshots import daily, snapshots
from deskcast.models.evaluation.scores import bootstrap_table
from deskcast.models.risk.breach import BreachRisk, has_breached

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data"
SHARE, QUANTILE = 0.7, 0.78
#: First and last day whose cases are taken: the extract of the bank starts properly in October 2013.
SPANS = {"bpic2014_rabobank": ("2013-10-01", "2014-04-01"), "helpdesk_italy": ("2010-01-01", "2014-02-01")}


def bank(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return cases and events of the bank; only what is known when an incident is opened describes it."""
    known = pd.read_csv(folder / "bpic2014_rabobank/incident_attributes_label_encoded.csv.gz")
    known = known[known["incident_id"].notna()]
    cases = pd.DataFrame(
        {
            "case_id": known["incident_id"],
            "created_at": _utc(known["t_Open_Time"], "Europe/Amsterdam"),
            "priority": (known["y_Priority"] + 1).astype("Int64").astype("str"),
            "case_type": known["c_CI_Cat"].astype("Int64").astype("str"),
            "product": known["c_CI_Subcat"].astype("Int64").astype("str"),
        }
    )
    told = pd.read_csv(folder / "bpic2014_rabobank/incident_activity_basic.csv.gz")
    kinds = {"Assignment": "assigned", "Reassignment": "assigned", "Closed": "closed", "Status Change": "status"}
    events = pd.DataFrame(
        {
            "case_id": told["incident_id"],
            "at": _utc(told["timestamp"], "Europe/Amsterdam"),
            "kind": told["activity"].map(kinds).fillna("field"),
            "field": told["activity"],
        }
    )
    return cases, events[told["activity"] != "Open"]


def company(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return cases and events of the software company; the offset of the file is an artefact, see its README."""
    told = pd.read_csv(folder / "helpdesk_italy/helpdesk.csv.gz")
    told["at"] = _utc(told["timestamp"].str.slice(0, 19), "Europe/Rome")
    kinds = {"Take in charge ticket": "assigned", "Resolve ticket": "resolved", "Closed": "closed"}
    told["kind"] = told["activity"].map(kinds).fillna("status")
    events = told[["case_id", "at", "kind"]].assign(new=told["activity"], team=told["resource"])
    cases = told.groupby("case_id")["at"].min().rename("created_at").reset_index()
    return cases.assign(priority="3"), events


def log_of(name: str, folder: Path) -> tuple[CaseLog, pd.Timestamp]:
    """Return a log with a promise derived from its first 70 %, and the instant at which the rest begins."""
    cases, events = bank(folder) if name == "bpic2014_rabobank" else company(folder)
    first, last = (pd.Timestamp(day, tz="UTC") for day in SPANS[name])
    cases = cases[(cases["created_at"] >= first) & (cases["created_at"] < last)].sort_values("created_at")
    events = events[events["case_id"].isin(cases["case_id"])]
    ends = "closed" if name == "bpic2014_rabobank" else "resolved"
    done = events[events["kind"] == ends].groupby("case_id")["at"].min()
    took = (cases["case_id"].map(done) - cases["created_at"]).dt.total_seconds()
    cut = cases["created_at"].iloc[int(SHARE * len(cases))]
    # What was known when the rest begins: cases that are open then count as longer than any.
    old = (cases["created_at"] < cut).to_numpy()
    seen = took[old].where(cases["case_id"].map(done)[old] <= cut, np.inf)
    targets = seen.groupby(cases.loc[old, "priority"].to_numpy()).quantile(QUANTILE, interpolation="lower")
    counts = cases.loc[old, "priority"].value_counts()
    targets = targets.where(np.isfinite(targets)).fillna(seen[np.isfinite(seen)].max())
    common = seen.quantile(QUANTILE, interpolation="lower")
    rows = [{"priority": p, "target_s": t if counts[p] >= 50 else common} for p, t in targets.items()]
    policies = pd.DataFrame(rows).assign(policy="derived", metric="resolution", clock="calendar")
    print(f"\n##### {name}: targets in hours", {r["priority"]: round(r["target_s"] / 3600, 1) for r in rows})
    events = events.sort_values(["case_id", "at"], kind="stable")
    return CaseLog.from_frames(cases=cases, events=events, sla_policies=policies), cut


def main(folder: Path) -> None:
    """Print the tables."""
    for name in SPANS:
        log, cut = log_of(name, folder)
        labels, ends = breach_labels(log), find_case_ends(log)
        created = log.frame("cases").set_index("case_id")["created_at"]
        frame = snapshots(log, daily(created.min(), log.until), "resolution")
        frame = frame[~has_breached(frame)].reset_index(drop=True)
        born = frame["case_id"].map(created)
        begun = time.perf_counter()
        risk = BreachRisk().fit(frame[frame["at"] < cut], labels, as_of=cut, ends=ends)
        print(f"trained on {int((frame['at'] < cut).sum()):,} snapshots in {time.perf_counter() - begun:.1f} s")
        print(risk.decision_)
        known = labels.set_index("case_id")
        test = frame[born >= cut]
        label, known_at = test["case_id"].map(known["label"]), test["case_id"].map(known["known_at"])
        ripe = label.notna() & (test["at"] < known_at)
        test = test[ripe].assign(broken=label[ripe].astype(float)).reset_index(drop=True)
        said = {"then": {n: m.probability(test) for n, m in risk.candidates_.items()}}
        said["followed"] = followed(risk, frame, labels, ends, test)
        print(f"test: {len(test):,} snapshots of {test['case_id'].nunique():,} cases; base rate in training "
              f"{risk.outcomes_.weighted_rows().breached.mean():.3f}")  # fmt: skip
        for way, predicted in said.items():
            table = bootstrap_table(test["broken"], predicted, test["case_id"]).round(3)
            print(f"--- {way}\n{table.to_string(index=False)}")


def followed(
    risk: BreachRisk, frame: pd.DataFrame, labels: pd.DataFrame, ends: pd.DataFrame, test: pd.DataFrame
) -> dict[str, np.ndarray]:
    """Return what the models say when they are brought up to date once a week."""
    predicted = {name: np.empty(len(test)) for name in risk.candidates_}
    week = (test["at"] - test["at"].min()).dt.days // 7
    for number in week.unique():
        mine = (week == number).to_numpy()
        day = test.loc[mine, "at"].min()
        lately = frame[(frame["at"] <= day) & (frame["at"] > day - pd.Timedelta(days=57))]
        for name, model in risk.follow(lately, labels, day, ends=ends).candidates_.items():
            predicted[name][mine] = model.probability(test[mine])
    return predicted


def _utc(text: pd.Series, zone: str) -> pd.Series:
    local = pd.to_datetime(text).dt.tz_localize(zone, ambiguous=False, nonexistent="shift_forward")
    return local.dt.tz_convert("UTC").astype("datetime64[us, UTC]")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
