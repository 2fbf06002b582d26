"""The risk of a breach on a real desk, trained on what was known then, on cases that training never saw."""

import sys
from pathlib import Path

import pandas as pd
import pytest
from deskcast.features.labels import breach_labels
from deskcast.features.snapshots import daily, snapshots
from deskcast.models.breach import BreachRisk
from deskcast.models.maturity import matured
from deskcast.models.ranking import rank_cases
from deskcast.models.scores import score_table

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from breach_servicenow import CUT, FILE, implied_deadlines, load


@pytest.fixture(scope="module")
def desk(shared_data):
    log = load(shared_data(FILE).parents[1])
    labels = breach_labels(log)
    frame = snapshots(log, daily("2016-02-29", "2016-05-20"), "made_sla")
    cases = log.frame("cases").merge(labels, on="case_id").set_index("case_id")
    frame = frame[frame["age_s"] < frame["case_id"].map(implied_deadlines(cases, CUT))]
    old = (frame["case_id"].map(cases["created_at"]) < CUT).to_numpy()
    known_then = frame[old & (frame["at"] < CUT).to_numpy()]
    risk = BreachRisk().fit(known_then, labels, as_of=CUT)
    return log, frame[~old], labels, risk, known_then


def test_it_beats_both_baselines_on_cases_never_seen(desk):
    log, unseen, labels, risk, known_then = desk
    test = matured(unseen, labels, log.until)
    assert not set(test.snapshots["case_id"]) & set(known_then["case_id"])
    predicted = {name: model.probability(test.snapshots) for name, model in risk.candidates_.items()}
    table = score_table(test.breached, predicted).set_index("model")
    assert risk.promoted_
    assert table.loc["logistic", "brier"] < table.loc["rule", "brier"] < table.loc["constant", "brier"]
    assert table.loc["logistic", "auc"] > 0.75
    assert table.loc["logistic", "ece"] < 0.06


def test_the_list_of_a_morning_is_the_same_without_the_future(desk):
    log, _, _, risk, _ = desk
    at = pd.Timestamp("2016-04-20T08:00Z")
    full, _ = rank_cases(snapshots(log, [at], "made_sla"), risk, top=20)
    then, _ = rank_cases(snapshots(log.as_of(at), [at], "made_sla"), risk, top=20)
    pd.testing.assert_frame_equal(full, then)
    assert full["reason_1"].str.contains("raises the risk").all()
