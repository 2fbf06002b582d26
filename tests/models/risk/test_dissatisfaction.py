"""The risk of dissatisfaction: right about those who keep silent, silent itself where nothing can be known."""

import numpy as np
import pandas as pd
import pytest
from answer_frames import START, answer_frames
from deskcast.features import CaseLog
from deskcast.features.errors import InputError
from deskcast.features.labels.events import escalation_labels
from deskcast.features.labels.satisfaction import dissatisfaction_labels
from deskcast.models import DissatisfactionRisk, EscalationRisk
from deskcast.models.evaluation.calibration import ece, log_odds
from deskcast.models.evaluation.skill import Skill, brier_skill, format_skill, top_lift
from deskcast.models.risk.case_rows import case_snapshots
from deskcast.models.risk.response_propensity import effective_size, inverse_propensity
from deskcast.models.risk.survey_cohort import known_cohort, prepare_snapshots
from deskcast.models.worklist.reasons import reasons
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.fixture(scope="module")
def desk():
    snapshots, labels, truth = answer_frames(9000)
    risk = DissatisfactionRisk(replicates=300).fit(snapshots, labels, as_of=START + pd.Timedelta(days=300))
    return snapshots, labels, truth, risk


def test_weights_recover_the_rate_of_all_who_were_asked_where_the_answers_alone_are_far_off(desk):
    _, labels, truth, risk = desk
    naive = labels["label"].dropna().astype(float).mean()
    assert naive - truth["low"].mean() > 0.08, "or this test shows nothing"
    assert risk.rates_["answers"] == pytest.approx(naive, abs=0.005)
    assert risk.rates_["asked"] == pytest.approx(truth["low"].mean(), abs=0.02)
    assert f"Dissatisfied: {100 * risk.rates_['answers']:.0f}% of answers" in risk.decision_
    assert 500 < risk.response_propensity_.effective < risk.response_propensity_.answers


def test_both_probabilities_and_that_of_an_answer_are_named_and_near_the_truth(desk):
    risk = desk[-1]
    snapshots, _, truth = answer_frames(4000, seed=5)
    said = risk.predict_table(snapshots)
    assert said.columns.tolist() == [
        *("case_id", "at", "stage", "dissatisfaction_risk", "dissatisfaction_risk_if_answered", "response_probability"),
    ]
    assert risk.used_["closed"] == "logistic"
    assert risk.promoted_
    assert np.sqrt(np.mean((said["dissatisfaction_risk"] - truth["low"]) ** 2)) < 0.05
    assert np.sqrt(np.mean((said["response_probability"] - truth["answers"]) ** 2)) < 0.06
    outcome = np.random.default_rng(1).uniform(size=len(truth)) < truth["low"]
    assert ece(outcome, said["dissatisfaction_risk"]) < 0.04
    assert (risk.risk(snapshots) == said["dissatisfaction_risk"]).all()


def test_baselines_stand_beside_and_the_table_is_out_of_time(desk):
    table = desk[-1].evaluation_
    table = table[table["stage"] == "closed"].set_index("model")
    assert table.index.tolist() == ["constant", "rule", "rates", "logistic"]
    assert table.loc["logistic", "brier"] < table[table.index != "logistic"]["brier"].min()
    assert table.loc["constant", "auc"] == 0.5
    assert set(desk[-1].reliability_.columns) == {"stage", "model", "predicted", "observed", "n", "lo", "hi"}


def test_contributions_sum_to_the_logit_and_the_reasons_are_in_words(desk):
    snapshots, _, _, risk = desk
    few = snapshots.tail(200)
    parts = risk.contributions(few)
    groups = parts.drop(columns=["base", "logit"])
    np.testing.assert_allclose(parts["base"] + groups.sum(axis=1), parts["logit"], atol=1e-12)
    np.testing.assert_allclose(parts["logit"], log_odds(risk.risk(few)), atol=1e-9)
    told = reasons(few, risk)
    worst = few.loc[few["transfers"].idxmax(), "case_id"]
    first = told[(told["case_id"] == worst) & (told["place"] == 1)]
    assert first["reason"].item().startswith("handed over")
    assert not told.duplicated(["case_id", "group"]).any()


