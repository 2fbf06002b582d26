"""Snapshots: nothing peeks, and the figures are those of the slow twins and of the milestones."""

import clock_twin
import numpy as np
import pandas as pd
import pytest
from deskcast.features.case_log.log import CaseLog
from deskcast.features.cases.history import case_history
from deskcast.features.errors import InputError
from deskcast.features.sla.milestones import milestones
from deskcast.features.snapshots.snapshots import (
    CATEGORICAL_COLUMNS,
    KEY_COLUMNS,
    NUMERIC_COLUMNS,
    SNAPSHOT_COLUMNS,
    daily,
    snapshots,
)
from deskcast.features.sources.load import load_source
from deskcast.features.sources.spec import SourceSpec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from promises import policies, promised_log

METRICS = ("resolution", "first_response", "closing", "made_sla")
CLOCKS = (("used", ""), ("left", "_s"), ("breached", ""))
START = pd.Timestamp("2024-03-10T00:00Z")
LOGS = {(seed, late): promised_log(seed, 40, recorded=late) for seed in (1, 2) for late in (False, True)}


def cuts_of(log: CaseLog, seed: int, n: int) -> list[pd.Timestamp]:
    """Return random instants, and instants at which something happens."""
    rng = np.random.default_rng(seed)
    random = [START + pd.Timedelta(seconds=int(s)) for s in rng.integers(86400, 38 * 86400, n)]
    return random + list(log.frame("events")["at"].sample(n, random_state=seed))


def peeks(make, log: CaseLog, cuts) -> bool:
    """Tell whether the rows of any instant change with what came later."""
    whole = make(log, cuts)
    for t in cuts:
        then = make(log.as_of(t), [t])
        now = whole[whole["at"] == t].reset_index(drop=True)
        if not now.equals(then):
            return True
    return False


# --- nothing peeks -------------------------------------------------------------------------------------------------


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(key=st.sampled_from(sorted(LOGS)), second=st.integers(0, 40 * 86400 - 7200), metric=st.sampled_from(METRICS))
def test_a_snapshot_is_the_same_whether_the_log_ends_there_or_later(key, second, metric):
    t = START + pd.Timedelta(seconds=second)
    t = min(t, LOGS[key].until)
    assert_frame_equal(snapshots(LOGS[key], [t], metric), snapshots(LOGS[key].as_of(t), [t], metric))


@pytest.mark.parametrize(("metric", "key"), [*zip(METRICS, sorted(LOGS), strict=True)])
def test_many_instants_at_once_are_each_as_if_asked_alone(metric, key):
    log = LOGS[key]
    cuts = cuts_of(log, 5, 1)
    whole = snapshots(log, cuts, metric)
    assert whole["at"].nunique() == 2
    for t in cuts:
        then = whole[whole["at"] == t].reset_index(drop=True)
        assert_frame_equal(then, snapshots(log.as_of(t), [t], metric))


def final_resolution(log, at):
    """Leak: the time that the resolution will have taken."""
    taken = case_history(log).set_index("case_id")["resolution_s"]
    rows = snapshots(log, at)
    return rows.assign(resolution_s=rows["case_id"].map(taken))


def last_status(log, at):
    """Leak: the status at the end of the log instead of the one in force."""
    rows = snapshots(log, at)
    return rows.assign(status=rows["case_id"].map(case_history(log).set_index("case_id")["status"]))


def all_messages(log, at):
    """Leak: messages counted over the whole life of the case."""
    rows = snapshots(log, at)
    return rows.assign(agent_messages=rows["case_id"].map(case_history(log).set_index("case_id")["agent_messages"]))


def usual_age(log, at):
    """Leak: a share of something that is averaged over the whole log."""
    rows = snapshots(log, at)
    return rows.assign(age_s=rows["age_s"] / case_history(log)["age_s"].mean())


def recorded_too_early(log, at):
    """Leak: events from when they happened, though they were recorded later."""
    events = log.frame("events").drop(columns="recorded_at")
    rest = {"sla_policies": policies(), "calendars": log.calendars, "timezone": log.timezone, "until": log.until}
    return snapshots(CaseLog.from_frames(cases=log.frame("cases"), events=events, **rest), at)


@pytest.mark.parametrize("leak", [final_resolution, last_status, all_messages, usual_age, recorded_too_early])
def test_the_property_catches_a_feature_that_peeks(leak):
    log = LOGS[1, leak is recorded_too_early]
    cuts = [START + pd.Timedelta(days=12), START + pd.Timedelta(days=20)]
    assert peeks(leak, log, cuts)


@pytest.mark.parametrize("recorded", [False, True])
def test_the_property_holds_where_the_leaks_were_caught(recorded):
    assert not peeks(snapshots, LOGS[1, recorded], [START + pd.Timedelta(days=12), START + pd.Timedelta(days=20)])


