"""A user's feature stands in the snapshots, and one that looks into the future is refused whatever it looks at."""

import sys

import numpy as np
import pandas as pd
import pytest
from deskcast.extend import register_feature, unregister
from deskcast.features import CaseLog, snapshots
from deskcast.features.errors import InputError
from deskcast.features.snapshots.snapshots import feature_columns
from deskcast.models.candidates.encoding import fit_encoder
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.fixture(scope="module")
def log():
    rng = np.random.default_rng(1)
    n = 80
    created = pd.Timestamp("2024-03-01T06:00Z") + pd.to_timedelta(np.sort(rng.uniform(0, 240, n)), unit="h")
    cases = pd.DataFrame({"case_id": [f"c{i}" for i in range(n)], "created_at": created, "team": "a"})
    done = cases.assign(at=created + pd.to_timedelta(rng.uniform(1, 60, n), unit="h"), kind="resolved")
    wrote = cases.assign(at=created + pd.to_timedelta(rng.uniform(0, 30, n), unit="h"), kind="message")
    events = pd.concat([done, wrote])[["case_id", "at", "kind"]].assign(actor_role="customer", public=True)
    policies = pd.DataFrame({"policy": ["all"], "metric": ["resolution"], "target_s": [72000], "clock": "calendar"})
    return CaseLog.from_frames(
        cases=cases, events=events, sla_policies=policies, until="2024-03-13T00:00Z", timezone="Europe/Lisbon"
    )


DAYS = pd.date_range("2024-03-02T08:00Z", periods=9, freq="D")


def messages_so_far(log, rows):
    events = log.frame("events")
    both = rows.reset_index().merge(events[events["kind"] == "message"], on="case_id", suffixes=("", "_said"))
    return both[both["at_said"] <= both["at"]].groupby("index").size().reindex(rows.index, fill_value=0)


def opened_in_the_morning(log, rows):
    created = log.frame("cases").set_index("case_id")["created_at"]
    return np.where(rows["case_id"].map(created).dt.hour < 12, "morning", "later")


def test_features_are_columns_of_the_snapshots_and_of_the_models(log):
    plain = snapshots(log, DAYS)
    register_feature("messages_so_far", messages_so_far)
    register_feature("day_part", opened_in_the_morning, known="creation")
    rows = snapshots(log, DAYS)
    assert rows.attrs["known"] == {"attr_messages_so_far": "event", "attr_day_part": "creation"}
    assert rows["attr_messages_so_far"].isin([0.0, 1.0]).all()
    assert set(rows["attr_day_part"]) == {"morning", "later"}
    numbers, names = feature_columns(rows)
    assert "attr_messages_so_far" in numbers
    assert "attr_day_part" in names
    assert {"attr_messages_so_far", "attr_day_part"} <= set(fit_encoder(rows, rare=2).features)
    pd.testing.assert_frame_equal(rows.drop(columns=["attr_messages_so_far", "attr_day_part"]), plain, check_like=True)
    cut = DAYS[4]
    then = snapshots(log.as_of(cut), [cut])
    mine = rows[rows["at"] == cut].reset_index(drop=True)
    pd.testing.assert_frame_equal(then[mine.columns], mine)
    for name in ("messages_so_far", "day_part"):
        unregister("feature", name)
    pd.testing.assert_frame_equal(snapshots(log, DAYS), plain)


def resolved_at(log):
    events = log.frame("events")
    return events[events["kind"] == "resolved"].set_index("case_id")["at"]


LEAKS = {
    "its end": lambda log, rows: rows["case_id"].map(resolved_at(log)).notna(),
    "time to its end": lambda log, rows: (rows["case_id"].map(resolved_at(log)) - rows["at"]).dt.total_seconds(),
    "all events": lambda log, rows: rows["case_id"].map(log.frame("events").groupby("case_id").size()).fillna(0),
    "size of the log": lambda log, rows: np.full(len(rows), len(log.frame("cases"))),
    "end of the log": lambda log, rows: (log.until - rows["at"]).dt.total_seconds(),
    "the other rows": lambda log, rows: rows["case_id"].map(rows.groupby("case_id").size()),
}


