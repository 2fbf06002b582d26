"""Which detections are one alert: what follows from one another, and no chain of neighbours."""

import numpy as np
import pandas as pd
from deskcast.models.shifts.ledger import build_alerts, detection_key
from deskcast.pipelines.stages.watch_groups import group_into_alerts
from hypothesis import given, settings
from hypothesis import strategies as st

DAY = pd.Timestamp("2025-11-11")
BY = ["channel", "product", "region", "account"]


def detections(*rows):
    """Return detections from kpi, series, direction, kind, start, day found, last day (None: goes on) and strength."""
    names = ["kpi", "series", "direction", "kind", "start", "found", "last", "z"]
    frame = pd.DataFrame(rows, columns=names)
    for column, days in (("started_at", "start"), ("changed_at", "start"), ("detected_at", "found")):
        frame[column] = DAY + pd.to_timedelta(frame[days], unit="D")
    frame["last_at"] = DAY + pd.to_timedelta(frame["last"].astype("float64").fillna(9.0), unit="D")
    frame["state"] = np.where(frame["last"].isna(), "continuing", "back to normal")
    frame = frame.assign(before=10.0, after=20.0 + np.arange(len(frame)), n=30.0, impact=10.0, drivers="")
    return frame.assign(resolved=frame["state"] == "back to normal").drop(columns=["start", "found", "last"])


OUTAGE = [
    ("cases_opened", "product Internet", "up", "spike", 0, 0, 0, 9.2),
    ("backlog", "product Internet", "up", "level_shift", 0, 0, None, 13.0),
    ("sla_attainment", "all", "down", "level_shift", 0, 0, None, -9.0),
    ("sla_attainment", "channel email", "down", "level_shift", -8, 1, None, -7.0),  # what the burst made stand out
    ("sla_attainment", "product Mobile", "down", "spike", 1, 1, None, -6.0),  # the total moved: queues are shared
    ("resolution_time", "product Internet", "up", "level_shift", 1, 2, None, 5.0),
]


def test_an_outage_is_one_alert_with_its_own_name_figures_and_dates():
    dip = ("sla_attainment", "region Germany", "down", "level_shift", -8, -7, -7, -6.8)
    later = ("cases_opened", "product Internet", "up", "spike", 4, 4, 4, 5.0)
    found = detections(*OUTAGE, dip, later)
    groups, kept = group_into_alerts(found, {}, {}, BY)
    assert kept == {}
    assert groups[:6].nunique() == 1
    assert groups.nunique() == 3  # the dip of a week before and what came four days later are others
    alert = build_alerts(found, groups=groups).set_index("series").loc["product Internet"]
    alert = alert[alert["started_at"] == DAY].iloc[0]
    assert (alert["kpi"], alert["before"], alert["after"], alert["detected_at"]) == ("cases_opened", 10.0, 20.0, DAY)
    assert "backlog up (product Internet)" in alert["other_kpis"]
    assert alert["state"] == "continuing"
    assert "sla_attainment down (all)" in alert["ongoing_kpis"]


def test_an_account_is_one_alert_with_all_its_kpis():
    rows = [
        ("repeat_contact_rate", "account A2", "up", "level_shift", 0, 7, None, 6.0),
        ("handle_time", "account A2", "up", "level_shift", -13, 3, None, 4.0),
        ("csat", "account A2", "down", "level_shift", 9, 20, None, -4.0),
        ("csat", "account A3", "down", "level_shift", 9, 21, None, -4.5),
        ("handle_time", "account A2", "up", "level_shift", 100, 110, None, 4.0),
    ]
    groups, _ = group_into_alerts(detections(*rows), {}, {}, BY)
    assert groups[0] == groups[1] == groups[2]
    assert groups.nunique() == 3


