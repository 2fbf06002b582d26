"""Snapshots as numbers: the same matrix for the same row, whatever stands beside it."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.models.candidates.encoding import LevelCode, fit_encoder, look_up_once
from hypothesis import given
from hypothesis import strategies as st


def frame(**columns):
    base = {
        "age_s": np.linspace(0, 1e6, 100),
        "unanswered_s": [np.nan, 3600.0] * 50,
        "transfers": [0, 0, 0, 1] * 25,
        "team": ["a"] * 60 + ["b"] * 38 + ["rare1", "rare2"],
        "weekday": [1.0, 2.0] * 50,
        "customer_id": range(100),
        "anything": range(100),
    }
    return pd.DataFrame({**base, **columns})


def one(row, encoder):
    return encoder.matrix(pd.DataFrame([row]))[0]


def test_only_known_features_enter_and_never_an_id():
    assert set(fit_encoder(frame()).features) == {"age_s", "unanswered_s", "transfers", "team", "weekday"}


def test_each_column_of_the_matrix_has_a_group():
    encoder = fit_encoder(frame())
    assert encoder.matrix(frame()).shape == (100, len(encoder.groups))


@given(st.permutations(range(12)))
def test_a_row_is_encoded_alone_as_among_others(order):
    encoder = fit_encoder(frame())
    rows = frame().iloc[::9].reset_index(drop=True)
    order = [i for i in order if i < len(rows)]
    assert np.array_equal(encoder.matrix(rows.iloc[order]), encoder.matrix(rows)[order])


def test_a_new_level_is_as_good_as_a_rare_one_and_without_rare_ones_as_the_average():
    pooled = fit_encoder(frame(), rare=3)
    row = frame().iloc[0]
    assert np.array_equal(one({**row, "team": "new"}, pooled), one({**row, "team": "rare1"}, pooled))
    plain = fit_encoder(frame(team=["a"] * 60 + ["b"] * 40), rare=3)
    team = [group == "team" for group in plain.groups]
    assert one({**row, "team": "new"}, plain)[team].tolist() == [0.6, 0.4]
    assert one({**row, "team": None}, plain)[team].tolist() == [0.6, 0.4]


def test_a_missing_number_says_so_and_stands_at_the_median():
    encoder = fit_encoder(frame())
    mine = [group == "reply" for group in encoder.groups]
    assert one({**frame().iloc[0], "unanswered_s": np.nan}, encoder)[mine].tolist() == [0.0, 1.0]
    assert one({**frame().iloc[0], "unanswered_s": 3600.0}, encoder)[mine].tolist() == [0.0, 0.0]


def test_a_number_missing_only_at_scoring_counts_as_the_median():
    encoder = fit_encoder(frame())
    row = frame().iloc[3]
    median = {**row, "age_s": 1e6 / 2}
    assert one({**row, "age_s": None}, encoder) == pytest.approx(one(median, encoder), abs=0.02)


def test_nothing_is_extrapolated():
    encoder = fit_encoder(frame())
    row = frame().iloc[3]
    assert np.array_equal(one({**row, "age_s": 1e6}, encoder), one({**row, "age_s": 1e9}, encoder))


@pytest.mark.parametrize("empty", [[np.nan] * 100, [7.0] * 100, [None] * 100])
def test_a_feature_that_says_nothing_is_left_out_and_told(empty):
    encoder = fit_encoder(frame(idle_s=empty))
    assert encoder.unused == ("idle_s",)
    assert "idle_s" not in encoder.features


def test_whole_numbers_read_as_floats_are_the_same_levels():
    encoder = fit_encoder(frame())
    ints, floats = frame(weekday=[1, 2] * 50), frame(weekday=[1.0, 2.0] * 50)
    assert np.array_equal(encoder.matrix(ints), encoder.matrix(floats))


def test_a_vanished_column_is_named():
    encoder = fit_encoder(frame())
    with pytest.raises(InputError, match="column 'team': missing column that the model was trained with"):
        encoder.matrix(frame().drop(columns="team"))


def test_levels_looked_up_once_are_those_looked_up_each_time(monkeypatch):
    looked_up, real = [], LevelCode._codes
    monkeypatch.setattr(LevelCode, "_codes", lambda self, values: looked_up.append(self.name) or real(self, values))
    first, second = frame(), frame(team=["b"] * 99 + ["new"])
    encoders = [fit_encoder(first), fit_encoder(second)]
    rng = np.random.default_rng(0)
    coefficients = [rng.normal(size=(len(one.groups), 2)) for one in encoders]

    def find_effects():
        looked_up.clear()
        several = [
            encoder.effects(rows, c + k, np.zeros(len(c)))
            for k in range(3)
            for rows in (first, second, first.iloc[::-1])
            for encoder, c in zip(encoders, coefficients, strict=True)
        ]
        return [effect for effects in several for effect in effects.values()]

    each_time = find_effects()
    count = len(looked_up)
    with look_up_once():
        once = find_effects()
    assert len(looked_up) < count
    assert all(np.array_equal(one, other) for one, other in zip(each_time, once, strict=True))
    find_effects()
    assert len(looked_up) == count  # and outside of it each time again