@pytest.mark.slow
def test_outcome_columns_of_a_source_never_show(shared_data):
    file = shared_data("servicenow_incidents/incident_event_log_opened_before_2016-05.csv.gz")
    spec = SourceSpec(table="cases", path=file.name, kind="servicenow", timezone="Europe/Lisbon")
    loaded = load_source(spec, file.parent)
    rows = {"metric": ["made_sla", "resolution"], "target_s": [None, 86400.0], "clock": ["source", "calendar"]}
    policy = pd.DataFrame(rows | {"policy": "p", "pause_on": [None, "Awaiting User Info"]})
    frames = {name: loaded.tables[name] for name in ("cases", "events")}
    rest = {"sla_policies": policy, "attributes": loaded.attributes, "timezone": "Europe/Lisbon"}
    log = CaseLog.from_frames(**frames, **rest)
    cuts = [pd.Timestamp(t) for t in ("2016-03-07T09:13Z", "2016-04-20T17:45Z")]
    ended = {t: log.as_of(t) for t in cuts}
    for metric in ("made_sla", "resolution"):
        rows = snapshots(log, cuts, metric)
        assert len(rows) > 1500
        assert list(rows.columns[: len(SNAPSHOT_COLUMNS)]) == list(SNAPSHOT_COLUMNS)
        assert not set(loaded.attributes) & set(rows.columns)
        for t in cuts:
            then = snapshots(ended[t], [t], metric)
            assert_frame_equal(rows[rows["at"] == t].reset_index(drop=True), then)


# --- the figures ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", sorted(LOGS))
def test_features_are_those_of_the_slow_twin(key):
    log = LOGS[key]
    cases, events = log.frame("cases"), log.frame("events")
    events["known"] = events[["at", "recorded_at"]].max(axis=1) if key[1] else events["at"]
    events["public"] = events["public"].astype(object).eq(True)
    cuts = cuts_of(log, 3, 1)
    rows = snapshots(log, cuts)
    for t in cuts:
        twin = pd.DataFrame(clock_twin.snapshot(cases, events, t)).sort_values("case_id", ignore_index=True)
        mine = rows.loc[rows["at"] == t, list(twin.columns)].reset_index(drop=True)
        assert_frame_equal(mine, twin.astype(mine.dtypes.to_dict()))


@pytest.mark.parametrize("metric", METRICS)
def test_clocks_are_those_of_the_milestones_of_the_log_as_it_stood(metric):
    log = LOGS[2, False]
    for t in cuts_of(log, 11, 1):
        rows = snapshots(log, [t], metric).set_index("case_id")
        held = milestones(log.as_of(t))
        held = held[(held["metric"] == metric) & held["case_id"].isin(rows.index)]
        held = held.drop_duplicates("case_id", keep="last").set_index("case_id")
        if metric == "made_sla":  # due and time left are the exporting system's own business
            assert rows[["due_at", "left_s", "target_used"]].isna().all(axis=None)
            continue
        rows = rows[rows["left_s"].notna()]  # a policy holds
        held = held.reindex(rows.index)
        assert len(rows) >= 3
        pd.testing.assert_series_equal(rows["due_at"], held["due_at"])
        np.testing.assert_allclose(rows["left_s"], held["target_s"] - held["elapsed_s"], atol=1e-6)
        np.testing.assert_allclose(rows["target_used"], held["elapsed_s"] / held["target_s"])
        assert (rows["already_breached"] == held["status"].eq("breached")).all()
        kept = ~rows["already_breached"].astype(bool)
        assert (rows.loc[kept, "paused"] == held.loc[kept, "status"].eq("paused")).all()


def small(events: list[tuple], **frames) -> CaseLog:
    cases = pd.DataFrame({"case_id": ["a", "b"], "created_at": ["2024-03-01T09:00Z", "2024-03-01T09:30Z"]})
    told = pd.DataFrame(events, columns=["case_id", "at", "kind", "actor_role", "new"]).assign(public=True)
    told["at"] = "2024-03-01T" + told["at"] + "Z"
    policy = pd.DataFrame({"policy": ["p"], "metric": ["resolution"], "target_s": [7200], "clock": ["calendar"]})
    rest = {"sla_policies": policy, "until": "2024-03-01T18:00Z", "timezone": "America/New_York"} | frames
    return CaseLog.from_frames(cases=cases, events=told, **rest)


def test_by_hand():
    log = small(
        [
            ("a", "09:05", "message", "customer", None),
            ("a", "09:20", "message", "customer", None),
            ("a", "09:40", "paused", None, None),
            ("a", "10:10", "resumed", None, None),
            ("b", "09:45", "message", "agent", None),
            ("b", "10:00", "resolved", None, None),
            ("b", "12:00", "reopened", None, None),
        ]
    )
    rows = snapshots(log, ["2024-03-01T10:00Z", "2024-03-01T10:30Z", "2024-03-01T13:00Z"])
    assert rows["case_id"].tolist() == ["a", "a", "a", "b"]
    a, running, late, b = (rows.iloc[i] for i in range(4))
    # ten o'clock: 40 minutes used, paused; as if it resumed now, the rest of 80 minutes ends at 11:20
    assert (a["left_s"], a["paused"], a["due_at"]) == (4800, True, pd.Timestamp("2024-03-01T11:20Z"))
    assert (a["age_s"], a["idle_s"], a["unanswered_s"]) == (3600, 1200, 3300)
    assert (a["hour"], a["weekday"]) == (5, 4)  # five in the morning in New York, a Friday
    assert (running["left_s"], running["due_at"]) == (3600, pd.Timestamp("2024-03-01T11:30Z"))
    assert running["target_used"] == 0.5
    assert (late["left_s"], late["already_breached"]) == (-5400, True)
    assert (b["left_s"], b["reopens"], b["unanswered_s"], b["agent_messages"]) == (1800, 1, 0, 1)
    assert (late["customer_messages"], late["reopens"]) == (2, 0)
    assert rows[["transfers", "escalations", "priority_changes"]].isna().all(axis=None), "the log has none of these"
    assert a[["reopens"]].isna().all(), "nothing showed before noon that the log records re-openings"