def test_noise_teaches_nothing_and_no_ranking_is_sold():
    snapshots, labels, _ = answer_frames(3000, signal=0.0, selective=0.0)
    risk = DissatisfactionRisk(replicates=300).fit(snapshots, labels, as_of=START + pd.Timedelta(days=300))
    assert risk.used_["closed"] == "constant"
    assert not risk.promoted_
    assert "Not enough data yet to rank cases when a case has just closed" in risk.decision_
    assert "No reliable skill" in risk.decision_
    assert len(np.unique(risk.risk(snapshots))) == 1
    assert reasons(snapshots.tail(5), risk).empty


def test_shuffled_labels_teach_nothing(desk):
    snapshots, labels, *_ = desk
    rng = np.random.default_rng(3)
    for _ in range(2):
        answered = labels["label"].notna()
        shuffled = labels.assign(label=labels["label"].where(~answered))
        shuffled.loc[answered, "label"] = rng.permutation(labels.loc[answered, "label"].to_numpy(dtype=bool))
        risk = DissatisfactionRisk(replicates=200).fit(snapshots, shuffled, as_of=START + pd.Timedelta(days=300))
        assert risk.used_["closed"] == "constant"


def test_what_the_end_of_the_log_cut_off_is_neither_good_nor_bad():
    """Answers are known at once and silence after a week: of the youngest cases only answers are known."""
    snapshots, labels, truth = answer_frames(60000, selective=0.0, until=12)
    risk = DissatisfactionRisk(replicates=100).fit(snapshots, labels, as_of=START + pd.Timedelta(days=12))
    known = labels[labels["known_at"].notna() & labels["case_id"].isin(snapshots["case_id"])]
    naive, true = known["label"].notna().mean(), truth["answers"].mean()
    assert naive - true > 0.1, "or this test shows nothing"
    assert risk.predict_table(snapshots)["response_probability"].mean() == pytest.approx(true, abs=0.05)
    assert risk.rates_["asked"] == pytest.approx(truth["low"].mean(), abs=0.05)


def test_where_all_tell_there_is_nobody_to_stand_for():
    snapshots, labels, truth = answer_frames(2000, selective=0.0)
    rng = np.random.default_rng(0)
    labels["label"] = pd.array(rng.uniform(size=len(labels)) < truth["low"], dtype="boolean")
    risk = DissatisfactionRisk(replicates=200).fit(snapshots, labels, as_of=START + pd.Timedelta(days=300))
    said = risk.predict_table(snapshots)
    assert risk.response_propensity_ is None
    assert (said["response_probability"] == 1).all()
    assert (said["dissatisfaction_risk"] == said["dissatisfaction_risk_if_answered"]).all()


@given(st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=50), st.floats(1.0, 20.0))
@settings(max_examples=60, deadline=None)
def test_weights_are_cut_and_follow_the_silence(p, clip):
    weight = inverse_propensity(p, clip)
    assert weight.max() <= clip
    assert weight.min() >= 1 / clip
    order = np.argsort(p)
    assert (np.diff(weight[order]) <= 1e-12).all()
    assert 1 - 1e-9 <= effective_size(weight) <= len(p) + 1e-9


def test_skill_is_nothing_for_the_base_rate_and_all_for_a_seer():
    y, base = np.tile([0.0, 1.0, 0.0], 50), np.full(150, 1 / 3)
    assert brier_skill(y, base, base, np.arange(150)).mean == 0
    assert brier_skill(y, y, base, np.arange(150)).lo == 1
    assert not brier_skill(y, base, base, np.arange(150)).is_worth_ranking(5.0)
    assert not Skill(0.02, 0.01, 0.03).is_worth_ranking(1.7)
    assert Skill(0.02, 0.01, 0.03).is_worth_ranking(2.2)
    assert top_lift(y, y) == pytest.approx(3.0)
    assert "95% interval" in format_skill(brier_skill(y, y, base, np.arange(150)))


