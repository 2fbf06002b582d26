"""A user's KPI is listed, counted and split as all others are."""

import sys

import numpy as np
import pandas as pd
import pytest
from deskcast.extend import PluginWarning, register_kpi, unregister
from deskcast.features import CaseLog, availability, kpi_history
from deskcast.features.errors import InputError
from hypothesis import given, settings
from hypothesis import strategies as st


def made_log(n=60, seed=0):
    rng = np.random.default_rng(seed)
    created = pd.Timestamp("2024-03-01T06:00Z") + pd.to_timedelta(np.sort(rng.uniform(0, 14 * 24, n)), unit="h")
    cases = pd.DataFrame({"case_id": [f"c{i}" for i in range(n)], "created_at": created})
    cases["channel"], cases["amount"] = rng.choice(["chat", "phone"], n), rng.integers(0, 9, n).astype(float)
    return CaseLog.from_frames(cases=cases, until="2024-03-16T00:00Z", timezone="Europe/Lisbon")


def rows_of(log, **more):
    cases = log.frame("cases")
    made = {k: v(cases) if callable(v) else v for k, v in more.items()}
    return pd.DataFrame({"case_id": cases["case_id"], "at": cases["created_at"], **made})


@pytest.mark.parametrize(
    ("unit", "value", "want"),
    [
        ("count", lambda c: c["amount"], "sum"),
        ("money", lambda c: c["amount"], "mean"),
        ("share", lambda c: c["amount"] > 4, "mean"),
        ("s", lambda c: c["amount"], "median"),
    ],
)
def test_rows_are_counted_by_unit_period_and_segment(unit, value, want):
    log = made_log()
    register_kpi("mine", lambda log: rows_of(log, value=value), unit=unit, definition="made up")
    found = kpi_history(log, "mine", by="channel", freq="W")
    cases = log.frame("cases")
    week = cases["created_at"].dt.tz_convert(log.timezone).dt.tz_localize(None).dt.to_period("W").dt.start_time
    told = value(cases).astype(float).groupby([cases["channel"], week]).agg(want)
    for row in found.itertuples():
        expected = told.get((row.channel, row.ds), np.nan)
        if unit == "s":  # the median of Kaplan-Meier is a value that occurred
            assert abs(row.value - expected) <= 1
        else:
            assert row.value == pytest.approx(expected, nan_ok=True)
    assert found["n"].sum() > 0


@settings(max_examples=10, deadline=None)
@given(st.lists(st.sampled_from([0.0, 1.0, None]), min_size=60, max_size=60))
def test_a_missing_value_counts_nowhere_and_is_no_zero(values):
    log = made_log()
    register_kpi("mine", lambda log: rows_of(log, value=values), unit="share", definition="made up")
    found = kpi_history(log, "mine", freq="MS")
    whole = kpi_history(log, "mine", freq="D")
    known = [v for v in values if v is not None]
    assert whole["n"].sum() == len(known)
    assert whole["numerator"].sum() == sum(known)
    assert found["value"].isna().all() or found["value"].between(0, 1).all()
    unregister("kpi", "mine")


def test_it_is_listed_and_part_of_the_full_history():
    log = made_log()
    before = kpi_history(log)
    register_kpi("mine", lambda log: rows_of(log), unit="count", better="lower", definition="cases, again")
    row = availability(log).set_index("kpi").loc["mine"]
    assert row[["available", "computed", "unit", "better"]].tolist() == [True, True, "count", "lower"]
    history = kpi_history(log)
    mine, opened = (history[history["kpi"] == name]["value"].to_numpy() for name in ("mine", "cases_opened"))
    assert mine.tolist() == opened.tolist()
    unregister("kpi", "mine")
    pd.testing.assert_frame_equal(kpi_history(log), before)


