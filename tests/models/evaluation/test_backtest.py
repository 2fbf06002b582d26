"""Evaluation, budget and recalibration on rows whose figures can be worked out by hand."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.models.evaluation.backtest import (
    backtest_risk,
    precision_at_capacity,
    recall_at_workload,
    score_by,
    score_by_prefix,
    score_by_week,
    warning_times,
)
from deskcast.models.evaluation.calibration import brier, log_odds
from deskcast.models.risk.recalibration import rate_shift, speed_shift
from deskcast.models.worklist.budget import expected_benefit, find_first_flagged, select_cases
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

DAY = pd.Timestamp("2024-03-04T08:00Z")


def scored(n=400, days=14, seed=0):
    rng = np.random.default_rng(seed)
    p = rng.uniform(size=n)
    rows = pd.DataFrame({"case_id": [f"c{i % 150:03}" for i in range(n)], "probability": p, "model": "m"})
    rows["at"] = DAY + pd.to_timedelta(np.sort(rng.integers(0, days, n)), unit="D")
    rows = rows.drop_duplicates(["case_id", "at"], ignore_index=True)
    rows["label"] = (rng.uniform(size=len(rows)) < rows["probability"]).astype(float)
    return rows.assign(
        team=np.where(rows.index % 2, "a", None), updates=rows.index % 20, known_at=DAY + pd.Timedelta("30D")
    )


def test_scores_by_team_keep_the_missing_team_and_the_parts_of_brier_are_its_own():
    table = score_by(scored(), ["team"])
    assert table["team"].isna().sum() == 1
    assert table["n"].sum() == len(scored())
    whole = score_by(scored()).iloc[0]
    assert whole["brier"] == pytest.approx(brier(scored()["label"], scored()["probability"]))
    near = whole["reliability"] - whole["resolution"] + whole["uncertainty"]
    assert whole["brier"] == pytest.approx(near, abs=0.01)
    assert whole["uncertainty"] == pytest.approx(whole["base_rate"] * (1 - whole["base_rate"]))


def test_prefixes_and_weeks_cover_all_rows():
    rows = scored()
    prefix = score_by_prefix(rows, "updates", (5, 10))
    assert prefix["prefix"].tolist() == ["below 5", "5 to 10", "10 or more"]
    assert prefix["n"].sum() == len(rows)
    weeks = score_by_week(rows)
    assert weeks["n"].sum() == len(rows)
    assert np.average(weeks["predicted"], weights=weeks["n"]) == pytest.approx(rows["probability"].mean())


def test_the_daily_budget_is_that_of_a_walk_through_the_days():
    rows, k = scored(), 3
    hits = alerts = 0
    for _, day in rows.groupby("at"):
        top = day.sort_values(["probability", "case_id"], ascending=[False, True]).head(k)
        hits, alerts = hits + top["label"].sum(), alerts + len(top)
    table = precision_at_capacity(rows, k).iloc[0]
    assert table["alerts"] == alerts
    assert table["precision"] == pytest.approx(hits / alerts)
    assert table["recall"] == pytest.approx(hits / rows["label"].sum())


def test_saving_no_work_finds_everything_and_less_work_finds_less():
    table = recall_at_workload(scored(), (0.0, 0.5, 0.9))
    assert table["recall"].iloc[0] == 1.0
    assert table["recall"].is_monotonic_decreasing


def test_the_lead_is_from_the_first_alert_to_the_end():
    rows = pd.DataFrame(
        {"case_id": ["a", "b", "a", "b"], "at": [DAY, DAY, DAY + pd.Timedelta("1D"), DAY + pd.Timedelta("1D")]}
    )
    rows = rows.assign(model="m", probability=[0.1, 0.9, 0.8, 0.2], label=1.0, known_at=DAY + pd.Timedelta("3D"))
    table = warning_times(rows, 1).set_index("case_id")
    assert table["warning_s"].to_dict() == {"a": 2 * 86400.0, "b": 3 * 86400.0}


def test_rolling_trains_on_the_past_and_tests_only_cases_never_seen():
    at = [DAY + pd.Timedelta(days=d) for d in range(4)]
    rows = pd.DataFrame({"case_id": ["a", "a", "b", "c"], "at": at})
    labels = pd.DataFrame({"case_id": ["a", "b", "c"], "label": pd.array([True, False, None], dtype="boolean")})
    labels["known_at"] = DAY + pd.Timedelta("10D")
    seen = []

    def train(past, _, cutoff):
        seen.append((past["at"].max(), cutoff))
        return {"half": lambda new: np.full(len(new), 0.5)}

    found = backtest_risk(rows, labels, [at[0], at[2]], train, until=DAY + pd.Timedelta("20D"))
    assert found["case_id"].tolist() == ["b"], "a was seen in training, the outcome of c is not known"
    assert all(last <= cutoff for last, cutoff in seen)
    with pytest.raises(InputError, match="must be in ascending order"):
        backtest_risk(rows, labels, [at[2], at[0]], train, until=at[3])


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0.1, 8)), min_size=1, max_size=12),
    st.integers(0, 5),
    st.floats(0, 20),
)
def test_a_budget_is_kept_and_nothing_better_that_fits_is_left(cases, k, hours):
    rows = pd.DataFrame(cases, columns=["probability", "effort_h"]).assign(case_id=[f"c{i}" for i in range(len(cases))])
    out = select_cases(rows, k=k, capacity_h=hours)
    chosen = out[out["work_first"]]
    assert len(chosen) <= k
    assert chosen["effort_h"].sum() <= hours + 1e-6
    assert out["expected_benefit"].is_monotonic_decreasing
    if len(chosen) < k:
        left = hours - chosen["effort_h"].sum()
        others = out[~out["work_first"] & (out["expected_benefit"] > 0)]  # where work saves nothing none is done
        assert (others["effort_h"] > left - 1e-6).all()


def test_the_budget_goes_where_work_helps_and_not_to_the_highest_score():
    rows = pd.DataFrame({"case_id": ["lost", "open"], "probability": [0.95, 0.6], "preventable": [0.05, 0.7]})
    assert select_cases(rows, k=1).set_index("case_id")["work_first"].to_dict() == {"open": True, "lost": False}
    assert expected_benefit([0.5], cost=10.0, effort_h=2.0).tolist() == [2.5]


def test_since_when_a_case_is_flagged_does_not_know_later_lists():
    days = [DAY, DAY + pd.Timedelta("1D"), DAY + pd.Timedelta("2D")]
    rows = pd.DataFrame(
        {"case_id": ["a", "b"] * 3, "at": np.repeat(days, 2), "probability": [0.9, 0.1, 0.2, 0.3, 0.9, 0.1]}
    )
    history = rows.assign(work_first=rows["probability"] >= 0.3)
    assert find_first_flagged(history).set_index("case_id")["first_flagged_at"].to_dict() == {
        "a": days[0],
        "b": days[1],
    }
    assert find_first_flagged(history, as_of=days[0])["case_id"].tolist() == ["a"]


def test_what_cannot_be_a_budget_is_named():
    rows = pd.DataFrame({"case_id": ["a"], "probability": [0.5]})
    with pytest.raises(InputError, match="missing daily capacity"):
        select_cases(rows)
    with pytest.raises(InputError, match="column 'k'"):
        select_cases(rows, k=-1)
    with pytest.raises(InputError, match="column 'preventable'"):
        select_cases(rows, k=1, preventable=1.5)
    with pytest.raises(InputError, match="column 'effort_h'"):
        select_cases(rows, k=1, effort_h=0.0)


@settings(max_examples=30, deadline=None)
@given(st.floats(0.02, 0.98), st.floats(0.02, 0.98))
def test_a_shift_of_the_rate_reaches_the_rate(said, came):
    logit = log_odds(np.full(200, said)) + np.linspace(-0.5, 0.5, 200)
    shift = rate_shift(logit, np.full(200, came), decided=1e9)
    if abs(shift) < 2.49:
        assert expit(logit + shift).mean() == pytest.approx(came, abs=1e-4)
    assert abs(rate_shift(logit, np.full(200, came), decided=10)) <= abs(shift)


def test_a_desk_as_fast_as_expected_is_left_alone_and_a_halved_rate_halves_the_odds():
    assert speed_shift(50, 50) == 0.0
    assert speed_shift(100, 50) == pytest.approx(-speed_shift(50, 100))
    assert speed_shift(100, 50) > 0