@pytest.mark.parametrize("what", LEAKS)
def test_what_looks_into_the_future_is_refused_by_name(log, what):
    register_feature("peek", LEAKS[what])
    with pytest.raises(InputError, match=r"'peek' of .*: it looks into the future: .*got .*expected .*case 'c\d+'"):
        snapshots(log, DAYS)


@settings(max_examples=10, deadline=None)
@given(st.floats(0.1, 100), st.sampled_from(["sum", "max", "size"]))
def test_any_use_of_later_events_is_refused(log, hours, how):
    def later(log, rows):
        events = log.frame("events")
        both = rows.reset_index().merge(events[["case_id", "at"]], on="case_id", suffixes=("", "_then"))
        ahead = (both["at_then"] - both["at"]).dt.total_seconds() / 3600
        near = ahead[ahead.between(-1000, hours)].groupby(both["index"]).agg(how)
        return near.reindex(rows.index, fill_value=0)

    register_feature("later", later)
    try:
        with pytest.raises(InputError, match="it looks into the future"):
            snapshots(log, DAYS)
    finally:
        unregister("feature", "later")


BAD = {
    "it failed with KeyError: 'mood'": lambda log, rows: log.frame("cases")["mood"],
    "it must give one value a row; got 1": lambda log, rows: [1.0],
    "its values are neither numbers nor texts": lambda log, rows: rows["at"],
    "numbers nor texts; got 'complex128'": lambda log, rows: np.full(len(rows), 1j),
    "one value a row; got (": lambda log, rows: rows[["case_id", "at"]],
    "one value a row; got 'list'": lambda log, rows: [[1], *[[1, 2]] * (len(rows) - 1)],
    "its values have another index than the rows": lambda log, rows: pd.Series(1.0, index=rows["case_id"]),
    "another index than the rows (reindex(rows.index)": lambda log, rows: rows["case_id"][::-1],
    "it failed with SystemExit: 3": lambda log, rows: sys.exit(3),
}


@pytest.mark.parametrize("problem", BAD)
def test_one_that_fails_is_refused_by_name(log, problem):
    register_feature("mine", BAD[problem])
    with pytest.raises(InputError) as error:
        snapshots(log, DAYS)
    assert "feature 'mine' of" in str(error.value)
    assert problem in str(error.value)


def test_objects_are_what_they_hold(log):
    register_feature("known_number", lambda log, rows: [None if name == "c0" else 1 for name in rows["case_id"]])
    found = snapshots(log, DAYS).set_index("case_id")["attr_known_number"]
    assert found.dtype == float
    assert found[["c0"]].isna().all()
    assert found.drop("c0").eq(1).all()


def test_what_is_known_at_creation_never_changes(log):
    register_feature("messages", messages_so_far, known="creation")
    with pytest.raises(InputError, match=r"it is said to be known at creation, and changes later .case 'c\d+'"):
        snapshots(log, DAYS)
    with pytest.raises(InputError, match=r"never with its outcome; got 'outcome'"):
        register_feature("late", messages_so_far, known="outcome")


def test_an_attribute_of_the_same_name_is_a_clash():
    at = pd.to_datetime(["2024-03-01T09:00Z"])
    cases = pd.DataFrame({"case_id": ["1"], "created_at": at, "impact": ["high"]})
    policies = pd.DataFrame({"policy": ["all"], "metric": ["resolution"], "target_s": [7200], "clock": "calendar"})
    events = pd.DataFrame({"case_id": ["1"], "at": ["2024-03-01T10:30Z"], "kind": ["resolved"]})
    own = CaseLog.from_frames(cases=cases, events=events, sla_policies=policies, attributes={"impact": "creation"})
    register_feature("impact", opened_in_the_morning)
    with pytest.raises(InputError, match="an attribute of this log is called so"):
        snapshots(own, "creation")