BAD = {
    "it failed with ZeroDivisionError": lambda log: 1 / 0,
    "it must return a frame; got 'list'": lambda log: [1],
    "column 'at': missing column": lambda log: pd.DataFrame({"value": [1.0]}),
    "its times are not instants": lambda log: pd.DataFrame({"at": ["2024-03-02"], "value": [1.0]}),
    "a row is later than the end of the log": lambda log: pd.DataFrame(
        {"at": [log.until + pd.Timedelta(days=1)], "value": [1.0]}
    ),
    "row 2: a value cannot be used; got 7.0, expected 0 or 1": lambda log: rows_of(log, value=[1.0] + [7.0] * 59),
    "row 1: a value cannot be used; got 'yes', expected 0 or 1": lambda log: rows_of(log, value="yes"),
    "row 1: a value cannot be used; got 1j, expected 0 or 1": lambda log: rows_of(log, value=1j),
    "a value cannot be used; got Timedelta(": lambda log: rows_of(log, value=pd.Timedelta("1h")),
    "two columns have one name": lambda log: pd.concat([rows_of(log, value=1), rows_of(log)[["at"]]], axis=1),
    "column 'ended', row 1: it is not clear what has ended; got 'no'": lambda log: rows_of(log, value=1, ended="no"),
    "row 1: it is not clear what has ended; expected true": lambda log: rows_of(log, value=1, ended=None),
    "it failed with SystemExit: 3": lambda log: sys.exit(3),
}


@pytest.mark.parametrize("problem", BAD)
def test_one_that_fails_is_named_and_the_others_go_on(problem):
    log = made_log()
    register_kpi("mine", BAD[problem], unit="share", definition="made up", per_case=False)
    with pytest.warns(PluginWarning, match=r"left out of the history: kpi 'mine' of \S+") as said:
        history = kpi_history(log)
    assert any(problem in str(w.message) for w in said)
    assert "cases_opened" in set(history["kpi"])
    with pytest.raises(InputError) as error:
        kpi_history(log, ["cases_opened", "mine"])
    assert problem in str(error.value)


def test_spans_of_time_are_seconds_and_instants_may_be_objects():
    log = made_log()
    rows = rows_of(log, value=pd.Timedelta("2min"))
    register_kpi("mine", lambda log: rows.assign(at=rows["at"].astype(object)), unit="s", definition="x")
    found = kpi_history(log, "mine")["value"].dropna()
    assert set(found) == {120.0}
    unregister("kpi", "mine")
    register_kpi("mine", lambda log: rows_of(log, value=-1.0), unit="s", definition="x")
    with pytest.raises(InputError, match=r"row 1: a value cannot be used; got -1.0, expected seconds of 0 or more"):
        kpi_history(log, "mine")


@pytest.mark.parametrize("name", ["csat", "responded_within_9h", "sla_attainment_x", "Backlog", ""])
def test_names_of_the_catalogue_are_taken(name):
    with pytest.raises(InputError, match=r"duplicate name|not a name"):
        register_kpi(name, rows_of, unit="count", definition="x")


def test_units_and_directions_are_those_of_the_catalogue():
    with pytest.raises(InputError, match=r"column 'unit': unknown unit; got 'shares' .did you mean 'share'"):
        register_kpi("mine", rows_of, unit="shares", definition="x")
    with pytest.raises(InputError, match=r"unknown better; got 'more'"):
        register_kpi("mine", rows_of, unit="share", better="more", definition="x")


def test_without_case_ids_there_is_a_total_only():
    log, rules = made_log(), {"unit": "count", "definition": "x"}
    register_kpi("mine", lambda log: rows_of(log).drop(columns="case_id"), per_case=False, **rules)
    assert kpi_history(log, "mine")["value"].sum() == 60
    assert "mine" not in set(kpi_history(log, by="channel")["kpi"])
    with pytest.raises(InputError, match="mine cannot be split by these columns"):
        kpi_history(log, "mine", by="channel")
    register_kpi("other", lambda log: rows_of(log).drop(columns="case_id"), **rules)
    with pytest.raises(InputError, match="column 'case_id': missing column"):
        kpi_history(log, "other")
