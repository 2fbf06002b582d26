"""Escalation risk on two real desks, out of time: the last third of the cases by date, once.

``helpdesk_italy``
    An activity ``Require upgrade`` escalates a ticket; in a configuration
    ``[source.cases.kinds] "Require upgrade" = "escalated"``. The file holds none before May 2012, so the tickets from
    then on are taken.
``bpic2014_rabobank``
    A hand-over escalates an incident: another team takes it over from the first that it was assigned to; in a
    configuration ``[risk] escalated_to = ["*"]``. The lines of the teams are not in the file.

The earlier two thirds are trained on as they were known on the day of the cut. Looks are taken at creation and every
morning at 08:00 until the case was escalated or ended. Beside the model stand the base rate, the rates of segments, the
logistic regression of deskcast and gradient boosting on the same columns, with the same correction on later cases.

The second table is by case, in the form of the published work (87 % of the escalations found at 88 % of the workload
saved): each case counts at the highest risk that was told of it before the escalation. Nothing was chosen on the scored
cases; the constants of the models come from breach risk and from simulated desks.

Run: ``python benchmarks/escalation.py [FOLDER] [helpdesk_italy] [bpic2014_rabobank]`` with the folder of the logs.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from breach_logs import FOLDER, _utc
from deskcast.features.case_log.log import CaseLog
from deskcast.features.labels.events import ANY_TEAM, escalation_labels
from deskcast.features.snapshots.snapshots import daily
from deskcast.models.candidates.baselines import CalibratedModel
from deskcast.models.candidates.encoding import fit_encoder
from deskcast.models.evaluation.calibration import fit_platt_scaling
from deskcast.models.evaluation.scores import bootstrap_table
from deskcast.models.evaluation.workload import recall_by_workload
from deskcast.models.risk.case_rows import case_snapshots
from deskcast.models.risk.escalation import ESCALATION_LABEL, EscalationRisk
from deskcast.models.risk.outcome_risk import FINAL_SHARES
from deskcast.models.risk.survey_cohort import known_cohort, prepare_snapshots
from scipy.special import expit, logit

#: Share of the workload that is saved: half, four fifths, and that of the published work.
SAVED = (0.5, 0.8, 0.88)
#: Every morning of the bank's half year is more than is needed: every second one tells the same.
EVERY_DAYS = {"helpdesk_italy": 1, "bpic2014_rabobank": 2}
FIRST_DAY = {"helpdesk_italy": "2012-05-01", "bpic2014_rabobank": "2013-10-01"}


def company(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return cases and events of the software company; the offset of the file is an artefact, see its README."""
    told = pd.read_csv(folder / "helpdesk_italy/helpdesk.csv.gz")
    told["at"] = _utc(told["timestamp"].str.slice(0, 19), "Europe/Rome")
    kinds = {"Take in charge ticket": "assigned", "Resolve ticket": "resolved", "Closed": "closed"}
    told["kind"] = told["activity"].map(kinds | {"Require upgrade": "escalated"}).fillna("status")
    events = told[["case_id", "at", "kind"]].assign(new=told["activity"], team=told["resource"])
    return told.groupby("case_id")["at"].min().rename("created_at").reset_index(), events


