"""The risk of a breach: calibrated against a known truth, honest when there is nothing to learn, exact in its parts."""

import re

import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.models.evaluation.calibration import ece, log_odds
from deskcast.models.risk import breach_candidates
from deskcast.models.risk.breach import BreachRisk
from hypothesis import given, settings
from hypothesis import strategies as st
from risk_frames import risk_frames


@pytest.fixture(scope="module")
def desk():
    snapshots, labels, truth = risk_frames(cases=3000)
    return snapshots, labels, truth, BreachRisk().fit(snapshots, labels)


@pytest.fixture(scope="module")
def small():
    snapshots, labels, truth = risk_frames(cases=800)
    return snapshots, labels, truth, BreachRisk(replicates=50).fit(snapshots, labels)


@pytest.fixture(scope="module")
def later():
    snapshots, labels, truth = risk_frames(cases=3000, seed=99)
    return snapshots, labels, truth


def test_on_a_desk_never_seen_the_probability_is_near_the_truth(desk, later):
    *_, risk = desk
    snapshots, _, truth = later
    p = risk.risk(snapshots)
    running = ~snapshots["already_breached"].to_numpy(bool)
    assert risk.promoted_
    assert abs(p[running].mean() - truth[running].mean()) < 0.04
    assert np.sqrt(np.mean((p[running] - truth[running]) ** 2)) < 0.08
    outcome = np.random.default_rng(0).uniform(size=running.sum()) < truth[running]
    assert ece(outcome, p[running]) < 0.04


def test_the_evaluation_is_out_of_time_and_its_table_is_the_promised_one(desk):
    *_, risk = desk
    table = risk.evaluation_.set_index("model")
    assert table.index.tolist() == ["constant", "rule", "rates", "logistic", "hazard", "mean"]
    assert table.loc[risk.used_, "brier"] < table.loc["rule", "brier"] < table.loc["constant", "brier"]
    assert table.index[table["promoted"]].tolist() == [risk.used_]
    assert table["base_rate"].nunique() == 1
    assert list(risk.reliability_.columns) == ["model", "predicted", "observed", "n", "lo", "hi"]
    assert "is used" in risk.decision_
    off = table.loc[risk.used_, "ece"]
    assert f"within {100 * off:.1f} points of the observed rate on average" in risk.decision_
    assert risk.coverage_ == pytest.approx(1.0, abs=0.05)
    assert "with caution" not in risk.decision_


@pytest.mark.parametrize("due", [True, False])
def test_while_promises_are_kept_ever_better_the_probability_follows(due):
    """Early on two thirds of the cases that are open without due time break their promise, later one third."""
    gaps, rates = [], []
    for seed in range(2):
        snapshots, labels, truth = risk_frames(cases=2000, seed=seed, due=due, quicker=1.0)
        now = snapshots["at"].min() + pd.Timedelta(days=85)
        risk = BreachRisk(replicates=100).fit(snapshots[snapshots["at"] <= now], labels, as_of=now)
        ahead = ((snapshots["at"] > now) & (snapshots["at"] <= now + pd.Timedelta(days=7))).to_numpy()
        ahead = ahead & ~snapshots["already_breached"].to_numpy(bool)
        p = risk.risk(snapshots[ahead])
        gaps.append(p.mean() - truth[ahead].mean())
        rates.append(np.nanmean(risk.outcomes_.breached) - truth[ahead].mean())
        assert risk.used_ != "constant"
    assert abs(np.mean(gaps)) < 0.04
    assert np.mean(rates) > 2 * abs(np.mean(gaps)), "the base rate of the past is far off, or this test shows nothing"


def test_where_the_log_is_too_short_to_see_late_outcomes_the_verdict_says_so():
    snapshots, labels, _ = risk_frames(cases=2500, days=12, due=False)
    risk = BreachRisk().fit(snapshots, labels)
    assert risk.coverage_ < 0.9
    assert "Use with caution: the outcome of" in risk.decision_