def test_a_log_without_messages_knows_nothing_of_messages():
    rows = snapshots(small([("a", "09:40", "paused", None, None)]), ["2024-03-01T10:00Z"])
    assert rows[["customer_messages", "agent_messages", "unanswered_s"]].isna().all(axis=None)
    assert rows["open_in_team"].isna().all(), "no team is known"


def test_columns_are_keys_and_features_and_nothing_names_a_person():
    assert sorted(SNAPSHOT_COLUMNS) == sorted((*KEY_COLUMNS, *NUMERIC_COLUMNS, *CATEGORICAL_COLUMNS))
    rows = snapshots(LOGS[1, False], cuts_of(LOGS[1, False], 1, 1))
    assert list(rows.columns[: len(SNAPSHOT_COLUMNS)]) == list(SNAPSHOT_COLUMNS)
    further = [f"{what}_{m}{unit}" for m in METRICS[1:] for what, unit in CLOCKS]
    assert sorted(rows.columns[len(SNAPSHOT_COLUMNS) :]) == sorted(further)
    assert not [c for c in rows if "customer_id" in c or "agent_id" in c or "actor" in c]
    told = [
        c for c in NUMERIC_COLUMNS if c not in ("text_length", "desk_open", "resolved_for_s")
    ]  # no text, two calendars
    assert rows[told].astype(float).notna().any().all()


def test_no_instants_give_no_rows_with_all_columns():
    rows = snapshots(LOGS[1, False], [])
    assert len(rows) == 0
    assert list(rows.columns[: len(SNAPSHOT_COLUMNS)]) == list(SNAPSHOT_COLUMNS)
    assert str(rows["due_at"].dtype) == "datetime64[us, UTC]"


def test_an_unknown_metric_and_an_instant_after_the_log_are_named():
    log = LOGS[1, False]
    with pytest.raises(InputError, match=r"unknown SLA metric.*'resoltion'.*did you mean 'resolution'"):
        snapshots(log, ["2024-03-20T08:00Z"], "resoltion")
    with pytest.raises(InputError, match="known: closing, first_response, made_sla and 1 more"):
        snapshots(log, ["2024-03-20T08:00Z"], "x")
    with pytest.raises(InputError, match=r"later than the log.*the log ends at 2024-04"):
        snapshots(log, ["2025-03-20T08:00Z"])
    with pytest.raises(InputError, match="not a valid instant"):
        snapshots(log, ["soon"])


# --- instants ------------------------------------------------------------------------------------------------------


def test_daily_instants_keep_the_wall_clock_over_both_clock_changes():
    spring = daily("2024-03-29", "2024-04-01", "08:00", "Europe/Lisbon")
    assert spring.strftime("%d %H:%M").tolist() == ["29 08:00", "30 08:00", "31 07:00", "01 07:00"]
    autumn = daily("2024-10-26", "2024-10-28", "08:30", "America/New_York")
    assert set(autumn.tz_convert("America/New_York").strftime("%H:%M")) == {"08:30"}
    assert str(spring.dtype) == "datetime64[us, UTC]"


def test_a_time_that_the_clock_skips_or_repeats_is_there_once():
    skipped = daily("2024-03-30", "2024-04-01", "01:30", "Europe/Lisbon")
    assert skipped.strftime("%d %H:%M").tolist() == ["30 01:30", "31 01:00", "01 00:30"]
    repeated = daily("2024-10-26", "2024-10-28", "01:30", "Europe/Lisbon")
    assert repeated.strftime("%d %H:%M").tolist() == ["26 00:30", "27 00:30", "28 01:30"]


def test_daily_keeps_to_its_bounds():
    found = daily("2024-03-01T09:00", pd.Timestamp("2024-03-03T08:00Z"))
    assert found.strftime("%d %H").tolist() == ["02 08", "03 08"]
    assert len(daily("2024-03-03", "2024-03-01")) == 0
    with pytest.raises(InputError, match="not a valid time"):
        daily("2024-03-01", "2024-03-02", "8 o'clock")
    with pytest.raises(InputError, match="unknown time zone"):
        daily("2024-03-01", "2024-03-02", timezone="Lisbon/Europe")
