"""The risk of a breach on a real desk, trained on what was known then, on cases that training never saw."""

import pandas as pd
import pytest
from breach_servicenow import CUT, FILE, implied_deadlines, load
from deskcast.features.labels.breach import breach_labels
from deskcast.features.snapshots.snapshots import daily, snapshots
from deskcast.models.evaluation.scores import score_table
from deskcast.models.risk.breach import BreachRisk
from deskcast.models.risk.known_outcomes import known_outcomes
from deskcast.models.worklist.ranking import rank_cases
from deskcast.models.worklist.reasons import LOWERS_RISK_PREFIX


@pytest.fixture(scope="module")
def desk(shared_data):
    log = load(shared_data(FILE).parents[1])
    labels = breach_labels(log)
    frame = snapshots(log, daily("2016-03-20", "2016-05-10")[::3], "made_sla")
    cases = log.frame("cases").merge(labels, on="case_id").set_index("case_id")
    frame = frame[frame["age_s"] < frame["case_id"].map(implied_deadlines(cases, CUT))]
    old = (frame["case_id"].map(cases["created_at"]) < CUT).to_numpy()
    known_then = frame[old & (frame["at"] < CUT).to_numpy()]
    risk = BreachRisk(replicates=50).fit(known_then, labels, as_of=CUT)
    return log, frame[~old], labels, risk, known_then


def test_what_is_used_beats_the_base_rate_on_cases_never_seen_and_says_how_sure_it_is(desk):
    log, unseen, labels, risk, known_then = desk
    found = known_outcomes(unseen, labels, log.until)
    test = found.weighted_rows(found.decided)
    assert not set(test.snapshots["case_id"]) & set(known_then["case_id"])
    predicted = {name: model.probability(test.snapshots) for name, model in risk.candidates_.items()}
    table = score_table(test.breached, predicted).set_index("model")
    assert risk.used_ != "constant"
    assert table.loc[risk.used_, "brier"] < table.loc["constant", "brier"] - 0.02
    assert table.loc[["hazard", "logistic", "mean"], "auc"].min() > 0.85
    assert table.loc["mean", "brier"] < table.loc[["rule", "rates"], "brier"].min() - 0.05
    assert table.loc["mean", "ece"] < 0.06
    assert 0.3 < risk.coverage_ < 0.9
    assert "Use with caution: the outcome of" in risk.decision_


def test_the_list_of_a_morning_is_the_same_without_the_future(desk):
    log, _, _, risk, _ = desk
    at = pd.Timestamp("2016-04-20T08:00Z")
    full, _ = rank_cases(snapshots(log, [at], "made_sla"), risk, top=20)
    then, _ = rank_cases(snapshots(log.as_of(at), [at], "made_sla"), risk, top=20)
    pd.testing.assert_frame_equal(full, then)
    assert (full["reason_1"] != "").all()
    assert not full["reason_1"].str.contains(LOWERS_RISK_PREFIX).any()
