"""The known events of the simulated desk are found by watching: dated, with the right driver first."""

from dataclasses import replace

import pandas as pd
import pytest
from deskcast.models.shifts.ledger import detection_key
from deskcast.pipelines.project.project import open_project, view_as_of
from deskcast.pipelines.simulated_desk.desk import simulate_desk, write_desk
from deskcast.pipelines.simulated_desk.world import known_events
from deskcast.pipelines.stages.watch import local_log_end, watch_stage, watched_history
from deskcast.pipelines.store.incidents import AlertState, reported_ledger
from deskcast.pipelines.words.contradictions import contradictions

DAY = pd.Timedelta(days=1)
#: Day of the look -> events that must be in it by then.
LOOKS = {"2025-09-15": ("agent_leaves",), "2025-10-11": ("broken_form", "agent_leaves")}
LOOKS |= {"2025-11-13": ("outage", "agent_leaves"), "2026-03-02": ("product_fault",)}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("desk")
    write_desk(simulate_desk(40_000, seed=1), folder)
    return open_project(folder / "deskcast.toml")


def few(project):
    """Watch what the events touch, and no more: the last look watches everything."""
    kpis = ("cases_opened", "contacts_offered", "sla_attainment", "reopen_rate", "repeat_contact_rate", "handle_time")
    config = project.config
    return replace(project, config=replace(config, watch=replace(config.watch, kpis=kpis)))


@pytest.fixture(scope="module")
def looks(project):
    """Play the looks in their order, each with what was remembered of the one before."""
    state, played = AlertState(), {}
    for day in LOOKS:
        then = project if day == "2026-03-02" else view_as_of(few(project), day)
        stage = played[day] = watch_stage(then, watched_history(then), state)
        alerts, now = stage.tables["kpi_alerts"], local_log_end(then)
        keys = {detection_key(row): str(row.alert_id) for row in stage.tables["detections"].itertuples()}
        state = replace(state, ledger=reported_ledger(alerts), as_of=now, alarms=keys)
    return played


@pytest.mark.slow
@pytest.mark.parametrize("day", LOOKS)
def test_nothing_that_goes_on_is_called_over(looks, day):
    going = [
        event for event in known_events().values() if pd.Timestamp(event.truth()["end"]) > pd.Timestamp(day, tz="UTC")
    ]
    checked = 0
    for event in going:
        start = pd.Timestamp(event.truth()["start"]).tz_convert("Europe/Berlin").tz_localize(None).normalize()
        segment = ", ".join(f"{c} {v}" for c, v in event.segment.items())
        for row in looks[day].tables["kpi_alerts"].itertuples():
            if (row.series, dict(event.kpis).get(row.kpi)) == (segment, row.direction) and row.detected_at >= start:
                assert row.state not in ("back to normal", "cancelled"), (event.kind, row.kpi, row.state)
                checked += 1
        for row in looks[day].tables["detections"].itertuples():
            if (row.series, dict(event.kpis).get(row.kpi)) == (segment, row.direction) and row.changed_at >= start:
                assert row.state != "back to normal", (event.kind, row.kpi)
    assert checked >= (day != "2026-03-02")  # the agent who left is told from the first look on


@pytest.mark.parametrize("day", LOOKS)
@pytest.mark.slow
def test_events_are_found_dated_and_explained(looks, day):
    stage = looks[day]
    incidents = stage.tables["kpi_alerts"]
    for name in LOOKS[day]:
        event = known_events()[name]
        start = pd.Timestamp(event.truth()["start"]).tz_convert("Europe/Berlin").tz_localize(None)
        kpis = dict(event.kpis)
        segment = ", ".join(f"{c} {v}" for c, v in event.segment.items())
        about = incidents[incidents["kpi"].map(kpis).eq(incidents["direction"]) & incidents["series"].eq(segment)]
        first = about[(about["changed_at"] - start.normalize()).abs() <= 3 * DAY]
        assert len(first) == 1, f"{name}: {about[['kpi', 'series', 'drivers', 'changed_at']]}"
        row = first.iloc[0]
        own = stage.tables["detections"]
        own = own[(own["alert_id"] == row["alert_id"]) & (own["series"] == segment) & (own["kpi"] == row["kpi"])]
        assert (row["before"], row["after"]) in list(zip(own["before"], own["after"], strict=True))
        if name == "agent_leaves":  # never over: it goes on for months
            assert row["state"] in ("new", "continuing", "become usual")
            assert "central-home-001 has not worked since" in row["causes"]
            assert row["after"] > 1.5 * row["before"]
        elif name in ("outage", "product_fault"):  # one alert, not one for each channel, account and KPI
            assert row["news"] == "opened"
            assert row["state"] == "new"
            assert row["after"] > 1.8 * row["before"]
            assert "contacts_offered up" in row["other_kpis"] or row["kpi"] == "contacts_offered"
    assert contradictions(stage) == []
    assert not any(" left " in words for words in stage.findings)