@pytest.mark.parametrize("seed", [0, 2])
def test_early_outcomes_make_no_score_surer_and_the_probability_is_nearer_to_the_truth(seed, monkeypatch):
    snapshots, labels, truth = risk_frames(cases=2500, days=7, due=False, seed=seed)
    mine = (snapshots["at"] > snapshots["at"].max() - pd.Timedelta("36h")).to_numpy()
    far = []
    for least in (0.0, breach_candidates.MIN_DECIDED_SHARE):
        monkeypatch.setattr(breach_candidates, "MIN_DECIDED_SHARE", least)
        risk = BreachRisk(replicates=5).fit(snapshots, labels)
        said = risk.candidates_["mean"].probability(snapshots[mine])
        far.append(np.sqrt(np.mean((said - truth[mine]) ** 2)))
        slopes = [model.slope for model in risk.fitted_.values()]
        assert (max(slopes) > 1) == (least == 0)
    assert far[1] < far[0] - 0.01


def test_the_parts_sum_exactly_to_the_calibrated_log_odds(desk, later):
    *_, risk = desk
    rows = later[0]
    parts = risk.contributions(rows)
    running = ~rows["already_breached"].to_numpy(bool)
    total = parts.drop(columns="logit").sum(axis=1)[running]
    assert np.allclose(total, log_odds(risk.risk(rows)[running]), atol=1e-9, rtol=0)
    assert np.allclose(total, parts["logit"][running], atol=1e-12, rtol=0)
    assert parts[~running].isna().all(axis=None)
    assert parts.index.equals(rows.index)


def test_what_already_broke_is_certain_and_does_not_teach(desk, later):
    *_, risk = desk
    rows = later[0]
    over = rows["already_breached"].to_numpy(bool)
    assert over.any()
    assert (risk.risk(rows)[over] == 1.0).all()
    assert not risk.outcomes_.snapshots["already_breached"].any()


def test_it_works_without_a_due_time():
    snapshots, labels, _ = risk_frames(cases=1200, due=False)
    bare = snapshots.drop(columns=["due_at", "left_s", "target_used", "already_breached"])
    risk = BreachRisk(replicates=100).fit(bare, labels)
    assert risk.promoted_
    assert np.array_equal(BreachRisk(replicates=100).fit(snapshots, labels).risk(snapshots), risk.risk(bare))


@pytest.mark.parametrize("due", [True, False])
@pytest.mark.parametrize("seed", range(2))
def test_from_noise_nothing_is_learnt_and_it_says_so(seed, due):
    snapshots, labels, _ = risk_frames(cases=1000, seed=seed, skill=False, due=due)
    risk = BreachRisk(replicates=200).fit(snapshots, labels)
    assert not risk.promoted_
    assert risk.used_ == "constant"
    assert "No predictive skill" in risk.decision_
    assert np.ptp(risk.risk(snapshots)) < 1e-12


@pytest.mark.parametrize("seed", range(2))
def test_shuffled_labels_get_the_verdict_of_noise(seed):
    snapshots, labels, _ = risk_frames(cases=1000, due=False)
    order = np.random.default_rng(seed).permutation(len(labels))
    shuffled = labels.assign(label=labels["label"].array[order])
    shuffled["label"] = shuffled["label"].fillna(False).where(labels["known_at"].notna())
    risk = BreachRisk(replicates=200).fit(snapshots, shuffled)
    assert (risk.used_, risk.promoted_) == ("constant", False)
    assert "No predictive skill" in risk.decision_


def test_where_the_age_says_it_all_the_rule_stays():
    snapshots, labels, _ = risk_frames(cases=2000)
    keys = ["case_id", "at", "metric", "due_at", "age_s", "target_used", "already_breached"]
    risk = BreachRisk().fit(snapshots[keys].assign(weekday=snapshots["weekday"]), labels)
    assert risk.used_ == "rule"
    assert "No reliable gain from" in risk.decision_
    parts = risk.contributions(snapshots)
    assert set(parts.columns) == {"base", "time", "logit"}


def test_the_order_of_the_rows_changes_nothing(small):
    snapshots, labels, _, risk = small
    rng = np.random.default_rng(0)
    again = BreachRisk(replicates=50).fit(
        snapshots.iloc[rng.permutation(len(snapshots))], labels.iloc[rng.permutation(len(labels))]
    )
    assert again.decision_ == risk.decision_
    assert np.array_equal(again.risk(snapshots), risk.risk(snapshots))