def test_ten_cases_and_one_class_are_a_base_rate_that_says_why():
    snapshots, labels, _ = answer_frames(10, selective=0.0)
    labels["label"] = pd.array([True] * 5 + [False] * 5, dtype="boolean")
    few = DissatisfactionRisk().fit(snapshots, labels, as_of=START + pd.Timedelta(days=300))
    assert "only 10 cases have a known outcome" in few.decision_
    assert few.risk(snapshots) == pytest.approx(0.5)
    snapshots, labels, _ = answer_frames(400)
    labels["label"] = labels["label"].where(labels["label"].isna(), False)
    one = DissatisfactionRisk().fit(snapshots, labels, as_of=START + pd.Timedelta(days=300))
    assert "0 of" in one.decision_
    assert one.risk(snapshots).max() < 0.05


def test_a_new_category_is_scored_and_a_vanished_column_named(desk):
    snapshots, *_, risk = desk
    row = snapshots.head(1).assign(product="Hovercraft")
    assert 0 < risk.risk(row)[0] < 1
    with pytest.raises(InputError, match=r"transfers.*vanished"):
        risk.predict_table(snapshots.drop(columns="transfers"))
    with pytest.raises(InputError, match="not fitted"):
        DissatisfactionRisk().predict_table(snapshots)
    with pytest.raises(InputError, match="zone"):
        DissatisfactionRisk().fit(snapshots, desk[1], as_of="2024-05-01")


def test_an_open_case_is_scored_though_only_closed_ones_taught(desk):
    snapshots, *_, risk = desk
    said = risk.predict_table(snapshots.head(3).assign(stage=["open", "closed", "open"]))
    assert said["stage"].tolist() == ["open", "closed", "open"]
    assert said["dissatisfaction_risk"].notna().all()
    assert said["dissatisfaction_risk"].iloc[0] == said["dissatisfaction_risk"].iloc[2]


def test_who_the_customer_or_the_agent_was_is_not_looked_at(desk):
    snapshots, labels, *_ = desk
    snapshots, labels = snapshots.head(2500), labels.head(2500)
    persons = {
        "attr_caller_id": "x",
        "attr_assigned_to": "y",
        "customer_id": "z",
        "agent_id": "a",
        "attr_opened_by": "b",
    }
    rng = np.random.default_rng(0)
    named = snapshots.assign(**{c: pd.array(rng.choice(list("pqrs"), len(snapshots)), dtype="str") for c in persons})
    fits = [DissatisfactionRisk(replicates=50).fit(s, labels) for s in (snapshots, named)]
    assert not set(persons) & set(fits[1].features)
    np.testing.assert_array_equal(*(f.risk(snapshots) for f in fits))
    kept = prepare_snapshots(pd.DataFrame(columns=["attr_account", "attr_paid", "attr_impact"]), "dissatisfaction")
    assert {"attr_account", "attr_paid", "attr_impact"} <= set(kept.columns)


def test_nothing_known_later_is_seen(desk):
    snapshots, labels, *_ = desk
    cut = START + pd.Timedelta(days=60)
    later = labels["known_at"] > cut
    hidden = labels.assign(label=labels["label"].where(~later), known_at=labels["known_at"].where(~later))
    early = snapshots[snapshots["at"] <= cut]
    one, two = (DissatisfactionRisk(replicates=50).fit(early, each, as_of=cut) for each in (labels, hidden))
    np.testing.assert_array_equal(one.risk(early), two.risk(early))


