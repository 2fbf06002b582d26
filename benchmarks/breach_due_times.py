"""Breach risk where every case has a due time of its own, out of time: the last third of the cases by date, once.

Service requests of a city (see ``baltimore_311`` in the README of the shared data); a case is late if it closed after
its due time, or is still open past it. The earlier two thirds are trained on as they were known on the day of the cut.
Scored at creation and every morning at 08:00, beside the base rate and the rates by type and agency (each drawn
towards the agency's, and that towards the base rate), and two peers on the same features. Two ways:

``outcome``
    The due time is what the row of the finished case says, so no model sees it before: the careful reading.
``creation``
    ``[source.cases.attributes] DueDate = "creation"``: the due time stands from the opening on. In 97 % of the cases it
    is as long after the opening as is usual for the type, so it is likely to.

Run: ``python benchmarks/breach_due_times.py [FOLDER]`` with the folder that holds ``baltimore_311``.
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
from deskcast.features.sources.load import load_source
from deskcast.features.sources.spec import SourceSpec
from deskcast.models.candidates.encoding import fit_encoder
from deskcast.models.evaluation.calibration import fit_platt_scaling
from deskcast.models.evaluation.scores import bootstrap_table
from deskcast.models.risk.breach import BreachRisk
from scipy.special import expit, logit

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data"
FILE = "baltimore_311/service_requests.csv.gz"
COLUMNS = {
    "case_id": "ServiceRequestNum", "created_at": "CreatedDate", "closed_at": "CloseDate", "due_at": "DueDate",
    "channel": "MethodReceived", "case_type": "SRType", "team": "Agency",
}  # fmt: skip
#: Cases of a type and agency that weigh as much as what is known of the agency.
PRIOR_CASES = 10.0
#: Every morning of five years would be 1,800 looks; every third tells the same.
EVERY_DAYS = 3


def load(folder: Path, known: str) -> CaseLog:
    """Return the log, with its due times known as outcomes or from the creation on."""
    spec = SourceSpec("cases", FILE, timezone="America/New_York", columns=COLUMNS, attributes={"DueDate": known})
    loaded = load_source(spec, folder)
    return CaseLog.from_frames(timezone="America/New_York", attributes=loaded.attributes, **loaded.tables)


def segment_rates(train: pd.DataFrame, test: pd.DataFrame) -> np.ndarray:
    """Return the share of late cases by type and agency, drawn towards that of the agency and of all."""
    base = train["broken"].mean()
    agency = train.groupby("team")["broken"].agg(["sum", "size"])
    agency_rate = (agency["sum"] + PRIOR_CASES * base) / (agency["size"] + PRIOR_CASES)
    both = train.groupby(["case_type", "team"])["broken"].agg(["sum", "size"])
    prior = agency_rate.reindex(both.index.get_level_values("team")).to_numpy()
    rate = (both["sum"] + PRIOR_CASES * prior) / (both["size"] + PRIOR_CASES)
    keys = pd.MultiIndex.from_frame(test[["case_type", "team"]])
    fallback = test["team"].map(agency_rate).fillna(base).to_numpy(dtype=float)
    found = rate.reindex(keys).to_numpy(dtype=float)
    return np.where(np.isnan(found), fallback, found)


def peers(train: pd.DataFrame, test: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return what a logistic regression and gradient boosting say, each corrected by Platt on the newest fifth."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    late = (train["created_at"] >= train["created_at"].quantile(0.8)).to_numpy()
    encoder = fit_encoder(train[~late])
    learnt, checked, asked = (encoder.matrix(rows) for rows in (train[~late], train[late], test))
    models = {
        "logistic": make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)),
        "boosting": HistGradientBoostingClassifier(max_depth=3, learning_rate=0.05, max_iter=150, random_state=0),
    }
    said = {}
    for name, model in models.items():
        model.fit(learnt, train.loc[~late, "broken"])
        odds = [logit(np.clip(model.predict_proba(x)[:, 1], 1e-6, 1 - 1e-6)) for x in (checked, asked)]
        slope, intercept = fit_platt_scaling(train.loc[late, "broken"].to_numpy(), odds[0])
        said[name] = expit(slope * odds[1] + intercept)
    return said


def score(log: CaseLog, at: str) -> pd.DataFrame:
    """Return the scores of the models on the last third, at ``creation`` or at ``mornings``."""
    created = log.frame(log.table("cases").select("case_id", "created_at")).set_index("case_id")["created_at"]
    cut = created.sort_values().iloc[2 * len(created) // 3].floor("D")
    labels, ends = breach_labels(log, with_decision=True), find_case_ends(log)
    looks = "creation" if at == "creation" else daily(created.min(), log.until, timezone=log.timezone)[::EVERY_DAYS]
    frame = snapshots(log, looks)
    told = frame.merge(labels[["case_id", "label", "known_at", "decided_at"]], on="case_id")
    told["created_at"] = told["case_id"].map(created)
    told = told[told["label"].notna() & (told["at"] < told["decided_at"])].assign(
        broken=lambda f: f["label"].astype(float)
    )
    train = told[(told["created_at"] < cut) & (told["known_at"] <= cut)]
    test = told[told["created_at"] >= cut].reset_index(drop=True)
    early = frame[frame["case_id"].map(created) < cut]
    model = BreachRisk().fit(
        early[early["at"] <= cut].reset_index(drop=True), labels, as_of=cut, ends=ends[ends["ended_at"] <= cut]
    )
    predicted = {
        "base rate": np.full(len(test), train["broken"].mean()),
        "type x agency": segment_rates(train, test),
        **peers(train, test),
        f"deskcast ({model.used_})": model.risk(test),
    }
    later = f"{len(test):,} of {test['case_id'].nunique():,} later cases scored, {test['broken'].mean():.1%} late"
    print(f"{at}: {len(train):,} rows to learn from until {cut:%d %b %Y}, {later}")
    return bootstrap_table(test["broken"].to_numpy(dtype=float), predicted, test["case_id"])


def main(folder: Path) -> None:
    """Print the share of late cases, and the scores."""
    for known in ("outcome", "creation"):
        log = load(folder, known)
        labels = breach_labels(log)
        print(
            f"\n=== due times known: {known}; {labels['label'].sum():,} late of {labels['label'].count():,} decided",
            flush=True,
        )
        for at in ("creation", "mornings"):
            begun = time.perf_counter()
            table = score(log, at)
            print(f"{table.round(3).to_string(index=False)}\n({time.perf_counter() - begun:.0f} s)")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
