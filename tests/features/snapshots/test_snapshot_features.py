"""The newer features of snapshots: against a slow twin, and by hand; instants at creation, at updates and of pairs."""

import pandas as pd
import pytest
import snapshot_twin
from deskcast.features.case_log.log import CaseLog
from deskcast.features.errors import InputError
from deskcast.features.labels.breach import breach_labels
from deskcast.features.snapshots.snapshot_times import daily
from deskcast.features.snapshots.snapshots import IDENTITY_COLUMNS, feature_columns, snapshots
from promises import promised_log

LOGS = {late: promised_log(2, 40, recorded=late) for late in (False, True)}


@pytest.mark.parametrize(("late", "metric"), [(False, "resolution"), (True, "resolution"), (True, "closing")])
def test_features_are_those_of_the_slow_twin(late, metric):
    log = LOGS[late]
    cases, events = log.frame("cases"), log.frame("events")
    events["known"] = events[["at", "recorded_at"]].max(axis=1) if late else events["at"]
    events["public"] = events["public"].astype(object).eq(True)
    labels = breach_labels(log).query("metric == @metric")
    cuts = [pd.Timestamp("2024-03-27T11:00Z"), events["known"].quantile(0.8).floor("us")]
    rows = snapshots(log, cuts, metric)
    assert len(rows) >= 10
    for t in cuts:
        mine = rows[rows["at"] == t].reset_index(drop=True)
        twin = snapshot_twin.snapshot(cases, events, labels, log.frame("sla_policies"), t, mine["case_id"], metric)
        slow = pd.DataFrame(twin).astype(dict.fromkeys(set(twin[0]) - {"case_id"}, "float64"))
        slow = slow if metric == "resolution" else slow.drop(columns=["paused_s", "pauses"])
        pd.testing.assert_frame_equal(
            mine[list(slow.columns)], slow, rtol=1e-4
        )  # times are kept to a millionth in logs
        assert slow.drop(columns="case_id").notna().any().sum() >= 30


def small(**more) -> CaseLog:
    cases = pd.DataFrame(
        {
            "case_id": ["a", "b"],
            "created_at": ["2024-03-01T09:00Z", "2024-03-01T09:30Z"],
            "customer_id": ["u", "u"],
            "subject": ["It is broken", None],
            "impact": [2.0, 3.0],
            "plan": ["gold", "tin"],
            "opened_by": ["x", "y"],
            "size": [None, None],
        }
    ).astype({"size": "str"})
    told = [
        ("a", "09:05", "assigned", "x", None, "first"),
        ("a", "09:10", "field", "x", "big", None),
        ("a", "09:20", "assigned", "y", None, "second"),
        ("b", "09:45", "assigned", "y", None, "second"),
        ("a", "10:00", "resolved", "y", None, None),
        ("a", "12:00", "closed", "y", None, None),
    ]
    events = pd.DataFrame(told, columns=["case_id", "at", "kind", "actor_id", "new", "team"])
    events = events.assign(at="2024-03-01T" + events["at"] + "Z", actor_role="agent", field="size")
    policies = {"policy": ["p", "q"], "metric": ["resolution", "closing"], "target_s": 7200, "clock": "calendar"}
    known = {"subject": "creation", "impact": "creation", "plan": "creation", "opened_by": "creation", "size": "event"}
    rest = {"sla_policies": pd.DataFrame(policies), "until": "2024-03-01T18:00Z", "attributes": known} | more
    return CaseLog.from_frames(cases=cases, events=events, **rest)


def test_attributes_are_as_they_were_known_and_name_nobody():
    log = small()
    rows = snapshots(log, ["2024-03-01T09:08Z", "2024-03-01T09:40Z"]).set_index(["at", "case_id"])
    assert rows["text_length"].isna().tolist() == [False, False, True]
    assert rows["text_length"].iloc[0] == len("It is broken")
    assert rows["attr_impact"].tolist() == [2, 2, 3]
    assert rows["attr_plan"].tolist() == ["(uncommon)"] * 3, "a name that few have shown is not passed on"
    assert rows["attr_size"].isna().tolist() == [True, False, True]
    assert rows["attr_size"].iloc[1] == "big"
    assert not [c for c in rows if "opened_by" in c or c in IDENTITY_COLUMNS]
    numbers, names = feature_columns(rows)
    assert {"attr_impact", "left_closing_s", "used_closing", "breached_closing"} <= set(numbers)
    assert {"attr_plan", "attr_size"} <= set(names)


def test_a_value_that_twenty_cases_share_is_passed_on_from_the_twentieth():
    cases = pd.DataFrame({"case_id": [f"c{i:02}" for i in range(30)], "plan": "gold"})
    cases["created_at"] = pd.date_range("2024-03-01", periods=30, freq="h", tz="UTC")
    events = pd.DataFrame({"case_id": ["c00"], "at": ["2024-03-09T00:00Z"], "kind": ["resolved"]})
    policies = pd.DataFrame({"policy": ["p"], "metric": ["resolution"], "target_s": [7200], "clock": "calendar"})
    log = CaseLog.from_frames(cases=cases, events=events, sla_policies=policies, attributes={"plan": "creation"})
    assert snapshots(log, "creation")["attr_plan"].tolist() == ["(uncommon)"] * 19 + ["gold"] * 11