@settings(max_examples=2, deadline=None)
@given(st.integers(45, 100))
def test_no_label_from_the_future_teaches(day):
    snapshots, labels, _ = risk_frames(cases=700)
    t = snapshots["at"].min() + pd.Timedelta(days=day)
    early = labels.copy()
    future = ~(early["known_at"] <= t)
    early["label"] = early["label"].mask(future)
    early["known_at"] = early["known_at"].mask(future)
    full = BreachRisk(replicates=100).fit(snapshots, labels, as_of=t)
    cut = BreachRisk(replicates=100).fit(snapshots[snapshots["at"] <= t], early)
    now = snapshots[snapshots["at"] == t]
    assert full.decision_ == cut.decision_
    assert np.array_equal(full.risk(now), cut.risk(now))


@pytest.mark.parametrize("cases", [10, 60])
def test_too_few_cases_give_a_base_rate_drawn_to_one_half(cases):
    snapshots, labels, _ = risk_frames(cases=cases)
    snapshots = snapshots.drop(columns=["target_used", "left_s", "due_at"], errors="ignore")
    risk = BreachRisk().fit(snapshots, labels)
    lesson = risk.outcomes_.weighted_rows(risk.outcomes_.first_of_case())
    taught = lesson.snapshots["case_id"].nunique()
    running = snapshots[~snapshots["already_breached"].astype(bool)]
    assert risk.risk(running) == pytest.approx((lesson.weight @ lesson.breached + 0.5) / (lesson.weight.sum() + 1))
    assert f"only {taught} cases have a known outcome" in risk.decision_
    assert re.search(r"it can be from \d+% to \d+%", risk.decision_)
    assert risk.evaluation_["n"].tolist() == [0] * 6
    assert not risk.promoted_


@pytest.mark.parametrize("outcome", [True, False])
def test_one_class_only_is_no_ground_for_a_model_and_never_certain(outcome):
    snapshots, labels, _ = risk_frames(cases=400, due=False)
    alike = labels.assign(label=labels["label"].where(labels["label"].isna(), outcome))
    risk = BreachRisk().fit(snapshots, alike)
    p = risk.risk(snapshots)
    assert "cases breached (at least 20 breached and 20 met cases are needed)" in risk.decision_
    assert 0 < p[0] < 1
    assert (p[0] > 0.9) == outcome


def test_a_new_category_and_missing_values_are_scored(desk):
    snapshots, _, _, risk = desk
    rows = snapshots[~snapshots["already_breached"].astype(bool)].head(3)
    strange = rows.assign(team="a team founded today", priority=None, idle_s=np.nan)
    p = risk.risk(strange)
    assert np.isfinite(p).all()
    assert ((p > 0) & (p < 1)).all()


def test_an_empty_feature_changes_nothing(small):
    snapshots, labels, _, risk = small
    with_empty = BreachRisk(replicates=50).fit(snapshots.assign(reopens=np.nan, region=None), labels)
    assert np.array_equal(with_empty.risk(snapshots.assign(reopens=1.0, region="x")), risk.risk(snapshots))


def test_columns_that_are_no_features_change_nothing(small):
    snapshots, labels, _, risk = small
    leak = snapshots.merge(labels[["case_id", "label", "known_at"]], on="case_id").assign(closed_code="x")
    assert np.array_equal(BreachRisk(replicates=50).fit(leak, labels).risk(leak), risk.risk(leak))


def test_no_open_case_has_no_probability(desk):
    snapshots, _, _, risk = desk
    assert risk.risk(snapshots.iloc[:0]).shape == (0,)


def test_misuse_is_named(desk):
    snapshots, labels, _, risk = desk
    with pytest.raises(InputError, match="column 'team': the model was trained with this column and it has vanished"):
        risk.risk(snapshots.drop(columns="team"))
    with pytest.raises(InputError, match="fitted for another metric; got 'first_response', expected resolution"):
        risk.risk(snapshots.assign(metric="first_response"))
    with pytest.raises(InputError, match="not fitted yet"):
        BreachRisk().risk(snapshots)
    with pytest.raises(InputError, match="no snapshot has an outcome that is known yet"):
        BreachRisk().fit(snapshots, labels.iloc[:0])
    with pytest.raises(InputError, match="column 'as_of': an instant needs its zone"):
        BreachRisk().fit(snapshots, labels, as_of="2024-03-01")
    with pytest.raises(InputError, match="no snapshot has an outcome"):
        BreachRisk().fit(snapshots, labels, as_of="2020-01-01T00:00Z")


