"""The rules of joining, one by one: the desk and its segments, views of one thing, what is sudden, what comes again."""

import numpy as np
import pandas as pd
import pytest
from deskcast.models.shifts.ledger import build_alerts, detection_key, find_lead, update_alerts
from deskcast.pipelines.stages.watch_drivers import ChangeExplanation
from deskcast.pipelines.stages.watch_groups import group_into_alerts
from hypothesis import given, settings
from hypothesis import strategies as st

DAY = pd.Timestamp("2025-03-10")
BY = ["channel", "product", "region", "account"]


def detections(*rows):
    """Return detections from kpi, series, direction, kind, start, day found, last day (None: goes on) and strength."""
    frame = pd.DataFrame(rows, columns=["kpi", "series", "direction", "kind", "start", "found", "last", "z"])
    for column, days in (("started_at", "start"), ("changed_at", "start"), ("detected_at", "found")):
        frame[column] = DAY + pd.to_timedelta(frame[days], unit="D")
    frame["last_at"] = DAY + pd.to_timedelta(frame["last"].astype("float64").fillna(99.0), unit="D")
    frame["state"] = np.where(frame["last"].isna(), "continuing", "back to normal")
    frame = frame.assign(before=10.0, after=20.0 + np.arange(len(frame)), n=30.0, impact=10.0, drivers="")
    return frame.assign(resolved=frame["state"] == "back to normal").drop(columns=["start", "found", "last"])


def grouped(*rows, moved=None):
    return group_into_alerts(detections(*rows), moved or {}, {}, BY)[0].tolist()


def down(series, start, found, last, z, kpi="sla_attainment"):
    return kpi, series, "down", "level_shift", start, found, last, -z


@settings(max_examples=15)
@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(0, 12), st.floats(3.3, 5.0)), min_size=3, max_size=3))
def test_segments_that_move_as_the_whole_desk_does_are_one_alert_and_without_it_they_are_not(moves):
    names = ["region Germany", "region Netherlands", "region Portugal"]
    parts = [down(name, at, at + 4 + wait, None, z) for name, (at, wait, z) in zip(names, moves, strict=True)]
    assert len(set(grouped(*parts, down("all", 0, 11, None, 4.0)))) == 1
    apart = [
        down(name, 10 * k, 10 * k + 4, None, z) for k, (name, (_, _, z)) in enumerate(zip(names, moves, strict=True))
    ]
    assert len(set(grouped(*apart))) == 3


def test_the_whole_desk_of_another_thing_or_another_time_joins_nothing():
    parts = [down("region Germany", 0, 4, 9, 5.0), down("region Portugal", 8, 14, 20, 5.1)]
    assert len(set(grouped(*parts, down("all", 4, 11, 20, 4.0, kpi="csat")))) == 3
    assert len(set(grouped(*parts, down("all", 40, 44, 60, 4.0)))) == 3


def test_what_waits_is_one_thing_in_all_its_kpis_and_so_is_what_comes_in():
    slow = ("resolution_time", "region Germany", "up", "level_shift", -2, 7, None, 4.0)
    met = ("sla_attainment", "account A5", "up", "level_shift", 0, 5, None, 4.0)
    calls = ("contacts_offered", "region Germany", "down", "level_shift", 1, 9, None, -4.0)
    cases = ("cases_opened", "all", "down", "level_shift", 0, 9, None, -4.5)
    groups = grouped(down("all", 0, 3, None, 5.0), slow, met, cases, calls)
    assert groups[0] == groups[1]
    assert groups[3] == groups[4]
    assert groups[0] not in (groups[2], groups[3])  # less to wait, and fewer cases, are no reason for longer waiting


@pytest.mark.parametrize("name", ["sla_attainment_closing", "service_level_60s"])
def test_a_kpi_of_one_metric_or_of_a_limit_of_its_own_is_a_view_of_waiting_too(name):
    burst = ("cases_opened", "product Internet", "up", "spike", 0, 0, 0, 9.0)
    groups = grouped(burst, down("region Germany", 0, 1, None, 5.0, kpi=name))
    assert groups[0] == groups[1]


