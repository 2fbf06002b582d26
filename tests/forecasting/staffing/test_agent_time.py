"""Shrinkage, occupancy, adherence and chats at once: right values on time made by hand, and by a slow twin."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.features.statistics.ratio_interval import ratio_interval
from deskcast.forecasting.staffing.adherence import measure_teams
from deskcast.forecasting.staffing.agent_days import ON_CONTACTS, split_agent_days
from deskcast.forecasting.staffing.measured_concurrency import find_usual_maximum, measure_concurrency
from deskcast.forecasting.staffing.measured_shrinkage import measure_shrinkage, propose_shrinkage
from hypothesis import given, settings
from hypothesis import strategies as st

ZONE = "Europe/Berlin"


def stretches(*rows):
    frame = pd.DataFrame(rows, columns=["agent_id", "state", "start", "end", "paid"])
    for name in ("start", "end"):
        frame[name] = pd.to_datetime(frame[name]).dt.tz_localize(ZONE).dt.tz_convert("UTC")
    return frame.assign(team="phone")


def test_a_day_made_by_hand_has_the_shrinkage_of_its_paid_time():
    rows = stretches(
        ("a", "handling", "2024-03-04 08:00", "2024-03-04 11:00", True),
        ("a", "break", "2024-03-04 11:00", "2024-03-04 11:30", True),
        ("a", "break", "2024-03-04 11:30", "2024-03-04 12:00", False),  # lunch is nobody's shrinkage
        ("a", "available", "2024-03-04 12:00", "2024-03-04 14:00", True),
        ("a", "training", "2024-03-04 14:00", "2024-03-04 15:00", True),
        ("b", "absent", "2024-03-04 08:00", "2024-03-04 10:00", None),
        ("b", "handling", "2024-03-04 10:00", "2024-03-04 16:00", None),
    )
    table = measure_shrinkage(split_agent_days(rows, ZONE)).set_index(["kind", "period"])
    assert table.loc[("all", "all"), "share"] == pytest.approx(3.5 / 14.5)
    shares = {"absent": 2 / 14.5, "training": 1 / 14.5, "break": 0.5 / 14.5}
    assert {kind: table.loc[(kind, "all"), "share"] for kind in shares} == pytest.approx(shares)
    assert table.loc[("all", "all"), ["hours", "paid_hours", "agent_days"]].tolist() == [3.5, 14.5, 2]
    assert list(table.index.get_level_values("kind")) == ["all", "absent", "training", "break"]
    line = 'shrinkage = { absent = 0.138, training = 0.069, break = 0.0345 }\nshrinkage_parts = "add"'
    assert propose_shrinkage(table.reset_index()) == line


def test_weekdays_and_months_are_told_where_there_are_enough_days_and_intervals_cover():
    dice, hits, truth = np.random.default_rng(3), [], {"mon": 0.3, "all": 0.14}
    for _ in range(25):
        days = pd.date_range("2024-01-01", periods=180)
        away = dice.random(len(days)) < np.where(days.day_of_week == 0, 0.3, 0.1134)
        frame = pd.DataFrame({"agent_id": "a", "day": days, "paid": True, "seconds": 8 * 3600.0})
        frame["state"] = np.where(away, "absent", "handling")
        table = measure_shrinkage(frame)
        weekdays, months = ("mon", "tue", "wed", "thu", "fri", "sat", "sun"), ("jan", "feb", "mar", "apr", "may", "jun")
        assert set(table["period"]) == {"all", *weekdays, *months}
        own = table[table["kind"] == "all"].set_index("period")
        hits.append([own.loc[p, "lo"] <= truth[p] <= own.loc[p, "hi"] for p in truth])
    assert (np.mean(hits, axis=0) > 0.8).all()  # 95%, and 25 draws


def test_stretches_are_cut_at_local_midnight_and_open_ones_at_the_end_of_the_log():
    rows = stretches(
        ("a", "available", "2024-03-30 22:00", "2024-03-31 06:00", True),  # the clock goes forward at 2
        ("b", "handling", "2024-03-31 10:00", None, True),
    )
    found = split_agent_days(rows, ZONE, pd.Timestamp("2024-03-31 12:00", tz=ZONE))
    assert found[["agent_id", "seconds"]].values.tolist() == [["a", 7200.0], ["a", 5 * 3600.0], ["b", 7200.0]]
    assert found["day"].dt.strftime("%d").tolist() == ["30", "31", "31"]
    with pytest.raises(InputError, match="times need a zone"):
        split_agent_days(rows.assign(start=rows["start"].dt.tz_localize(None)))


@settings(max_examples=10, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("ab"),
            st.sampled_from(["handling", "available", "break", "sick"]),
            st.integers(0, 40),
            st.integers(1, 30),
            st.booleans(),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_overlapping_stretches_count_each_hour_once_as_an_hour_by_hour_twin(rows):
    day = pd.Timestamp("2024-03-04", tz="UTC")
    frame = pd.DataFrame(rows, columns=["agent_id", "state", "at", "long", "paid"])
    frame["start"] = day + pd.to_timedelta(frame["at"], unit="h")
    frame["end"] = frame["start"] + pd.to_timedelta(frame["long"], unit="h")
    found = split_agent_days(frame).groupby(["agent_id", "state", "paid"])["seconds"].sum() / 3600
    rank, twin = {"handling": 0, "available": 9}, {}
    for agent, own in frame.groupby("agent_id"):
        for hour in range(71):
            there = own[(own["at"] <= hour) & (hour < own["at"] + own["long"])]
            if len(there):
                state = min(there["state"], key=lambda s: (rank.get(s, 1), s))
                key = (agent, state, bool(there.loc[there["state"] == state, "paid"].any()))
                twin[key] = twin.get(key, 0) + 1
    assert found.to_dict() == pytest.approx(twin)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=15, deadline=None)
def test_kept_time_is_what_minutes_say(seed):
    """Hour by hour twin: planned and actual stretches of several agents, which meet in every way."""
    rng = np.random.default_rng(seed)
    tables = []
    for states in (("handling", "available", "break"), ("phone", "break")):
        rows = []
        for agent in "abc":
            edges = np.sort(rng.choice(60, 8, replace=False))
            rows += [(agent, states[rng.integers(len(states))], *edges[k : k + 2]) for k in range(0, 8, 2)]
        tables.append(pd.DataFrame(rows, columns=["agent_id", "state", "start", "end"]))
    kept = planned = 0
    for agent, what, start, end in tables[1].itertuples(index=False):
        own = tables[0][tables[0]["agent_id"] == agent]
        for hour in range(start, end):
            now = own.loc[(own["start"] <= hour) & (hour < own["end"]), "state"].tolist()
            planned += 1
            kept += bool(now) and (now[0] == "break") == (what == "break")
    origin = pd.Timestamp("2024-03-04", tz=ZONE)
    did, plan = (t.assign(**{c: origin + pd.to_timedelta(t[c], unit="h") for c in ("start", "end")}) for t in tables)
    around = [origin + pd.Timedelta(f"{days}D") for days in (-9, 9)]  # seen before and after: every day counts
    more = [did.head(1).assign(agent_id=a, start=at, end=at + pd.Timedelta("1h")) for a in "abc" for at in around]
    seen = [split_agent_days(t, ZONE) for t in (pd.concat([did, *more]), plan)]
    assert measure_teams(*seen)["adherence"].iloc[0] == pytest.approx(kept / planned)


def test_teams_keep_to_their_schedules_by_time_and_by_amount():
    did = split_agent_days(
        stretches(
            ("a", "handling", "2024-03-04 08:30", "2024-03-04 12:00", True),  # half an hour late
            ("a", "break", "2024-03-04 12:00", "2024-03-04 12:45", True),  # a quarter too long
            ("a", "available", "2024-03-04 12:45", "2024-03-04 17:00", True),  # an hour longer
        ),
        ZONE,
    )
    plan = stretches(
        ("a", "phone", "2024-03-04 08:00", "2024-03-04 12:00", True),
        ("a", "break", "2024-03-04 12:00", "2024-03-04 12:30", True),
        ("a", "phone", "2024-03-04 12:30", "2024-03-04 16:00", True),
        ("b", "phone", "2024-03-04 08:00", "2024-03-04 16:00", True),  # nobody knows this agent
    ).rename(columns={"state": "activity"})
    row = measure_teams(did, split_agent_days(plan, ZONE, state="activity")).iloc[0]
    assert row["adherence"] == pytest.approx((3.5 + 0.5 + 3.25) / 8)
    assert row["conformance"] == pytest.approx((3.5 + 4.25) / 7.5)
    assert row["occupancy"] == pytest.approx(3.5 / 7.75)
    assert row["shrinkage"] == pytest.approx(0.75 / 8.5)
    assert "adherence" not in measure_teams(did)
    leave = plan.head(1).assign(activity="leave", start=plan["start"].iloc[0] + pd.Timedelta("1D"))
    leave["end"] = leave["start"] + pd.Timedelta("8h")
    with_leave = split_agent_days(pd.concat([plan, leave]), ZONE, state="activity")
    at = leave["start"].iloc[0].tz_convert("UTC")
    rest = pd.concat([did, did.head(1).assign(day=did["day"] + pd.Timedelta("1D"), start=at, end=at, seconds=0.0)])
    assert measure_teams(rest, with_leave)["adherence"].iloc[0] == pytest.approx((7.25 + 8) / 16)  # away as planned


def test_a_day_of_work_on_which_nobody_came_is_not_kept_and_days_off_or_later_are_none():
    worked = [("a", "handling", f"2024-03-{day} 08:00", f"2024-03-{day} 16:00", True) for day in ("04", "08")]
    did = split_agent_days(stretches(*worked), ZONE)
    due = [("a", "phone", f"2024-03-{day} 08:00", f"2024-03-{day} 16:00", True) for day in ("04", "05", "08", "11")]
    leave = ("a", "leave", "2024-03-06 08:00", "2024-03-06 16:00", True)
    plan = stretches(*due, leave).rename(columns={"state": "activity"})
    row = measure_teams(did, split_agent_days(plan, ZONE, state="activity")).iloc[0]
    assert row[["adherence", "conformance"]].tolist() == pytest.approx([2 / 3, 2 / 3])
    assert (row["agents"], row["agent_days"], row["paid_hours"], row["occupancy"]) == (1, 2, 16.0, 1.0)


def test_who_has_no_team_is_counted_and_who_changes_it_counts_for_both():
    rows = stretches(
        ("a", "handling", "2024-03-04 08:00", "2024-03-04 12:00", True),
        ("a", "handling", "2024-03-05 08:00", "2024-03-05 12:00", True),
        ("a", "available", "2024-03-05 11:00", "2024-03-05 13:00", True),
        ("b", "available", "2024-03-04 08:00", "2024-03-04 10:00", True),
    ).assign(team=["phone", "web", "web", None])
    found = measure_teams(split_agent_days(rows, ZONE)).set_index("team")["paid_hours"]
    assert found.to_dict() == {"(missing)": 2.0, "phone": 4.0, "web": 5.0}


def test_chats_at_once_are_those_of_a_second_by_second_count():
    dice = np.random.default_rng(1)
    at = pd.Timestamp("2024-03-04T08:00Z") + pd.to_timedelta(dice.integers(0, 3600, 40), unit="s")
    rows = pd.DataFrame({"agent_id": dice.choice(["a", "b"], 40), "answered_at": at})
    rows["ended_at"] = rows["answered_at"] + pd.to_timedelta(dice.integers(30, 600, 40), unit="s")
    held = np.zeros((2, 5000), dtype=int)
    for agent, start, end in zip(rows["agent_id"], rows["answered_at"], rows["ended_at"], strict=True):
        first, last = (int((t - pd.Timestamp("2024-03-04T08:00Z")).total_seconds()) for t in (start, end))
        held["ab".index(agent), first:last] += 1
    table = measure_concurrency(
        pd.concat([rows, rows.assign(ended_at=rows["ended_at"].where(rows["agent_id"].isna()))])
    )
    counts = np.bincount(held.ravel())[1:]
    wanted = {i + 1: count / counts.sum() for i, count in enumerate(counts) if count}
    assert dict(zip(table["chats"], table["share"], strict=True)) == pytest.approx(wanted)
    assert table.attrs["mean"][0] == pytest.approx(held.sum() / counts.sum())
    assert find_usual_maximum(table) == max(k for k, share in wanted.items() if share >= 0.01)
    assert measure_concurrency(rows.head(0)).empty


def test_one_cluster_has_no_interval_and_no_time_no_share():
    assert np.isnan(ratio_interval([1.0], [2.0])[1:]).all()
    assert np.isnan(ratio_interval([], [])).all()
    assert set(ON_CONTACTS) == {"handling", "available"}