def test_an_id_keeps_its_subject_whatever_becomes_stronger():
    early = detections(("cases_opened", "region Portugal", "up", "level_shift", 0, 4, None, 4.0))
    known = {detection_key(row): "one" for row in early.itertuples()}
    subject = ("cases_opened", "region Portugal", "up")
    late = pd.concat(
        [early, detections(("cases_opened", "product Mobile, region Portugal", "up", "level_shift", 0, 6, None, 9.0))],
        ignore_index=True,
    )
    groups, kept = group_into_alerts(late, {}, known, BY, {"one": subject})
    assert groups.nunique() == 1
    assert kept == {int(groups[0]): "one"}
    row = build_alerts(late, groups=groups, subjects={int(groups[0]): subject}).iloc[0]
    assert (row["kpi"], row["series"], row["direction"]) == subject
    # an id whose subject is not found any more is given to nothing else
    other = detections(("reopen_rate", "account A1", "up", "level_shift", 0, 4, None, 4.0))
    stale = {detection_key(row): "one" for row in other.itertuples()}
    assert group_into_alerts(other, {}, stale, BY, {"one": subject})[1] == {}


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["cases_opened", "backlog", "csat", "sla_attainment"]),
            st.sampled_from(["all", "channel web", "channel chat", "product TV", "account A7"]),
            st.sampled_from(["up", "down"]),
            st.sampled_from(["spike", "level_shift"]),
            st.integers(-20, 20),
            st.integers(0, 6),
            st.floats(3.2, 12),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_nothing_that_was_found_before_an_alert_began_or_long_after_it_ended_is_in_it(rows):
    found = detections(*[(k, s, d, kind, at, at + wait, at + wait, z) for k, s, d, kind, at, wait, z in rows])
    groups, _ = group_into_alerts(found, {}, {}, BY)
    for alert in build_alerts(found, groups=groups).itertuples():
        about = (found["kpi"] == alert.kpi) & (found["series"] == alert.series) & (found["after"] == alert.after)
        own = found[groups == groups[about].iloc[0]]
        spread = (own["started_at"].max() - own["started_at"].min()).days
        assert spread <= 40
        assert alert.started_at in set(own.loc[about, "started_at"])
        assert alert.z in set(own.loc[about, "z"])
        assert not ((own["kpi"] == alert.kpi) & (own["direction"] != alert.direction)).any()


def test_a_burst_anywhere_lets_all_queues_wait_and_what_goes_on_in_a_segment_stays_with_it():
    rows = [
        ("cases_opened", "product Internet", "up", "spike", 0, 0, 0, 9.2),
        ("sla_attainment", "account A2", "down", "level_shift", 0, 1, None, -6.0),
        ("repeat_contact_rate", "account A2", "up", "level_shift", -60, -55, None, 7.0),
        ("csat", "account A2", "down", "level_shift", -20, -5, None, -4.0),
        ("csat", "all", "down", "level_shift", -19, -5, None, -5.0),
        ("csat", "product Mobile", "down", "level_shift", 0, 1, None, -4.6),
    ]
    groups, _ = group_into_alerts(detections(*rows), {}, {}, BY)
    assert groups[0] == groups[1]  # the burst explains what waits, also in the account that has its own trouble
    assert groups[2] == groups[3]  # six weeks later in the very account: not with the total that moved then
    assert groups[4] != groups[3]
    assert groups[5] not in (groups[0], groups[2])  # no queue


def test_a_stock_on_its_way_back_is_no_alert_of_its_own():
    rows = [
        ("cases_opened", "channel web", "down", "level_shift", 0, 1, 4, -8.0),
        ("backlog", "channel web", "up", "level_shift", 7, 7, None, 4.0),
        ("backlog", "channel chat", "up", "level_shift", 9, 9, None, 4.0),
    ]
    groups, _ = group_into_alerts(detections(*rows), {}, {}, BY)
    assert groups[0] == groups[1]
    assert groups[2] != groups[0]


@settings(max_examples=15)
@given(st.floats(0.05, 0.5), st.floats(6, 12))
def test_volume_that_repeat_contacts_explain_is_no_headline(more, z):
    rows = detections(
        ("cases_opened", "account A2", "up", "level_shift", 0, 9, None, 0.9 * z),
        ("repeat_contact_rate", "account A2", "up", "level_shift", 0, 7, None, z),
    )
    rows["before"], rows["after"] = [10.0, 0.1], [10.0 + 20 * more, 0.1 + more]
    lead = build_alerts(rows, groups=pd.Series([0, 0])).iloc[0]
    assert (lead["kpi"], lead["after"]) == ("repeat_contact_rate", 0.1 + more)
    rows["after"] = [200.0, 0.1 + more / 10]  # twenty times the volume is not due to it
    assert build_alerts(rows, groups=pd.Series([0, 0])).iloc[0]["kpi"] == "cases_opened"


def test_an_id_that_no_alert_bears_is_given_up():
    found = detections(("csat", "account A1", "down", "level_shift", 0, 4, None, -5.0))
    known = {detection_key(row): "lost" for row in found.itertuples()}
    assert group_into_alerts(found, {}, known, BY, {})[1] == {}