def test_what_is_sudden_and_strong_is_no_bad_day_of_what_goes_on():
    growth = ("cases_opened", "all", "up", "level_shift", -30, -20, None, 8.6)
    weak = ("cases_opened", "channel web", "up", "spike", 0, 0, 0, 4.6)
    strong = ("cases_opened", "product Internet", "up", "spike", 0, 0, 0, 7.4)
    assert grouped(growth, weak) == [0, 0]
    groups = grouped(growth, strong, ("backlog", "product Internet", "up", "spike", 0, 0, 0, 10.0))
    assert groups[0] != groups[1] == groups[2]


def test_the_same_alarm_long_after_is_another_alert_and_another_kpi_of_the_segment_is_not():
    dip = ("sla_attainment", "region Germany", "down", "level_shift", 0, 4, 20, -5.0)
    again = ("sla_attainment", "region Germany", "down", "level_shift", 70, 71, None, -5.5)
    assert len(set(grouped(dip, again))) == 2
    repeats = ("repeat_contact_rate", "account A2", "up", "level_shift", 0, 6, None, 5.6)
    cases = ("cases_opened", "account A2", "up", "level_shift", 20, 27, None, 4.0)
    assert len(set(grouped(repeats, cases))) == 1
    strong = ("cases_opened", "account A2", "up", "level_shift", 60, 63, None, 9.0)
    assert len(set(grouped(repeats, strong))) == 2  # so much stronger: it has its own reason


def test_nested_segments_are_one_alert_and_crossing_ones_are_not():
    mobile = ("cases_opened", "product Mobile", "up", "level_shift", 0, 8, None, 4.6)
    inside = ("cases_opened", "product Mobile, region Portugal", "up", "level_shift", 1, 6, None, 9.0)
    portugal = ("cases_opened", "region Portugal", "up", "level_shift", -4, 9, None, 5.0)
    other = ("cases_opened", "product TV, region Ireland", "up", "level_shift", 1, 9, None, 5.0)
    groups = grouped(mobile, inside, portugal, other)
    assert groups[0] == groups[1] == groups[2]
    assert groups[3] != groups[1]
    lead = find_lead(detections(mobile, inside, portugal))
    assert (lead["series"], lead["after"]) == ("product Mobile, region Portugal", 21.0)


def test_a_part_in_which_a_change_stands_out_no_more_is_not_what_moved():
    repeats = ("repeat_contact_rate", "account A2", "up", "level_shift", 0, 6, None, 5.6)
    later = ("cases_opened", "account A2", "up", "level_shift", 20, 27, None, 4.0)
    none = pd.DataFrame()
    why = {0: ChangeExplanation({"channel": "email", "account": "A2"}, none, "channel email, account A2 (42%)")}
    assert len(set(grouped(repeats, later, moved=why))) == 1
    inside = ("repeat_contact_rate", "channel email, account A2", "up", "level_shift", 0, 6, None, 7.5)
    assert len(set(grouped(repeats, later, inside, moved=why))) == 2


def test_an_alert_that_appears_again_with_other_days_keeps_its_id_and_one_that_was_over_does_not():
    first = build_alerts(detections(down("region Germany", 0, 4, None, 5.0)))
    ledger = update_alerts(None, first, DAY + pd.Timedelta(days=5))
    ripened = build_alerts(detections(down("region Germany", 1, 5, None, 5.2)))
    then = update_alerts(ledger, ripened, DAY + pd.Timedelta(days=12))
    assert then["alert_id"].tolist() == ledger["alert_id"].tolist()
    over = update_alerts(None, build_alerts(detections(down("region Germany", 0, 4, 9, 5.0))), DAY)
    later = update_alerts(over, build_alerts(detections(down("region Germany", 40, 44, None, 5.0))), DAY)
    assert later["alert_id"].nunique() == 2


