"""Frames and assumptions that mean nothing are refused in one line, whatever function they are given to."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.forecasting import (
    backtest,
    forecast,
    forecast_panel,
    inflow_paths,
    leaderboard,
    path_matrix,
    reconcile,
    sample_paths,
    total_over,
    what_if,
)
from volumes import panel

RULES = {"horizon": 3, "freq": "D", "windows": 3}
ROWS = panel(days=84, series=1)


@pytest.fixture(scope="module")
def made():
    return {
        "folds": backtest(ROWS, **RULES),
        "ahead": forecast(ROWS, **RULES),
        "paths": sample_paths(ROWS, n=10, **RULES),
    }


HISTORIES = {
    "column 'y': duplicate column": lambda rows: pd.concat([rows, rows[["y"]]], axis=1),
    "value must be a frame; got 'NoneType'": lambda rows: None,
    "column 'unique_id': missing column": lambda rows: rows.set_index(["unique_id", "ds"]),
    "column 'y', row 1: not a valid number; got 1j": lambda rows: rows.assign(y=1j),
    "column 'y', row 1: not a valid number; got True": lambda rows: rows.assign(y=True),
    "column 'y', row 1: ": lambda rows: rows.assign(y=pd.Timedelta("1h")),
    "column 'y', row 2: not a valid number; got 'few'": lambda rows: rows.assign(y=["1", "few", *["3"] * 82]),
}


@pytest.mark.parametrize("message", HISTORIES)
def test_a_history_that_cannot_be_read_is_named_for_every_kind(message):
    rows = HISTORIES[message](ROWS)
    for asked in ({}, {"kind": "rate", "bounds": (0, 1000)}, {"kind": "stock"}):
        with pytest.raises(InputError) as error:
            forecast(rows, **RULES, **asked)
        assert message in str(error.value)
    with pytest.raises(InputError) as error:
        forecast_panel(rows, **RULES)
    assert message in str(error.value)


FRAMES = [
    ("folds", leaderboard, lambda f: None, "folds: value must be a frame"),
    (
        "folds",
        leaderboard,
        lambda f: f.drop(columns="deskcast-hi-80"),
        "folds: column 'deskcast-hi-80': missing column",
    ),
    ("folds", leaderboard, lambda f: f.drop(columns="deskcast"), "folds: column 'deskcast': missing column"),
    ("folds", leaderboard, lambda f: f.assign(y="many"), "folds: column 'y': not valid numbers; got 'str'"),
    ("ahead", lambda f: what_if(f, {"factor": 2}), lambda f: f.head(0), "forecast: the forecast has no rows"),
    ("ahead", lambda f: what_if(f, {"factor": 2}), lambda f: f.assign(ds="soon"), "column 'ds': not valid times"),
    ("ahead", lambda f: what_if(f, {"factor": 2}), lambda f: f.assign(deskcast="a"), "'deskcast': not valid num"),
    ("ahead", inflow_paths, lambda f: f.drop(columns="ds"), "argument 'ahead': column 'ds': missing column"),
    (
        "ahead",
        lambda f: reconcile(f, ["a"]),
        lambda f: f.drop(columns="unique_id"),
        "column 'unique_id': missing column",
    ),
    ("paths", total_over, lambda f: f.head(0), "paths: missing paths"),
    ("paths", total_over, lambda f: f.assign(y="a"), "paths: column 'y': not valid numbers"),
    ("paths", total_over, lambda f: f.assign(ds=f["ds"].where(f.index > 0)), "column 'ds', row 1: missing time"),
    ("paths", path_matrix, lambda f: f.drop(columns="path"), "paths: column 'path': missing column"),
]


@pytest.mark.parametrize(("of", "function", "change", "message"), FRAMES)
def test_a_frame_that_cannot_be_used_is_named(made, of, function, change, message):
    with pytest.raises(InputError) as error:
        function(change(made[of]))
    assert message in str(error.value)


CHANGES = {
    "changes: row 1: not a valid change": None,
    "changes: row 1: not a valid change; got 5": 5,
    "column 'closed', row 1: not a valid value; got 'yes'": {"closed": "yes"},
    "column 'start', row 1: not a valid day; got 5": {"factor": 2, "start": 5},
    "column 'series', row 1: unknown series: it has no forecast; got '5'": {"factor": 2, "series": 5},
    "column 'series', row 1: unknown series: it has no forecast": {"factor": 2, "series": []},
    "column 'factor', row 1: not a valid value; got 1e+300, expected a number from 0 to 1,000,000": {"factor": 1e300},
    "column 'growth', row 1: not a valid value; got nan": {"growth": np.nan},
}


@pytest.mark.parametrize("message", CHANGES)
def test_an_assumption_that_means_nothing_is_named(made, message):
    with pytest.raises(InputError) as error:
        what_if(made["ahead"], CHANGES[message])
    assert message in str(error.value)


def test_no_day_is_as_good_as_none(made):
    out = what_if(made["ahead"], {"name": "x", "factor": 2, "start": pd.NaT, "end": None})
    assert out.attrs["changes"] == ["x: 100% more than forecast, 1 series"]