def test_followed_to_a_later_day_the_probability_follows_the_base_rate_and_the_old_one_does_not():
    """Trained when two thirds of the cases broke their promise, read when far fewer do, without training anew."""
    old_gaps, gaps = [], []
    for seed in range(2):
        snapshots, labels, truth = risk_frames(cases=2000, seed=seed, due=False, quicker=1.2)
        first = snapshots["at"].min()
        trained, now = first + pd.Timedelta(days=50), first + pd.Timedelta(days=100)
        risk = BreachRisk(replicates=100).fit(snapshots[snapshots["at"] <= trained], labels, as_of=trained)
        followed = risk.follow(snapshots, labels, now)
        ahead = ((snapshots["at"] > now) & (snapshots["at"] <= now + pd.Timedelta(days=10))).to_numpy()
        old_gaps.append(risk.risk(snapshots[ahead]).mean() - truth[ahead].mean())
        gaps.append(followed.risk(snapshots[ahead]).mean() - truth[ahead].mean())
    assert np.mean(old_gaps) > 0.08, "the base rate has not moved, or this test shows nothing"
    assert abs(np.mean(gaps)) < np.mean(old_gaps) / 2


def test_following_reads_nothing_that_was_not_known_by_then():
    snapshots, labels, _ = risk_frames(cases=1200)
    trained = snapshots["at"].min() + pd.Timedelta(days=60)
    now = trained + pd.Timedelta(days=20)
    risk = BreachRisk(replicates=50).fit(snapshots[snapshots["at"] <= trained], labels, as_of=trained)
    early = labels.copy()
    future = ~(early["known_at"] <= now)
    early["label"], early["known_at"] = early["label"].mask(future), early["known_at"].mask(future)
    rows = snapshots[snapshots["at"] == now]
    full = risk.follow(snapshots, labels, now).risk(rows)
    cut = risk.follow(snapshots[snapshots["at"] <= now], early, now).risk(rows)
    assert np.array_equal(full, cut)
    assert not np.array_equal(full, risk.risk(rows)), "following changed nothing, or this test shows nothing"


def test_where_nothing_is_known_to_follow_it_stays_as_it_was(desk):
    snapshots, labels, _, risk = desk
    later = risk.follow(snapshots.iloc[:0].assign(metric="resolution"), labels, "2030-01-01T00:00Z")
    assert np.array_equal(later.risk(snapshots), risk.risk(snapshots))


def test_the_finish_times_of_a_desk_are_near_the_truth(desk, later):
    *_, risk = desk
    rows = later[0]
    told = risk.finish_times(rows, (24.0, 96.0))
    assert told["done_in_24h"].between(0, 1).all()
    assert (told["done_in_24h"] <= told["done_in_96h"]).all()
    known = told["median_finish"].notna() & told["finish_80"].notna()
    assert (told.loc[known, "median_finish"] <= told.loc[known, "finish_80"]).all()


def test_satisfaction_that_is_noise_teaches_nothing(shared_data):
    """Real-looking tickets with random ratings: whatever is tried, the base rate is used and it says so."""
    raw = pd.read_csv(shared_data("synthetic_support_tickets/customer_support_tickets.csv.gz"))
    columns = {name.lower().replace(" ", "_"): name for name in raw.columns}
    rating = pd.to_numeric(raw[columns["customer_satisfaction_rating"]], errors="coerce")
    raw, rating = raw[rating.notna()].reset_index(drop=True), rating[rating.notna()].reset_index(drop=True)
    at = pd.Timestamp("2024-01-01T00:00Z") + pd.to_timedelta(np.arange(len(raw)), unit="h")
    names = {"priority": "ticket_priority", "channel": "ticket_channel", "product": "product_purchased"}
    rows = pd.DataFrame({name: raw[columns[source]].astype("str") for name, source in names.items()})
    rows = rows.assign(case_type=raw[columns["ticket_type"]].astype("str"), at=at, age_s=60.0, metric="dissatisfied")
    rows["case_id"] = [f"t{i}" for i in range(len(rows))]
    labels = pd.DataFrame({"case_id": rows["case_id"], "metric": "dissatisfied", "known_at": at + pd.Timedelta("1D")})
    risk = BreachRisk().fit(rows, labels.assign(label=rating <= 2))
    assert risk.used_ == "constant"
    assert "No predictive skill" in risk.decision_
