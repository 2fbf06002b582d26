"""The contract of the three estimators of risk: scikit-learn's, over frames whose schema is learnt and checked."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from deskcast.features.errors import InputError, PassedOverWarning
from deskcast.models import BreachRisk, DissatisfactionRisk, EscalationRisk
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_score
from sklearn.utils.estimator_checks import check_estimator

START = pd.Timestamp("2024-03-01T08:00Z")
ESTIMATORS = (BreachRisk, DissatisfactionRisk, EscalationRisk)


def as_snapshots(x):
    """Return the numbers of scikit-learn's checks as snapshots: one case a row, attributes for columns."""
    if (isinstance(x, pd.DataFrame) and "case_id" in x) or scipy.sparse.issparse(x) or np.ndim(x) != 2:
        return x
    x = np.asarray(x)
    frame = pd.DataFrame(x, columns=[f"attr_{i}" for i in range(x.shape[1])])
    frame.insert(0, "case_id", [f"c{i:04}" for i in range(len(x))])
    return frame.assign(at=START + pd.to_timedelta(np.arange(len(x)), unit="h"), metric="m", age_s=3600.0)


class OverArrays:
    """Give an estimator over frames the arrays that scikit-learn's checks give."""

    def fit(self, snapshots, y):
        return super().fit(as_snapshots(snapshots), y)

    def risk(self, snapshots):
        return super().risk(as_snapshots(snapshots))

    def score(self, snapshots, y, sample_weight=None):
        return super().score(as_snapshots(snapshots), y, sample_weight)


class Breach(OverArrays, BreachRisk):
    pass


class Dissatisfaction(OverArrays, DissatisfactionRisk):
    pass


class Escalation(OverArrays, EscalationRisk):
    pass


#: Checks that cannot apply to frames of cases, and why. All others pass.
TWO_CLASSES = "an outcome is true or false: other classes are refused by name, in our words"
KEYS = "a frame has the keys of its cases beside the features"
NOT_APPLICABLE = {
    "check_array_api_input": "skipped by scikit-learn: frames are no arrays of another library",
    "check_n_features_in_after_fitting": KEYS,
    "check_n_features_in": KEYS,
    "check_estimators_dtypes": TWO_CLASSES,
    "check_classifier_data_not_an_array": TWO_CLASSES,
    "check_classifiers_classes": TWO_CLASSES,
    "check_classifiers_regression_target": TWO_CLASSES,
    "check_complex_data": TWO_CLASSES,
    "check_estimators_empty_data_messages": "a frame without features is a base rate, which says so",
    "check_classifiers_train": "columns that no model looks at may be missing or more; its inputs are refused by name",
    "check_supervised_y_2d": "labels of two dimensions are a frame by case",
    "check_fit2d_predict1d": "what is no frame is refused as such",
}
#: Only where every label is of one kind.
ONE_KIND = {"check_fit2d_1sample": "where no case was ever escalated the source does not record it"}


@pytest.mark.parametrize("kind", [Breach, Dissatisfaction, Escalation])
def test_the_checks_of_scikit_learn_pass_but_for_those_that_cannot_apply(kind):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = check_estimator(kind(replicates=20), on_fail=None, on_skip=None)
    failed = {r["check_name"] for r in found if r["status"] != "passed"}
    listed = NOT_APPLICABLE | (ONE_KIND if kind is Escalation else {})
    assert failed <= set(listed), failed - set(listed)
    assert sum(r["status"] == "passed" for r in found) >= 38


@pytest.fixture(scope="module")
def made():
    rng = np.random.default_rng(5)
    n = 320
    moved = rng.integers(0, 8, n).astype(float)
    at = pd.Series(START + pd.to_timedelta(np.arange(n), unit="h")).astype("datetime64[us, UTC]")
    frame = pd.DataFrame({"case_id": [f"c{i:04}" for i in range(n)], "at": at, "metric": "resolution"})
    frame = frame.assign(age_s=3600.0, transfers=moved, due_at=at + pd.Timedelta("1D"))
    frame["team"] = np.where(moved > 4, "a", "b")
    labels = frame[["case_id", "metric"]].assign(label=rng.uniform(size=n) < moved / 9)
    labels["known_at"] = at + pd.Timedelta("30min")
    return frame, labels, {kind: kind(replicates=20).fit(frame, labels) for kind in ESTIMATORS}


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_an_estimator_has_the_manners_of_a_classifier(made, kind):
    frame, labels, fits = made
    risk = fits[kind]
    p = risk.predict_proba(frame)
    assert p.shape == (len(frame), 2)
    assert risk.classes_.tolist() == [False, True]
    np.testing.assert_allclose(p.sum(axis=1), 1)
    np.testing.assert_array_equal(p[:, 1], risk.risk(frame))
    np.testing.assert_array_equal(risk.predict(frame), p[:, 1] > 0.5)
    table = risk.predict_table(frame.head(3))
    np.testing.assert_array_equal(table[f"{kind.outcome}_risk"], p[:3, 1])
    assert is_classifier(risk)
    assert risk.score(frame, labels) == risk.score(frame, labels["label"]) > 0.6
    again = clone(risk)
    assert again.get_params() == risk.get_params()
    assert again.set_params(seed=3).seed == 3
    assert repr(clone(risk)) == f"{kind.__name__}(replicates=20)"
    assert "fitted as of" in repr(risk)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(risk)).risk(frame), p[:, 1])
    with pytest.raises(NotFittedError, match="not fitted"):
        again.risk(frame)


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_one_label_a_snapshot_serves_the_tools_of_scikit_learn(made, kind):
    frame, labels, _ = made
    y = labels["label"].to_numpy()
    scores = cross_val_score(kind(replicates=10), frame, y, cv=2, scoring="roc_auc")
    assert np.isfinite(scores).all()
    assert scores.shape == (2,)
    end = frame["at"].max() + pd.Timedelta("1s")
    told = kind(replicates=10).fit(frame, labels.assign(known_at=end), as_of=end)
    np.testing.assert_array_equal(kind(replicates=10).fit(frame, y).risk(frame), told.risk(frame))
    with pytest.raises(InputError, match=r"column 'label', row 2: .* got 'perhaps'"):
        kind().fit(frame, np.array([False, "perhaps", *y[2:]], dtype=object))
    with pytest.raises(InputError, match="a label for each snapshot"):
        kind().fit(frame, y[:5])


