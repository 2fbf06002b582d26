"""Frames and settings that no model can be made of, or asked about, are refused by name; forms of one value are one."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.models import BreachRisk, DissatisfactionRisk, EscalationRisk
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import CalibratedClassifierCV
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

ESTIMATORS = (BreachRisk, DissatisfactionRisk, EscalationRisk)
N = 200


@pytest.fixture(scope="module")
def made():
    rng = np.random.default_rng(5)
    moved = rng.integers(0, 8, N).astype(float)
    at = pd.Series(pd.Timestamp("2024-03-01T08:00Z") + pd.to_timedelta(np.arange(N), unit="h"))
    frame = pd.DataFrame({"case_id": [f"c{i:04}" for i in range(N)], "at": at, "metric": "resolution", "age_s": 3600.0})
    frame = frame.assign(transfers=moved, team=np.where(moved > 4, "a", "b"), due_at=at + pd.Timedelta("1D"))
    labels = frame[["case_id", "metric"]].assign(
        label=rng.uniform(size=N) < moved / 9, known_at=at + pd.Timedelta("30min")
    )
    return frame, labels, {kind: kind(replicates=5).fit(frame, labels) for kind in ESTIMATORS}


FORMS = {
    "mixed zones": lambda f: f.assign(at=[t.tz_convert(("Asia/Kolkata", "UTC")[i % 2]) for i, t in enumerate(f["at"])]),
    "python's instants": lambda f: f.assign(at=pd.Series([t.to_pydatetime() for t in f["at"]], dtype=object)),
    "nanoseconds": lambda f: f.assign(at=f["at"].dt.as_unit("ns"), due_at=f["due_at"].dt.as_unit("s")),
    "Arrow": lambda f: f.convert_dtypes(dtype_backend="pyarrow"),
    "nullable": lambda f: f.convert_dtypes(),
    "objects": lambda f: f.astype(object),
    "categories": lambda f: f.assign(team=f["team"].astype("category"), case_id=f["case_id"].astype("category")),
    "one index": lambda f: f.set_index(np.zeros(len(f))),
    "columns backwards": lambda f: f[f.columns[::-1]].assign(more=1),
}


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(ESTIMATORS), st.sampled_from(sorted(FORMS)))
def test_the_same_values_in_another_form_have_the_same_risk(made, kind, form):
    frame, _, fits = made
    other = FORMS[form](frame)
    np.testing.assert_array_equal(fits[kind].risk(other), fits[kind].risk(frame))
    assert len(fits[kind].predict_table(other)) == len(fits[kind].contributions(other)) == N


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_no_rows_have_no_risk_and_an_unknown_team_has_one(made, kind):
    frame, _, fits = made
    none = fits[kind].predict_proba(frame.head(0))
    assert none.shape == (0, 2)
    assert fits[kind].predict_table(pd.DataFrame(columns=frame.columns)).empty
    assert np.isfinite(fits[kind].risk(frame.assign(team="founded today"))).all()


WRONG = {
    "at twice": (lambda f: pd.concat([f, f[["at"]]], axis=1), "column 'at': duplicate column"),
    "team twice": (lambda f: pd.concat([f, f[["team"]]], axis=1), "column 'team': duplicate column"),
    "no instant": (lambda f: f.assign(at=f["at"].where(f.index != 2)), "column 'at', row 3: missing instant"),
    "an array": (lambda f: f.to_numpy(), "not a valid table of snapshots; got 'ndarray'"),
    "levels": (lambda f: f.set_axis(pd.MultiIndex.from_product([["x"], f.columns]), axis=1), "column 'case_id'"),
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("kind", ESTIMATORS)
def test_what_cannot_be_read_is_refused_when_fitting_and_when_asked(made, kind, wrong):
    frame, labels, fits = made
    change, message = WRONG[wrong]
    with pytest.raises(InputError, match=f"^snapshots: {message}"):
        fits[kind].risk(change(frame))
    with pytest.raises(InputError, match=f"^snapshots: {message}"):
        kind().fit(change(frame), labels)


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_lists_are_no_level_of_a_text_column(made, kind):
    frame, labels, fits = made
    lists = frame.assign(team=pd.Series([["a"]] * N, dtype=object))
    for ask in (fits[kind].risk, lambda rows: kind().fit(rows, labels)):
        with pytest.raises(InputError, match=r"^snapshots: column 'team': "):
            ask(lists)


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_no_number_is_endless(made, value):
    frame, labels, fits = made
    rows = frame.assign(transfers=frame["transfers"].where(frame.index != 4, value))
    asks = [fit.risk for fit in fits.values() if "transfers" in fit._features()]  # a rule looks at less
    assert asks
    for ask in (*asks, *(lambda rows, kind=kind: kind().fit(rows, labels) for kind in ESTIMATORS)):
        with pytest.raises(InputError, match=r"^snapshots: column 'transfers', row 5: not a finite number"):
            ask(rows)


@pytest.mark.parametrize("kind", [BreachRisk, DissatisfactionRisk])
def test_who_follows_checks_the_columns_of_all_models(made, kind):
    frame, labels, fits = made
    now = frame["at"].max()
    for column, value in (("transfers", "many"), ("transfers", 1j), ("team", 5)):
        with pytest.raises(InputError, match=f"snapshots: column '{column}': the model learnt from another kind"):
            fits[kind].follow(frame.assign(**{column: value}), labels, now)
    with pytest.raises(InputError, match="column 'transfers': the model was trained with this"):
        fits[kind].follow(frame.drop(columns="transfers"), labels, now)


BAD = [("regularisation", v) for v in (0, -1.0, np.nan, np.inf, "much", None)]
BAD += [("replicates", v) for v in (0, 1.5, "all")] + [("seed", v) for v in (-1, 0.5, "a")]


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_a_setting_that_cannot_be_is_named_when_fitting(made, kind):
    frame, labels, _ = made
    for name, value in BAD:
        with pytest.raises(InputError, match=f"^argument '{name}': "):
            kind(**{name: value}).fit(frame, labels)
    with pytest.raises(InputError, match="argument 'clip'"):
        DissatisfactionRisk(clip=0.5).fit(frame, labels)
    for value in (5, "soon", pd.NaT, "2024-03-01"):
        with pytest.raises(InputError, match="column 'as_of': "):
            kind().fit(frame, labels, as_of=value)


def test_the_tools_of_scikit_learn_take_frames_and_another_process_takes_the_model(made, tmp_path):
    frame, labels, fits = made
    few, y, risk = frame.head(120), labels["label"].head(120).to_numpy(), EscalationRisk(replicates=5)
    pipe = make_pipeline(FunctionTransformer(lambda rows: rows.assign(attr_more=1)), risk)
    np.testing.assert_array_equal(pipe.fit(few, y).predict_proba(few), risk.fit(few, y).predict_proba(few))
    assert "escalationrisk" in repr(pipe)
    grid = GridSearchCV(risk, {"regularisation": [1.0, 10.0]}, cv=2, scoring="neg_brier_score")
    assert grid.fit(few, y).best_params_["regularisation"] in (1.0, 10.0)
    assert CalibratedClassifierCV(risk, cv=2).fit(few, y).predict_proba(few).shape == (120, 2)
    pd.to_pickle((fits[BreachRisk], frame, fits[BreachRisk].risk(frame)), tmp_path / "risk.pickle")
    code = "import pandas as pd, sys; r, f, p = pd.read_pickle(sys.argv[1]); assert (r.risk(f) == p).all()"
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "risk.pickle")], check=True)
