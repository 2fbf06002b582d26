"""Columns beyond those of a series split nothing, change nothing, and are named: in every function over frames."""

import warnings

import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError, PassedOverWarning
from deskcast.forecasting import (
    backtest,
    backtest_hierarchy,
    forecast,
    forecast_cold_start,
    forecast_hierarchy,
    forecast_over_time,
    forecast_panel,
    leaderboard,
    sample_paths,
    what_if,
)
from hypothesis import given, settings
from hypothesis import strategies as st

DAYS = pd.date_range("2024-01-01", periods=98, freq="D")
WEEK = np.where(DAYS.day_of_week < 5, 60.0, 9.0) + np.arange(98) % 3
PLAIN = pd.concat(
    [
        pd.DataFrame({"unique_id": name, "ds": DAYS, "y": WEEK / size})
        for name, size in (("phone/n", 1), ("phone/s", 2))
    ],
    ignore_index=True,
)
MORE = {
    "denominator": np.arange(196) * 3,
    "share": np.linspace(0, 1, 196),
    "team": ["a", "b"] * 98,
    "cutoff": pd.Timestamp("2024-03-01"),
    "flag": [True, False] * 98,
}
RULES = {"horizon": 7, "freq": "D", "windows": 3}
BY = {"by": ["channel", "region"]}
FUNCTIONS = {
    "forecast": lambda rows: forecast(rows, **RULES),
    "rates": lambda rows: forecast(rows.assign(n=9), kind="rate", bounds=(0, 100), **RULES),
    "backtest": lambda rows: backtest(rows, **RULES),
    "rates tested": lambda rows: backtest(rows.assign(n=9), kind="rate", bounds=(0, 100), **RULES),
    "paths": lambda rows: sample_paths(rows, n=20, **RULES),
    "hierarchy": lambda rows: forecast_hierarchy(rows, **BY, **RULES),
    "hierarchy tested": lambda rows: backtest_hierarchy(rows, folds=2, **BY, **RULES),
    "cold start": lambda rows: forecast_cold_start(rows, **RULES),
    "weeks": lambda rows: forecast_over_time(rows, **{**RULES, "horizon": 14}),
    "panel": lambda rows: forecast_panel(rows, chunk=1, **RULES),
    "panel by workers": lambda rows: forecast_panel(rows, chunk=1, jobs=2, **RULES),
    "panel in parts": lambda rows: forecast_panel((part for _, part in rows.groupby("unique_id")), **RULES),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_a_history_has_beyond_a_series_is_named_and_changes_nothing(name):
    function = FUNCTIONS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error", PassedOverWarning)
        plain = function(PLAIN)
    with pytest.warns(PassedOverWarning, match="history: not used: ") as seen:
        more = function(PLAIN.assign(**MORE))
    assert [w.filename for w in seen if w.category is PassedOverWarning] == [__file__]  # once, at the user's line
    pd.testing.assert_frame_equal(more, plain)
    assert more.attrs["passed_over"] == tuple(MORE)
    assert more.attrs["segments"] == (("channel", "region") if "hierarchy" in name else ("unique_id",))
    assert plain.attrs["passed_over"] == ()


@settings(max_examples=10, deadline=None)
@given(st.sets(st.sampled_from([*MORE, "n"]), min_size=1), st.booleans())
def test_whatever_stands_beside_and_wherever(names, before):
    more = PLAIN.assign(**{name: ({"n": 5} | MORE)[name] for name in sorted(names)})
    more = more[[*sorted(names), *PLAIN.columns]] if before else more
    with pytest.warns(PassedOverWarning):
        ahead = forecast(more, horizon=2, freq="D", windows=1)
    assert set(ahead.attrs["passed_over"]) == names
    pd.testing.assert_frame_equal(ahead, forecast(PLAIN, horizon=2, freq="D", windows=1))


def test_a_parquet_file_is_read_by_its_columns_and_names_the_others(tmp_path):
    rates = PLAIN.assign(n=9, **MORE).sort_values("unique_id", kind="stable")
    rates.to_parquet(tmp_path / "rows.parquet")
    asked = {"kind": "rate", "bounds": (0, 100), **RULES}
    with pytest.warns(PassedOverWarning, match=r"rows\.parquet: not used: 'denominator', 'share'"):
        ahead = forecast_panel(tmp_path / "rows.parquet", **asked)
    pd.testing.assert_frame_equal(ahead, forecast_panel(PLAIN.assign(n=9), **asked))
    rates.drop(columns="y").to_parquet(tmp_path / "rows.parquet")
    with pytest.raises(InputError, match=r"rows\.parquet: column 'y': missing column"):
        forecast_panel(tmp_path / "rows.parquet", **asked)


def test_folds_and_forecasts_name_columns_that_are_neither_scored_nor_changed():
    folds = backtest(PLAIN, **RULES)
    table = leaderboard(folds)
    with pytest.warns(PassedOverWarning, match="folds: not used: 'mine', 'wave'"):
        more = leaderboard(folds.assign(mine=folds["y"], wave=1))
    pd.testing.assert_frame_equal(more, table)
    assert more.attrs == {"segments": (), "passed_over": ("mine", "wave")}
    with pytest.warns(PassedOverWarning, match="'mine'"):
        assert leaderboard(folds.assign(mine=1, wave=2), by="wave").attrs["segments"] == ("wave",)
    ahead = forecast(PLAIN, **RULES)
    change = {"name": "fair", "factor": 2.0}
    with pytest.warns(PassedOverWarning, match="forecast: not used: 'mine'"):
        changed = what_if(ahead.assign(mine=3.0), [change])
    pd.testing.assert_frame_equal(changed.drop(columns="mine"), what_if(ahead, [change]))
    assert changed["mine"].eq(3.0).all()
    assert changed.attrs["passed_over"] == ("mine",)