def bank(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return cases and events of the bank with the teams that they were assigned to."""
    told = pd.read_csv(folder / "bpic2014_rabobank/incident_activity_with_groups_subset.csv.gz", dtype="str")
    told = told.rename(columns={"incident_id": "case_id"})
    told["at"] = _utc(told["timestamp"], "Europe/Amsterdam")
    kinds = {"Assignment": "assigned", "Reassignment": "assigned", "Closed": "closed", "Resolved": "resolved"}
    kinds |= {"Reopen": "reopened", "Status Change": "status"}
    told["kind"] = told["activity"].map(kinds).fillna("field")
    told["team"] = told["assignment_group"].where(told["kind"] == "assigned")
    created = told[told["activity"] == "Open"].groupby("case_id")["at"].min().rename("created_at").reset_index()
    known = pd.read_csv(folder / "bpic2014_rabobank/incident_attributes_label_encoded.csv.gz")
    known = known[known["incident_id"].notna()].drop_duplicates("incident_id").set_index("incident_id")
    for name, column in {"priority": "y_Priority", "case_type": "c_CI_Cat", "product": "c_CI_Subcat"}.items():
        code = created["case_id"].map(known[column]).astype("Int64")
        created[name] = code.astype("str").where(code.notna())
    # Its number is known when an incident is opened: the document that the operator followed.
    number = told.drop_duplicates("case_id").set_index("case_id")["km_number"]
    created["document"] = created["case_id"].map(number)
    events = told[told["activity"] != "Open"][["case_id", "at", "kind", "team"]].assign(field=told["activity"])
    return created, events


def log_of(name: str, folder: Path) -> CaseLog:
    """Return a log of the cases that began within the extract."""
    cases, events = company(folder) if name == "helpdesk_italy" else bank(folder)
    cases = cases[cases["created_at"] >= pd.Timestamp(FIRST_DAY[name], tz="UTC")]
    events = events[events["case_id"].isin(cases["case_id"])].sort_values(["case_id", "at"], kind="stable")
    more = {"attributes": {"document": "creation"}} if "document" in cases else {}
    return CaseLog.from_frames(cases=cases, events=events, **more)


def looks_at(log: CaseLog, every: int) -> pd.DataFrame:
    """Return snapshots of open cases at creation and in the morning."""
    first = log.frame(log.table("cases").select("created_at"))["created_at"].min()
    frames = [case_snapshots(log, at) for at in ("creation", daily(first, log.until)[::every])]
    rows = pd.concat(frames, ignore_index=True)
    return rows[rows["stage"] == "open"].drop_duplicates(["case_id", "at"]).reset_index(drop=True)


def boosted(risk: EscalationRisk, rows: pd.DataFrame, labels: pd.DataFrame, test: pd.DataFrame) -> np.ndarray:
    """Return what gradient boosting says, fitted and corrected on the same cases as the candidates of the house."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    cohort = known_cohort(rows, labels, risk.as_of_, ESCALATION_LABEL)
    part = cohort.found.split(FINAL_SHARES)
    lesson, check = (cohort.weighted_rows(part == number) for number in (0, 1))
    encoder = fit_encoder(lesson.snapshots)
    model = HistGradientBoostingClassifier(max_depth=3, learning_rate=0.05, max_iter=150, random_state=0)
    model.fit(encoder.matrix(lesson.snapshots), lesson.label, sample_weight=lesson.weight)

    def said(frame: pd.DataFrame) -> np.ndarray:
        return logit(np.clip(model.predict_proba(encoder.matrix(frame))[:, 1], 1e-6, 1 - 1e-6))

    slope, intercept = fit_platt_scaling(check.label, said(check.snapshots), weight=check.weight)
    return expit(slope * said(test) + intercept)


def score(name: str, folder: Path) -> None:
    """Print the scores of one desk."""
    begun = time.perf_counter()
    log, to = log_of(name, folder), None if name == "helpdesk_italy" else [ANY_TEAM]
    created = log.frame(log.table("cases").select("case_id", "created_at")).set_index("case_id")["created_at"]
    cut = created.sort_values().iloc[2 * len(created) // 3].floor("D")
    labels, rows = escalation_labels(log, to=to), looks_at(log, EVERY_DAYS[name])
    born = rows["case_id"].map(created)
    early = rows[(born < cut) & (rows["at"] <= cut)].reset_index(drop=True)
    risk = EscalationRisk().fit(early, labels, as_of=cut)
    known = labels.set_index("case_id")
    label, when = rows["case_id"].map(known["label"]), rows["case_id"].map(known["known_at"])
    scored = (born >= cut) & label.notna() & (rows["at"] < when)
    test = rows[scored].assign(y=label[scored].astype(float)).reset_index(drop=True)
    print(f"\n##### {name}: {len(early):,} looks to learn from until {cut:%d %b %Y}, scored {len(test):,} looks at "
          f"{test['case_id'].nunique():,} later cases, {test.groupby('case_id')['y'].max().mean():.1%} of them "
          f"escalated\n{risk.decision_}")  # fmt: skip
    frame = prepare_snapshots(test.drop(columns="y"), ESCALATION_LABEL)
    models: dict[str, CalibratedModel] = risk.outcome_risk_.candidates
    predicted = {known_name: model.probability(frame) for known_name, model in models.items()}
    predicted |= {"boosting": boosted(risk, early, labels, frame), f"deskcast ({risk.used_})": risk.risk(test)}
    table = bootstrap_table(test["y"].to_numpy(), predicted, test["case_id"])
    print(table.round(3).to_string(index=False))
    for title, mine in (
        ("all looks", np.ones(len(test), dtype=bool)),
        ("at creation", (test["age_s"] <= 0).to_numpy()),
    ):
        found = {
            way: recall_by_workload(test["y"][mine], p[mine], test["case_id"][mine], saved=SAVED).set_index("saved")
            for way, p in predicted.items()
        }
        recall = pd.DataFrame({way: one["recall"] for way, one in found.items()})
        print(f"recall at workload saved, {title}:\n{recall.round(3).to_string()}")
    print(f"({time.perf_counter() - begun:.0f} s)", flush=True)


def main(folder: Path, names: list[str]) -> None:
    """Print the tables of the desks that were asked for, all by default."""
    for name in names or list(EVERY_DAYS):
        score(name, folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER, sys.argv[2:])