@settings(max_examples=15)
@given(st.floats(3.4, 6.0), st.floats(3.4, 12.0), st.integers(0, 3))
def test_a_lead_that_changes_leaves_the_subject_of_the_id_and_its_own_figures(z, more, wait):
    early = detections(down("region Germany", 0, 4, None, z))
    subject = ("sla_attainment", "region Germany", "down")
    known = {detection_key(row): "one" for row in early.itertuples()}
    late = detections(down("region Germany", 0, 4, None, z), down("all", 0, 4 + wait, None, more))
    groups, kept = group_into_alerts(late, {}, known, BY, {"one": subject})
    assert groups.nunique() == 1
    row = build_alerts(late, groups=groups, subjects={int(groups[0]): subject}).iloc[0]
    assert kept == {int(groups[0]): "one"}
    assert (row["kpi"], row["series"], row["direction"]) == subject
    assert (row["after"], row["z"]) == (20.0, -z)


def test_what_the_whole_desk_did_too_does_not_join_two_accounts():
    repeats = ("repeat_contact_rate", "account A2", "up", "level_shift", -14, -7, None, 5.6)
    own = ("cases_opened", "account A2", "up", "level_shift", 7, 14, None, 4.0)
    total = ("cases_opened", "all", "up", "level_shift", 9, 14, None, 3.9)
    other = ("cases_opened", "account A3", "up", "level_shift", 0, 2, None, 6.0)
    groups = grouped(repeats, own, total, other)
    assert groups[0] == groups[1] != groups[2] == groups[3]
    assert grouped(repeats, ("cases_opened", "account A2", "up", "level_shift", 7, 14, None, 4.0)) == [0, 0]


@settings(max_examples=15)
@given(st.integers(30, 88))
def test_what_moves_long_after_in_a_part_of_a_segment_is_its_own_alert(days):
    """A product had more cases since May; the account whose agent left in August is not told under it."""
    product = ("cases_opened", "product Mobile", "up", "level_shift", 0, 8, None, 6.0)
    part = ("csat", "product Mobile, account A2", "down", "level_shift", days, days + 8, None, -5.0)
    soon = ("csat", "product Mobile, account A2", "down", "level_shift", 20, 27, None, -5.0)
    same = ("csat", "product Mobile", "down", "level_shift", days, days + 8, None, -5.0)
    assert len(set(grouped(product, part))) == 2
    assert len(set(grouped(product, soon))) == 1
    assert len(set(grouped(product, same))) == 1


@pytest.mark.parametrize("z", [4.0, 9.0])
@pytest.mark.parametrize("state", ["continuing", "back to changed level"])
def test_more_of_the_very_same_on_a_level_that_has_stayed_is_the_same_alert(z, state):
    """A burst of repeat contacts of an account whose agent left three months ago is no alert of its own."""
    usual = ("repeat_contact_rate", "account A2", "up", "level_shift", 0, 6, 28, 7.0)
    burst = ("repeat_contact_rate", "account A2", "up", "level_shift", 88, 94, 95, z)
    other = ("repeat_contact_rate", "account A1", "up", "level_shift", 60, 66, 67, z)
    late = ("repeat_contact_rate", "account A2", "up", "level_shift", 160, 166, 167, z)
    frame = detections(usual, burst, other, late)
    frame["state"] = ["become usual", state, "back to normal", "back to normal"]
    groups = group_into_alerts(frame, {}, {}, BY)[0]
    assert groups[0] == groups[1]
    assert groups[0] != groups[2]
    assert (groups[0] == groups[3]) == (state == "continuing" and z > 7)  # long after the end it is news
    row = build_alerts(frame[:2], groups=groups[:2]).iloc[0]
    assert row["state"] == ("continuing" if state == "continuing" else "become usual")
    told = frame.assign(state=["back to normal", state, "back to normal", "back to normal"])
    again = group_into_alerts(told, {}, {}, BY)[0]
    assert again[0] != again[1]