def test_no_labels_are_a_clear_message():
    snapshots, labels, _ = answer_frames(50)
    with pytest.raises(InputError, match="missing labels of dissatisfaction"):
        DissatisfactionRisk().fit(snapshots, labels.assign(label=pd.array([pd.NA] * 50, dtype="boolean")))
    with pytest.raises(InputError, match=r"label.*missing"):
        known_cohort(snapshots, labels.drop(columns="label"), START, "dissatisfaction")
    log = CaseLog.from_frames(cases=pd.DataFrame({"case_id": ["1"], "created_at": ["2024-03-01T09:00Z"]}))
    with pytest.raises(InputError, match="no surveys"):
        dissatisfaction_labels(log)


def small_log(cases=1000, escalate=False):
    """Return a log without promises whose cases are escalated, or surveyed, the likelier the more often handed over."""
    rng = np.random.default_rng(0)
    opened = START + pd.to_timedelta(np.arange(cases) * 7200, unit="s")
    ids = [f"c{i:04}" for i in range(cases)]
    hard = rng.uniform(size=cases) < 0.4
    events, surveys = [], []
    for i, at, bad in zip(ids, opened, hard, strict=True):
        events += [(i, at + pd.Timedelta("30min"), "assigned", "A")]
        events += [(i, at + pd.Timedelta("40min"), "assigned", "B")] * int(bad)
        if escalate and rng.uniform() < 0.1 + 0.6 * bad:
            events.append((i, at + pd.Timedelta("3h"), "escalated", None))
        events.append((i, at + pd.Timedelta("5h"), "closed", None))
        said = rng.uniform() < 0.7
        score = 1.0 + 3 * (rng.uniform() > 0.1 + 0.6 * bad)
        asked = at + pd.Timedelta("5h")
        surveys.append(
            (f"s{i}", "csat", i, asked, asked + pd.Timedelta("1h") if said else None, score if said else None)
        )
    frames = {
        "cases": pd.DataFrame({"case_id": ids, "created_at": opened}),
        "events": pd.DataFrame(events, columns=["case_id", "at", "kind", "new"]).assign(team=lambda f: f["new"]),
        "surveys": pd.DataFrame(
            surveys, columns=["survey_id", "kind", "case_id", "offered_at", "responded_at", "score"]
        ),
    }
    return CaseLog.from_frames(until=opened[-1] + pd.Timedelta("9D"), **frames), ids, opened


def test_a_log_without_promises_goes_the_whole_way_to_both_stages():
    log, ids, opened = small_log()
    looks = pd.concat(pd.DataFrame({"case_id": ids, "at": opened + pd.Timedelta(h)}) for h in ("1h", "5h"))
    rows = case_snapshots(log, looks)
    assert rows.groupby("stage").size().to_dict() == {"closed": 1000, "open": 1000}
    risk = DissatisfactionRisk(replicates=200).fit(rows, dissatisfaction_labels(log), as_of=log.until)
    assert set(risk.used_.values()) <= {"logistic", "rates"}
    said = risk.predict_table(rows).assign(team=rows["team"])
    means = said.groupby("team")["dissatisfaction_risk"].mean()
    assert means["A"] == pytest.approx(0.1, abs=0.07)
    assert means["B"] == pytest.approx(0.7, abs=0.1)
    cut = rows["at"].quantile(0.5)
    early = case_snapshots(log.as_of(cut), looks[looks["at"] <= cut])
    pd.testing.assert_series_equal(early["stage"], rows.loc[rows["at"] <= cut, "stage"].reset_index(drop=True))


def test_escalation_goes_the_same_road_and_says_so_where_there_is_none():
    log, ids, opened = small_log(escalate=True)
    rows = case_snapshots(log, pd.DataFrame({"case_id": ids, "at": opened + pd.Timedelta("1h")}))
    risk = EscalationRisk(replicates=200).fit(rows, escalation_labels(log), as_of=log.until)
    assert risk.used_ in ("logistic", "rates")
    assert "is used" in risk.decision_
    means = risk.predict_table(rows).assign(team=rows["team"]).groupby("team")["escalation_risk"].mean()
    assert means["A"] == pytest.approx(0.1, abs=0.07)
    assert means["B"] == pytest.approx(0.7, abs=0.1)
    parts = risk.contributions(rows)
    np.testing.assert_allclose(parts["logit"], log_odds(risk.risk(rows)), atol=1e-9)
    calm, *_ = small_log(120)
    with pytest.raises(InputError, match="no case was ever escalated"):
        EscalationRisk().fit(rows, escalation_labels(calm))


