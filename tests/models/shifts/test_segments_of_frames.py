"""Segments hold names: whatever else a frame has is no segment, and what is not used is said."""

import warnings

import numpy as np
import pandas as pd
import pytest
from deskcast.features import series
from deskcast.features.errors import PassedOverWarning
from deskcast.models import anomaly_scores, detect_shifts, gaming_guard, goal_outlook
from hypothesis import given, settings
from hypothesis import strategies as st

DAYS = pd.date_range("2024-01-01", periods=120)
RISE = np.where(np.arange(120) >= 90, 70.0, 40.0) + np.arange(120) * 7919 % 11
#: Columns beyond the contract, none of which splits a history.
MEASURES = {
    "denominator": np.arange(120) * 3,
    "y": np.linspace(0, 1, 120),
    "whole": pd.array(np.arange(120), dtype="Int64"),
    "objects": pd.Series([*range(119), None], dtype=object).to_numpy(),
    "cutoff": DAYS + pd.Timedelta("1h"),
    "until": (DAYS + pd.Timedelta("1h")).tz_localize("UTC"),
    "took": pd.to_timedelta(np.arange(120), unit="h"),
    "day": DAYS.date,
    "cents": pd.Series(range(120), dtype="float32").to_numpy(),
}


def history(kpi="cases_opened", **columns):
    return pd.DataFrame({"kpi": kpi, **columns, "ds": DAYS, "value": RISE})


@settings(max_examples=20, deadline=None)
@given(st.sets(st.sampled_from(sorted(MEASURES)), min_size=1, max_size=4), st.booleans(), st.booleans())
def test_a_column_beyond_the_contract_is_no_segment_and_is_named(names, split, before):
    plain = history(**({"channel": "web"} if split else {}))
    more = plain.assign(**{name: MEASURES[name] for name in names})
    more = more[[*names, *plain.columns]] if before else more
    with pytest.warns(PassedOverWarning, match="history: not used: ") as seen:
        found = detect_shifts(more)
    assert seen[0].filename == __file__
    assert set(found.attrs["passed_over"]) == names
    assert found.attrs["segments"] == (("channel",) if split else ())
    expected = detect_shifts(plain)
    pd.testing.assert_frame_equal(found, expected)
    assert len(found) == 1
    pd.testing.assert_frame_equal(series(more, "cases_opened"), series(plain, "cases_opened"))


@pytest.mark.parametrize(
    "column",
    [
        np.repeat(["a", "b"], 60),
        pd.Categorical(np.repeat([1, 2], 60)),
        np.repeat([True, False], 60),
        pd.Series(np.repeat(["a", None], 60), dtype=object).to_numpy(),
    ],
)
def test_names_classes_and_yes_or_no_split_a_history(column):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = detect_shifts(history(group=column))
    assert found.attrs["segments"] == ("group",)
    assert series(history(group=column), "cases_opened")["unique_id"].nunique() == 2


def test_all_functions_over_histories_pass_over_the_same():
    time, again = history("handle_time", n=60.0), history("repeat_contact_rate", n=60.0)
    both = pd.concat([time, again.assign(value=0.1, numerator=6.0)], ignore_index=True)
    more = both.assign(denominator=np.arange(len(both)))
    with pytest.warns(PassedOverWarning, match="'denominator'"):
        found = gaming_guard(more)
    pd.testing.assert_frame_equal(found, gaming_guard(both))
    assert found.attrs["passed_over"] == ("denominator",)
    with pytest.warns(PassedOverWarning, match="'denominator'"):
        outlook = goal_outlook(more, "repeat_contact_rate", 0.2, draws=50)
    assert outlook == goal_outlook(both, "repeat_contact_rate", 0.2, draws=50)


def test_series_to_score_name_what_they_do_not_use():
    rows = pd.DataFrame({"unique_id": "calls", "ds": DAYS, "y": RISE})
    with pytest.warns(PassedOverWarning, match=r"series: not used: 'channel', 'n' \('unique_id'") as seen:
        found = anomaly_scores(rows.assign(channel="web", n=3))
    assert seen[0].filename == __file__
    assert found.attrs["passed_over"] == ("channel", "n")
    pd.testing.assert_frame_equal(found, anomaly_scores(rows))