def test_text_with_an_offset_is_an_instant_in_all_frames(made):
    frame, labels, fits = made
    due = frame["due_at"].map(lambda t: f"{t:%Y-%m-%dT%H:%M:%SZ}")
    text = frame.assign(at=frame["at"].dt.tz_convert("Asia/Kolkata").map(str), due_at=due)
    told = labels.assign(known_at=labels["known_at"].map(str).str.replace(" ", "T"))
    for kind, risk in fits.items():
        again = kind(replicates=20).fit(text, told)
        np.testing.assert_array_equal(again.risk(frame), risk.risk(frame))
        np.testing.assert_array_equal(risk.risk(text), risk.risk(frame))


WRONG_TIMES = {
    "numbers": lambda at: at.astype("int64"),
    "floats": lambda at: at.astype("int64") / 1e6,
    "a naive time": lambda at: at.dt.tz_localize(None),
    "text without an offset": lambda at: at.dt.strftime("%Y-%m-%d %H:%M"),
    "dates": lambda at: at.dt.date,
    "words": lambda at: at.map(lambda _: "soon"),
    "true and false": lambda at: at.notna(),
    "one naive among others": lambda at: at.map(str).where(at.index != at.index[2], "2024-03-01 08:00"),
    "no such day": lambda at: at.map(str).where(at.index != at.index[2], "2024-02-31T08:00Z"),
}


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(ESTIMATORS), st.sampled_from(["at", "due_at", "known_at"]), st.sampled_from(sorted(WRONG_TIMES)))
def test_what_is_no_instant_is_refused_by_name(made, kind, column, wrong):
    frame, labels, fits = made
    where = "labels" if column == "known_at" else "snapshots"
    few, some = frame.head(9), labels.head(9)
    changed = {"snapshots": few, "labels": some}
    changed[where] = changed[where].assign(**{column: WRONG_TIMES[wrong](changed[where][column])})
    with pytest.raises(InputError, match=f"{where}: column '{column}'"):
        kind().fit(changed["snapshots"], changed["labels"])
    if where == "snapshots":
        for ask in (fits[kind].risk, fits[kind].predict_proba, fits[kind].predict, fits[kind].contributions):
            with pytest.raises(InputError, match=f"snapshots: column '{column}'"):
                ask(changed[where])


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(ESTIMATORS), st.sampled_from(["case_id", "at", "due_at", "transfers", "team"]))
def test_a_column_that_has_vanished_is_named(made, kind, column):
    frame, _, fits = made
    if column not in ("case_id", "at", "due_at", *fits[kind].features):
        return
    with pytest.raises(InputError, match=f"snapshots: column '{column}'"):
        fits[kind].risk(frame.drop(columns=column))


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_what_no_model_looks_at_is_said_and_changes_nothing(made, kind):
    frame, labels, fits = made
    more = frame.assign(denominator=np.arange(len(frame)), remark="x")
    with pytest.warns(PassedOverWarning, match=rf"{kind.__name__}: not used: 'denominator', 'remark'") as seen:
        risk = kind(replicates=20).fit(more, labels)
    assert seen[0].filename == __file__
    assert risk.passed_over_ == ("denominator", "remark")
    np.testing.assert_array_equal(risk.risk(more), fits[kind].risk(frame))
    with pytest.raises(InputError, match="column 'transfers': not valid numbers"):
        kind().fit(frame.assign(transfers="many"), labels)


def test_where_nothing_can_be_known_no_class_is_predicted(made):
    frame, _, fits = made
    risk = fits[BreachRisk]
    unknown = clone(risk)
    unknown.__dict__ |= risk.__dict__
    unknown._risk = lambda rows: np.full(len(rows), np.nan)
    assert np.isnan(unknown.predict_proba(frame)).all()
    with pytest.raises(InputError, match="the risk is unknown"):
        unknown.predict(frame)
