"""From which instants the breach model learns, and when it says that it cannot."""

import pandas as pd
from deskcast.features.case_log.log import CaseLog
from deskcast.pipelines.project.specs import RiskSpec
from deskcast.pipelines.stages.train import training_instants

START = pd.Timestamp("2024-01-01T00:00Z")


def desk(days=140, timezone="UTC"):
    """Ten cases a day, each open for a day."""
    born = START + pd.to_timedelta([24.0 * d + i for d in range(days) for i in range(10)], unit="h")
    cases = pd.DataFrame({"case_id": [f"c{i:04d}" for i in range(len(born))], "created_at": born})
    events = cases[["case_id"]].assign(at=born + pd.Timedelta(days=1), kind="resolved")
    return CaseLog.from_frames(cases=cases, events=events, until=START + pd.Timedelta(days=days), timezone=timezone)


def test_one_look_a_day_at_the_hour_of_the_desk():
    log = desk(timezone="Europe/Lisbon")
    log = log.as_of(log.until.normalize() - pd.Timedelta("15h"))
    looks = training_instants(log, RiskSpec(at="09:30", train_days=60))
    local = looks.tz_convert("Europe/Lisbon")
    assert set(local.strftime("%H:%M")) == {"09:30"}  # before the clocks change in March and after
    assert (local.normalize().tz_localize(None).to_series().diff().dropna() == pd.Timedelta(days=1)).all()
    assert 60 <= len(looks) <= 63
    assert looks[-1] <= desk().until


def test_a_list_of_midnight_learns_from_midnights_too():
    log = desk(days=60)
    looks = training_instants(log, RiskSpec(train_days=60))
    assert looks.strftime("%H:%M").value_counts().to_dict() == {"00:00": 61, "08:00": 60}
    thin = training_instants(log, RiskSpec(train_days=60), max_rows=500)
    assert set(thin.strftime("%H:%M")) == {"00:00", "08:00"}
    assert set(thin) < set(looks)


def test_resolved_cases_that_wait_to_be_closed_do_not_thin_the_looks():
    log = desk()
    closed = log.frame("events").assign(kind="closed", seq=1, at=lambda f: f["at"] + pd.Timedelta(days=30))
    events = pd.concat([log.frame("events"), closed[closed["at"] <= log.until]], ignore_index=True)
    waiting = CaseLog.from_frames(cases=log.frame("cases"), events=events, until=log.until)
    spec = RiskSpec(train_days=140)
    assert training_instants(waiting, spec, max_rows=4000).equals(training_instants(log, spec, max_rows=4000))


def test_thinned_looks_keep_the_last_and_all_days_of_the_week():
    whole = training_instants(desk(), RiskSpec(train_days=140))
    for rows in (700, 230, 180):
        thin = training_instants(desk(), RiskSpec(train_days=140), max_rows=rows)
        assert set(thin) < set(whole)
        assert thin[-1] == whole[-1]
        assert thin.day_of_week.nunique() == 7


def test_leftovers_do_not_crowd_out_the_busy_days():
    log = desk()
    late = pd.DataFrame({"case_id": ["z"], "created_at": [START + pd.Timedelta(days=700)]})
    cases = pd.concat([log.frame("cases"), late], ignore_index=True)
    longer = CaseLog.from_frames(cases=cases, events=log.frame("events"))
    busy = training_instants(longer, RiskSpec(train_days=60))
    assert (busy < log.until).sum() >= 55


def test_a_log_without_cases_gives_no_looks():
    empty = desk().as_of(START - pd.Timedelta(days=1))
    assert len(training_instants(empty, RiskSpec())) == 0
