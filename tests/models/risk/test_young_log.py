"""A log too young for its targets: a rate by the time used, or that it cannot be known yet; and inputs that changed."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features.calendars.business_calendar import BusinessCalendar
from deskcast.features.errors import InputError
from deskcast.models.candidates.time_used import fit_time_used
from deskcast.models.risk.breach import BreachRisk
from hypothesis import given, settings
from hypothesis import strategies as st

START = pd.Timestamp("2024-03-01T00:00Z")


def young_log(log_days=24.0, target_days=14.0, mean_days=10.0, a_day=12, seed=0):
    """Return snapshots (one look a day), labels and the end; how long the work takes is exponential."""
    dice = np.random.default_rng(seed)
    n = int(log_days * a_day)
    created = np.sort(dice.uniform(0, log_days, n))
    done = created + dice.exponential(mean_days, n)
    due = created + target_days
    rows = []
    for day in np.arange(1, int(log_days) + 1) - 0.65:
        open_ = np.flatnonzero((created <= day) & (done > day) & (day < due))
        age = day - created[open_]
        rows.append(
            pd.DataFrame(
                {
                    "case_id": [f"c{i:05}" for i in open_],
                    "at": START + pd.Timedelta(days=day),
                    "metric": "resolution",
                    "age_s": age * 86400,
                    "due_at": START + pd.to_timedelta(due[open_], unit="D"),
                    "left_s": (target_days - age) * 86400,
                    "target_used": age / target_days,
                    "already_breached": False,
                }
            )
        )
    frame = pd.concat(rows, ignore_index=True)
    frame["at"] = frame["at"].astype("datetime64[us, UTC]")
    known = np.minimum(done, due)
    ripe = known <= log_days
    labels = pd.DataFrame({"case_id": [f"c{i:05}" for i in range(n)], "metric": "resolution"})
    labels["label"] = pd.array(np.where(ripe, done > due, False), dtype="boolean")
    labels.loc[~ripe, "label"] = pd.NA
    labels["known_at"] = pd.Series(START + pd.to_timedelta(known, unit="D")).where(ripe)
    return frame, labels, START + pd.Timedelta(days=log_days)


def test_a_rate_by_time_used_is_that_of_the_truth():
    frame, labels, end = young_log(log_days=17, a_day=20)
    risk = BreachRisk().fit(frame, labels, as_of=end)
    assert risk.used_ == "time_used"
    assert not risk.promoted_
    rows = frame.drop_duplicates("case_id").head(3).assign(target_used=[0.0, 0.5, 0.9])
    truth = np.exp(-1.4 * (1 - np.array([0.0, 0.5, 0.9])))  # exp(-left / mean)
    assert risk.risk(rows) == pytest.approx(truth, abs=0.1)
    assert "breach risk is read from the SLA time used" in risk.decision_
    assert risk.caution_ == risk.decision_
    moved = risk.follow(frame, labels, end)
    assert moved.risk(rows) == pytest.approx(risk.risk(rows))
    parts = risk.contributions(rows)
    assert np.allclose(parts["base"] + parts["time"], parts["logit"])


@pytest.mark.parametrize("log_days", [6, 13])
def test_where_no_target_has_run_out_it_cannot_be_known_yet(log_days):
    frame, labels, end = young_log(log_days=log_days, a_day=40)
    risk = BreachRisk().fit(frame, labels, as_of=end)
    assert risk.used_ == "unknown"
    assert np.isnan(risk.risk(frame)).all()
    assert "Not enough data yet for a breach risk: the targets of only 0 of" in risk.decision_
    over = frame.head(2).assign(already_breached=True)
    assert risk.risk(over).tolist() == [1.0, 1.0]  # a fact, and no forecast


@settings(max_examples=12, deadline=None)
@given(st.floats(1.1, 1.6), st.floats(4, 20), st.floats(0.4, 2.0), st.integers(0, 10_000))
def test_on_any_young_log_the_rate_is_never_that_of_met_targets_alone(span, target, mean, seed):
    frame, labels, end = young_log(span * target, target, mean * target, a_day=10, seed=seed)
    risk = BreachRisk(replicates=20).fit(frame, labels, as_of=end)
    truth = np.exp(-(1 - frame["target_used"].to_numpy()) / mean)
    if risk.used_ == "unknown":
        assert np.isnan(risk.risk(frame)).all()
        return
    assert np.mean(risk.risk(frame) - truth) == pytest.approx(0, abs=0.2)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 0.99), st.booleans()), min_size=1, max_size=60))
def test_the_curve_falls_and_no_breach_is_impossible(cases):
    end = np.array([e for e, _ in cases])
    curve = fit_time_used(np.zeros(len(end)), end, np.array([d for _, d in cases]))
    steps = np.concatenate([[1.0], curve.survival])
    assert (np.diff(steps) <= 0).all()
    assert 0 < curve.new_case <= 1
    whole = np.concatenate([end, np.ones(500)])  # with many that ran on to the end it is the plain share
    done = np.concatenate([[d for _, d in cases], np.zeros(500, dtype=bool)]).astype(bool)
    assert fit_time_used(np.zeros(len(whole)), whole, done).new_case >= 500 / (len(whole) + 1) - 1e-9


def test_business_hours_are_the_clock_of_the_time_used():
    calendar = BusinessCalendar.from_hours("UTC", {"mon-fri": ["09:00-17:00"]})
    frame, labels, end = young_log(log_days=17, a_day=20)
    risk = BreachRisk(calendar=calendar).fit(frame, labels, as_of=end)
    assert np.isfinite(risk.risk(frame)).all()


def changed(frame, how):
    return {
        "at as numbers": lambda: frame.assign(at=np.arange(len(frame))),
        "at without a zone": lambda: frame.assign(at=frame["at"].dt.tz_localize(None)),
        "at as text": lambda: frame.assign(at=frame["at"].dt.strftime("%Y-%m-%dT%H:%M")),
        "due_at missing": lambda: frame.drop(columns="due_at"),
        "due_at as numbers": lambda: frame.assign(due_at=np.arange(len(frame))),
        "target_used as text": lambda: frame.assign(target_used="half"),
        "age_s as instants": lambda: frame.assign(age_s=frame["at"]),
        "target_used missing": lambda: frame.drop(columns="target_used"),
    }[how]()


@pytest.mark.parametrize("log_days", [17, 60])
@pytest.mark.parametrize(
    "how",
    [
        "at as numbers", "at without a zone", "at as text", "due_at missing", "due_at as numbers",
        "target_used as text", "age_s as instants", "target_used missing",
    ],
)  # fmt: skip
def test_an_input_of_another_kind_is_refused_by_name(fitted, log_days, how):
    frame, risk = fitted[log_days]
    with pytest.raises(InputError, match=f"snapshots: column '{how.split()[0]}'"):
        risk.risk(changed(frame.head(20), how))
    assert len(risk.risk(frame.head(20))) == 20


@pytest.fixture(scope="module")
def fitted():
    out = {}
    for log_days in (17, 60):
        frame, labels, end = young_log(log_days=log_days, a_day=20 if log_days == 17 else 8)
        out[log_days] = frame, BreachRisk(replicates=50).fit(frame, labels, as_of=end)
    assert out[60][1].used_ not in ("time_used", "unknown")
    return out
