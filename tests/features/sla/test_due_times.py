"""Due times of the cases themselves: in force, moved, missing, tied, and never known too early."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features.case_log.log import CaseLog
from deskcast.features.errors import InputError
from deskcast.features.kpis.kpi_history import kpi_history
from deskcast.features.labels.breach import breach_labels
from deskcast.features.sla.due_times import due_time_table, find_due_warnings
from deskcast.features.sla.milestones import milestones
from deskcast.features.snapshots.snapshots import snapshots
from due_twin import due_milestones, first_overdue
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

DAY = "2024-03-01T"


def at(clock):
    return pd.Timestamp(f"{DAY}{clock}Z") if isinstance(clock, str) else pd.NaT if clock is None else clock


def one_case(dues, events, until="18:00", created="08:00", **more):
    """Return a log with one case: (due, set) of its resolution, and (kind, clock) of its events."""
    cases = pd.DataFrame({"case_id": ["1"], "created_at": [at(created)]})
    told = pd.DataFrame({"case_id": "1", "at": [at(c) for _, c in events], "kind": [k for k, _ in events]})
    rows = {
        "case_id": "1",
        "metric": "resolution",
        "due_at": [at(d) for d, _ in dues],
        "set_at": [at(s) for _, s in dues],
    }
    return CaseLog.from_frames(cases=cases, events=told, due_times=pd.DataFrame(rows), until=at(until), **more)


@pytest.mark.parametrize(
    ("dues", "events", "status", "due", "label", "known"),
    [
        ([("12:00", "08:00")], [("resolved", "11:00")], "met", "12:00", False, "11:00"),
        ([("12:00", "08:00")], [("resolved", "12:00")], "met", "12:00", False, "12:00"),
        ([("12:00", "08:00")], [("resolved", "12:01")], "breached", "12:00", True, "12:00"),
        ([("12:00", "08:00")], [], "breached", "12:00", True, "12:00"),
        ([("19:00", "08:00")], [], "running", "19:00", None, None),
        ([("12:00", "08:00"), ("14:00", "11:00")], [("resolved", "13:00")], "met", "14:00", False, "13:00"),
        ([("14:00", "08:00"), ("12:00", "11:00")], [("resolved", "13:00")], "breached", "12:00", True, "12:00"),
        # moved after it had passed: late then, in time by what was in force at the end
        ([("12:00", "08:00"), ("14:00", "12:30")], [("resolved", "13:00")], "met", "14:00", True, "12:00"),
        ([("07:00", "08:00")], [("resolved", "09:00")], "breached", "07:00", True, "08:00"),
        # nobody knows since when: from the end of the case on, or of the log
        ([("12:00", None)], [("resolved", "11:00"), ("closed", "15:00")], "met", "12:00", False, "15:00"),
        ([("12:00", None)], [("resolved", "13:00")], "breached", "12:00", True, "13:00"),
        ([("12:00", None)], [], "breached", "12:00", True, "18:00"),
        # emptied with the closing, as some systems do; emptied before it, nothing was promised any more
        ([("12:00", "08:00"), (None, "11:00")], [("resolved", "11:00")], "met", "12:00", False, "11:00"),
        ([("12:00", "08:00"), (None, "10:00")], [("resolved", "11:00")], "cancelled", None, None, None),
        ([("12:00", "08:00")], [("merged", "11:00")], "cancelled", "12:00", None, None),
        ([("12:00", "08:00")], [("merged", "13:00")], "breached", "12:00", True, "12:00"),
    ],
)  # fmt: skip
def test_golden(dues, events, status, due, label, known):
    log = one_case(dues, events)
    [row] = milestones(log).to_dict("records")
    assert (row["status"], row["due_at"]) == (status, at(due)) or (pd.isna(row["due_at"]) and due is None)
    assert row["status"] == status
    labels = breach_labels(log)
    assert labels["label"].tolist() == [pd.NA if label is None else label]
    assert labels["known_at"][0] is pd.NaT if known is None else labels["known_at"][0] == at(known)


def test_due_times_alone_are_the_policies_of_the_log_and_make_its_attainment():
    log = one_case([("12:00", "08:00")], [("resolved", "11:00")], until=pd.Timestamp("2024-03-04T00:00Z"))
    assert log.frame("sla_policies")["clock"].tolist() == ["due"]
    history = kpi_history(log, ["sla_attainment"], freq="D")
    assert history["value"].dropna().tolist() == [1.0]


def test_an_event_sets_a_due_time_as_a_row_of_the_table_does():
    cases = pd.DataFrame({"case_id": ["1"], "created_at": [at("08:00")]})
    told = {"case_id": "1", "at": [at("08:00"), at("11:00"), at("13:00")], "kind": ["field", "field", "resolved"]}
    told |= {"field": ["resolution.due"] * 2 + [None], "new": [f"{DAY}12:00Z", f"{DAY}14:00Z", None]}
    log = CaseLog.from_frames(cases=cases, events=pd.DataFrame(told))
    table = one_case([("12:00", "08:00"), ("14:00", "11:00")], [("resolved", "13:00")], until="13:00")
    assert_frame_equal(milestones(log), milestones(table))
    assert due_time_table(log)["set_at"].tolist() == [at("08:00"), at("11:00")]


@pytest.mark.parametrize("empty", ["1970-01-01T00:00:00Z", "0000-00-00 00:00:00", "1970-01-01", ""])
def test_what_systems_write_for_no_time_takes_the_due_time_away(empty):
    cases = pd.DataFrame({"case_id": ["1"], "created_at": [at("08:00")]})
    told = {"case_id": "1", "at": [at("08:00"), at("09:00"), at("13:00")], "kind": ["field", "field", "resolved"]}
    told |= {"field": ["resolution.due"] * 2 + [None], "new": [f"{DAY}12:00Z", empty, None]}
    log = CaseLog.from_frames(cases=cases, events=pd.DataFrame(told))
    assert milestones(log)["status"].tolist() == ["cancelled"]
    if empty:
        dues = pd.DataFrame({"case_id": ["1"], "metric": ["resolution"], "due_at": [empty]})
        ends = pd.DataFrame({"case_id": ["1"], "at": [at("13:00")], "kind": ["resolved"]})
        log = CaseLog.from_frames(cases=cases, events=ends, due_times=dues)
        assert due_time_table(log)["due_at"].isna().all()
        assert milestones(log)["status"].tolist() == ["cancelled"]


def test_a_due_time_that_cannot_be_read_is_named():
    cases = pd.DataFrame({"case_id": ["1"], "created_at": [at("08:00")]})
    told = {"case_id": ["1"], "at": [at("09:00")], "kind": ["field"], "field": ["resolution.due"], "new": ["soonish"]}
    with pytest.raises(InputError, match=r"not a valid due time.*soonish"):
        milestones(CaseLog.from_frames(cases=cases, events=pd.DataFrame(told)))


def test_a_day_is_due_at_its_end_on_the_clock_of_the_desk():
    cases = pd.DataFrame({"case_id": ["1"], "created_at": [at("08:00")]})
    told = {
        "case_id": ["1"],
        "at": [at("09:00")],
        "kind": ["field"],
        "field": ["resolution.due"],
        "new": ["2024-03-04"],
    }
    log = CaseLog.from_frames(cases=cases, events=pd.DataFrame(told), timezone="America/New_York")
    assert due_time_table(log)["due_at"][0] == pd.Timestamp("2024-03-05T04:59:59.999999Z")


def test_the_clock_shows_the_due_time_in_force_at_each_look():
    log = one_case([("12:00", "08:00"), ("16:00", "11:00")], [("resolved", "15:00")])
    looks = pd.DataFrame({"case_id": "1", "at": [at(c) for c in ("10:00", "11:00", "14:00", "17:00")]})
    rows = snapshots(log, looks)
    assert rows["left_s"].tolist() == [7200.0, 18000.0, 7200.0, 3600.0]  # the last as it stood at the end
    assert rows["target_used"].tolist() == [0.5, 0.375, 0.75, 0.875]
    assert rows["due_at"].tolist() == [at("12:00"), *[at("16:00")] * 3]
    assert rows["already_breached"].tolist() == [False] * 4


def test_what_only_the_finished_row_tells_is_no_feature_but_a_label():
    log = one_case([("12:00", None)], [("resolved", "15:00")])
    looks = pd.DataFrame({"case_id": "1", "at": [at("09:00"), at("14:00"), at("16:00")]})
    rows = snapshots(log, looks)
    assert rows["left_s"].isna().tolist()[:2] == [True, True]
    assert rows["already_breached"].isna().tolist()[:2] == [True, True]
    labels = breach_labels(log, with_decision=True)
    assert labels[["label", "known_at", "decided_at"]].values.tolist() == [[True, at("15:00"), at("12:00")]]


def test_a_next_response_is_not_late_by_the_due_time_of_an_earlier_turn():
    cases = pd.DataFrame({"case_id": ["1"], "created_at": [at("08:00")]})
    said = [("agent", "08:30"), ("customer", "09:00"), ("agent", "09:30"), ("customer", "12:00"), ("agent", "13:00")]
    told = pd.DataFrame({"case_id": "1", "kind": "message", "public": True,
                         "actor_role": [r for r, _ in said], "at": [at(c) for _, c in said]})  # fmt: skip
    dues = pd.DataFrame({"case_id": "1", "metric": "next_response", "due_at": [at("10:00"), at("12:30")],
                         "set_at": [at("09:00"), at("12:00")]})  # fmt: skip
    log = CaseLog.from_frames(cases=cases, events=told, due_times=dues, until=at("13:00"))
    found = milestones(log)
    assert found["status"].tolist() == ["met", "breached"]
    looks = pd.DataFrame({"case_id": ["1"], "at": [at("12:10")]})
    assert snapshots(log, looks, "next_response")["left_s"].tolist() == [1200.0]


def test_one_metric_has_one_kind_of_promise_and_due_times_that_are_not_there_are_named():
    cases = pd.DataFrame({"case_id": ["1"], "created_at": [at("08:00")]})
    events = pd.DataFrame({"case_id": ["1"], "at": [at("09:00")], "kind": ["resolved"]})
    both = pd.DataFrame(
        {"policy": "p", "metric": "resolution", "target_s": [60.0, np.nan], "clock": ["calendar", "due"]}
    )
    with pytest.raises(InputError, match="not both"):
        milestones(CaseLog.from_frames(cases=cases, events=events, sla_policies=both))
    log = CaseLog.from_frames(cases=cases, events=events, sla_policies=both.tail(1))
    assert milestones(log).empty
    assert "no case has one" in find_due_warnings(log)[0]


MINUTES = st.integers(0, 12)
CASES = st.lists(
    st.fixed_dictionaries(
        {
            "created": st.integers(2, 5),
            "events": st.lists(
                st.tuples(MINUTES, st.sampled_from(["resolved", "closed", "reopened", "merged"])), max_size=4
            ),
            "dues": st.lists(st.tuples(st.none() | st.integers(-2, 14), st.none() | MINUTES), max_size=3),
        }
    ),
    min_size=1,
    max_size=6,
)


def drawn_frames(drawn):
    zero = pd.Timestamp("2024-03-01T08:00Z")

    def when(minutes):
        return pd.NaT if minutes is None else zero + pd.Timedelta(minutes=minutes)

    cases, events, dues = [], [], []
    for number, case in enumerate(drawn):
        name = str(number)
        cases.append({"case_id": name, "created_at": when(case["created"])})
        for seq, (minute, kind) in enumerate(sorted(case["events"], key=lambda e: e[0])):
            events.append({"case_id": name, "seq": seq, "at": when(max(minute, case["created"])), "kind": kind})
        # of several that nobody dated only one can be what the row says
        undated = [d for d, s in case["dues"] if s is None][:1]
        told = [(d, s) for s, d in {s: d for d, s in case["dues"] if s is not None}.items()]
        told += [(d, None) for d in undated if d is not None and not told]
        dues += [{"case_id": name, "metric": "resolution", "due_at": when(d), "set_at": when(s)} for d, s in told]
    event_columns, due_columns = ["case_id", "seq", "at", "kind"], ["case_id", "metric", "due_at", "set_at"]
    frames = {
        "cases": pd.DataFrame(cases),
        "events": pd.DataFrame(events, columns=event_columns),
        "due_times": pd.DataFrame(dues, columns=due_columns),
    }
    for table, columns in (("events", ["at"]), ("due_times", ["due_at", "set_at"])):
        for column in columns:
            frames[table][column] = pd.to_datetime(frames[table][column], utc=True)
    return frames, when(12)


@settings(max_examples=12, deadline=None)
@given(drawn=CASES)
def test_milestones_and_labels_equal_the_slow_twin(drawn):
    frames, until = drawn_frames(drawn)
    policy = pd.DataFrame({"policy": ["p"], "metric": ["resolution"], "clock": ["due"]})
    log = CaseLog.from_frames(**frames, sla_policies=policy, until=until)
    found = milestones(log)
    told = sorted((r.case_id, r.due_at, r.status) for r in found.fillna({"due_at": until}).itertuples())
    twin = due_milestones(frames["cases"], frames["events"], frames["due_times"], until)
    assert told == sorted((c, until if pd.isna(due) else due, status) for c, _, due, status in twin)
    labels = breach_labels(log).set_index("case_id")
    for case in frames["cases"].itertuples():
        late = first_overdue(case.case_id, case.created_at, frames["events"], frames["due_times"], until)
        ended = [m for m in twin if m[0] == case.case_id and m[3] == "met"]
        if late is not None and all(late <= m[1] for m in ended):
            assert labels.loc[case.case_id, "label"] is np.True_ or labels.loc[case.case_id, "label"], case
            assert labels.loc[case.case_id, "known_at"] == late.floor("min"), case


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(drawn=CASES, minute=st.integers(2, 12))
def test_nothing_of_a_due_time_is_seen_before_it_is_known(drawn, minute):
    frames, until = drawn_frames(drawn)
    policy = pd.DataFrame({"policy": ["p"], "metric": ["resolution"], "clock": ["due"]})
    log = CaseLog.from_frames(**frames, sla_policies=policy, until=until)
    t = pd.Timestamp("2024-03-01T08:00Z") + pd.Timedelta(minutes=minute)
    then = log.as_of(t)
    looks = frames["cases"].loc[frames["cases"]["created_at"] <= t, ["case_id"]].assign(at=t)
    if len(looks):
        assert_frame_equal(snapshots(log, looks), snapshots(then, looks))
    whole, cut = breach_labels(log), breach_labels(then)
    known = whole[whole["known_at"] <= t].reset_index(drop=True)
    assert_frame_equal(cut[cut["known_at"].notna()].reset_index(drop=True), known)
