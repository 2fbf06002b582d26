"""Adjustments of a part of a queue reach its plan by the share that the part has of it."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features.case_log.log import CaseLog
from deskcast.forecasting.scenarios.adjustments import carry_to_whole
from deskcast.forecasting.scenarios.what_if import Change, what_if
from deskcast.pipelines.stages.adjusted import adjustment_sentences, unknown_sentences, unreached_sentences
from deskcast.pipelines.stages.adjusted_parts import carry_parts
from deskcast.pipelines.state.adjustments import Adjustment
from hypothesis import given, settings
from hypothesis import strategies as st

AT = pd.Timestamp("2024-03-01T08:00Z")


def kept(**change):
    return [Adjustment(Change("fair", **change), "mailing", "ann", AT)]


@pytest.fixture(scope="module")
def log():
    """Of 100 phone cases a day 30 are of the north, 50 of the south and 20 of no region; the north was larger once."""
    regions = ["north"] * 30 + ["south"] * 50 + [None] * 20
    parts = []
    for day in pd.date_range("2024-01-01", periods=80, tz="UTC"):
        old = day < pd.Timestamp("2024-01-15", tz="UTC")
        at = day + pd.to_timedelta(np.arange(100) * 300, unit="s")
        parts.append(
            pd.DataFrame({"created_at": at, "channel": "phone", "region": ["north"] * 100 if old else regions})
        )
        parts.append(pd.DataFrame({"created_at": at[:40], "channel": "chat", "region": "north"}))
    cases = pd.concat(parts, ignore_index=True)
    cases["case_id"] = [f"c{i}" for i in range(len(cases))]
    return CaseLog.from_frames(cases=cases, until="2024-03-21T00:00Z")


def carry(log, adjustments, by=("channel", "region"), names=("phone",), where=None):
    where = {"channel": "phone"} if where is None else where
    return carry_parts(adjustments, names, log, where, by, "cases_opened")


def test_a_part_is_adjusted_by_its_share_of_late_and_of_what_has_a_segment(log):
    found, shares = carry(log, kept(factor=1.4, series="phone/north"))
    assert shares == {"fair": pytest.approx(30 / 80)}
    assert found[0].change.factor == pytest.approx(1 + 0.4 * 30 / 80)
    assert (found[0].change.series, found[0].by, found[0].reason) == ("phone", "ann", "mailing")
    both, shares = carry(log, kept(factor=1.4, series=("phone/north", "phone/south")))
    assert both[0].change.factor == pytest.approx(1.4)
    assert shares == {"fair": pytest.approx(1.0)}
    said = adjustment_sentences(found, ["fair"], {"fair": 0.375}, "phone")
    assert said == ["Adjusted by ann on Fri 1 Mar 2024: 'fair' ('mailing'). It is for 38% of phone."]


@pytest.mark.parametrize(
    ("change", "by"),
    [
        ({"factor": 1.4, "series": "chat/north"}, ("channel", "region")),  # of another queue
        ({"factor": 1.4, "series": "phone"}, ("channel", "region")),  # of all of it
        ({"factor": 1.4}, ("channel", "region")),  # of everything
        ({"volume": 50.0, "series": "phone/north"}, ("channel", "region")),  # says nothing of the rest
        ({"factor": 1.4, "series": "phone/north"}, ("channel",)),  # the series are not split so
        ({"factor": 1.4, "series": "phone/east"}, ("channel", "region")),  # nobody knows this segment
        ({"factor": 1.4, "series": "phone/north"}, ("channel", "colour")),  # nor this column
    ],
)
def test_what_is_not_of_a_part_or_has_no_share_stays_as_it_is_and_is_said(log, change, by):
    adjustments = kept(**change)
    found, shares = carry(log, adjustments, by)
    assert found == adjustments
    assert shares == {}
    said = unreached_sentences(found, ["phone"], pd.Series(pd.to_datetime(["2024-03-21"])))
    assert bool(said) == str(change.get("series", "")).startswith("phone/")


@given(
    st.floats(0.05, 0.95),
    st.sampled_from([{"factor": 0.0}, {"factor": 1.7}, {"closed": True}, {"growth": 0.0}]),
)
@settings(max_examples=15, deadline=None)
def test_the_whole_moves_as_its_parts_do_in_sum(share, effect):
    ds = pd.date_range("2024-03-04", periods=5)
    parts = pd.DataFrame({"unique_id": np.repeat(["phone/a", "phone/b"], 5), "ds": [*ds, *ds]})
    parts["deskcast"] = np.repeat([100 * share, 100 * (1 - share)], 5)
    change = Change("fair", "2024-03-05", "2024-03-06", series="phone/a", **effect)
    moved = what_if(parts, [change]).groupby("ds")["deskcast"].sum()
    whole = parts.groupby("ds", as_index=False)["deskcast"].sum().assign(unique_id="phone")
    same = what_if(whole, [carry_to_whole(change, share, "phone")])
    assert same["deskcast"].to_numpy() == pytest.approx(moved.to_numpy())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"series": "phnoe"}, ["phnoe"]),
        ({"series": ["phone", "fax"]}, ["fax"]),
        ({"series": "phone/nroth"}, ["phone/nroth"]),
        ({"series": "phone/north"}, []),
        ({"series": "north"}, []),
        ({"series": "hotline"}, []),
        ({"series": "hotline/day/gold"}, []),
        ({"series": None}, []),
        ({"series": "phnoe", "start": "2024-06-01", "end": "2024-06-02"}, []),
    ],
)
def test_a_series_that_no_forecast_has_is_told_with_the_nearest_name(change, said):
    days = pd.Series(pd.to_datetime(["2024-03-21", "2024-03-22"]))
    found = unknown_sentences(kept(**change), ["phone/north", "chat/south"], ["hotline"], days)
    assert [text.split(" on ")[1].split(":")[0] for text in found] == said
    assert all("did you mean 'phone" in text or "known: " in text for text in found)
