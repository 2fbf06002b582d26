"""No feature of a snapshot peeks: random cuts of three real logs, and a leak that the same check finds."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from deskcast.features.calendars.business_calendar import BusinessCalendar
from deskcast.features.case_log.log import CaseLog
from deskcast.features.labels.breach import breach_labels
from deskcast.features.snapshots.open_cases import open_cases
from deskcast.features.snapshots.snapshots import feature_columns, snapshots
from deskcast.features.sources.load import load_source
from deskcast.features.sources.spec import SourceSpec
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

OFFICE = BusinessCalendar.from_hours("Europe/Amsterdam", {"mon-fri": ["08:00-18:00"]})
LOGS = {
    "servicenow": "servicenow_incidents/incident_event_log_opened_before_2016-05.csv.gz",
    "helpdesk": "helpdesk_italy/helpdesk.csv.gz",
    "bpi2014": "bpic2014_rabobank/incident_activity_with_groups_subset.csv.gz",
}
METRIC = {"servicenow": "made_sla", "helpdesk": "resolution", "bpi2014": "closing"}
CUTS = settings(
    max_examples=3, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)  # no shrinking: an example is a cut of a log, one is as good as another


def part_of(frame: pd.DataFrame, case: str, n: int) -> pd.DataFrame:
    """Keep some cases that follow each other, so that the desk is as busy as it was."""
    born = frame.drop_duplicates(case)[case]
    return frame[frame[case].isin(born.iloc[len(born) // 3 :][:n])]


def servicenow(path: Path) -> CaseLog:
    loaded = load_source(SourceSpec("cases", path.name, kind="servicenow", timezone="Europe/Lisbon"), path.parent)
    cases = loaded.tables["cases"].sort_values("created_at").iloc[4000:4500]
    events = loaded.tables["events"]
    events = events[events["case_id"].isin(cases["case_id"])]
    policies = {"policy": ["a", "b"], "metric": ["made_sla", "resolution"], "clock": ["source", "business"],
                "target_s": [None, 36000.0], "calendar": [None, "office"]}  # fmt: skip
    rest = {"calendars": {"office": OFFICE}, "attributes": loaded.attributes, "timezone": "Europe/Lisbon"}
    policies["pause_on"] = [None, "Awaiting User Info"]
    return CaseLog.from_frames(cases=cases, events=events, sla_policies=pd.DataFrame(policies), **rest)


def helpdesk(path: Path) -> CaseLog:
    rows = part_of(pd.read_csv(path, dtype=str), "case_id", 500)
    rows["at"] = pd.to_datetime(rows["timestamp"].str[:19]).dt.tz_localize("UTC")
    kinds = {"Resolve ticket": "resolved", "Closed": "closed", "Wait": "paused", "Take in charge ticket": "resumed"}
    events = rows[["case_id", "at"]].assign(
        kind=rows["activity"].map(kinds).fillna("status"), new=rows["activity"], actor_id=rows["resource"]
    )
    cases = rows.groupby("case_id", as_index=False).agg(created_at=("at", "min"), title=("activity", "first"))
    policies = pd.DataFrame({"policy": ["a"], "metric": ["resolution"], "target_s": [7 * 86400.0], "clock": "calendar"})
    return CaseLog.from_frames(cases=cases, events=events, sla_policies=policies, attributes={"title": "creation"})


def bpi2014(path: Path) -> CaseLog:
    """Return the log with groups, where every third event comes to be known hours after it happened."""
    rows = part_of(pd.read_csv(path, dtype=str).sort_values("timestamp", kind="stable"), "incident_id", 500)
    rows = rows.rename(columns={"incident_id": "case_id", "assignment_group": "team", "activity": "new"})
    rows["at"] = pd.to_datetime(rows["timestamp"]).dt.tz_localize("UTC")
    kinds = {"Closed": "closed", "Resolved": "resolved", "Reopen": "reopened", "Pending vendor": "paused",
             "Assignment": "assigned", "Reassignment": "assigned", "Status Change": "status",
             "Update from customer": "message", "Mail to Customer": "message"}  # fmt: skip
    kinds["alert stage 1"] = "escalated"
    rows["kind"] = rows["new"].map(kinds).fillna("field")
    rows["actor_role"] = rows["new"].map({"Update from customer": "customer", "Mail to Customer": "agent"})
    rows["field"] = np.where(rows["kind"] == "field", "knowledge", None)
    rows["new"] = rows["new"].mask(rows["kind"] == "field", rows["km_number"])
    late = pd.to_timedelta([(i % 3 == 0) * (i % 29) * 1800 for i in range(len(rows))], unit="s")
    rows["recorded_at"] = rows["at"] + late
    cases = rows.drop_duplicates("case_id")[["case_id", "at", "km_number", "interaction_id"]].assign(knowledge=None)
    cases = cases.rename(columns={"at": "created_at", "km_number": "document", "interaction_id": "reference"})
    events = rows[["case_id", "at", "recorded_at", "kind", "field", "new", "team", "actor_role"]]
    policies = {"policy": ["a", "b", "c"], "metric": ["closing", "resolution", "first_response"],
                "target_s": [180000.0, 172800.0, 86400.0], "clock": ["business", "calendar", "business"],
                "calendar": ["office", None, "office"]}  # fmt: skip
    known = {"document": "creation", "reference": "creation", "knowledge": "event"}
    return CaseLog.from_frames(cases=cases.assign(knowledge=cases["knowledge"].astype("str")), events=events,
                               sla_policies=pd.DataFrame(policies), calendars={"office": OFFICE},
                               attributes=known, timezone="Europe/Amsterdam")  # fmt: skip


@cache
def log_of(name: str, path: Path) -> CaseLog:
    return {"servicenow": servicenow, "helpdesk": helpdesk, "bpi2014": bpi2014}[name](path)


def peeking(make, log: CaseLog, cuts: list[pd.Timestamp]) -> list[str]:
    """Name the columns whose values at any cut change with what came later; all, if the rows themselves do."""
    whole = make(log, cuts)
    found: set[str] = set()
    for t in cuts:
        then = make(log.as_of(t), [t])
        now = whole[whole["at"] == t].reset_index(drop=True)
        if list(now.columns) != list(then.columns) or not now["case_id"].equals(then["case_id"]):
            return list(whole.columns)
        found |= {c for c in now if not now[c].equals(then[c])}
    return sorted(found)


def instant(log: CaseLog, share: float) -> pd.Timestamp:
    """Return an instant at a share of the openings, where most of the life of a log is."""
    born = log.frame(log.table("cases").select("created_at"))["created_at"].sort_values(ignore_index=True)
    step = pd.Timedelta(seconds=share * 7919 % 1 * 86400)
    return min(born.iloc[int(share * (len(born) - 1))] + step, log.until).floor("s")


@pytest.mark.parametrize("name", sorted(LOGS))
def test_no_feature_peeks_on_real_logs(name, shared_data):
    log = log_of(name, shared_data(LOGS[name]))

    @CUTS
    @given(share=st.floats(0.02, 1))
    def check(share):
        t = instant(log, share)
        make = lambda log, at: snapshots(log, at, METRIC[name], identities=True)  # noqa: E731
        assert peeking(make, log, [t]) == []
        seen, listed = snapshots(log.as_of(t), [t], METRIC[name]), open_cases(log, t, METRIC[name])
        pd.testing.assert_frame_equal(listed.drop(columns="created_at"), seen[listed.columns.drop("created_at")])
        assert ((listed["at"] - listed["created_at"]).dt.total_seconds() == seen["age_s"]).all()

    check()


@pytest.mark.parametrize("at", ["creation", "updates"])
def test_rows_at_creation_and_at_updates_do_not_peek(at, shared_data):
    log = log_of("bpi2014", shared_data(LOGS["bpi2014"]))
    t = instant(log, 0.6)
    whole, then = snapshots(log, at, "closing"), snapshots(log.as_of(t), at, "closing")
    now = whole[whole["at"] <= t].reset_index(drop=True)
    assert len(now) > 200
    pd.testing.assert_frame_equal(now, then, check_exact=True)
    if at == "creation":
        assert not whole["case_id"].duplicated().any()
        assert (whole["age_s"] == 0).all()


def with_leaks(log: CaseLog, at) -> pd.DataFrame:
    """Add features that peek: the last team, all events of the case, the share of broken promises of the whole log."""
    rows = snapshots(log, at, "closing")
    events = log.frame("events").groupby("case_id").size()
    teams = log.frame("events").groupby("case_id")["team"].last()
    broken = breach_labels(log).query("metric == 'closing'")["label"].mean()
    early = log.frame("events").query("at <= @rows['at'].max()").groupby("case_id").size()
    return rows.assign(
        leak_team=rows["case_id"].map(teams),
        leak_events=rows["case_id"].map(events),
        leak_rate=float(broken),
        leak_unrecorded=rows["case_id"].map(early),
    )


def test_the_same_check_finds_features_that_peek(shared_data):
    log = log_of("bpi2014", shared_data(LOGS["bpi2014"]))
    leaks = ["leak_events", "leak_rate", "leak_team", "leak_unrecorded"]
    assert peeking(with_leaks, log, [instant(log, 0.5)]) == leaks


def test_the_real_logs_tell_enough_for_the_check_to_mean_something(shared_data):
    told: set[str] = set()
    listed: set[str] = set()
    for name, file in LOGS.items():
        log = log_of(name, shared_data(file))
        rows = snapshots(log, [instant(log, 0.7)], METRIC[name], identities=True)
        numbers, names = feature_columns(rows)
        listed |= {*numbers, *names}
        told |= {c for c in (*numbers, *names) if rows[c].notna().any()}
        assert len(rows) >= 20, name
    untold = {"channel", "case_type", "usual_s_case_type", "breached_share_case_type"}
    assert listed - told <= {"left_made_sla_s", "used_made_sla", "notes", "escalations"} | untold