def test_the_track_record_of_a_segment_raises_its_cases_and_never_looks_ahead():
    """From day 60 on the customers of one account are often dissatisfied; nothing else tells them apart."""
    snapshots, labels, _ = answer_frames(8000, selective=0.0, signal=0.0)
    rng = np.random.default_rng(0)
    snapshots["account"] = pd.array(rng.choice(["A1", "A2", "A3", "A4"], len(snapshots)), dtype="str")
    hurt = (snapshots["account"] == "A2") & (snapshots["at"] > START + pd.Timedelta(days=60))
    low = pd.array(rng.uniform(size=len(snapshots)) < np.where(hurt, 0.6, 0.1), dtype="boolean")
    labels["label"] = pd.Series(low).where(labels["label"].notna())
    end = START + pd.Timedelta(days=208)
    plain, risk = (
        DissatisfactionRisk(segments=s, replicates=100).fit(snapshots, labels, as_of=end) for s in ((), ("account",))
    )
    assert (plain.used_["closed"], risk.used_["closed"]) == ("constant", "logistic")
    last = snapshots.tail(400)
    said = risk.predict_table(last)["dissatisfaction_risk"].groupby(last["account"]).mean()
    assert 0.4 < said["A2"] < 0.65, "drawn to what was expected as by 50 cases"
    assert said.drop("A2").max() < 0.2
    half = START + pd.Timedelta(days=120)
    early = snapshots[snapshots["at"] <= half].tail(300)
    hidden = labels.assign(label=labels["label"].where(labels["known_at"] <= half))
    parts = [risk.follow(snapshots, each, half).risk(early) for each in (labels, hidden)]
    np.testing.assert_array_equal(*parts)
    np.testing.assert_allclose(parts[0], risk.risk(early), atol=0.03)  # the weights are those of the day
    contributions = risk.contributions(last)
    np.testing.assert_allclose(contributions["logit"], log_odds(risk.risk(last)), atol=1e-9)
    told = reasons(last, risk)
    raised = told[(told["group"] == "segments") & (told["direction"] == "raises")]
    assert set(raised["case_id"]) == set(last.loc[last["account"] == "A2", "case_id"])
    with pytest.raises(InputError, match="acount"):
        DissatisfactionRisk(segments=("acount",)).fit(snapshots, labels)


def test_complaints_at_receipt_say_little(shared_data):
    """The clock of a dispute begins when the company gets the complaint; its own outcome columns are not looked at."""
    told = pd.read_csv(shared_data("cfpb_complaints/complaints_2013-08_2013-10.csv.gz"), dtype="str")
    names = {"complaint_id": "case_id", "issue": "case_type", "state": "region", "submitted_via": "channel"}
    at = pd.to_datetime(told["date_received"], format="%m/%d/%Y").dt.tz_localize("UTC").astype("datetime64[us, UTC]")
    rows = told.rename(columns=names)[["case_id", "product", "case_type", "region", "channel"]].assign(at=at, age_s=0.0)
    disputed = pd.array(told["consumer_disputed?"].eq("Yes"), dtype="boolean")
    labels = pd.DataFrame({"case_id": rows["case_id"], "label": disputed, "known_at": at + pd.Timedelta("60D")})
    risk = DissatisfactionRisk(replicates=300).fit(rows, labels, as_of=at.max() + pd.Timedelta("60D"))
    assert risk.decision_.startswith("Not enough data yet to rank cases at receipt")
    assert risk.risk(rows).std() < 1e-12
    assert risk.risk(rows)[0] == pytest.approx(0.19, abs=0.05)
