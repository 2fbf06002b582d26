"""A user's classifier is calibrated and judged as all candidates are, and its parts sum to what it says."""

import numpy as np
import pandas as pd
import pytest
from deskcast.extend import PluginWarning, register_classifier, unregister
from deskcast.features.errors import InputError
from deskcast.models.evaluation.calibration import log_odds
from deskcast.models.risk.breach import BreachRisk
from risk_frames import risk_frames
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier


@pytest.fixture(scope="module")
def desk():
    snapshots, labels, _ = risk_frames(cases=900)
    # what no candidate of the house sees: the outcome follows the parity of a number
    rng = np.random.default_rng(5)
    code = pd.Series(rng.integers(0, 40, labels["case_id"].nunique()), index=labels["case_id"].unique())
    odd = labels["case_id"].map(code).to_numpy() % 2 == 1
    coin = rng.uniform(size=len(labels)) < 0.92
    parity = labels.assign(label=pd.array(np.where(coin, odd, ~odd), dtype="boolean"), known_at=labels["known_at"])
    parity.loc[labels["label"].isna().to_numpy(), "label"] = pd.NA
    rows = snapshots.assign(attr_code=snapshots["case_id"].map(code).astype("float64"))
    return rows.assign(already_breached=False), labels, parity


def tree():
    return DecisionTreeClassifier(min_samples_leaf=20, random_state=0)


def fit(rows, labels, **more):
    return BreachRisk(replicates=100, **more).fit(rows, labels)


def test_it_stands_in_the_table_and_is_used_where_it_wins(desk):
    rows, _, parity = desk
    register_classifier("tree", tree())
    risk = fit(rows, parity)
    table = risk.evaluation_.set_index("model")
    assert risk.used_ == "tree"
    assert risk.promoted_
    assert table.loc["tree", "brier"] < 0.6 * table.loc["logistic", "brier"]
    assert table.loc["tree", "ece"] < 0.1
    assert "tree is used" in risk.decision_.lower()
    parts = risk.contributions(rows[:200])
    p = risk.risk(rows[:200])
    said = parts.drop(columns="logit").sum(axis=1)
    assert said.to_numpy() == pytest.approx(log_odds(p), abs=1e-9)
    assert parts["details"].abs().mean() > parts.drop(columns=["base", "logit", "details"]).abs().mean().max()


def test_where_it_does_not_win_nothing_changes(desk):
    rows, labels, _ = desk
    plain = fit(rows, labels)
    register_classifier("noise", NoiseClassifier)
    risk = fit(rows, labels)
    assert risk.used_ == plain.used_
    assert risk.risk(rows) == pytest.approx(plain.risk(rows))
    kept = risk.evaluation_[risk.evaluation_["model"] != "noise"].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, plain.evaluation_)
    unregister("classifier", "noise")
    pd.testing.assert_frame_equal(fit(rows, labels).evaluation_, plain.evaluation_)


class NoiseClassifier:
    """The least that a classifier is; a class is called for every fit."""

    def fit(self, X, y, sample_weight):
        assert set(np.unique(y)) == {0, 1}
        assert np.isfinite(X.to_numpy()).all()
        assert len(X) == len(y) == len(sample_weight)
        return self

    def predict_proba(self, X):
        p = np.random.default_rng(0).uniform(size=len(X))
        return np.column_stack([1 - p, p])


def test_each_fit_has_a_copy_of_its_own(desk):
    rows, labels, _ = desk
    given = HistGradientBoostingClassifier(max_iter=5)
    register_classifier("boosted", given)
    risk = fit(rows, labels)
    assert "boosted" in risk.candidates_
    assert not hasattr(given, "classes_")
    names = [str(n) for n in risk.candidates_["boosted"].score.classifier.feature_names_in_]
    assert len(names) == len(set(names)) == len(risk.candidates_["boosted"].score.encoder.groups)


def test_a_pipeline_gets_the_weights_where_its_last_step_takes_them(desk):
    rows, labels, _ = desk
    register_classifier("scaled", make_pipeline(StandardScaler(), LogisticRegression(max_iter=200)))
    risk = fit(rows, labels)
    assert "scaled" in set(risk.evaluation_["model"])
    assert np.isfinite(risk.candidates_["scaled"].probability(rows)).all()


class Failing(NoiseClassifier):
    def fit(self, X, y, sample_weight):
        raise ValueError("no such luck")


class OneColumn(NoiseClassifier):
    def predict_proba(self, X):
        return np.full(len(X), 0.5)


class NoProbability(NoiseClassifier):
    def predict_proba(self, X):
        return np.full((len(X), 2), np.nan)


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (Failing, "it failed with ValueError: no such luck"),
        (OneColumn, "predict_proba must give one column for 0 and one for 1"),
        (NoProbability, "predict_proba gave no probability; got nan"),
    ],
)
def test_one_that_fails_is_named_and_the_others_are_fitted(desk, bad, problem):
    rows, labels, _ = desk
    register_classifier("bad", bad)
    with pytest.warns(PluginWarning, match=f"left out of the models: classifier 'bad' of .*{problem}"):
        risk = fit(rows, labels)
    assert set(risk.evaluation_["model"]) == {"constant", "rule", "rates", "logistic", "hazard", "mean"}


def test_what_is_no_classifier_or_has_a_name_of_the_house_is_refused():
    with pytest.raises(InputError, match=r"classifier 'x' of .* a classifier has fit and predict_proba"):
        register_classifier("x", object())
    with pytest.raises(InputError, match="duplicate name; got 'logistic'"):
        register_classifier("logistic", tree())