def test_a_case_that_waits_to_be_closed_is_looked_at_where_the_promise_still_runs():
    times = ["2024-03-01T09:40Z", "2024-03-01T10:30Z", "2024-03-01T12:00Z"]
    closing, resolution = (snapshots(small(), times, m) for m in ("closing", "resolution"))
    assert closing["case_id"].tolist() == ["a", "b", "a", "b", "b"]
    assert resolution["case_id"].tolist() == ["a", "b", "b", "b"]
    waits = closing.iloc[2]
    assert (waits["is_resolved"], waits["resolved_for_s"], waits["status"]) == (1, 1800, "resolved")
    assert (waits["left_s"], waits["open_in_desk"], waits["open_in_team"]) == (1800, 1, 1)
    assert not resolution["is_resolved"].any()


def test_instants_at_creation_at_updates_and_of_pairs():
    log = small()
    born = snapshots(log, "creation")
    assert born[["case_id", "age_s", "updates"]].to_numpy().tolist() == [["a", 0, 0], ["b", 0, 0]]
    updates = snapshots(log, "updates")
    assert updates["at"].dt.strftime("%H:%M").tolist() == ["09:05", "09:10", "09:20", "09:45"]
    assert updates["updates"].tolist() == [1, 2, 3, 1]
    pairs = pd.DataFrame({"case_id": ["b", "a", "a"], "at": ["2024-03-01T13:00Z"] * 2 + ["2024-03-01T09:07Z"]})
    asked = snapshots(log, pairs, identities=True)
    assert asked["case_id"].tolist() == ["a", "a", "b"], "also the one that is closed"
    assert asked["customer_cases"].tolist() == [0, 1, 1]
    assert asked["customer_open"].tolist() == [0, 1, 0]
    assert asked["agent_updates_7d"].tolist() == [1, 4, 4]
    both = snapshots(log, ["2024-03-01T09:40Z"])
    same = snapshots(log, both[["case_id", "at"]])
    pd.testing.assert_frame_equal(both, same)


def test_pairs_that_cannot_be_are_named():
    log = small()
    with pytest.raises(InputError, match=r"row 2: the log has no such case; got 'z at"):
        snapshots(log, pd.DataFrame({"case_id": ["a", "z"], "at": "2024-03-01T13:00Z"}))
    with pytest.raises(InputError, match="did not exist yet"):
        snapshots(log, pd.DataFrame({"case_id": ["b"], "at": ["2024-03-01T09:29Z"]}))
    with pytest.raises(InputError, match="missing column"):
        snapshots(log, pd.DataFrame({"case_id": ["b"]}))
    with pytest.raises(InputError, match="not a valid instant"):
        snapshots(log, "creations")


def test_a_late_record_of_the_end_leaves_the_case_open_until_then():
    cases = pd.DataFrame({"case_id": ["a"], "created_at": ["2024-03-01T09:00Z"]})
    end = {"case_id": ["a"], "kind": "resolved", "at": "2024-03-01T10:00Z", "recorded_at": "2024-03-01T14:00Z"}
    policies = pd.DataFrame({"policy": ["p"], "metric": ["resolution"], "target_s": [7200], "clock": "calendar"})
    rest = {"events": pd.DataFrame(end), "sla_policies": policies, "until": "2024-03-01T18:00Z"}
    log = CaseLog.from_frames(cases=cases, **rest)
    times = daily("2024-03-01", "2024-03-01", "12:00")
    row = snapshots(log, times).iloc[0]
    assert (row["already_breached"], row["updates"]) == (True, 0)
    label = breach_labels(log).iloc[0]
    assert (label["label"], label["known_at"]) == (True, pd.Timestamp("2024-03-01T11:00Z"))
    assert len(snapshots(log, ["2024-03-01T14:00Z"])) == 0


def test_an_end_before_the_creation_teaches_no_duration():
    cases = pd.DataFrame({"case_id": ["a", "b", "c"], "created_at": [f"2024-03-01T0{h}:00Z" for h in (9, 9, 8)]})
    ends = {"case_id": ["a", "b"], "at": ["2024-03-01T08:00Z", "2024-03-01T10:00Z"], "kind": "resolved"}
    policies = pd.DataFrame({"policy": ["p"], "metric": ["resolution"], "target_s": [7200], "clock": "calendar"})
    log = CaseLog.from_frames(cases=cases, events=pd.DataFrame(ends), sla_policies=policies, until="2024-03-01T18:00Z")
    row = snapshots(log, ["2024-03-01T12:00Z"]).set_index("case_id").loc["c"]
    assert row["usual_s_desk"] == pytest.approx(3600, rel=1e-3)
